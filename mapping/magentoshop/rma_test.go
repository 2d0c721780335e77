package magentoshop_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/workflow"
)

var (
	_ workflow.RefundShop = (*magentoshop.Shop)(nil)
	_ workflow.ReturnShop = (*magentoshop.Shop)(nil)
	_ workflow.Suspects   = (*magentoshop.Shop)(nil)
	_ workflow.Shipments  = (*magentoshop.Shop)(nil)
)

func TestAReturnGoesItsWayAStepAtATime(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{AdobeCommerce: true}, 0)
	id := s.place(german("stripe_payments"))
	s.pay(id)
	_, err := s.mage.Orders.Ship(t.Context(), id, magento.ShipParams{Tracks: []magento.NewTrack{{TrackNumber: "1Z9", Title: "UPS", CarrierCode: "ups"}}})
	require.NoError(t, err)
	o := s.read(id)
	sent, err := s.shop.Shipments(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Len(t, sent, 1)
	require.Equal(t, []commerce.Parcel{{Carrier: "UPS", Tracking: "1Z9"}}, sent[0].Parcels)
	require.Equal(t, []string{"CUP", "TEA"}, []string{sent[0].Lines[0].SKU, sent[0].Lines[1].SKU})
	require.Equal(t, s.now, sent[0].Sent)

	asked := func(line int, qty string) magento.ReturnItem {
		item, err := magento.ParseID(o.Lines[line].ID)
		require.NoError(t, err)
		return magento.ReturnItem{OrderItemID: item, QtyRequested: magento.Number(qty), Reason: "1", Condition: "1", Resolution: "1", Status: "pending"}
	}
	_, err = s.mage.Returns.Create(t.Context(), magento.Return{OrderID: id, Status: "pending", Items: []magento.ReturnItem{asked(0, "1"), asked(1, "2")}})
	require.NoError(t, err)
	all, err := s.shop.ReturnsOf(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, all, 1)
	r := all[0]
	require.Equal(t, commerce.ReturnRequested, r.Status)
	require.Equal(t, o.Ref, r.Order)
	require.Equal(t, o.Lines[1].ID, r.Lines[1].OrderLine)
	require.True(t, r.Lines[1].Accepted.IsZero(), "nobody has said yes")

	for _, to := range []commerce.ReturnStatus{commerce.ReturnAuthorised, commerce.ReturnReceived, commerce.ReturnRefunded} {
		e := s.shop.Advance(r, to)
		_, err := e.Find(t.Context())
		require.ErrorIs(t, err, commerce.ErrNotFound)
		_, err = e.Act(t.Context())
		require.NoError(t, err)
		_, err = e.Find(t.Context())
		require.NoError(t, err)
		got, err := s.shop.Return(t.Context(), r.Ref)
		require.NoError(t, err)
		require.Equal(t, to, got.Status)
		require.Equal(t, "2", got.Lines[1].Accepted.String())
	}
	_, err = s.shop.Advance(r, commerce.ReturnAuthorised).Find(t.Context())
	require.NoError(t, err, "it is further")

	_, err = s.mage.Returns.Create(t.Context(), magento.Return{OrderID: id, Status: "pending", Items: []magento.ReturnItem{asked(0, "1")}})
	require.NoError(t, err)
	no, err := s.mage.Returns.Get(t.Context(), 2)
	require.NoError(t, err)
	no.Items[0].Status = "denied"
	_, err = s.mage.Returns.Save(t.Context(), no)
	require.NoError(t, err)
	denied, err := s.shop.Return(t.Context(), r.Ref.With("return/2"))
	require.NoError(t, err)
	require.Equal(t, commerce.ReturnRejected, denied.Status)
	_, err = s.shop.Advance(denied, commerce.ReturnReceived).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Equal(t, "return_ended", code(err))
	_, err = s.shop.Return(t.Context(), r.Ref.With("return/9"))
	require.ErrorIs(t, err, commerce.ErrNotFound)

	open := newTill(t, magentotest.Config{}, 0)
	_, err = open.shop.Return(t.Context(), r.Ref)
	require.Equal(t, magento.CodeNotOffered, code(err))
}

func TestASuspicionIsShownAndTakenBackToWhatWasShown(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{Statuses: map[string][]string{"processing": {"picking"}}}, 0)
	id := s.place(german("stripe_payments"))
	o := s.read(id)
	suspect := s.shop.Suspect(o)
	_, err := suspect.Act(t.Context())
	require.Equal(t, "not_suspectable", code(err), "an order that is new has no such status")
	require.True(t, commerce.SafeToRetry(err))
	s.pay(id)
	_, err = suspect.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := suspect.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, "processing", doc.State)
	found, err := suspect.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found, "also where the answer was lost")
	require.Equal(t, commerce.OrderReview, s.read(id).State)

	trust := s.shop.Trust(o, doc.State)
	_, err = trust.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = trust.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, commerce.OrderProcessing, s.read(id).State)

	_, err = suspect.Act(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.far.SetState(int64(id), "processing", "picking"))
	got, err := s.shop.Trust(o, "processing").Find(t.Context())
	require.NoError(t, err, "somebody was quicker")
	require.Equal(t, "picking", got.State)

	other := s.place(german("stripe_payments"))
	require.NoError(t, s.far.SetState(int64(other), "processing", "fraud"))
	doc, err = s.shop.Suspect(s.read(other)).Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, "fraud", doc.State, "somebody else said so")
	_, err = s.shop.Trust(s.read(other), doc.State).Find(t.Context())
	require.NoError(t, err, "and their word stands")
}
