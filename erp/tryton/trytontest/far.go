package trytontest

import (
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
)

// act runs what people do at the ERP as one transaction.
func (s *Server) act(f func(*transaction) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{server: s, db: s.db, context: map[string]any{}}
	if err := f(t); err != nil {
		s.db.rollback()
		return err
	}
	s.db.commit()
	return nil
}

// shipmentsUnder finds the shipments of the sale under a reference.
func (t *transaction) shipmentsUnder(reference string) ([]int64, error) {
	for _, sale := range t.db.where("sale.sale", "reference", reference) {
		if sale["state"] == "processing" {
			return t.shipmentsOf(sale), nil
		}
	}
	return nil, commerce.Errorf(commerce.KindNotFound, "trytontest", "find shipments", "no sale under %s is processing", reference)
}

// Ship sends all open shipments of the sale under a reference, one package each
// with this tracking number; empty = no package. Stock is taken as it is needed.
func (s *Server) Ship(reference, tracking string) error {
	return s.act(func(t *transaction) error {
		open, err := t.shipmentsUnder(reference)
		if err != nil {
			return err
		}
		for _, id := range open {
			if state := t.db.get(out, id)["state"]; state == "done" || state == "cancelled" {
				continue
			}
			if tracking != "" {
				moves, _ := t.db.get(out, id)["outgoing_moves"].([]int64)
				t.db.insert("stock.package", record{"state": "closed", "code": t.db.number("package"), "shipping_reference": tracking,
					"shipment": fmt.Sprintf("%s,%d", out, id), "moves": moves})
			}
			t.setMoves(t.db.get(out, id), "done")
			t.db.update(out, id, record{"state": "done", "effective_date": commerce.DateOf(t.db.now())})
		}
		for _, sale := range t.db.where("sale.sale", "reference", reference) {
			if _, err := t.process([]int64{sale.id()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SplitShipment moves the lines of these SKUs into a shipment of their own, as the
// warehouse does when a part has to wait.
func (s *Server) SplitShipment(reference string, skus ...string) error {
	return s.act(func(t *transaction) error {
		open, err := t.shipmentsUnder(reference)
		if err != nil {
			return err
		}
		for _, id := range open {
			r := t.db.get(out, id)
			stay, gone := map[string][]int64{}, map[string][]int64{}
			for _, name := range []string{"outgoing_moves", "inventory_moves"} {
				for _, m := range t.moves(r, name) {
					code, _ := t.db.get("product.product", m["product"].(int64))["code"].(string)
					if slices.Contains(skus, code) {
						gone[name] = append(gone[name], m.id())
					} else {
						stay[name] = append(stay[name], m.id())
					}
				}
			}
			if len(gone["outgoing_moves"]) == 0 || len(stay["outgoing_moves"]) == 0 {
				continue
			}
			twin := record{}
			for name := range schema[out] {
				twin[name] = r[name]
			}
			twin["number"], twin["outgoing_moves"], twin["inventory_moves"] = t.db.number("shipment"), gone["outgoing_moves"], gone["inventory_moves"]
			made := t.db.insert(out, twin)
			for _, m := range gone["outgoing_moves"] {
				t.db.update("stock.move", m, record{"shipment": made})
			}
			t.db.update(out, id, record{"outgoing_moves": stay["outgoing_moves"], "inventory_moves": stay["inventory_moves"]})
		}
		return nil
	})
}

// CancelShipments makes the warehouse refuse what is still to be sent.
func (s *Server) CancelShipments(reference string) error {
	return s.act(func(t *transaction) error {
		open, err := t.shipmentsUnder(reference)
		if err != nil {
			return err
		}
		_, err = t.cancelShipment(open)
		return err
	})
}

// Pick takes the goods of the sale under a reference from the shelf. Stock is taken as
// it is needed.
func (s *Server) Pick(reference string) error {
	return s.act(func(t *transaction) error {
		open, err := t.shipmentsUnder(reference)
		if err != nil {
			return err
		}
		for _, id := range open {
			t.db.update(out, id, record{"state": "assigned"})
		}
		_, err = t.pick(open)
		return err
	})
}

// PostInvoices posts the invoices of the sale under a reference.
func (s *Server) PostInvoices(reference string) error {
	return s.act(func(t *transaction) error {
		for _, sale := range t.db.where("sale.sale", "reference", reference) {
			invoices, _ := sale["invoices"].([]int64)
			if len(invoices) > 0 {
				_, err := t.postInvoice(invoices)
				return err
			}
		}
		return commerce.Errorf(commerce.KindNotFound, "trytontest", "post invoices", "no sale under %s has any", reference)
	})
}

// ClosePeriods closes every period that ends on a day or before it.
func (s *Server) ClosePeriods(through commerce.Date) error {
	return s.act(func(t *transaction) error {
		for _, p := range t.db.all("account.period") {
			if end, _ := p["end_date"].(commerce.Date); end.String() <= through.String() {
				t.db.update("account.period", p.id(), record{"state": "close"})
			}
		}
		return nil
	})
}

// CloseAccount lets nobody post to the account with a code any more.
func (s *Server) CloseAccount(code string) error {
	return s.act(func(t *transaction) error {
		for _, a := range t.db.where("account.account", "code", code) {
			t.db.update("account.account", a.id(), record{"closed": true})
			return nil
		}
		return commerce.Errorf(commerce.KindNotFound, "trytontest", "close account", "no account has the code %q", code)
	})
}

// SetStock says how much there is of a SKU.
func (s *Server) SetStock(sku string, quantity int64) error {
	return s.act(func(t *transaction) error {
		for _, p := range t.db.where("product.product", "code", sku) {
			t.db.update("product.product", p.id(), record{"stock": quantity})
			return nil
		}
		return commerce.Errorf(commerce.KindNotFound, "trytontest", "set stock", "no product has the SKU %q", sku)
	})
}

// Return runs the server's wizard for returns on the sale under a reference: a
// draft that carries the same reference.
func (s *Server) Return(reference string) error {
	return s.act(func(t *transaction) error {
		for _, sale := range t.db.where("sale.sale", "reference", reference) {
			t.context["active_id"] = sale.id()
			_, err := t.returnSale()
			return err
		}
		return commerce.Errorf(commerce.KindNotFound, "trytontest", "return", "no sale under %s", reference)
	})
}

// TakeBack runs Return, and confirms what it made: the server has a draft credit note.
func (s *Server) TakeBack(reference string) error {
	if err := s.Return(reference); err != nil {
		return err
	}
	return s.act(func(t *transaction) error {
		for _, sale := range t.db.where("sale.sale", "reference", reference) {
			if sale["origin"] == nil || sale["state"] != "draft" {
				continue
			}
			t.db.update("sale.sale", sale.id(), record{"state": "confirmed"})
			if _, err := t.process([]int64{sale.id()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Duplicate makes a second draft under a reference, as a late twin of a create would.
func (s *Server) Duplicate(reference string) error {
	return s.act(func(t *transaction) error {
		for _, sale := range t.db.where("sale.sale", "reference", reference) {
			v := record{}
			for name, f := range schema["sale.sale"] {
				if f.kind != one2many && f.kind != computed {
					v[name] = sale[name]
				}
			}
			v["state"], v["number"] = "draft", nil
			made := t.db.insert("sale.sale", v)
			for _, l := range t.db.where("sale.line", "sale", sale.id()) {
				line := record{}
				for name := range schema["sale.line"] {
					line[name] = l[name]
				}
				line["sale"] = made
				t.db.insert("sale.line", line)
			}
			return nil
		}
		return commerce.Errorf(commerce.KindNotFound, "trytontest", "duplicate", "no sale under %s", reference)
	})
}
