package magento_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

func TestNumbersKeepTheirText(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]magento.Number{
		`29.949999999999999`: "29.949999999999999", `"12.5000"`: "12.5000", `null`: "", `""`: "", `-18.75`: "-18.75",
		`7.105427357601e-15`: "7.105427357601e-15", `0`: "0",
	} {
		var n magento.Number
		require.NoError(t, json.Unmarshal([]byte(sent), &n), sent)
		require.Equal(t, want, n)
	}
	for _, bad := range []string{`"abc"`, `true`, `{}`, `[]`, `"1,5"`, `"0x10"`, `"NaN"`} {
		var n magento.Number
		require.Error(t, json.Unmarshal([]byte(bad), &n), bad)
	}
}

func TestNumbersBecomeMoney(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		number   magento.Number
		currency commerce.Currency
		want     string
		exact    bool
	}{
		{"29.949999999999999", "USD", "29.95 USD", false},
		{"29.95", "USD", "29.95 USD", true},
		{"18360.79", "JPY", "18361 JPY", false},
		{"", "EUR", "0.00 EUR", true},
		{"7.105427357601e-15", "EUR", "0.00 EUR", false},
		{"-6.8859", "EUR", "-6.89 EUR", false},
	} {
		m, exact, err := tc.number.Money(tc.currency)
		require.NoError(t, err)
		require.Equal(t, tc.want, m.String())
		require.Equal(t, tc.exact, exact, tc.number)
	}
	// 1.00495 is 1.0050 with the 4 decimals of an order and 1.00495 with the 6 of a price.
	paid, _, err := magento.Number("1.00495").Money("EUR")
	require.NoError(t, err)
	price, exact, err := magento.Number("1.00495").Price("EUR")
	require.NoError(t, err)
	require.Equal(t, "1.01 EUR 1.00 EUR false", fmt.Sprint(paid, price, exact))
	_, _, err = magento.Number("1").Money("XXQ")
	require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
	d, err := magento.Number("2.0000").Decimal()
	require.NoError(t, err)
	require.Equal(t, "2", d.String())
}

func TestIDsFlagsAndTimesComeInSeveralShapes(t *testing.T) {
	t.Parallel()
	var got struct {
		A, B, C magento.ID
		D, E, F magento.Flag
		G, H    magento.Time
	}
	require.NoError(t, json.Unmarshal([]byte(`{"A":4,"B":"4","C":null,"D":1,"E":"","F":true,"G":"2026-11-21 07:14:42","H":null}`), &got))
	require.Equal(t, magento.ID(4), got.A)
	require.Equal(t, magento.ID(4), got.B)
	require.Zero(t, got.C)
	require.True(t, bool(got.D) && !bool(got.E) && bool(got.F))
	require.Equal(t, "2026-11-21T07:14:42Z", got.G.Format("2006-01-02T15:04:05Z07:00"))
	require.True(t, got.H.IsZero())
	for _, bad := range []string{`{"A":1.5}`, `{"A":"x"}`, `{"D":7}`, `{"G":"yesterday"}`, `{"A":[]}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &got), bad)
	}
	for _, bad := range []string{"", "0", "-1", "1/2", "../7"} {
		_, err := magento.ParseID(bad)
		require.ErrorIs(t, err, commerce.ErrInvalid, bad)
	}
}

func TestPHPsEmptyListIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	var o magento.Order
	require.NoError(t, json.Unmarshal([]byte(`{"entity_id":"7","extension_attributes":[],"items":null,"billing_address":null,"state":null}`), &o))
	require.Equal(t, magento.ID(7), o.EntityID)
	require.Nil(t, o.Shipping())
	require.Nil(t, o.BillingAddress)
	require.Empty(t, o.PaymentInfo("payment_intent_id"))
	require.JSONEq(t, `{"entity_id":"7","extension_attributes":[],"items":null,"billing_address":null,"state":null}`, string(o.Raw))
}
