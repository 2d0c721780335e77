package trytontest

// kind says how a field is stored and written.
type kind int

const (
	plain     kind = iota
	numeric        // Decimal, at most digits decimals
	many2one       // id of a record of target
	one2many       // records of target whose field inverse is this one
	many2many      // ids of records of target
	computed       // by transaction.compute
)

type field struct {
	kind    kind
	target  string
	inverse string
	label   string // in the server's messages
	needed  bool
	digits  int
}

// schema lists the models and fields that the client uses, and some that the
// recordings read. Everything else is refused as Tryton refuses it.
var schema = map[string]map[string]field{
	"res.user.warning":      {"user": {}, "name": {}, "always": {}},
	"ir.module":             {"name": {}, "state": {}},
	"company.company":       {"party": {kind: many2one, target: "party.party"}, "currency": {kind: many2one, target: "currency.currency"}},
	"sale.configuration":    {"sale_invoice_method": {}},
	"account.configuration": {"tax_rounding": {}, "default_account_receivable": {}},
	"currency.currency":     {"code": {}, "name": {}, "digits": {}, "rounding": {kind: numeric, digits: 12}},
	"country.country":       {"code": {}, "name": {}},
	"country.subdivision":   {"code": {}, "name": {}, "country": {kind: many2one, target: "country.country"}},
	"product.uom":           {"name": {}, "symbol": {}, "digits": {}},
	"product.product": {"code": {}, "name": {}, "type": {}, "salable": {}, "active": {}, "stock": {},
		"sale_uom": {kind: many2one, target: "product.uom"}, "default_uom": {kind: many2one, target: "product.uom"},
		"list_price": {kind: numeric, digits: 4}, "template": {}},
	"account.tax": {"name": {}, "description": {}, "type": {}, "rate": {kind: numeric, digits: 8}, "childs": {}, "company": {},
		"update_unit_price": {}, "start_date": {}, "end_date": {}},
	"account.account": {"code": {}, "name": {}, "company": {}, "party_required": {}, "reconcile": {}, "type": {}, "closed": {},
		"second_currency": {kind: many2one, target: "currency.currency"},
		"debit":           {kind: computed}, "credit": {kind: computed}, "amount_second_currency": {kind: computed}},
	"account.journal":              {"code": {}, "name": {}, "type": {}},
	"account.period":               {"name": {}, "start_date": {}, "end_date": {}, "state": {}, "type": {}, "company": {}, "fiscalyear": {}},
	"account.invoice.payment_term": {"name": {}},
	"stock.location":               {"name": {}, "code": {}, "type": {}},
	"stock.package.type":           {"name": {}},

	"party.party": {"code": {}, "name": {label: "Name"}, "lang": {}, "active": {},
		"addresses":          {kind: one2many, target: "party.address", inverse: "party"},
		"contact_mechanisms": {kind: one2many, target: "party.contact_mechanism", inverse: "party"},
		"identifiers":        {kind: one2many, target: "party.identifier", inverse: "party"},
		"email":              {kind: computed}, "phone": {kind: computed}, "account_receivable": {}},
	"party.address": {"party": {kind: many2one, target: "party.party"}, "party_name": {}, "street": {}, "postal_code": {}, "city": {},
		"country": {kind: many2one, target: "country.country"}, "subdivision": {kind: many2one, target: "country.subdivision"}},
	"party.contact_mechanism": {"party": {kind: many2one, target: "party.party"}, "type": {}, "value": {}},
	"party.identifier":        {"party": {kind: many2one, target: "party.party"}, "type": {}, "code": {}},

	"sale.sale": {"number": {}, "reference": {}, "description": {}, "state": {}, "company": {}, "comment": {}, "sale_date": {}, "origin": {},
		"party":            {kind: many2one, target: "party.party", label: "Party", needed: true},
		"currency":         {kind: many2one, target: "currency.currency", label: "Currency", needed: true},
		"invoice_address":  {kind: many2one, target: "party.address", label: "Invoice Address"},
		"shipment_address": {kind: many2one, target: "party.address", label: "Shipment Address"},
		"payment_term":     {kind: many2one, target: "account.invoice.payment_term"},
		"warehouse":        {kind: many2one, target: "stock.location"},
		"invoice_method":   {}, "shipment_method": {},
		"lines":          {kind: one2many, target: "sale.line", inverse: "sale"},
		"shipment_state": {kind: computed}, "invoice_state": {kind: computed},
		"untaxed_amount": {kind: computed}, "tax_amount": {kind: computed}, "total_amount": {kind: computed},
		"shipments": {kind: computed}, "shipment_returns": {kind: computed}, "moves": {kind: computed},
		"invoices": {kind: many2many, target: "account.invoice"}, "invoices_ignored": {kind: many2many, target: "account.invoice"}},
	"account.invoice": {"number": {}, "state": {}, "company": {}, "type": {}, "reference": {}, "description": {}, "invoice_date": {}, "accounting_date": {},
		"sales":           {kind: many2many, target: "sale.sale"},
		"party":           {kind: many2one, target: "party.party", label: "Party", needed: true},
		"invoice_address": {kind: many2one, target: "party.address", label: "Invoice Address"},
		"account":         {kind: many2one, target: "account.account", label: "Account"},
		"journal":         {kind: many2one, target: "account.journal"},
		"currency":        {kind: many2one, target: "currency.currency"},
		"payment_term":    {kind: many2one, target: "account.invoice.payment_term"},
		"move":            {kind: many2one, target: "account.move"}, "cancel_move": {},
		"lines":          {kind: one2many, target: "account.invoice.line", inverse: "invoice"},
		"taxes":          {kind: one2many, target: "account.invoice.tax", inverse: "invoice"},
		"payment_lines":  {kind: many2many, target: "account.move.line"},
		"untaxed_amount": {kind: computed}, "tax_amount": {kind: computed}, "total_amount": {kind: computed},
		"amount_to_pay": {kind: computed}, "amount_to_pay_today": {kind: computed}, "lines_to_pay": {kind: computed},
		"reconciled": {kind: computed}, "reconciliation_lines": {kind: computed}, "origins": {kind: computed}},
	"account.invoice.line": {"type": {}, "description": {}, "origin": {}, "company": {}, "quantity": {label: "Quantity"},
		"invoice":    {kind: many2one, target: "account.invoice"},
		"currency":   {kind: many2one, target: "currency.currency"},
		"product":    {kind: many2one, target: "product.product"},
		"unit":       {kind: many2one, target: "product.uom"},
		"account":    {kind: many2one, target: "account.account"},
		"unit_price": {kind: numeric, digits: 4, label: "Unit Price"},
		"taxes":      {kind: many2many, target: "account.tax"},
		"amount":     {kind: computed}},
	"account.invoice.tax": {"description": {}, "manual": {},
		"invoice": {kind: many2one, target: "account.invoice"},
		"tax":     {kind: many2one, target: "account.tax"},
		"base":    {kind: numeric, digits: 4}, "amount": {kind: numeric, digits: 4}},
	"account.move.reconciliation": {"company": {}, "date": {}, "lines": {kind: many2many, target: "account.move.line"}},
	"sale.line": {"type": {}, "description": {}, "quantity": {label: "Quantity"},
		"sale":          {kind: many2one, target: "sale.sale"},
		"product":       {kind: many2one, target: "product.product", label: "Product"},
		"unit":          {kind: many2one, target: "product.uom", label: "Unit"},
		"unit_price":    {kind: numeric, digits: 4, label: "Unit Price"},
		"taxes":         {kind: many2many, target: "account.tax"},
		"moves_ignored": {kind: many2many, target: "stock.move"},
		"amount":        {kind: computed}, "moves": {kind: computed}, "move_done": {kind: computed}, "actual_quantity": {kind: computed}},

	"stock.shipment.out": {"number": {}, "reference": {}, "state": {}, "company": {}, "planned_date": {}, "effective_date": {}, "warehouse": {},
		"customer": {kind: many2one, target: "party.party"}, "delivery_address": {kind: many2one, target: "party.address"},
		"outgoing_moves": {}, "inventory_moves": {}, "packages": {kind: computed}, "origins": {kind: computed}},
	"stock.move": {"state": {}, "shipment": {}, "quantity": {}, "origin": {}, "effective_date": {},
		"product": {kind: many2one, target: "product.product"}},
	"stock.package": {"code": {}, "type": {}, "shipment": {}, "shipping_reference": {}, "shipping_tracking_url": {}, "state": {},
		"moves": {kind: many2many, target: "stock.move"}},

	"account.move": {"number": {}, "post_number": {}, "state": {}, "date": {}, "post_date": {}, "description": {}, "origin": {}, "company": {},
		"journal": {kind: many2one, target: "account.journal"}, "period": {kind: many2one, target: "account.period"},
		"lines": {kind: one2many, target: "account.move.line", inverse: "move"}},
	"account.move.line": {"description": {}, "state": {}, "reconciliation": {}, "maturity_date": {}, "origin": {}, "move": {kind: many2one, target: "account.move"},
		"account": {kind: many2one, target: "account.account", label: "Account", needed: true},
		"party":   {kind: many2one, target: "party.party", label: "Party"},
		"debit":   {kind: numeric, digits: 2, label: "Debit"}, "credit": {kind: numeric, digits: 2, label: "Credit"},
		"second_currency":        {kind: many2one, target: "currency.currency"},
		"amount_second_currency": {kind: numeric, digits: 4, label: "Amount Second Currency"}},
}

// labels are the names of models in the server's messages.
var labels = map[string]string{
	"sale.sale": "Sale", "sale.line": "Sale Line", "party.party": "Party", "account.move": "Account Move",
	"account.move.line": "Account Move Line",
}

// logged are the fields that every model has.
var logged = map[string]bool{"id": true, "create_date": true, "write_date": true, "_timestamp": true, "rec_name": true}
