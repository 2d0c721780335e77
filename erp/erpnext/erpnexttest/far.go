package erpnexttest

import (
	"maps"
	"math/big"

	"github.com/commercesync/commerce"
)

// act runs what people do at the ERP as one transaction on the order under a key that
// counts.
func (s *Server) act(op, key string, f func(order doc) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.all("Sales Order") {
		if d["po_no"] == key && d.status() != 2 {
			err := f(d)
			if err != nil {
				s.rollback()
			}
			s.undo = nil
			return err
		}
	}
	return commerce.Errorf(commerce.KindNotFound, "erpnexttest", op, "no order counts under %s", key)
}

// Orders counts the orders by po_no, cancelled ones too.
func (s *Server) Orders() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, d := range s.all("Sales Order") {
		out[text(d["po_no"])]++
	}
	return out
}

// Ship delivers everything that is open of the order under a key, with one parcel of
// this tracking number; empty = none.
func (s *Server) Ship(key, tracking string) error {
	return s.act("ship", key, func(order doc) error {
		now := s.c.Now().UTC()
		note := doc{"docstatus": int64(0), "company": order["company"], "customer": order["customer"], "is_return": int64(0),
			"posting_date": now.Format("2006-01-02"), "posting_time": now.Format("15:04:05.000000")}
		order = maps.Clone(order)
		var sent, rows []any
		for _, r := range order.rows("items") {
			open := new(big.Rat).Sub(rat(r["qty"]), rat(r["delivered_qty"]))
			if open.Sign() > 0 {
				sent = append(sent, doc{"item_code": r["item_code"], "qty": open, "against_sales_order": order.name(), "so_detail": r["name"]})
				s.stock(text(r["item_code"]), text(r["warehouse"]), new(big.Rat).Neg(open), new(big.Rat).Neg(open))
			}
			r = maps.Clone(r)
			r["delivered_qty"] = r["qty"]
			rows = append(rows, r)
		}
		note["items"] = sent
		made, err := s.insert("Delivery Note", note)
		if err != nil {
			return err
		}
		if _, err := s.update("Delivery Note", made, doc{"docstatus": int64(1)}); err != nil {
			return err
		}
		if tracking != "" {
			if _, err := s.insert("Shipment", doc{"awb_number": tracking, "carrier": "UPS", "shipment_delivery_note": []any{doc{"delivery_note": made.name()}}}); err != nil {
				return err
			}
		}
		order["items"], order["per_delivered"], order["delivery_status"], order["status"] = rows, big.NewRat(100, 1), "Fully Delivered", "To Bill"
		s.put("Sales Order", order)
		return nil
	})
}

// Close makes the order under a key one of which nothing more is sent.
func (s *Server) Close(key string) error {
	return s.act("close", key, func(order doc) error {
		order = maps.Clone(order)
		order["status"] = "Closed"
		s.put("Sales Order", order)
		return nil
	})
}

// Pick submits a pick list for the order under a key.
func (s *Server) Pick(key string) error {
	return s.act("pick", key, func(order doc) error {
		_, err := s.insert("Pick List", doc{"docstatus": int64(1), "company": order["company"], "locations": []any{doc{"sales_order": order.name()}}})
		return err
	})
}

// Invoice submits an invoice of the order under a key.
func (s *Server) Invoice(key string) error {
	return s.act("invoice", key, func(order doc) error {
		_, err := s.insert("Sales Invoice", doc{"docstatus": int64(1), "company": order["company"], "customer": order["customer"],
			"items": []any{doc{"sales_order": order.name()}}})
		return err
	})
}

// Duplicate copies the order under a key, as a person does: the custom field is not
// copied, po_no is.
func (s *Server) Duplicate(key string) error {
	return s.act("duplicate", key, func(order doc) error {
		twin := maps.Clone(order)
		delete(twin, KeyField)
		_, err := s.insert("Sales Order", twin)
		return err
	})
}
