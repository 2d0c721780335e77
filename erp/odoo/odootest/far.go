package odootest

import (
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// act runs what people do at the ERP as one transaction.
func (s *Server) act(f func(*transaction) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{server: s, db: s.db}
	if err := f(t); err != nil {
		s.db.rollback(0)
		return err
	}
	s.db.commit()
	return nil
}

// Orders counts the orders by reference, cancelled ones too.
func (s *Server) Orders() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, o := range s.db.all("sale.order") {
		out[text(o["client_order_ref"])]++
	}
	return out
}

// Entries counts the journal entries by reference, drafts too.
func (s *Server) Entries() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, m := range s.db.all("account.move") {
		out[text(m["ref"])]++
	}
	return out
}

func missing(op, format string, args ...any) error {
	return commerce.Errorf(commerce.KindNotFound, "odootest", op, format, args...)
}

// open finds the deliveries of the orders under a reference that are still to be sent.
func (t *transaction) open(reference string) ([]record, error) {
	var out []record
	for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
		for _, p := range t.db.where("stock.picking", "sale_id", o.id()) {
			if p["state"] != "done" && p["state"] != "cancel" {
				out = append(out, p)
			}
		}
	}
	if len(out) == 0 {
		return nil, missing("find deliveries", "nothing is to be sent under %s", reference)
	}
	return out, nil
}

// Ship sends everything that is open under a reference, with this tracking number;
// empty = none. Stock is taken as it is needed.
func (s *Server) Ship(reference, tracking string) error {
	return s.act(func(t *transaction) error {
		open, err := t.open(reference)
		if err != nil {
			return err
		}
		for _, p := range open {
			if tracking != "" {
				t.db.update("stock.picking", p.id(), record{"carrier_tracking_ref": tracking})
			}
			for _, m := range t.movesOf(p.id()) {
				if m["state"] != "cancel" {
					t.db.update("stock.move", m.id(), record{"quantity": rat(m["product_uom_qty"])})
				}
			}
			if _, err := t.validate([]int64{p.id()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ShipSome sends one SKU of what is open under a reference; the rest waits in a delivery
// of its own.
func (s *Server) ShipSome(reference, sku, quantity, tracking string) error {
	return s.act(func(t *transaction) error {
		open, err := t.open(reference)
		if err != nil {
			return err
		}
		t.context = map[string]any{"skip_backorder": true}
		for _, p := range open {
			for _, m := range t.movesOf(p.id()) {
				if t.db.get("product.product", ref(m["product_id"]))["default_code"] != sku || m["state"] == "cancel" {
					continue
				}
				if err := t.change("stock.move", []int64{m.id()}, map[string]any{"quantity": quantity, "picked": true}); err != nil {
					return err
				}
				t.db.update("stock.picking", p.id(), record{"carrier_tracking_ref": tracking})
				_, err := t.validate([]int64{p.id()})
				return err
			}
		}
		return missing("ship", "no %s is to be sent under %s", sku, reference)
	})
}

// Pick takes what is reserved under a reference from the shelf.
func (s *Server) Pick(reference string) error {
	return s.act(func(t *transaction) error {
		open, err := t.open(reference)
		if err != nil {
			return err
		}
		for _, p := range open {
			for _, m := range t.movesOf(p.id()) {
				if m["state"] == "assigned" || m["state"] == "partially_available" {
					t.db.update("stock.move", m.id(), record{"picked": true})
				}
			}
		}
		return nil
	})
}

// Invoice makes and posts the invoice of the order under a reference.
func (s *Server) Invoice(reference string) error {
	return s.act(func(t *transaction) error {
		id, err := t.draftInvoice(reference)
		if err != nil {
			return err
		}
		return t.post(id)
	})
}

// DraftInvoice does the same and leaves the invoice a draft.
func (s *Server) DraftInvoice(reference string) error {
	return s.act(func(t *transaction) error {
		_, err := t.draftInvoice(reference)
		return err
	})
}

func (t *transaction) draftInvoice(reference string) (int64, error) {
	for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
		if o["state"] == "sale" {
			id, err := t.invoiceOrder(o.id())
			if err != nil {
				return 0, err
			}
			return id, t.settle()
		}
	}
	return 0, missing("invoice", "no order under %s is confirmed", reference)
}

// DraftCreditNote makes a draft credit note of the posted invoice of the order under a
// reference, as a person does with the wizard.
func (s *Server) DraftCreditNote(reference string) error {
	return s.act(func(t *transaction) error {
		for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
			for _, m := range t.invoicesOf(o.id()) {
				if m["state"] == "posted" && m["move_type"] == "out_invoice" {
					_, err := t.reverseOne(record{"date": t.today(), "journal_id": m["journal_id"], "reason": "sent back"}, m)
					return err
				}
			}
		}
		return missing("credit", "no invoice under %s is posted", reference)
	})
}

// CancelPickings makes the warehouse refuse what is still to be sent.
func (s *Server) CancelPickings(reference string) error {
	return s.act(func(t *transaction) error {
		open, err := t.open(reference)
		if err != nil {
			return err
		}
		_, err = t.cancelPicking(idsOf(open))
		return err
	})
}

// Return takes back what was sent under a reference, as a person does with the wizard.
func (s *Server) Return(reference string) error {
	return s.act(func(t *transaction) error {
		for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
			for _, p := range t.db.where("stock.picking", "sale_id", o.id()) {
				if p["state"] == "done" && p["picking_type_code"] == "outgoing" {
					t.takeBack(p)
					return nil
				}
			}
		}
		return missing("return", "nothing was sent under %s", reference)
	})
}

func (t *transaction) takeBack(p record) {
	back := t.db.insert("stock.picking", record{"name": t.db.number("WH/IN/%05d", "WH/IN"), "state": "done", "origin": "Return of " + text(p["name"]),
		"sale_id": p["sale_id"], "partner_id": p["partner_id"], "scheduled_date": t.moment(), "date_done": t.moment(), "picking_type_code": "incoming",
		"company_id": p["company_id"], "return_id": p.id()})
	for _, m := range t.movesOf(p.id()) {
		if m["state"] == "done" {
			t.db.insert("stock.move", record{"state": "done", "picking_id": back, "product_id": m["product_id"], "product_uom_qty": m["quantity"],
				"quantity": m["quantity"], "picked": true, "sale_line_id": m["sale_line_id"], "origin_returned_move_id": m.id(),
				"company_id": m["company_id"], "sequence": int64(10), "product_uom": int64(1)})
		}
	}
	t.db.update("sale.order", ref(p["sale_id"]), record{})
}

// SetStock says how much there is of a SKU.
func (s *Server) SetStock(sku string, quantity int64) error {
	return s.act(func(t *transaction) error {
		for _, p := range t.db.where("product.product", "default_code", sku) {
			t.db.update("product.product", p.id(), record{"stock": rat(quantity)})
			return nil
		}
		return missing("set stock", "no product has the SKU %q", sku)
	})
}

// SetLockDate locks all periods up to a day; the zero date opens them.
func (s *Server) SetLockDate(day commerce.Date) {
	_ = s.act(func(t *transaction) error {
		v := any(nil)
		if !day.IsZero() {
			v = day.String()
		}
		for _, c := range t.db.all("res.company") {
			t.db.update("res.company", c.id(), record{"fiscalyear_lock_date": v})
		}
		return nil
	})
}

// SetTaxRounding changes how the company rounds tax, as an administrator can.
func (s *Server) SetTaxRounding(rounding erp.TaxRounding) {
	_ = s.act(func(t *transaction) error {
		for _, c := range t.db.all("res.company") {
			t.db.update("res.company", c.id(), record{"tax_calculation_rounding_method": roundingMethod(rounding)})
		}
		return nil
	})
}

func roundingMethod(rounding erp.TaxRounding) string {
	if rounding == erp.RoundPerLine {
		return "round_per_line"
	}
	return "round_globally"
}

// Duplicate makes a second draft under a reference, without an external id, as a late
// twin of a create or a person would.
func (s *Server) Duplicate(reference string) error {
	return s.act(func(t *transaction) error {
		for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
			v := record{}
			for name, f := range schema["sale.order"] {
				if f.kind != one2many && !f.computed {
					v[name] = o[name]
				}
			}
			v["state"], v["name"] = "draft", t.db.number("S%05d", "sale.order")
			made := t.db.insert("sale.order", v)
			for _, l := range t.db.where("sale.order.line", "order_id", o.id()) {
				line := record{}
				for name, f := range schema["sale.order.line"] {
					if f.kind != one2many && !f.computed {
						line[name] = l[name]
					}
				}
				line["order_id"], line["state"] = made, "draft"
				t.db.insert("sale.order.line", line)
			}
			return nil
		}
		return missing("duplicate", "no order under %s", reference)
	})
}

// Edit changes an order's line by hand: the quantity of the first line with a SKU.
func (s *Server) Edit(reference, sku, quantity string) error {
	return s.act(func(t *transaction) error {
		for _, o := range t.db.where("sale.order", "client_order_ref", reference) {
			for _, l := range t.linesOf(o.id()) {
				if t.db.get("product.product", ref(l["product_id"]))["default_code"] == sku {
					return t.change("sale.order.line", []int64{l.id()}, map[string]any{"product_uom_qty": quantity})
				}
			}
		}
		return missing("edit", "no line of %s under %s", sku, fmt.Sprintf("%q", reference))
	})
}
