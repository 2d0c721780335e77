package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// content is what a sales order says of an order: the fingerprint of what was
// posted. It holds nothing that we or the far sides write later (states, payments,
// invoices, shipments, notes), so that an own write is no edit. It is kept for ever,
// and of people it has hashes only.
type content struct {
	Lines    []contentLine  `json:"lines"` // by id
	Shipping commerce.Money `json:"shipping"`
	Off      commerce.Money `json:"off"` // reduction of shipping
	Taxes    []string       `json:"taxes,omitempty"`
	Fees     commerce.Money `json:"fees"`
	Gross    commerce.Money `json:"gross"`
	Bill     string         `json:"bill"` // hash of the billing address and the tax status of the buyer
	To       string         `json:"to"`   // hash of the shipping address; empty = nothing is shipped
}

type contentLine struct {
	ID       string           `json:"id"`
	SKU      string           `json:"sku"`
	Quantity commerce.Decimal `json:"quantity"`
	Canceled commerce.Decimal `json:"canceled,omitzero"`
	Net      commerce.Money   `json:"net"`
	Discount commerce.Money   `json:"discount"`
	Tax      commerce.Money   `json:"tax"`
	Taxes    []string         `json:"taxes,omitempty"`
}

func contentOf(o commerce.Order) content {
	c := content{Shipping: o.Shipping.Net, Off: o.Shipping.Discount, Taxes: taxWords(o.Shipping.Taxes),
		Fees: o.Totals.Fees, Gross: o.Totals.Gross,
		Bill: hashOf(o.Ref, o.BillingAddress, o.Customer.VATIDs, o.Customer.TaxExempt)}
	if o.ShippingAddress != nil {
		c.To = hashOf(o.Ref, o.ShippingAddress)
	}
	for _, l := range o.Lines {
		c.Lines = append(c.Lines, contentLine{ID: l.ID, SKU: l.SKU, Quantity: l.Quantity.Trim(0), Canceled: l.Canceled.Trim(0),
			Net: l.Net, Discount: l.Discount, Tax: l.Tax, Taxes: taxWords(l.Taxes)})
	}
	slices.SortStableFunc(c.Lines, func(a, b contentLine) int { return strings.Compare(a.ID, b.ID) })
	return c
}

func taxWords(taxes []commerce.TaxLine) []string {
	var out []string
	for _, t := range taxes {
		out = append(out, fmt.Sprintf("%s %s %s %s%% %s", t.Code, t.Country, t.Region, t.Rate.Trim(0), t.Amount.Text()))
	}
	slices.Sort(out)
	return out
}

// hashOf hashes the values for one order: the same address at two orders has two
// hashes.
func hashOf(values ...any) string {
	b, err := json.Marshal(values)
	if err != nil {
		return err.Error() // addresses and texts always have a JSON form
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

func (c content) hash() string { return hashOf(c) }

// partlyCanceled reports whether the order's totals count what is not to be sent any
// more: no sales order can say that.
func (c content) partlyCanceled() bool {
	return slices.ContainsFunc(c.Lines, func(l contentLine) bool { return l.Canceled.Sign() > 0 })
}

// onlyAddresses reports whether nothing but addresses differs.
func (c content) onlyAddresses(now content) bool {
	now.Bill, now.To = c.Bill, c.To
	return c.hash() == now.hash()
}

// changes says what became of c, both sides of each figure.
func (c content) changes(now content) string {
	var out []string
	say := func(what string, from, to any) {
		if f, t := fmt.Sprint(from), fmt.Sprint(to); f != t {
			out = append(out, fmt.Sprintf("%s %s → %s", what, f, t))
		}
	}
	lines := map[string]contentLine{}
	for _, l := range c.Lines {
		lines[l.ID] = l
	}
	for _, l := range now.Lines {
		was, ok := lines[l.ID]
		delete(lines, l.ID)
		name := "line " + l.ID + " (" + l.SKU + "):"
		if !ok {
			out = append(out, fmt.Sprintf("%s new, %s for %s", name, l.Quantity, l.Net))
			continue
		}
		say(name+" product", was.SKU, l.SKU)
		say(name+" quantity", was.Quantity, l.Quantity)
		say(name+" canceled", was.Canceled, l.Canceled)
		say(name+" net", was.Net, l.Net)
		say(name+" discount", was.Discount, l.Discount)
		say(name+" tax", was.Tax, l.Tax)
		say(name+" taxes", was.Taxes, l.Taxes)
	}
	for _, l := range c.Lines {
		if _, gone := lines[l.ID]; gone {
			out = append(out, fmt.Sprintf("line %s (%s): removed, was %s for %s", l.ID, l.SKU, l.Quantity, l.Net))
		}
	}
	say("shipping", c.Shipping, now.Shipping)
	say("discount of shipping", c.Off, now.Off)
	say("taxes of shipping", c.Taxes, now.Taxes)
	say("fees", c.Fees, now.Fees)
	say("total", c.Gross, now.Gross)
	if c.Bill != now.Bill {
		out = append(out, "the billing address or the tax status of the buyer")
	}
	if c.To != now.To {
		out = append(out, "the delivery address")
	}
	return strings.Join(out, "; ")
}
