package magentotest

import (
	"encoding/json"

	"github.com/commercesync/commerce/magento"
)

// view turns an answer into the client's type.
func view[T any](v any) (out T) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic("magentotest: the shop's own answer can not be read: " + err.Error())
	}
	return out
}

// OrderIDs returns the entity ids of all orders, in the order of placing.
func (s *Shop) OrderIDs() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]int64, len(s.orders))
	for i, o := range s.orders {
		ids[i] = o.id
	}
	return ids
}

// Order returns an order as it stands in the shop; ok says whether it is there.
func (s *Shop) Order(id int64) (o magento.Order, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.row(id)
	if found == nil {
		return o, false
	}
	return view[magento.Order](s.renderOrder(found)), true
}

// Invoices returns the invoices of an order.
func (s *Shop) Invoices(order int64) []magento.Invoice {
	return documents[magento.Invoice](s, &s.invoices, order, func(d *document) any { return d.render(s) })
}

// CreditMemos returns the credit memos of an order.
func (s *Shop) CreditMemos(order int64) []magento.CreditMemo {
	return documents[magento.CreditMemo](s, &s.memos, order, func(d *document) any { return d.render(s) })
}

// Shipments returns the shipments of an order.
func (s *Shop) Shipments(order int64) []magento.Shipment {
	return documents[magento.Shipment](s, &s.shipments, order, func(d *document) any { return d.renderShipment() })
}

func documents[T any](s *Shop, docs *[]*document, order int64, render func(*document) any) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []T
	for _, d := range *docs {
		if d.order.id == order {
			out = append(out, view[T](render(d)))
		}
	}
	return out
}

// Transactions returns what gateways did for an order.
func (s *Shop) Transactions(order int64) []magento.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []magento.Transaction
	for _, t := range s.transactions {
		if t.order.id == order {
			out = append(out, view[magento.Transaction](t.render()))
		}
	}
	return out
}

// Comments returns the remarks on an order, newest first.
func (s *Shop) Comments(order int64) []magento.StatusHistory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return view[[]magento.StatusHistory](s.renderComments(order))
}
