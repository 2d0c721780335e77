package erpnexttest

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// kept are the fields of a document that the doctype has, and those that all have.
func kept(doctype string, sent doc) doc {
	d := doc{}
	for k, v := range sent {
		if known(doctype, k) {
			d[k] = v
		}
	}
	return d
}

// insert makes a document. A name is given by the server, whatever was sent.
func (s *Server) insert(doctype string, sent doc) (doc, error) {
	d := kept(doctype, sent)
	delete(d, "name")
	delete(d, "modified")
	submit := d.status() == 1
	d["docstatus"] = int64(0)
	if err := s.validate(doctype, d); err != nil {
		return nil, err
	}
	d["name"] = s.nameOf(doctype, d)
	if err := s.unique(doctype, d); err != nil {
		return nil, err
	}
	s.put(doctype, d)
	if submit {
		return s.update(doctype, d, doc{"docstatus": int64(1)})
	}
	return d, nil
}

func (s *Server) nameOf(doctype string, d doc) string {
	year := s.c.Now().UTC().Format("2006")
	base := ""
	switch doctype {
	case "Sales Order":
		return s.number("SAL-ORD-" + year + "-%05d")
	case "Delivery Note":
		return s.number("MAT-DN-" + year + "-%05d")
	case "Sales Invoice":
		return s.number("ACC-SINV-" + year + "-%05d")
	case "Pick List":
		return s.number("STO-PICK-" + year + "-%05d")
	case "Journal Entry":
		return s.number("ACC-JV-" + year + "-%05d")
	case "Customer":
		base = text(d["customer_name"])
	case "Address":
		base = text(d["address_title"]) + "-" + text(d["address_type"])
	default:
		return s.number(strings.ToUpper(doctype) + "-%05d")
	}
	if s.docs[doctype][base] == nil {
		return base
	}
	return s.number(base + "-%d")
}

// unique refuses a second document with one key.
func (s *Server) unique(doctype string, d doc) error {
	if s.c.PlainKeys || text(d[KeyField]) == "" {
		return nil
	}
	for _, x := range s.all(doctype) {
		if x[KeyField] == d[KeyField] && x.name() != d.name() {
			return invalid("UniqueValidationError", "%s: <strong>External Id</strong> must be unique", doctype)
		}
	}
	return nil
}

// update writes fields, and submits or cancels where docstatus says so.
func (s *Server) update(doctype string, have, sent doc) (doc, error) {
	if m, ok := sent["modified"]; ok && m != have["modified"] {
		return nil, invalid("TimestampMismatchError", "Document has been modified after you have opened it. Please refresh to get the latest document.")
	}
	d := maps.Clone(have)
	maps.Copy(d, kept(doctype, sent))
	d["name"] = have["name"]
	from, to := have.status(), d.status()
	switch {
	case from == 2:
		return nil, invalid("ValidationError", "Cannot edit cancelled document")
	case to < from || to > from+1:
		return nil, invalid("DocstatusTransitionError", "Cannot change docstatus from %d to %d", from, to)
	case from == 1 && to == 1:
		for k, v := range kept(doctype, sent) {
			if k != "docstatus" && k != "po_no" && k != "modified" && compare(v, have[k]) != 0 {
				return nil, invalid("UpdateAfterSubmitError", "Not allowed to change <strong>%s</strong> after submission", k)
			}
		}
	case to != 2:
		if err := s.validate(doctype, d); err != nil {
			return nil, err
		}
	}
	if err := s.unique(doctype, d); err != nil {
		return nil, err
	}
	s.put(doctype, d)
	if from != to {
		if err := s.turn(doctype, d.name(), to); err != nil {
			return nil, err
		}
	}
	return s.docs[doctype][d.name()], nil
}

// remove deletes a draft or a cancelled document.
func (s *Server) remove(doctype string, d doc) error {
	if d.status() == 1 {
		return invalid("ValidationError", "Submitted Record cannot be deleted. You must Cancel it first.")
	}
	s.drop(doctype, d)
	return nil
}

// required are the fields without which there is no document.
var required = map[string][]string{
	"Customer": {"customer_name"}, "Address": {"address_type", "address_line1", "city", "country"},
	"Sales Order": {"customer", "company", "transaction_date", "items"}, "Journal Entry": {"company", "posting_date", "accounts"},
}

// links are the fields that name other documents.
var links = map[string]map[string]string{
	"Address":       {"country": "Country"},
	"Sales Order":   {"customer": "Customer", "company": "Company", "customer_address": "Address", "shipping_address_name": "Address"},
	"Journal Entry": {"company": "Company", "reversal_of": "Journal Entry"},
}

func (s *Server) validate(doctype string, d doc) error {
	for _, f := range required[doctype] {
		if list, ok := d[f].([]any); ok && len(list) > 0 || !ok && compare(d[f], "") != 0 {
			continue
		}
		return invalid("MandatoryError", "Error: Value missing for %s: %s", doctype, f)
	}
	for f, target := range links[doctype] {
		if name := text(d[f]); name != "" && s.docs[target][name] == nil {
			return invalid("LinkValidationError", "Could not find %s: <strong>%s</strong>", target, name)
		}
	}
	for _, f := range schema[doctype] {
		if v := text(d[f]); len(v) > 140 && f != "terms" {
			return invalid("CharacterLengthExceededError", "%s: Value too big", f)
		}
	}
	switch doctype {
	case "Sales Order":
		return s.validateOrder(d)
	case "Journal Entry":
		return s.validateEntry(d)
	}
	return nil
}

// digits are the decimals of a currency.
func digits(currency any) int { return max(commerce.Currency(text(currency)).Exponent(), 0) }

// round rounds half away from zero.
func round(r *big.Rat, digits int) *big.Rat { return rat(r.FloatString(digits)) }

// validateOrder computes an order's rows and totals. A row has the rate of its tax
// template for the template's account, and the rate of the tax's own row for others.
func (s *Server) validateOrder(d doc) error {
	if text(d["currency"]) == "" {
		d["currency"] = s.docs["Company"][text(d["company"])]["default_currency"]
	}
	places := digits(d["currency"])
	net := new(big.Rat)
	rows := d.rows("items")
	items := make([]any, len(rows))
	for i, r := range rows {
		r = maps.Clone(r)
		item := s.docs["Item"][text(r["item_code"])]
		if item == nil {
			return invalid("LinkValidationError", "Could not find Row #%d: Item Code: <strong>%s</strong>", i+1, text(r["item_code"]))
		}
		quantity := rat(r["qty"])
		if item["stock_uom"] == "Nos" && !quantity.IsInt() {
			return invalid("UOMMustBeIntegerError", "Quantity cannot be a fraction in row %d", i+1)
		}
		r["warehouse"] = cmp.Or(text(r["warehouse"]), text(d["set_warehouse"]))
		if item["is_stock_item"] == int64(1) && r["warehouse"] == "" {
			return invalid("WarehouseRequired", "Delivery warehouse required for stock item %s", item.name())
		}
		if t := text(r["item_tax_template"]); t != "" && s.docs["Item Tax Template"][t] == nil {
			return invalid("LinkValidationError", "Could not find Item Tax Template: %s", t)
		}
		if r["name"] == nil {
			r["name"] = s.number("row%06d")
		}
		r["qty"], r["rate"] = quantity, round(rat(r["rate"]), places)
		r["amount"] = round(new(big.Rat).Mul(rat(r["rate"]), quantity), places)
		r["delivered_qty"] = rat(r["delivered_qty"])
		net.Add(net, rat(r["amount"]))
		items[i] = r
	}
	d["items"] = items
	total := s.tax(d, places)
	d["net_total"], d["total_taxes_and_charges"], d["grand_total"] = net, total, new(big.Rat).Add(net, total)
	if d.status() == 0 {
		d["status"], d["delivery_status"], d["per_delivered"] = "Draft", "Not Delivered", new(big.Rat)
	}
	return nil
}

func (s *Server) tax(d doc, places int) *big.Rat {
	total := new(big.Rat)
	taxes := d.rows("taxes")
	list := make([]any, len(taxes))
	for i, t := range taxes {
		t = maps.Clone(t)
		sum := new(big.Rat)
		for _, r := range d.rows("items") {
			rate := rat(t["rate"])
			for _, x := range s.docs["Item Tax Template"][text(r["item_tax_template"])].rows("taxes") {
				if x["tax_type"] == t["account_head"] {
					rate = rat(x["tax_rate"])
				}
			}
			part := new(big.Rat).Mul(rat(r["amount"]), new(big.Rat).Mul(rate, big.NewRat(1, 100)))
			if s.docs["Accounts Settings"]["Accounts Settings"]["round_row_wise_tax"] == int64(1) {
				part = round(part, places)
			}
			sum.Add(sum, part)
		}
		t["tax_amount"] = round(sum, places)
		total.Add(total, rat(t["tax_amount"]))
		list[i] = t
	}
	d["taxes"] = list
	return total
}

// validateEntry refuses what does not balance, also as a draft.
func (s *Server) validateEntry(d doc) error {
	if c := s.c.ClosedUntil; !c.IsZero() && text(d["posting_date"]) <= c.String() {
		return invalid("ClosedAccountingPeriod", "You cannot create a Journal Entry within the closed Accounting Period")
	}
	debit, credit := new(big.Rat), new(big.Rat)
	for i, r := range d.rows("accounts") {
		account := s.docs["Account"][text(r["account"])]
		if account == nil || account["company"] != d["company"] {
			return invalid("LinkValidationError", "Could not find Row #%d: Account: %s", i+1, text(r["account"]))
		}
		in, out := rat(r["debit_in_account_currency"]), rat(r["credit_in_account_currency"])
		if in.Sign() != 0 && out.Sign() != 0 {
			return invalid("ValidationError", "You cannot credit and debit same account at the same time")
		}
		if account["account_type"] == "Receivable" && text(r["party"]) == "" {
			return invalid("ValidationError", "Row %d: Party Type and Party is required for Receivable / Payable account", i+1)
		}
		debit.Add(debit, in)
		credit.Add(credit, out)
	}
	if debit.Cmp(credit) != 0 {
		return invalid("ValidationError", "Total Debit must be equal to Total Credit. The difference is %s", new(big.Rat).Sub(debit, credit).FloatString(2))
	}
	d["total_debit"] = debit
	return nil
}

// turn is what follows from a new docstatus.
func (s *Server) turn(doctype, name string, to int64) error {
	if doctype != "Sales Order" {
		return nil
	}
	d := maps.Clone(s.docs[doctype][name])
	if to == 2 {
		for _, other := range []struct{ doctype, rows, field string }{{"Delivery Note", "items", "against_sales_order"},
			{"Sales Invoice", "items", "sales_order"}, {"Pick List", "locations", "sales_order"}} {
			for _, x := range s.all(other.doctype) {
				if x.status() == 1 && slices.ContainsFunc(x.rows(other.rows), func(r doc) bool { return r[other.field] == name }) {
					return invalid("LinkExistsError", "Cannot delete or cancel because %s <strong>%s</strong> is linked with %s %s", doctype, name, other.doctype, x.name())
				}
			}
		}
	}
	sign := int64(1)
	d["status"] = "To Deliver and Bill"
	if to == 2 {
		sign, d["status"] = -1, "Cancelled"
	}
	for _, r := range d.rows("items") {
		open := new(big.Rat).Sub(rat(r["qty"]), rat(r["delivered_qty"]))
		s.stock(text(r["item_code"]), text(r["warehouse"]), new(big.Rat), open.Mul(open, big.NewRat(sign, 1)))
	}
	s.put(doctype, d)
	return nil
}

// stock changes what there is of an item, and what of it is reserved.
func (s *Server) stock(item, warehouse string, actual, reserved *big.Rat) {
	if s.docs["Item"][item]["is_stock_item"] != int64(1) {
		return
	}
	for _, b := range s.all("Bin") {
		if b["item_code"] == item && b["warehouse"] == warehouse {
			b = maps.Clone(b)
			b["actual_qty"] = new(big.Rat).Add(rat(b["actual_qty"]), actual)
			b["reserved_qty"] = new(big.Rat).Add(rat(b["reserved_qty"]), reserved)
			s.put("Bin", b)
			return
		}
	}
	s.put("Bin", doc{"name": s.number("bin%05d"), "item_code": item, "warehouse": warehouse, "actual_qty": actual, "reserved_qty": reserved})
}
