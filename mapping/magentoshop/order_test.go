package magentoshop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

var _ workflow.Shop = (*magentoshop.Shop)(nil)

// reader returns a Shop over an empty fake: for mappings that make no call.
func reader(t *testing.T, c magentoshop.Config) *magentoshop.Shop {
	t.Helper()
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	return shopOver(t, far, c)
}

func shopOver(t *testing.T, far *magentotest.Shop, c magentoshop.Config) *magentoshop.Shop {
	t.Helper()
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example",
		Credentials: commerce.Static(far.Keys()), Transport: far.Transport()})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, c)
	require.NoError(t, err)
	return shop
}

func decode(t *testing.T, raw []byte) magento.Order {
	t.Helper()
	var o magento.Order
	require.NoError(t, json.Unmarshal(raw, &o))
	return o
}

// The files in testdata are answers of a Magento 2.4.6-p1 recorded in 2026-11.
func TestRecordedOrdersReadAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	shop := reader(t, magentoshop.Config{Account: "main"})
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			got, err := shop.Canonical(t.Context(), decode(t, raw))
			require.NoError(t, err)
			require.NoError(t, mapping.Prove(got))
			text, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, ".json") + ".golden.json"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(text, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text)+"\n")
		})
	}
}

// Every order document in the recordings maps, with every identity proved.
func TestEveryRecordedOrderMaps(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: it names the directory with the recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "magento-recorded", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	shop := reader(t, magentoshop.Config{Account: "main"})
	mapped := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var rec struct {
			Response struct{ Body json.RawMessage } `json:"response"`
		}
		if json.Unmarshal(raw, &rec) != nil {
			continue
		}
		for _, body := range orderDocuments(rec.Response.Body) {
			got, err := shop.Canonical(t.Context(), decode(t, body))
			require.NoError(t, err, file)
			require.NoError(t, mapping.Prove(got), file)
			mapped++
		}
	}
	require.GreaterOrEqual(t, mapped, 36)
	t.Logf("%d orders mapped", mapped)
}

// orderDocuments finds whole orders in an answer: the answer itself or its items.
func orderDocuments(body json.RawMessage) []json.RawMessage {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	isOrder := func(b []byte) bool {
		return bytes.Contains(b, []byte(`"order_currency_code"`)) && bytes.Contains(b, []byte(`"total_item_count"`)) &&
			bytes.Contains(b, []byte(`"billing_address"`)) && bytes.Contains(b, []byte(`"product_type"`))
	}
	if json.Unmarshal(body, &list) == nil && bytes.Contains(body, []byte(`"total_count"`)) {
		var out []json.RawMessage
		for _, i := range list.Items {
			if isOrder(i) {
				out = append(out, i)
			}
		}
		return out
	}
	if isOrder(body) {
		return []json.RawMessage{body}
	}
	return nil
}

func load(t *testing.T, name string) magento.Order {
	t.Helper()
	files, err := filepath.Glob("testdata/" + name + "-*.json")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f, ".golden.json") {
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			return decode(t, raw)
		}
	}
	t.Fatal("no recording " + name)
	return magento.Order{}
}

func TestAYenOrderIsDueInWholeYen(t *testing.T) {
	t.Parallel()
	raw := load(t, "434")
	raw.Payment.Method = "stripe_payments"
	o, err := reader(t, magentoshop.Config{}).Canonical(t.Context(), raw)
	require.NoError(t, err)
	due, err := o.Due()
	require.NoError(t, err)
	require.Equal(t, "18360.79", string(raw.GrandTotal))
	require.Equal(t, commerce.MustMoney(18361, "JPY"), due)
}

func TestGiftCardsCreditAndPointsAreTenders(t *testing.T) {
	t.Parallel()
	raw := load(t, "447") // 89.84 in all
	raw.Payment.Method = "stripe_payments"
	raw.Payment.LastTransID = "pi_1-capture"
	raw.GrandTotal, raw.BaseGrandTotal = "59.84", "59.84"
	raw.Extension.GiftCardsAmount, raw.Extension.BaseGiftCardsAmount = "20", "20"
	raw.Extension.GiftCards = []magento.GiftCard{{ID: 5}}
	raw.Extension.CustomerBalanceAmount, raw.Extension.BaseCustomerBalanceAmount = "7.5", "7.5"
	raw.Extension.RewardCurrencyAmount, raw.Extension.BaseRewardCurrencyAmount = "2.5", "2.5"
	o, err := reader(t, magentoshop.Config{}).Canonical(t.Context(), raw)
	require.NoError(t, err)
	e := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	require.Equal(t, []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: e(2000), Reference: "5"}, {Kind: commerce.TenderStoreCredit, Amount: e(750)},
		{Kind: commerce.TenderPoints, Amount: e(250)}, {Kind: commerce.TenderStripe, Amount: e(5984), Reference: "pi_1"}}, o.Tenders)
	require.Equal(t, e(8984), o.Totals.Gross)
	require.Equal(t, "pi_1", o.PaymentID)
}

func TestTendersInYenAddUpToTheOrderAndStripesIsWhatItCharges(t *testing.T) {
	t.Parallel()
	far, err := magentotest.New(magentotest.Config{Stores: []magentotest.Store{{ID: 1, Code: "jp", BaseCurrency: "JPY", Currency: "JPY"}}})
	require.NoError(t, err)
	y := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "JPY") }
	for _, c := range []struct {
		price, card, credit, points string
		stripe, rest                int64
	}{
		{"100", "49.50", "", "", 51, 49}, // 50.5 are charged as 51
		{"100", "33.50", "33.50", "", 33, 67},
		{"100", "33.50", "33.50", "32.90", 0, 100}, // 0.1 is not charged
		{"100.40", "50.20", "", "", 50, 50},
	} {
		id, err := far.Place(magentotest.NewOrder{Store: "jp", PaymentMethod: "stripe_payments", GiftCard: c.card, StoreCredit: c.credit, Points: c.points,
			Items: []magentotest.NewItem{{SKU: "MUG", Price: c.price}}})
		require.NoError(t, err)
		o, err := shopOver(t, far, magentoshop.Config{}).Order(t.Context(), commerce.Ref{System: "magento", Account: "magento", Mode: commerce.Live, ID: "order/" + magento.ID(id).String()})
		require.NoError(t, err, "%+v", c)
		due, err := o.Due()
		require.NoError(t, err)
		require.Equal(t, y(c.stripe), due, "%+v", c)
		require.Equal(t, y(c.stripe+c.rest), o.Totals.Gross, "%+v", c)
	}
}

func TestWhatAnOrderCanNotSayIsAFault(t *testing.T) {
	t.Parallel()
	shop := reader(t, magentoshop.Config{})
	for field, spoil := range map[string]func(*magento.Order){
		"order_currency_code":     func(o *magento.Order) { o.OrderCurrencyCode = "BTC" },
		"base_currency_code":      func(o *magento.Order) { o.BaseCurrencyCode = "" },
		"billing_address":         func(o *magento.Order) { o.BillingAddress = nil },
		"billing_address.country": func(o *magento.Order) { o.BillingAddress.CountryID = "UK" },
		"gross":                   func(o *magento.Order) { o.GrandTotal = "89.85" },
		"tax":                     func(o *magento.Order) { o.TaxAmount = "11.72" },
		"rows[36].tax":            func(o *magento.Order) { o.Extension.ItemAppliedTaxes[1].AppliedTaxes[0].Amount = "8.13" },
		"items[36].taxes": func(o *magento.Order) {
			o.Extension.ItemAppliedTaxes, o.Extension.AppliedTaxes = nil, nil
		},
		"items[37].qty_ordered": func(o *magento.Order) { o.Items[1].QtyOrdered = "1e400" },
	} {
		o := load(t, "447")
		spoil(&o)
		head, err := shop.Canonical(t.Context(), o)
		f, ok := errors.AsType[*mapping.Fault](err)
		require.True(t, ok, "%s: %v", field, err)
		require.Equal(t, commerce.Order{Ref: shop.Ref(o.EntityID), Number: o.IncrementID, Placed: o.CreatedAt.Time}, head)
		require.False(t, head.Placed.IsZero())
		require.Equal(t, field, f.Field)
		require.NotContains(t, err.Error(), "example.com", "no personal data")
	}
}

func TestTaxesThatAreNotListedByRowComeFromTheOrdersOneRate(t *testing.T) {
	t.Parallel()
	raw := load(t, "270")
	raw.Extension.ItemAppliedTaxes = nil
	o, err := reader(t, magentoshop.Config{}).Canonical(t.Context(), raw)
	require.NoError(t, err)
	require.Equal(t, "US-TX-8.25", o.Lines[0].Taxes[0].Code)
}

func TestTheTaxOfABundleThatIsGivenAwayIsThatOfItsParts(t *testing.T) {
	t.Parallel()
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	tax := []magentotest.Tax{{Code: "VAT 19", Percent: "19"}}
	for _, included := range []bool{false, true} {
		id, err := far.Place(magentotest.NewOrder{PricesIncludeTax: included, TaxBeforeDiscount: true, Coupon: "GIFT", DiscountPercent: "100",
			Items: []magentotest.NewItem{{SKU: "BOOK", Price: "5", Taxes: []magentotest.Tax{{Code: "VAT 7", Percent: "7"}}},
				{SKU: "KIT", Type: "bundle", Children: []magentotest.NewItem{{SKU: "MAT", Price: "10", Taxes: tax}, {SKU: "BALL", Price: "5", Taxes: tax}}}}})
		require.NoError(t, err)
		o, err := shopOver(t, far, magentoshop.Config{}).Order(t.Context(), commerce.Ref{System: "magento", Account: "magento", Mode: commerce.Live, ID: "order/" + magento.ID(id).String()})
		require.NoError(t, err, "prices include tax: %v", included)
		require.Len(t, o.Lines, 3)
		require.NotZero(t, o.Totals.Tax)
	}
}

func TestATaxThatRoundsToNothingIsStillThatTax(t *testing.T) {
	t.Parallel()
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	tax := []magentotest.Tax{{Code: "VAT 19", Percent: "19"}}
	id, err := far.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "MUG", Price: "10", Taxes: tax}, {SKU: "PIN", Price: "0.02", Taxes: tax}, {SKU: "BOOK", Price: "5"}}})
	require.NoError(t, err)
	raw, _ := far.Order(id)
	require.Len(t, raw.Extension.ItemAppliedTaxes, 2)
	for _, listed := range []bool{true, false} {
		if !listed {
			raw.Extension.ItemAppliedTaxes = raw.Extension.ItemAppliedTaxes[:1] // as a shop does that knows the rate only
		}
		o, err := reader(t, magentoshop.Config{}).Canonical(t.Context(), raw)
		require.NoError(t, err)
		require.Len(t, o.Lines[1].Taxes, 1)
		require.Equal(t, "VAT 19", o.Lines[1].Taxes[0].Code)
		require.True(t, o.Lines[1].Taxes[0].Amount.IsZero())
		require.Equal(t, commerce.MustMoney(2, "USD"), o.Lines[1].Taxes[0].Base)
		require.Empty(t, o.Lines[2].Taxes)
	}
}

func TestAStateOfAPluginMeansHandsOff(t *testing.T) {
	t.Parallel()
	shop := reader(t, magentoshop.Config{})
	raw := load(t, "105")
	for state, want := range map[string]commerce.OrderState{"stripe_manual_review": commerce.OrderReview,
		"stripe_disputed": commerce.OrderUnknown, "made_up": commerce.OrderUnknown, "processing": commerce.OrderProcessing} {
		raw.State, raw.Status = state, state
		o, err := shop.Canonical(t.Context(), raw)
		require.NoError(t, err)
		require.Equal(t, want, o.State)
	}
}

func TestTheConfigIsChecked(t *testing.T) {
	t.Parallel()
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys())})
	require.NoError(t, err)
	_, err = magentoshop.New(nil, magentoshop.Config{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for field, c := range map[string]magentoshop.Config{
		"Config.Mode":    {Mode: "prod"},
		"Config.Bundles": {Bundles: map[string]magentoshop.BundleShipping{"A": "x"}},
		"Config.Tenders": {Tenders: map[string]commerce.TenderKind{"checkmo": "cheque"}},
		"Config.Settle":  {Settle: -1},
	} {
		_, err := magentoshop.New(client, c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}
