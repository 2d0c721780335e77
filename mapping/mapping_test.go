package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func requireFault(t *testing.T, err error, field string) *mapping.Fault {
	t.Helper()
	require.ErrorIs(t, err, commerce.ErrMapping)
	f, ok := errors.AsType[*mapping.Fault](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, field, f.Field)
	require.True(t, commerce.SafeToRetry(err), "a fault comes before any write")
	return f
}

func TestAnAmountIsReadAsShopsPrintIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "0.00",
		"0":                      "0.00",
		"29.95":                  "29.95",
		"29.949999999999999":     "29.95",
		"7.1054273576010019e-15": "0.00",
		"-18.75":                 "-18.75",
		"39.0241":                "39.0241",
		"0.00005":                "0.0001",
		"-0.00005":               "-0.0001",
		"1.5e3":                  "1500.00",
		"-0.5":                   "-0.50",
		"99999999999.9999":       "99999999999.9999",
	} {
		got, err := mapping.ParseAmount(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Text(), text)
	}
}

func TestAnAmountThatIsNoneIsATypedError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"abc", "1,5", "0x10", "1/2", "1e999999999", "1e", "e5", "--1", "NaN", "Inf",
		"100000000000.0001", "1_000", " 1", strings.Repeat("1", 41), "."} {
		_, err := mapping.ParseAmount(text)
		_, ok := errors.AsType[*commerce.AmountError](err)
		require.True(t, ok, "%q: %v", text, err)
	}
}

func TestAnAmountIsRoundedToTheCurrencyHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		currency commerce.Currency
		minor    int64
		exact    bool
	}{
		{"18360.79", "JPY", 18361, false},
		{"2.5", "JPY", 3, false},
		{"-2.5", "JPY", -3, false},
		{"5.005", "KWD", 5005, true},
		{"5.0005", "KWD", 5001, false},
		{"29.95", "EUR", 2995, true},
		{"0.0001", "CLF", 1, true},
	} {
		a, err := mapping.ParseAmount(c.text)
		require.NoError(t, err)
		got, exact, err := a.Money(c.currency)
		require.NoError(t, err)
		require.Equal(t, commerce.MustMoney(c.minor, c.currency), got)
		require.Equal(t, c.exact, exact)
	}
	_, _, err := mapping.Amount(1).Money("XXX")
	require.ErrorAs(t, err, new(*commerce.AmountError))
}

func TestADifferenceSaysBothFigures(t *testing.T) {
	t.Parallel()
	err := error(&mapping.DifferenceError{Order: commerce.Ref{System: "magento", ID: "order/17"}, Payment: commerce.Ref{System: "stripe", ID: "pi_1"},
		Due: commerce.MustMoney(18361, "JPY"), Paid: eur(18361)})
	require.Equal(t, "order order/17 asks for 18361 JPY, payment pi_1 brings 183.61 EUR", err.Error())
	require.Equal(t, commerce.KindMapping, commerce.KindOf(err))
}

func TestAStateOutsideTheTableIsUnknown(t *testing.T) {
	t.Parallel()
	table := mapping.MagentoOrderStates()
	require.Equal(t, commerce.OrderProcessing, table.Of("processing", "processing"))
	require.Equal(t, commerce.OrderReview, table.Of("processing", "fraud"))
	require.Equal(t, commerce.OrderReview, table.Of("stripe_manual_review", "stripe_manual_review"))
	require.Equal(t, commerce.OrderUnknown, table.Of("stripe_disputed", "stripe_disputed"))
	require.Equal(t, commerce.OrderUnknown, table.Of("made_up", ""))
	require.Equal(t, commerce.OrderOnHold, table.Of("holded", ""))
	table["processing/packed"] = commerce.OrderReview
	require.Equal(t, commerce.OrderReview, table.Of("processing", "packed"))
	require.Equal(t, commerce.OrderProcessing, mapping.MagentoOrderStates().Of("processing", "packed"), "tables are the caller's own")

	_, err := mapping.StripePaymentStatuses().Of("stripe ch_1", "charge", "new_word")
	require.Equal(t, "new_word", requireFault(t, err, "status").Value)
}

func TestAddressesAreCleaned(t *testing.T) {
	t.Parallel()
	a, notes, err := mapping.RawAddress{
		Names: []string{"", " Jörg ", "", "Müller\t"}, Company: "Müller &  Söhne GmbH", Street: []string{"Hauptstraße 12", " ", "c/o Lager 3"},
		City: " Köln", PostalCode: "50667 ", RegionCode: "NRW", Region: "Nordrhein-Westfalen", Country: "de",
		Phone: "0221 1234567", VATID: "de 123.456-789",
	}.Clean("magento order 1", "billing_address")
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Equal(t, commerce.Address{Name: "Jörg Müller", Company: "Müller & Söhne GmbH", Street: "Hauptstraße 12\nc/o Lager 3",
		City: "Köln", PostalCode: "50667", Region: "NW", Country: "DE", Phone: "+492211234567", VATID: "DE123456789"}, a)
}

func TestAPhoneThatIsNoneIsDroppedWithANote(t *testing.T) {
	t.Parallel()
	a, notes, err := mapping.RawAddress{Country: "CA", Phone: "1"}.Clean("magento order 1", "shipping_address")
	require.NoError(t, err)
	require.Empty(t, a.Phone)
	require.Equal(t, []string{"shipping_address.phone was dropped: no number of CA"}, notes)
}

func TestACountryThatIsNoneIsAFault(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"", "UK", "Germany", "D", "ZZ"} {
		_, _, err := mapping.RawAddress{Country: c}.Clean("magento order 1", "billing_address")
		require.Equal(t, c, requireFault(t, err, "billing_address.country").Value)
	}
}

func TestRegionsAreISOWhereKnown(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]string{
		{"US", "TX", "Texas", "TX"}, {"US", "us-tx", "", "TX"}, {"DE", "SAC", "Sachsen-Anhalt", "ST"}, {"AT", "WI", "Wien", "9"},
		{"FR", "1", "Ain", "01"}, {"ES", "A Coruña", "A Coruña", "A Coruña"}, {"NL", "", "Utrecht", "Utrecht"}, {"IE", "", "", ""},
	} {
		require.Equal(t, c[3], mapping.Region(c[0], c[1], c[2]))
	}
}

func TestTextsAreCleaned(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b", mapping.Text(" a\x00 \r\n b\u00a0\xff"))
	require.Equal(t, "joerg@example.com", mapping.Email(" Joerg@Example.COM "))
	p, ok := mapping.Phone("(512) 555-0100", "US")
	require.True(t, ok)
	require.Equal(t, "+15125550100", p)
	p, ok = mapping.Phone("+49 170 1234567", "US")
	require.True(t, ok)
	require.Equal(t, "+491701234567", p)
}

func TestMetadataNamesOneOrderOrSeveral(t *testing.T) {
	t.Parallel()
	var keys mapping.MetadataKeys
	one := []commerce.OrderHint{{ID: "17", Number: "000000017", Store: "1"}}
	md, err := keys.Write(one, "collect/1")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"commerce_order": "17", "commerce_number": "000000017", "commerce_store": "1", "commerce_operation": "collect/1"}, md)
	back, err := keys.Read("stripe pi_1", md, "EUR")
	require.NoError(t, err)
	require.Equal(t, one, back)
	require.Equal(t, "collect/1", keys.OperationID(md))

	two := []commerce.OrderHint{{ID: "17", Amount: eur(2990)}, {ID: "18", Amount: eur(1000)}}
	md, err = keys.Write(two, "")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"commerce_orders": "17:29.90,18:10.00"}, md)
	back, err = keys.Read("stripe pi_1", md, "EUR")
	require.NoError(t, err)
	require.Equal(t, two, back)
}

func TestMetadataOfTheShopsOwnPluginsIsRead(t *testing.T) {
	t.Parallel()
	var keys mapping.MetadataKeys
	got, err := keys.Read("stripe pi_1", map[string]string{"Order #": "2000000003", "Module": "Magento2 v4.6.1"}, "EUR")
	require.NoError(t, err)
	require.Equal(t, []commerce.OrderHint{{Number: "2000000003"}}, got)
	got, err = keys.Read("stripe pi_1", map[string]string{"OrderId": "12", "OrderGuid": "0a"}, "EUR")
	require.NoError(t, err)
	require.Equal(t, []commerce.OrderHint{{ID: "12"}}, got)
	got, err = keys.Read("stripe pi_1", map[string]string{"other": "x"}, "EUR")
	require.NoError(t, err)
	require.Empty(t, got)
	keys = mapping.MetadataKeys{Number: []string{"bestellnummer"}}
	got, err = keys.Read("stripe pi_1", map[string]string{"Order #": "1", "bestellnummer": " 2 "}, "EUR")
	require.NoError(t, err)
	require.Equal(t, []commerce.OrderHint{{Number: "2"}}, got)
}

func TestAListOfOrdersThatCanNotBeReadIsAFault(t *testing.T) {
	t.Parallel()
	var keys mapping.MetadataKeys
	for _, list := range []string{"17", "17:", "17:x", "17:1.00,", "17:1.00,17:2.00", ":1.00", "17:-1.00", "17:0", "17:1.005", "17:1.00;18:2.00"} {
		_, err := keys.Read("stripe pi_1", map[string]string{"commerce_orders": list}, "EUR")
		require.Equal(t, list, requireFault(t, err, "metadata[commerce_orders]").Value)
	}
}

func TestStripesLimitsOnMetadataAreTypedErrors(t *testing.T) {
	t.Parallel()
	var keys mapping.MetadataKeys
	var many []commerce.OrderHint
	for i := range 60 {
		many = append(many, commerce.OrderHint{ID: fmt.Sprint(100000 + i), Amount: eur(10000)})
	}
	_, err := keys.Write(many, "")
	require.ErrorIs(t, err, commerce.ErrLimit)
	_, err = keys.Write(many[:1], strings.Repeat("x", 501))
	require.ErrorIs(t, err, commerce.ErrLimit)
	big := map[string]string{}
	for i := range 51 {
		big[fmt.Sprint(i)] = "x"
	}
	require.ErrorIs(t, mapping.CheckMetadata(big), commerce.ErrLimit)
	require.ErrorIs(t, mapping.CheckMetadata(map[string]string{strings.Repeat("k", 41): ""}), commerce.ErrLimit)
	require.ErrorIs(t, mapping.MetadataKeys{ID: []string{"a[b]"}}.Check(), commerce.ErrInvalid)
	require.NoError(t, mapping.MetadataKeys{}.Check())
}

func TestTaxesComeFromTheTableAlone(t *testing.T) {
	t.Parallel()
	day := func(s string) commerce.Date { d, err := commerce.ParseDate(s); require.NoError(t, err); return d }
	table := mapping.TaxTable{
		{Country: "DE", Rate: "19", To: day("2026-12-31"), IDs: []string{"3"}},
		{Country: "DE", Rate: "19", From: day("2027-01-01"), IDs: []string{"4"}},
		{Country: "FR", Customer: mapping.Business, Rate: "0", IDs: []string{"eu0"}},
		{Country: "CA", Region: "QC", Code: "CA-QC QST", IDs: []string{"qst", "note"}},
		{Country: "CH", Rate: "0"},
	}
	require.NoError(t, table.Check())
	key := mapping.TaxKey{Country: "DE", Rate: commerce.MustDecimal("19.0000"), Date: day("2026-12-31"), Code: "DE 19", On: commerce.TaxOnLine}
	ids, err := table.IDs("order", key)
	require.NoError(t, err)
	require.Equal(t, []string{"3"}, ids)
	key.Date = day("2027-01-01")
	ids, err = table.IDs("order", key)
	require.NoError(t, err)
	require.Equal(t, []string{"4"}, ids)

	ids, err = table.IDs("order", mapping.TaxKey{Country: "CH"})
	require.NoError(t, err)
	require.Empty(t, ids, "no tax is an answer")

	_, err = table.IDs("order", mapping.TaxKey{Country: "FR", Customer: mapping.Consumer, Code: "FR 20", Rate: commerce.MustDecimal("20")})
	f := requireFault(t, err, "tax")
	require.Contains(t, f.Value, `"FR 20"`)
	require.Contains(t, f.Value, "FR/")
	require.Contains(t, f.Value, "rate 20")

	for _, bad := range []mapping.TaxRow{{Rate: "x"}, {Country: "UK"}, {From: day("2027-01-01"), To: day("2026-01-01")}, {IDs: []string{""}}} {
		require.ErrorIs(t, mapping.TaxTable{bad}.Check(), commerce.ErrInvalid)
	}
}

func TestTheCustomersKindDecidesTax(t *testing.T) {
	t.Parallel()
	require.Equal(t, mapping.Consumer, mapping.KindOfCustomer(commerce.Order{}))
	require.Equal(t, mapping.Business, mapping.KindOfCustomer(commerce.Order{Customer: commerce.Customer{VATIDs: []string{"DE1"}}}))
	require.Equal(t, mapping.Business, mapping.KindOfCustomer(commerce.Order{BillingAddress: commerce.Address{VATID: "DE1"}}))
	require.Equal(t, mapping.Exempt, mapping.KindOfCustomer(commerce.Order{Customer: commerce.Customer{TaxExempt: true, VATIDs: []string{"DE1"}}}))
}

func TestAGuestsPartyFollowsThePolicy(t *testing.T) {
	t.Parallel()
	ref := commerce.Ref{System: "magento", Account: "main", Mode: commerce.Live, ID: "order/17"}
	guest := commerce.Order{Ref: ref, Customer: commerce.Customer{Guest: true, Name: "Jo", Email: "jo@example.com", Website: "eu"}}
	verified := guest
	verified.Customer.VerifiedFor = "eu"
	elsewhere := guest
	elsewhere.Customer.VerifiedFor = "us"
	registered := guest
	registered.Customer = commerce.Customer{Ref: ref.With("customer/6"), Name: "Rita"}

	perOrder := mapping.PartyOf(guest, mapping.GuestPerOrder, "")
	require.Equal(t, ref.With("guest/order/17").String(), perOrder.Key)
	require.False(t, perOrder.Registered)
	require.Equal(t, perOrder.Key, mapping.PartyOf(guest, mapping.GuestPerEmail, "").Key, "an address that nobody verified may be anybody's")
	require.Equal(t, perOrder.Key, mapping.PartyOf(elsewhere, mapping.GuestPerEmail, "").Key)

	mail := mapping.PartyOf(verified, mapping.GuestPerEmail, "")
	require.NotEqual(t, perOrder.Key, mail.Key)
	require.NotContains(t, mail.Key, "jo")
	other := verified
	other.Ref = ref.With("order/18")
	require.Equal(t, mail.Key, mapping.PartyOf(other, mapping.GuestPerEmail, "").Key)
	require.False(t, mail.Registered)

	all := mapping.PartyOf(guest, mapping.GuestCollective, "Guests")
	require.Equal(t, "Guests", all.Customer.Name)
	require.Empty(t, all.Customer.Email)
	for _, p := range []mapping.GuestPolicy{mapping.GuestPerOrder, mapping.GuestPerEmail, mapping.GuestCollective} {
		got := mapping.PartyOf(registered, p, "Guests")
		require.Equal(t, ref.With("customer/6").String(), got.Key)
		require.True(t, got.Registered)
	}
}

func TestARouteIsTheFirstThatMatchesAndNeverADefault(t *testing.T) {
	t.Parallel()
	routes := mapping.Routes{
		{Name: "eu", Shop: "main", Website: "eu", Mode: commerce.Live, Company: "1"},
		{Name: "test", Shop: "main", Mode: commerce.Test, Company: "9"},
	}
	require.NoError(t, routes.Check())
	require.ErrorIs(t, mapping.Routes{{}}.Check(), commerce.ErrInvalid)
	r, err := routes.For(mapping.RouteKey{Shop: "main", Website: "eu", Mode: commerce.Live})
	require.NoError(t, err)
	require.Equal(t, "1", r.Company)
	_, err = routes.For(mapping.RouteKey{Shop: "other", Mode: commerce.Live})
	e, _ := errors.AsType[*commerce.Error](err)
	require.Equal(t, "no_route", e.Code)
	require.ErrorIs(t, err, commerce.ErrMapping)
	_, err = routes.For(mapping.RouteKey{Shop: "main", Website: "us", Mode: commerce.Live})
	e, _ = errors.AsType[*commerce.Error](err)
	require.Equal(t, "mode_mismatch", e.Code)
	require.True(t, commerce.SafeToRetry(err))
}

// sheet draws an order whose figures add up, as a shop states them with decimals
// that its currency may not have.
func sheet(t *rapid.T) mapping.Sheet {
	s := mapping.Sheet{Document: "order", Currency: rapid.SampledFrom([]commerce.Currency{"EUR", "JPY", "KWD", "USD"}).Draw(t, "currency"),
		Country: "DE", Included: rapid.Bool().Draw(t, "included")}
	unit := rapid.SampledFrom([]int64{100, 1}).Draw(t, "unit") // hundredths, or ten-thousandths
	amount := func(name string, most int64) mapping.Amount {
		return mapping.Amount(rapid.Int64Range(0, most).Draw(t, name) * unit)
	}
	taxes := func(base mapping.Amount) (sum mapping.Amount, out []mapping.RowTax) {
		for _, rate := range rapid.SliceOfNDistinct(rapid.Int64Range(1, 25), 0, 3, rapid.ID).Draw(t, "rates") {
			x := base * mapping.Amount(rate) / 100 / mapping.Amount(unit) * mapping.Amount(unit)
			out = append(out, mapping.RowTax{Code: fmt.Sprint(rate), Rate: commerce.MustDecimal(fmt.Sprint(rate)), Amount: x})
			sum += x
		}
		return sum, out
	}
	for i := range rapid.IntRange(1, 60).Draw(t, "rows") {
		r := mapping.Row{ID: fmt.Sprint(i + 1), SKU: fmt.Sprint("SKU-", i), Quantity: commerce.MustDecimal("1"), Net: amount("net", 1_000_000)}
		r.Discount = min(r.Net, amount("discount", 10_000))
		r.Tax, r.Taxes = taxes(r.Net - r.Discount)
		s.Stated.Net, s.Stated.Discount, s.Stated.Tax = s.Stated.Net+r.Net, s.Stated.Discount+r.Discount, s.Stated.Tax+r.Tax
		s.Rows = append(s.Rows, r)
	}
	s.Shipping.Net = amount("shipping", 10_000)
	s.Shipping.Discount = min(s.Shipping.Net, amount("shipping discount", 100))
	s.Shipping.Tax, s.Shipping.Taxes = taxes(s.Shipping.Net - s.Shipping.Discount)
	s.Stated.Shipping, s.Stated.ShippingDiscount = s.Shipping.Net, s.Shipping.Discount
	s.Stated.Fees = amount("fees", 100)
	s.Stated.Tax += s.Shipping.Tax
	s.Stated.Gross = s.Stated.Net - s.Stated.Discount + s.Stated.Shipping - s.Stated.ShippingDiscount + s.Stated.Fees + s.Stated.Tax
	return s
}

func TestEveryIdentityHoldsToTheMinorUnitWhateverTheShopsDecimals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, identities)
}

func FuzzSheet(f *testing.F) { f.Fuzz(rapid.MakeFuzz(identities)) }

func identities(t *rapid.T) {
	s := sheet(t)
	sale, err := s.Fold()
	require.NoError(t, err)
	gross, _, err := s.Stated.Gross.Money(s.Currency)
	require.NoError(t, err)
	require.Equal(t, gross, sale.Totals.Gross)
	require.NoError(t, mapping.Prove(commerce.Order{Currency: s.Currency, Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals,
		Tenders: []commerce.Tender{{Kind: commerce.TenderStripe, Amount: gross}}}))
	for i, l := range sale.Lines {
		stated, _, err := s.Rows[i].Net.Money(s.Currency)
		require.NoError(t, err)
		require.InDelta(t, stated.Minor(), l.Net.Minor(), 1, "no figure moves by more than a unit")
	}
	// What the books compute tax from, and what they compare, moves no more than
	// one figure does, however many lines there are.
	raw, rounded := map[string]mapping.Amount{}, map[string]int64{}
	for i, l := range sale.Lines {
		rates := ""
		for k, tax := range l.Taxes {
			raw["tax "+tax.Code] += s.Rows[i].Taxes[k].Amount
			rounded["tax "+tax.Code] += tax.Amount.Minor()
			rates += " " + tax.Code
		}
		raw["net"+rates] += s.Rows[i].Net
		rounded["net"+rates] += l.Net.Minor()
	}
	for k, tax := range sale.Shipping.Taxes {
		raw["tax "+tax.Code] += s.Shipping.Taxes[k].Amount
		rounded["tax "+tax.Code] += tax.Amount.Minor()
	}
	for kind, sum := range raw {
		stated, _, err := sum.Money(s.Currency)
		require.NoError(t, err)
		require.InDelta(t, stated.Minor(), rounded[kind], 1, kind)
	}
	base, err := s.Stated.Totals("order", s.Currency)
	require.NoError(t, err)
	require.Equal(t, gross, base.Gross)
}

func TestAFigureThatIsOffIsAFaultWithBothValues(t *testing.T) {
	t.Parallel()
	good := mapping.Sheet{Document: "magento order 1", Currency: "EUR",
		Rows:     []mapping.Row{{ID: "1", SKU: "A", Quantity: commerce.MustDecimal("1"), Net: 100_000, Tax: 19_000, Taxes: []mapping.RowTax{{Code: "DE 19", Rate: commerce.MustDecimal("19"), Amount: 19_000}}}},
		Shipping: mapping.ShippingRow{Net: 50_000},
		Stated:   mapping.Stated{Net: 100_000, Shipping: 50_000, Tax: 19_000, Gross: 169_000}}
	_, err := good.Fold()
	require.NoError(t, err)
	for field, spoil := range map[string]func(*mapping.Sheet){
		"net":              func(s *mapping.Sheet) { s.Stated.Net += 100; s.Stated.Gross += 100 },
		"discount":         func(s *mapping.Sheet) { s.Stated.Discount += 100; s.Stated.Gross -= 100 },
		"tax":              func(s *mapping.Sheet) { s.Stated.Tax += 100; s.Stated.Gross += 100 },
		"gross":            func(s *mapping.Sheet) { s.Stated.Gross += 100 },
		"rows[1].tax":      func(s *mapping.Sheet) { s.Rows = []mapping.Row{s.Rows[0]}; s.Rows[0].Taxes = nil },
		"rows[1].quantity": func(s *mapping.Sheet) { s.Rows = []mapping.Row{s.Rows[0]}; s.Rows[0].Quantity = commerce.Decimal{} },
		"rows[1].parent":   func(s *mapping.Sheet) { s.Rows = []mapping.Row{s.Rows[0]}; s.Rows[0].Parent = "9" },
		"currency":         func(s *mapping.Sheet) { s.Currency = "XXX" },
		"rows":             func(s *mapping.Sheet) { s.Rows = []mapping.Row{s.Rows[0], s.Rows[0]} },
	} {
		bad := good
		spoil(&bad)
		_, err := bad.Fold()
		requireFault(t, err, field)
	}
	good.Stated.Gross += 100
	_, err = good.Fold()
	require.Contains(t, err.Error(), "16.91")
	require.Contains(t, err.Error(), "16.90")
}

func TestRowsThatRepeatMoneyAreFolded(t *testing.T) {
	t.Parallel()
	qty := commerce.MustDecimal("2")
	s := mapping.Sheet{Document: "order", Currency: "EUR", Rows: []mapping.Row{
		{ID: "1", SKU: "CONF-Red", Quantity: qty, Net: 80_000},
		{ID: "2", SKU: "CONF-Red", Parent: "1", Folded: true, Quantity: qty},
		{ID: "3", SKU: "BUN-DYN", Quantity: qty, Net: 30_000},
		{ID: "4", SKU: "P1", Parent: "3", Quantity: qty, Net: 10_000},
		{ID: "5", SKU: "P2", Parent: "3", Quantity: qty, Net: 20_000},
		{ID: "6", SKU: "BUN-FIX", Quantity: qty, Net: 40_000},
		{ID: "7", SKU: "P1", Parent: "6", Quantity: qty},
	}, Stated: mapping.Stated{Net: 150_000, Gross: 150_000}}
	sale, err := s.Fold()
	require.NoError(t, err)
	var got []string
	for _, l := range sale.Lines {
		got = append(got, fmt.Sprintf("%s %s<%s %s virtual=%t", l.ID, l.SKU, l.Parent, l.Net.Text(), l.Virtual))
	}
	require.Equal(t, []string{"1 CONF-Red< 8.00 virtual=false", "4 P1<3 1.00 virtual=false", "5 P2<3 2.00 virtual=false",
		"6 BUN-FIX< 4.00 virtual=true", "7 P1<6 0.00 virtual=false"}, got)

	s.Rows[1].Net = 1
	_, err = s.Fold()
	requireFault(t, err, "rows[2].net")
}

func TestTheTaxedBaseIsWhicheverGivesTheTax(t *testing.T) {
	t.Parallel()
	row := func(tax mapping.Amount) mapping.Sheet {
		return mapping.Sheet{Document: "order", Currency: "EUR", Rows: []mapping.Row{{ID: "1", SKU: "A", Quantity: commerce.MustDecimal("1"),
			Net: 1_000_000, Discount: 100_000, Tax: tax, Taxes: []mapping.RowTax{{Code: "19", Rate: commerce.MustDecimal("19"), Amount: tax}}}},
			Stated: mapping.Stated{Net: 1_000_000, Discount: 100_000, Tax: tax, Gross: 900_000 + tax}}
	}
	after, err := row(171_000).Fold()
	require.NoError(t, err)
	require.Equal(t, eur(9000), after.Lines[0].Taxes[0].Base)
	before, err := row(190_000).Fold()
	require.NoError(t, err)
	require.Equal(t, eur(10000), before.Lines[0].Taxes[0].Base)
}

func TestProveFindsWhatAnOverlayBroke(t *testing.T) {
	t.Parallel()
	o := commerce.Order{Currency: "EUR", Ref: commerce.Ref{System: "magento", ID: "order/1"},
		Lines:    []commerce.OrderLine{{ID: "1", Net: eur(100), Discount: eur(0), Tax: eur(0)}},
		Shipping: commerce.Shipping{Net: eur(0), Discount: eur(0), Tax: eur(0)},
		Totals:   commerce.Totals{Net: eur(100), Discount: eur(0), Shipping: eur(0), ShippingDiscount: eur(0), Fees: eur(0), Tax: eur(0), Gross: eur(100)},
		Tenders:  []commerce.Tender{{Kind: commerce.TenderStripe, Amount: eur(100)}}}
	require.NoError(t, mapping.Prove(o))
	o.Tenders[0].Amount = eur(99)
	requireFault(t, mapping.Prove(o), "tenders")
	o.Tenders[0].Amount = commerce.MustMoney(100, "USD")
	requireFault(t, mapping.Prove(o), "tenders")
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"", "29.949999999999999", "-18.75", "1e5", "7.1e-15", "1e999999999", ".", "+", "0x1p4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := mapping.ParseAmount(text)
		if err != nil {
			return
		}
		again, err := mapping.ParseAmount(a.Text())
		if err != nil || again != a {
			t.Fatalf("%q is %s, which reads as %s (%v)", text, a.Text(), again.Text(), err)
		}
		if want, ok := exactly(text); text != "" && (!ok || a != want) {
			t.Fatalf("%q is %s, not %s", text, a.Text(), want.Text())
		}
	})
}

// FuzzRoutes: a route that is chosen fits the key in all that it names, and in its mode.
func FuzzRoutes(f *testing.F) {
	f.Add("t", "main", "base", "de", "acct_1", "EUR", "live", "", "", "", "", "", "", "test")
	f.Add("", "main", "", "", "", "XXX", "test", "", "", "", "", "", "EUR", "live")
	f.Fuzz(func(t *testing.T, tenant, shop, website, store, account, currency, mode, tenant2, shop2, website2, store2, account2, currency2, mode2 string) {
		routes := mapping.Routes{{Name: "one", Tenant: tenant, Shop: shop, Website: website, Store: store, StripeAccount: account, Currency: commerce.Currency(currency), Mode: commerce.Mode(mode)},
			{Name: "other", Tenant: tenant2, Shop: shop2, Mode: commerce.Mode(mode2)}}
		if routes.Check() != nil {
			return
		}
		key := mapping.RouteKey{Tenant: tenant2, Shop: shop2, Website: website2, Store: store2, StripeAccount: account2, Currency: commerce.Currency(currency2), Mode: commerce.Mode(mode2)}
		r, err := routes.For(key)
		if err != nil {
			t.Fatalf("the second route fits: %v", err)
		}
		for _, pair := range [][2]string{{r.Tenant, key.Tenant}, {r.Shop, key.Shop}, {r.Website, key.Website}, {r.Store, key.Store}, {r.StripeAccount, key.StripeAccount}, {string(r.Currency), string(key.Currency)}} {
			if pair[0] != "" && pair[0] != pair[1] {
				t.Fatalf("%+v goes to %+v", key, r)
			}
		}
		if r.Mode != key.Mode {
			t.Fatalf("a %s fact goes to a %s route", key.Mode, r.Mode)
		}
	})
}

// FuzzWriteMetadata: what is written to a payment of two orders is read back.
func FuzzWriteMetadata(f *testing.F) {
	f.Add("17", int64(2990), "18", int64(1000), "EUR", "EUR")
	f.Add("17", int64(1), "17", int64(1), "EUR", "EUR")
	f.Add("17 ", int64(1), "18", int64(1), "EUR", "USD")
	f.Add(strings.Repeat("\u00fc", 240), int64(1), strings.Repeat("\u00f6", 240), int64(1), "JPY", "JPY")
	var keys mapping.MetadataKeys
	f.Fuzz(func(t *testing.T, id1 string, minor1 int64, id2 string, minor2 int64, currency1, currency2 string) {
		one, err1 := commerce.NewMoney(minor1, commerce.Currency(currency1))
		two, err2 := commerce.NewMoney(minor2, commerce.Currency(currency2))
		if err1 != nil || err2 != nil {
			return
		}
		orders := []commerce.OrderHint{{ID: id1, Amount: one}, {ID: id2, Amount: two}}
		md, err := keys.Write(orders, "op")
		if err != nil {
			return
		}
		got, err := keys.Read("doc", md, one.Currency())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(orders) {
			t.Fatalf("%v was written as %v and is read as %v (%v)", orders, md, got, err)
		}
	})
}

func FuzzReadMetadata(f *testing.F) {
	for _, s := range []string{"17:29.90,18:10.00", "17:", ",", ":::", "a:1"} {
		f.Add(s)
	}
	var keys mapping.MetadataKeys
	f.Fuzz(func(t *testing.T, list string) {
		hints, err := keys.Read("doc", map[string]string{"commerce_orders": list}, "EUR")
		if err != nil || len(hints) < 2 {
			return
		}
		md, err := keys.Write(hints, "")
		if err != nil {
			return // an id that can be read and not written back: of no order of ours
		}
		again, err := keys.Read("doc", md, "EUR")
		if err != nil || fmt.Sprint(again) != fmt.Sprint(hints) {
			t.Fatalf("%q: %v is not %v (%v)", list, again, hints, err)
		}
	})
}
