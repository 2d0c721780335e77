package erpnexttest

import (
	"math/big"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// seed fills the store.
func (s *Server) seed() error {
	add := func(doctype, name string, d doc) {
		d["name"], d["docstatus"] = name, int64(0)
		s.put(doctype, d)
	}
	currency := string(s.c.Currency)
	for _, name := range []string{Company, Sister} {
		add("Company", name, doc{"default_currency": currency})
	}
	for code, name := range map[string]string{"de": "Germany", "us": "United States", "fr": "France", "gb": "United Kingdom"} {
		add("Country", name, doc{"code": code})
	}
	add("UOM", "Nos", doc{"must_be_whole_number": int64(1)})
	rowWise := int64(0)
	if s.c.TaxRounding == erp.RoundPerLine {
		rowWise = 1
	}
	add("Accounts Settings", "Accounts Settings", doc{"round_row_wise_tax": rowWise})
	for code, name := range map[string]string{"1010": "Bank", "4010": "Sales", "1310": "Debtors"} {
		kind := ""
		if name == "Debtors" {
			kind = "Receivable"
		}
		add("Account", code+" - "+name+" - ST", doc{"account_number": code, "company": Company, "is_group": int64(0), "account_currency": currency, "account_type": kind})
	}
	for i, rate := range s.c.TaxRates {
		r, ok := new(big.Rat).SetString(rate)
		if !ok {
			return commerce.Errorf(commerce.KindInvalid, "erpnexttest", "new", "TaxRates[%d]: %q is no number", i, rate)
		}
		add("Item Tax Template", "VAT "+rate+" - ST", doc{"title": "VAT " + rate, "company": Company, "disabled": int64(0),
			"taxes": []any{doc{"tax_type": "VAT " + rate + " % - ST", "tax_rate": r}}})
	}
	for _, x := range s.c.Items {
		stocked := int64(1)
		if x.Service {
			stocked = 0
		}
		add("Item", x.Code, doc{"item_code": x.Code, "stock_uom": "Nos", "is_stock_item": stocked, "is_sales_item": int64(1), "disabled": int64(0)})
		s.stock(x.Code, Warehouse, new(big.Rat).SetInt64(x.Stock), new(big.Rat))
	}
	s.undo = nil
	return nil
}
