package stripepay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestEvidenceIsWrittenForAPersonAndHandedInOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	o, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Method: stripetest.CardNotReceived})
	o.Customer = commerce.Customer{Name: "Jo Ro", Email: "jo@example.com"}
	o.BillingAddress = commerce.Address{Name: "Jo Ro", Street: "Weg 1\nHof", PostalCode: "50667", City: "Köln", Country: "DE"}
	o.Lines = []commerce.OrderLine{{SKU: "CUP", Name: "Cup", Quantity: commerce.MustDecimal("2.0")}}
	o.Totals.Gross = eur(5000)
	all, err := w.pay.DisputesOf(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	e := mapping.Evidence{Dispute: all[0], Order: o, Payments: []commerce.Payment{w.read(t, pi.ID)}, Shipments: []commerce.Shipment{{Number: "OUT7", Sent: w.now,
		Parcels: []commerce.Parcel{{Carrier: "UPS", Tracking: "1Z9"}, {Carrier: "UPS", Tracking: "1Z8"}}}},
		Letters: []mapping.Letter{{Sent: w.now.Add(time.Hour), From: "customer", Text: "It has come, thank you."}}}
	draft := w.pay.Answer(e, false)
	_, err = draft.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := draft.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, "needs_response", doc.State, "nothing was handed in")
	_, err = draft.Find(t.Context())
	require.NoError(t, err)
	said := gjson.GetBytes(w.far.Disputes()[0].Raw, "evidence")
	for field, want := range map[string]string{"customer_name": "Jo Ro", "customer_email_address": "jo@example.com", "billing_address": "Jo Ro, Weg 1, Hof, 50667 Köln, DE",
		"product_description": "2 x Cup (CUP)", "shipping_carrier": "UPS", "shipping_tracking_number": "1Z9, 1Z8", "shipping_date": "2026-11-21"} {
		require.Equal(t, want, said.Get(field).Str, field)
	}
	require.Contains(t, said.Get("uncategorized_text").Str, "2026-11-21 10:00 UTC: customer wrote: It has come, thank you.")

	whole := w.pay.Answer(e, true)
	_, err = whole.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	for range 2 {
		doc, err = whole.Act(t.Context())
		require.NoError(t, err)
		require.Equal(t, "under_review", doc.State)
	}
	_, err = whole.Find(t.Context())
	require.NoError(t, err)
	d, err := w.pay.Dispute(t.Context(), all[0].Ref)
	require.NoError(t, err)
	require.True(t, d.Answered)
	e.Letters = nil
	_, err = w.pay.Answer(e, true).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Equal(t, "evidence_closed", code(err))
}
