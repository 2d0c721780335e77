package pollers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// overlap is ChangesConfig.Overlap.
const overlap = 5 * time.Minute

// nopSide is a nopCommerce whose clock may be an hour off.
type nopSide struct {
	far    *nopcommercetest.Shop
	client *nopcommerce.Client
	shop   *nopshop.Shop
	off    time.Duration
	quiet  bool // the activity log is switched off
	street int
}

func newNop(w *world) *nopSide {
	off := []time.Duration{0, time.Hour, -time.Hour}[w.rng.IntN(3)]
	far, err := nopcommercetest.New(nopcommercetest.Config{Seed: 1, ClockOff: off, CompleteWhenShipped: true})
	require.NoError(w.t, err)
	return &nopSide{far: far, off: off, quiet: w.chance(3)}
}

func (n *nopSide) open(w *world, rt http.RoundTripper) {
	rt.(*road).next = n.far.Transport()
	c := nopcommerce.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(n.far.Login()), Transport: rt, PageSize: 4}
	c.Resilience.Retry.Attempts = 1
	var err error
	n.client, err = nopcommerce.NewClient(c)
	require.NoError(w.t, err)
	n.shop, err = nopshop.New(n.client, nopshop.Config{Currency: "USD", Account: "main"})
	require.NoError(w.t, err)
}

func (n *nopSide) changes(w *world) (inbox.Feed, error) {
	c := nopshop.ChangesConfig{Lag: lag, Overlap: overlap}
	if w.control == noLag {
		c = nopshop.ChangesConfig{Lag: time.Nanosecond, Overlap: time.Nanosecond}
	}
	return n.shop.Changes(c)
}

func (n *nopSide) sweep(w *world) (inbox.Feed, error) {
	return n.shop.Sweep(nopshop.SweepConfig{Told: w.store})
}

func (n *nopSide) orders() (out []string) {
	for _, id := range n.far.OrderIDs() {
		if o, _ := n.far.Order(id); !o.Deleted {
			out = append(out, fmt.Sprintf("order/%d", id))
		}
	}
	return out
}

func (n *nopSide) read(ctx context.Context, w *world, object string) (string, error) {
	o, err := n.shop.Order(ctx, n.shop.Ref(nopcommerce.ID(number(w, object))))
	switch {
	case err != nil:
		return "", err
	case o.RawState == "Deleted":
		return gone, nil
	}
	b, err := json.Marshal(o)
	return string(b), err
}

// write leaves a note on every order, and pays every third; what the shop refuses, somebody
// else was quicker with.
func (n *nopSide) write(ctx context.Context, w *world, object string) error {
	err := n.takeUp(ctx, w, nopcommerce.ID(number(w, object)))
	if kind := commerce.KindOf(err); kind == commerce.KindInvalid || kind == commerce.KindNotFound || kind == commerce.KindConflict {
		return nil
	}
	return err
}

func (n *nopSide) takeUp(ctx context.Context, w *world, id nopcommerce.ID) error {
	notes, err := n.client.Notes.List(ctx, id)
	if err != nil {
		return err
	}
	if len(notes) == 0 {
		w.wrote++
		if _, err := n.client.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: "taken up"}); err != nil {
			return err
		}
	}
	o, err := n.client.Orders.Get(ctx, id)
	if err == nil && id%3 == 0 && o.PaymentStatus == nopcommerce.PaymentPending && o.Status == nopcommerce.OrderPending {
		w.wrote++
		_, err = n.client.Processing.MarkPaid(ctx, id)
	}
	return err
}

func (n *nopSide) act(w *world) {
	if n.quiet {
		defer n.far.ClearLog()
	}
	ids := n.far.OrderIDs()
	if len(ids) == 0 || w.chance(3) {
		n.place(w)
		return
	}
	id := ids[w.rng.IntN(len(ids))]
	object := fmt.Sprintf("order/%d", id)
	o, _ := n.far.Order(id)
	settled := o.OrderStatusID != nopcommercetest.OrderPending && o.OrderStatusID != nopcommercetest.OrderProcessing
	if settled && n.quiet {
		w.excuse(object, "the log is off")
	}
	switch w.rng.IntN(12) { // what the shop refuses is refused
	case 0, 1:
		_ = n.far.MarkPaid(id)
	case 2, 3:
		_, _ = n.far.Ship(nopcommercetest.NewShipment{Order: id})
	case 4:
		_ = n.far.Refund(id, "1")
	case 5:
		_ = n.far.Cancel(id)
	case 6:
		if n.street++; n.quiet {
			return // no row of the order tells
		}
		_ = n.far.EditAddress(id, false, func(a *nopcommercetest.Address) { a.Address1 = new(fmt.Sprintf("%d Low St", n.street)) })
	case 7: // there and back within a second
		from := o.CustomOrderNumber
		_ = n.far.EditOrder(id, func(o *nopcommercetest.Order) { o.CustomOrderNumber = new("other") })
		if !w.chance(3) {
			_ = n.far.EditOrder(id, func(o *nopcommercetest.Order) { o.CustomOrderNumber = from })
		}
	case 8, 9: // a plugin tells nobody
		n.street++
		if settled {
			w.excuse(object, "a plugin changed a settled order")
		}
		_ = n.far.Quietly(id, func(o *nopcommercetest.Order) { o.CustomOrderNumber = new(fmt.Sprintf("N-%d", n.street)) })
	case 10:
		if w.chance(2) {
			w.excuse(object, "deleted")
			_ = n.far.Delete(id)
		}
	case 11:
		if w.chance(2) {
			w.excuse(object, "deleted")
			_ = n.far.Remove(id)
		}
	}
}

// place places an order, whose transaction may have begun before: then its date is older
// than what was walked already. Some are settled before they are seen.
func (n *nopSide) place(w *world) {
	began, late := time.Duration(0), false
	switch w.rng.IntN(5) {
	case 0:
		began = time.Duration(1+w.rng.IntN(25)) * time.Second
	case 1:
		began, late = lag+overlap+time.Duration(60+w.rng.IntN(600))*time.Second, true
	}
	id, err := n.far.Place(nopcommercetest.NewOrder{CreatedAt: time.Now().Add(n.off - began),
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 3, Price: "9.99"}}})
	require.NoError(w.t, err)
	if late {
		w.excuse(fmt.Sprintf("order/%d", id), "a transaction that outlived Lag")
		w.seen.late++
	}
	if w.chance(3) {
		_ = n.far.Quietly(id, func(o *nopcommercetest.Order) {
			o.OrderStatusID, o.PaymentStatusID = nopcommercetest.OrderComplete, nopcommercetest.PaymentPaid
		})
	}
}
