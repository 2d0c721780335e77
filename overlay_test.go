package commerce_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func correctable() commerce.Order {
	return commerce.Order{
		Ref: commerce.Ref{System: "magento", ID: "order/1"}, Currency: "EUR",
		Placed: time.Date(2026, 11, 21, 9, 0, 0, 123456789, time.UTC),
		Lines: []commerce.OrderLine{{ID: "7", SKU: "a", Quantity: commerce.MustDecimal("1.000"),
			Net: commerce.MustMoney(9007199254740993, "EUR")}},
		Totals: commerce.Totals{Gross: commerce.MustMoney(9007199254740993, "EUR")},
	}
}

func TestAnOverlayCorrectsFieldByField(t *testing.T) {
	t.Parallel()
	o := correctable()
	before := o
	err := commerce.Overlay{
		"order.customer.email":           json.RawMessage(`"a@example.com"`),
		"order.shipping_address.country": json.RawMessage(`"DE"`),
		"order.shipping_address":         json.RawMessage(`{"city":"Bonn"}`),
		"order.lines.0.sku":              json.RawMessage(`"b"`),
		"order.lines.0.quantity":         json.RawMessage(`"1.2345678901234567"`),
		"order.totals.gross":             json.RawMessage(`{"amount":"90071992547409.95","currency":"EUR"}`),
		"order.totals.gross.amount":      json.RawMessage(`"90071992547409.97"`),
		"payment.metadata.order.id":      json.RawMessage(`"for another name"`),
	}.Apply("order", &o)
	require.NoError(t, err)
	require.Equal(t, "a@example.com", o.Customer.Email)
	require.Equal(t, &commerce.Address{City: "Bonn", Country: "DE"}, o.ShippingAddress, "a field that was null")
	require.Equal(t, "b", o.Lines[0].SKU)
	require.Equal(t, "7", o.Lines[0].ID)
	require.Equal(t, "1.2345678901234567", o.Lines[0].Quantity.String())
	require.Equal(t, "90071992547409.97", o.Totals.Gross.Text())
	require.EqualValues(t, 9007199254740993, o.Lines[0].Net.Minor())
	require.Equal(t, before.Placed, o.Placed)
	require.Equal(t, "a", before.Lines[0].SKU, "a copy made before is untouched")

	require.NoError(t, commerce.Overlay{"order.shipping_address": json.RawMessage(`null`)}.Apply("order", &o))
	require.Nil(t, o.ShippingAddress)

	p := commerce.Payment{}
	require.NoError(t, commerce.Overlay{"payment.metadata.order_number": json.RawMessage(`"100"`),
		"payment.failure.code": json.RawMessage(`"x"`)}.Apply("payment", &p))
	require.Equal(t, "100", p.Metadata["order_number"])
	require.Equal(t, "x", p.Failure.Code)

	d := commerce.Document{}
	require.NoError(t, commerce.Overlay{"document.number": json.RawMessage(`"SO1"`),
		"document.total": json.RawMessage(`{"amount":"1.00","currency":"EUR"}`)}.Apply("document", &d))
	require.Equal(t, commerce.Document{Number: "SO1", Total: commerce.MustMoney(100, "EUR")}, d, "fields that JSON leaves out when empty")
}

func TestAnOverlayThatDoesNotFitChangesNothingAndNamesItsPath(t *testing.T) {
	t.Parallel()
	for path, value := range map[string]string{
		"order.nope":                    `1`,
		"order.customer.nope":           `1`,
		"order.customer":                `{"nope":1}`,
		"order.customer.email":          `5`,
		"order.lines.1.sku":             `"b"`,
		"order.lines.-1.sku":            `"b"`,
		"order.lines.x.sku":             `"b"`,
		"order.number.deeper":           `"b"`,
		"order.totals.gross.nope":       `"1"`,
		"order.totals.gross":            `12.5`,
		"order.lines.0.quantity":        `"many"`,
		"order.ref":                     `{}`,
		"order.ref.tenant":              `"other"`,
		"order.lines.0.id":              `"8"`,
		"order.customer.ref.account":    `"other"`,
		"order.tenders.0.mode":          `"live"`,
		"order.payment_id":              `"pi_other"`,
		"order.shipping_address.city":   `{`,
		"order.shipping_address.name":   `"a" "b"`,
		"order.shipping_address.street": ``,
		"order.lines.0":                 `{"ID":"8"}`,
		"order.lines":                   `[{"id":"8"}]`,
	} {
		t.Run(path+" "+value, func(t *testing.T) {
			t.Parallel()
			o := correctable()
			err := commerce.Overlay{"order.customer.name": json.RawMessage(`"fits"`), path: json.RawMessage(value)}.Apply("order", &o)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, path)
			require.Equal(t, correctable(), o)
		})
	}
}

func FuzzOverlayApply(f *testing.F) {
	f.Add("order.customer.email", `"x"`)
	f.Add("order.lines.0.quantity", `"1"`)
	f.Add("order.lines.0", `{"ref":{}}`)
	f.Fuzz(func(t *testing.T, path, value string) {
		o := correctable()
		err := commerce.Overlay{path: json.RawMessage(value)}.Apply("order", &o)
		if err != nil {
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
			require.Equal(t, correctable(), o)
		}
		require.Equal(t, correctable().Ref, o.Ref)
		if len(o.Lines) > 0 {
			require.Equal(t, "7", o.Lines[0].ID)
		}
	})
}
