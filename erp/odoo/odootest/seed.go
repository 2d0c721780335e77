package odootest

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// at gives the next record of a model an id of its own choice.
func (s *Server) at(model string, id int64, r record) int64 {
	last := s.db.ids[model]
	s.db.ids[model] = id - 1
	s.db.insert(model, r)
	s.db.ids[model] = max(last, id)
	return id
}

// seed fills the store.
func (s *Server) seed() error {
	bad := func(format string, args ...any) error {
		return commerce.Errorf(commerce.KindInvalid, "odootest", "new", format, args...)
	}
	s.places()
	currency := s.currencies()
	s.people(currency)
	if err := s.taxes(); err != nil {
		return bad("%w", err)
	}
	s.books()
	if err := s.products(); err != nil {
		return bad("%w", err)
	}
	for _, code := range s.c.PriceLists {
		for _, c := range s.db.where("res.currency", "name", string(code)) {
			s.db.insert("product.pricelist", record{"name": string(code), "currency_id": c.id(), "active": true})
		}
	}
	for i, r := range s.c.Rates {
		units, ok := new(big.Rat).SetString(r.Units)
		if !ok || units.Sign() <= 0 {
			return bad("Rates[%d]: %q is no rate", i, r.Units)
		}
		for _, c := range s.db.where("res.currency", "name", string(r.Currency)) {
			s.db.insert("res.currency.rate", record{"name": r.From.String(), "rate": units, "currency_id": c.id(), "company_id": int64(1)})
		}
	}
	s.db.commit()
	return nil
}

func (s *Server) places() {
	for i, code := range []string{"DE", "FR", "GB", "AT", "CH", "NL", "IT", "ES", "SE", "JP", "KW"} {
		s.at("res.country", int64(50+i), record{"code": code, "name": code})
	}
	s.at("res.country", 233, record{"code": "US", "name": "United States"})
	for i, code := range []string{"CA", "MI", "TX", "NY"} {
		s.at("res.country.state", int64(32+i), record{"code": code, "name": code, "country_id": int64(233)})
	}
}

// currencies returns the id of the company's.
func (s *Server) currencies() int64 {
	all := []commerce.Currency{"USD", "EUR", "GBP", "CHF", "SEK", "JPY", "KWD", s.c.Currency}
	for i, code := range all {
		if slices.Contains(all[:i], code) {
			continue
		}
		step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(code.Exponent())), nil))
		n := map[commerce.Currency]int64{"USD": 1, "EUR": 126}[code]
		s.at("res.currency", cmp.Or(n, int64(10+i)), record{"name": string(code), "full_name": string(code), "symbol": string(code),
			"decimal_places": int64(code.Exponent()), "rounding": step, "active": true})
	}
	return s.db.where("res.currency", "name", string(s.c.Currency))[0].id()
}

// people makes the companies and the six partners that every database has.
func (s *Server) people(currency int64) {
	rounding := roundingMethod(s.c.TaxRounding)
	lock := any(nil)
	if !s.c.LockDate.IsZero() {
		lock = s.c.LockDate.String()
	}
	partner := func(name string, active bool) int64 {
		return s.db.insert("res.partner", record{"name": name, "active": active, "type": "contact", "property_account_receivable_id": int64(5)})
	}
	company := func(name string, owner int64) {
		id := s.db.insert("res.company", record{"name": name, "partner_id": owner, "currency_id": currency, "tax_calculation_rounding_method": rounding,
			"account_price_include": "tax_excluded", "fiscalyear_lock_date": lock, "currency_exchange_journal_id": int64(4),
			"income_currency_exchange_account_id": int64(27), "expense_currency_exchange_account_id": int64(38)})
		s.db.insert("stock.warehouse", record{"name": name, "code": "WH", "company_id": id, "active": true})
	}
	company(s.c.Company, partner(s.c.Company, true))
	partner("OdooBot", false)
	partner("Administrator", true)
	partner("Public user", false)
	partner("Portal User Template", false)
	partner("Sync", true)
	for _, name := range s.c.Companies {
		company(name, partner(name, true))
	}
	s.at("res.users", userID, record{"login": s.c.User, "name": "Sync", "partner_id": int64(6), "company_id": int64(1),
		"company_ids": idsOf(s.db.all("res.company")), "active": true})
}

func (s *Server) taxes() error {
	group := s.db.insert("account.tax.group", record{"name": "Tax 15%"})
	add := func(name, use string, amount *big.Rat) {
		s.db.insert("account.tax", record{"name": name, "amount": amount, "amount_type": "percent", "type_tax_use": use, "sequence": int64(1),
			"active": true, "company_id": int64(1), "tax_group_id": group, "price_include_override": nil})
	}
	add("15%", "sale", big.NewRat(15, 1))
	add("15%", "purchase", big.NewRat(15, 1))
	add("0% Exempt", "sale", new(big.Rat))
	add("0% Exempt", "purchase", new(big.Rat))
	for i, text := range s.c.TaxRates {
		rate, ok := new(big.Rat).SetString(text)
		if !ok {
			return commerce.Errorf(commerce.KindInvalid, "odootest", "new", "TaxRates[%d]: %q is no number", i, text)
		}
		add(text+"%", "sale", rate)
	}
	return nil
}

func (s *Server) books() {
	one := []int64{1}
	for _, a := range chart {
		s.db.insert("account.account", record{"code": a.code, "name": a.name, "account_type": a.kind, "reconcile": a.reconcile, "active": true, "company_ids": one})
	}
	for _, a := range s.c.Accounts {
		var currency any
		for _, c := range s.db.where("res.currency", "name", string(a.Currency)) {
			currency = c.id()
		}
		s.db.insert("account.account", record{"currency_id": currency, "code": a.Code, "name": a.Name, "account_type": a.Type, "active": true, "company_ids": one,
			"reconcile": a.Reconcile || a.Type == "asset_receivable" || a.Type == "liability_payable"})
	}
	journal := func(code, name, kind string, sequence, account int64) {
		r := record{"code": code, "name": name, "type": kind, "sequence": sequence, "active": true, "company_id": int64(1)}
		if account != 0 {
			r["default_account_id"] = account
		}
		id := s.db.insert("account.journal", r)
		if kind == "bank" {
			for _, direction := range []string{"inbound", "outbound"} {
				s.db.insert("account.payment.method.line", record{"name": "Manual Payment", "payment_type": direction, "journal_id": id, "code": "manual"})
			}
		}
	}
	for _, j := range journals {
		journal(j.code, j.name, j.kind, j.sequence, j.account)
	}
	for _, j := range s.c.Journals {
		journal(j.Code, j.Name, j.Type, 10, 0)
	}
}

// products come after the one that the module of deliveries brings along.
func (s *Server) products() error {
	s.db.insert("uom.uom", record{"name": "Units", "rounding": big.NewRat(1, 100), "active": true})
	all := append([]Product{{SKU: "Delivery_007", Name: "Standard delivery", Service: true}}, s.c.Products...)
	for i, p := range all {
		price, ok := new(big.Rat).SetString(cmp.Or(p.Price, "10"))
		if !ok {
			return commerce.Errorf(commerce.KindInvalid, "odootest", "new", "Products[%d]: Price %q is no number", i-1, strings.TrimSpace(p.Price))
		}
		kind := "consu"
		if p.Service {
			kind = "service"
		}
		name := cmp.Or(p.Name, p.SKU)
		s.db.insert("product.template", record{"name": name, "default_code": p.SKU, "active": true})
		s.db.insert("product.product", record{"default_code": p.SKU, "name": name, "type": kind, "is_storable": !p.Service, "sale_ok": true, "active": true,
			"uom_id": int64(1), "list_price": price, "taxes_id": []int64{1}, "stock": new(big.Rat).SetInt64(p.Stock), "invoice_policy": "order",
			"product_tmpl_id": int64(i + 1)})
		if p.Stock > 0 {
			s.db.burn("stock.move") // the inventory that put it there
		}
	}
	return nil
}
