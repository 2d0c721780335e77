package mapping

import (
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
)

// CustomerKind is what tax law makes of a buyer.
type CustomerKind string

const (
	Consumer CustomerKind = "consumer"
	Business CustomerKind = "business" // has a VAT id
	Exempt   CustomerKind = "exempt"
)

// KindOfCustomer returns exempt where the shop says so, business for a buyer with a
// VAT id on the account or on the billing address, else consumer. VAT ids are what
// the buyer typed: nobody has checked them.
func KindOfCustomer(o commerce.Order) CustomerKind {
	switch {
	case o.Customer.TaxExempt:
		return Exempt
	case len(o.Customer.VATIDs) > 0 || o.BillingAddress.VATID != "":
		return Business
	}
	return Consumer
}

// TaxKey is what a tax is chosen by.
type TaxKey struct {
	Shop     string // Ref.Account of the order
	Country  string // ship-to
	Region   string
	Customer CustomerKind
	Code     string // the shop's code of the rate; empty where no tax was charged
	Rate     commerce.Decimal
	Date     commerce.Date // of the sale
	On       commerce.TaxOn
}

// String says the key as an error shows it.
func (k TaxKey) String() string {
	return fmt.Sprintf("shop %q, %s/%s, %s, code %q, rate %s, %s, on %s",
		k.Shop, k.Country, k.Region, k.Customer, k.Code, k.Rate.Trim(0), k.Date, k.On)
}

// TaxRow says which taxes of the ERP stand for a tax of the shop. Empty fields
// match everything.
type TaxRow struct {
	Shop     string
	Country  string // alpha-2
	Region   string
	Customer CustomerKind
	Code     string
	// Rate is in percent, as decimal text: "19", "0" for sales on which no tax was
	// charged (export, reverse charge, intra-community).
	Rate string
	// From and To bound the date of the sale, both days included; zero = open.
	From, To commerce.Date
	On       commerce.TaxOn
	// IDs are the ERP's taxes. Empty is an answer too: no tax on the line.
	IDs []string
}

// TaxTable is tried from the top; the first row that matches counts. Its rows are
// for domestic sales, for the rates of destination countries, for intra-community
// supply, reverse charge and export.
type TaxTable []TaxRow

// Check reports a row that can never match, as an error of kind invalid that names it.
func (t TaxTable) Check() error {
	for i, r := range t {
		bad := func(format string, args ...any) error {
			return commerce.Errorf(commerce.KindInvalid, "mapping", "check tax table", "row %d: %s", i, fmt.Sprintf(format, args...))
		}
		if r.Rate != "" {
			if _, err := commerce.ParseDecimal(r.Rate); err != nil {
				return bad("Rate %q is no decimal number", r.Rate)
			}
		}
		if r.Country != "" && !countries[r.Country] {
			return bad("Country %q is no ISO 3166-1 alpha-2 code", r.Country)
		}
		if !r.From.IsZero() && !r.To.IsZero() && r.To.String() < r.From.String() {
			return bad("To %s is before From %s", r.To, r.From)
		}
		if slices.Contains(r.IDs, "") {
			return bad("IDs has an empty one")
		}
	}
	return nil
}

// IDs returns the ERP's taxes for a key. No row is a fault that names the key,
// never the ERP's default.
func (t TaxTable) IDs(document string, k TaxKey) ([]string, error) {
	for _, r := range t {
		if r.matches(k) {
			return slices.Clone(r.IDs), nil
		}
	}
	return nil, Faultf(document, "tax", k.String(), "no row of the tax table matches; add one")
}

func (r TaxRow) matches(k TaxKey) bool {
	if !fits(r.Shop, k.Shop) || !fits(r.Country, k.Country) || !fits(r.Region, k.Region) ||
		!fits(r.Customer, k.Customer) || !fits(r.Code, k.Code) || !fits(r.On, k.On) {
		return false
	}
	if r.Rate != "" {
		rate, err := commerce.ParseDecimal(r.Rate)
		if err != nil || rate.Cmp(k.Rate) != 0 {
			return false
		}
	}
	return (r.From.IsZero() || r.From.String() <= k.Date.String()) && (r.To.IsZero() || k.Date.String() <= r.To.String())
}

// fits reports whether a field of a table matches: an empty one matches everything.
func fits[T ~string](want, got T) bool { return want == "" || want == got }
