package nopshop

import (
	"context"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// around is how far the moment of a payment may lie from that of its order.
const around = 24 * time.Hour

// Hints finds the orders that carry the ids of a payment which names none itself: some
// plugins charge before the shop has an order, and write only CustomerId and ProductId into
// the metadata. The shop can not be searched by the gateway's ids, so that the orders of
// that customer, or of that product, within a day of the payment are looked through. None
// is no error. A program that wants it puts it between stripepay and its workflows:
//
//	type hinted struct {
//		*stripepay.Pay
//		shop *nopshop.Shop
//	}
//
//	func (h hinted) Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error) {
//		p, err := h.Pay.Payment(ctx, ref)
//		if err == nil && len(p.Orders) == 0 {
//			p.Orders, err = h.shop.Hints(ctx, p)
//		}
//		return p, err
//	}
func (s *Shop) Hints(ctx context.Context, p commerce.Payment) ([]commerce.OrderHint, error) {
	search := nopcommerce.OrderParams{CreatedFrom: p.Created.Add(-around), CreatedTo: p.Created.Add(around)}
	product, _, _ := strings.Cut(p.Metadata["ProductId"], ",")
	for text, id := range map[string]*nopcommerce.ID{p.Metadata["CustomerId"]: &search.CustomerID, product: &search.ProductID} {
		if n, err := nopcommerce.ParseID(strings.TrimSpace(text)); err == nil {
			*id = n // what is no id belongs to somebody else's metadata
		}
	}
	if search.CustomerID == 0 && search.ProductID == 0 || p.Created.IsZero() {
		return nil, nil
	}
	var hints []commerce.OrderHint
	for o, err := range s.client.Orders.List(ctx, search) {
		if err != nil {
			return nil, err
		}
		for _, id := range []string{strings.TrimSpace(o.AuthorizationID), strings.TrimSpace(o.CaptureID)} {
			if id != "" && (id == p.Ref.ID || id == p.Charge) {
				hints = append(hints, commerce.OrderHint{ID: o.ID.String()})
				break
			}
		}
	}
	return hints, nil
}
