package odootest

// kind is what a field holds.
type kind int

const (
	char kind = iota // also selections and dates
	html
	boolean
	integer
	decimal // a float, money or not
	many2one
	one2many
	many2many
	structure // a widget: an object or false
)

// field is what the fake knows of one field.
type field struct {
	kind     kind
	target   string // of the three relations
	inverse  string // of one2many
	label    string // in messages, where the field is required
	digits   int    // decimals that are stored; 0 = all
	computed bool   // never stored
}

func m2o(target string) field { return field{kind: many2one, target: target} }
func m2m(target string) field { return field{kind: many2many, target: target} }
func o2m(target, inverse string) field {
	return field{kind: one2many, target: target, inverse: inverse}
}

// computes is a field that is read from others.
func computes(k kind) field { return field{kind: k, computed: true} }

// chars are plain text fields.
func chars(names ...string) map[string]field {
	out := map[string]field{}
	for _, n := range names {
		out[n] = field{}
	}
	return out
}

// of adds fields to those of chars.
func of(fields map[string]field, more map[string]field) map[string]field {
	for n, f := range more {
		fields[n] = f
	}
	return fields
}

// schema lists the models and fields that the fake knows. Others are refused as
// Odoo refuses them.
var schema = map[string]map[string]field{
	"res.users": of(chars("login", "name"), map[string]field{"company_id": m2o("res.company"), "company_ids": m2m("res.company"),
		"partner_id": m2o("res.partner"), "active": {kind: boolean}}),
	"ir.cron":           chars("name"),
	"res.users.apikeys": chars("name"),
	"ir.model.data": of(chars("module", "name", "model", "complete_name"), map[string]field{
		"res_id": {kind: integer}}),
	"res.currency": of(chars("name", "symbol", "full_name"), map[string]field{
		"rounding": {kind: decimal}, "decimal_places": {kind: integer}, "active": {kind: boolean}, "rate": computes(decimal)}),
	"res.currency.rate": of(chars("name"), map[string]field{
		"rate": {kind: decimal}, "currency_id": m2o("res.currency"), "company_id": m2o("res.company")}),
	"res.country": of(chars("name", "code"), map[string]field{
		"state_ids": o2m("res.country.state", "country_id")}),
	"res.country.state": of(chars("name", "code"), map[string]field{"country_id": m2o("res.country")}),
	"res.company": of(chars("name", "tax_calculation_rounding_method", "account_price_include", "fiscalyear_lock_date", "sale_lock_date",
		"purchase_lock_date", "tax_lock_date", "hard_lock_date"), map[string]field{
		"currency_id": m2o("res.currency"), "partner_id": m2o("res.partner"), "country_id": m2o("res.country"), "parent_id": m2o("res.company"),
		"user_fiscalyear_lock_date": computes(char), "user_sale_lock_date": computes(char), "user_purchase_lock_date": computes(char),
		"user_tax_lock_date": computes(char), "user_hard_lock_date": computes(char),
		"currency_exchange_journal_id":         m2o("account.journal"),
		"income_currency_exchange_account_id":  m2o("account.account"),
		"expense_currency_exchange_account_id": m2o("account.account")}),

	"res.partner": of(chars("name", "ref", "email", "phone", "vat", "street", "street2", "city", "zip", "type", "company_type", "company_name",
		"lang", "comment"), map[string]field{
		"active": {kind: boolean}, "is_company": {kind: boolean}, "country_id": m2o("res.country"), "state_id": m2o("res.country.state"),
		"parent_id": m2o("res.partner"), "commercial_partner_id": computesOne("res.partner"), "company_id": m2o("res.company"),
		"child_ids": o2m("res.partner", "parent_id"), "complete_name": computes(char), "display_name": computes(char),
		"property_account_receivable_id": m2o("account.account"), "property_product_pricelist": m2o("product.pricelist"),
		"category_id": m2m("res.partner.category")}),
	"res.partner.category": chars("name"),

	"uom.uom": of(chars("name"), map[string]field{"rounding": {kind: decimal}, "active": {kind: boolean}}),
	"product.product": of(chars("name", "default_code", "type", "barcode", "invoice_policy", "tracking"), map[string]field{
		"is_storable": {kind: boolean}, "active": {kind: boolean}, "sale_ok": {kind: boolean}, "list_price": {kind: decimal},
		"product_tmpl_id": m2o("product.template"), "uom_id": m2o("uom.uom"), "taxes_id": m2m("account.tax"), "company_id": m2o("res.company"),
		"stock": {kind: decimal}, "qty_available": computes(decimal), "free_qty": computes(decimal), "display_name": computes(char)}),
	"product.template":  of(chars("name", "default_code"), map[string]field{"active": {kind: boolean}}),
	"product.pricelist": of(chars("name"), map[string]field{"currency_id": m2o("res.currency"), "company_id": m2o("res.company"), "active": {kind: boolean}}),

	"sale.order": of(chars("name", "client_order_ref", "origin", "state", "reference", "validity_date", "commitment_date"), map[string]field{
		"partner_id":          {kind: many2one, target: "res.partner", label: "Customer"},
		"partner_invoice_id":  m2o("res.partner"),
		"partner_shipping_id": m2o("res.partner"), "date_order": {}, "note": {kind: html}, "locked": {kind: boolean},
		"currency_id": m2o("res.currency"), "company_id": m2o("res.company"), "pricelist_id": m2o("product.pricelist"),
		"warehouse_id": m2o("stock.warehouse"), "picking_policy": {}, "fiscal_position_id": m2o("account.fiscal.position"),
		"payment_term_id": m2o("account.payment.term"),
		"order_line":      o2m("sale.order.line", "order_id"), "picking_ids": o2m("stock.picking", "sale_id"),
		"amount_untaxed": computes(decimal), "amount_tax": computes(decimal), "amount_total": computes(decimal),
		"delivery_status": computes(char), "invoice_status": computes(char), "invoice_ids": computesList("account.move"),
		"display_name": computes(char)}),
	"sale.order.line": of(chars("name", "display_type", "state"), map[string]field{
		"order_id": m2o("sale.order"), "sequence": {kind: integer}, "product_id": m2o("product.product"), "product_uom_id": m2o("uom.uom"),
		"product_uom_qty": {kind: decimal, digits: 2}, "price_unit": {kind: decimal}, "discount": {kind: decimal, digits: 2},
		"tax_ids": m2m("account.tax"), "company_id": m2o("res.company"), "move_ids": o2m("stock.move", "sale_line_id"),
		"price_subtotal": computes(decimal), "price_tax": computes(decimal), "price_total": computes(decimal),
		"qty_delivered": computes(decimal), "qty_invoiced": computes(decimal), "qty_to_invoice": computes(decimal),
		"currency_id": computesOne("res.currency"), "invoice_lines": computesList("account.move.line"), "display_name": computes(char)}),

	"stock.warehouse": of(chars("name", "code"), map[string]field{"company_id": m2o("res.company"), "active": {kind: boolean}}),
	"stock.picking": of(chars("name", "state", "origin", "carrier_tracking_ref", "carrier_tracking_url", "date_done", "scheduled_date",
		"picking_type_code", "note"), map[string]field{
		"sale_id": m2o("sale.order"), "carrier_id": m2o("delivery.carrier"), "backorder_id": m2o("stock.picking"), "partner_id": m2o("res.partner"),
		"company_id": m2o("res.company"), "return_id": m2o("stock.picking"), "move_ids": o2m("stock.move", "picking_id"),
		"backorder_ids": o2m("stock.picking", "backorder_id"), "display_name": computes(char)}),
	"stock.move": of(chars("state", "origin", "date", "reference"), map[string]field{
		"picking_id": m2o("stock.picking"), "product_id": m2o("product.product"), "product_uom_qty": {kind: decimal, digits: 2},
		"quantity": {kind: decimal, digits: 2}, "picked": {kind: boolean}, "sale_line_id": m2o("sale.order.line"), "product_uom": m2o("uom.uom"),
		"company_id": m2o("res.company"), "origin_returned_move_id": m2o("stock.move"), "sequence": {kind: integer}, "display_name": computes(char)}),
	"stock.backorder.confirmation": {},
	"delivery.carrier":             of(chars("name"), map[string]field{"active": {kind: boolean}}),

	"account.fiscal.position": chars("name"),
	"account.payment.term":    chars("name"),
	"account.tax.group":       chars("name"),
	"account.tax": of(chars("name", "amount_type", "type_tax_use", "price_include_override"), map[string]field{
		"amount": {kind: decimal}, "sequence": {kind: integer}, "active": {kind: boolean}, "company_id": m2o("res.company"),
		"tax_group_id": m2o("account.tax.group"), "country_id": m2o("res.country"), "price_include": computes(boolean),
		"children_tax_ids": m2m("account.tax")}),
	"account.account": of(chars("name", "code", "account_type"), map[string]field{
		"reconcile": {kind: boolean}, "active": {kind: boolean}, "company_ids": m2m("res.company"), "currency_id": m2o("res.currency")}),
	"account.journal": of(chars("name", "code", "type"), map[string]field{
		"sequence": {kind: integer}, "active": {kind: boolean}, "company_id": m2o("res.company"), "currency_id": m2o("res.currency"),
		"default_account_id":              m2o("account.account"),
		"inbound_payment_method_line_ids": computesList("account.payment.method.line"), "outbound_payment_method_line_ids": computesList("account.payment.method.line")}),
	"account.payment.method.line": of(chars("name", "payment_type", "code"), map[string]field{
		"journal_id": m2o("account.journal"), "payment_account_id": m2o("account.account"), "sequence": {kind: integer}, "display_name": computes(char)}),
}

// computesOne and computesList are relations that are read from others.
func computesOne(target string) field { return field{kind: many2one, target: target, computed: true} }

func computesList(target string) field { return field{kind: many2many, target: target, computed: true} }

// labels are the names of models in the server's messages.
var labels = map[string]string{
	"sale.order": "Sales Order", "sale.order.line": "Sales Order Line", "res.partner": "Contact", "res.users": "User", "res.company": "Companies",
	"ir.cron": "Scheduled Actions", "ir.model.data": "Model Data", "account.move": "Journal Entry", "account.move.line": "Journal Item",
	"account.payment": "Payments", "product.product": "Product Variant",
}

// logged are the fields that every model has.
var logged = map[string]field{"id": {kind: integer}, "create_date": {}, "write_date": {}, "display_name": computes(char)}

// orders are how records are listed unless a call says otherwise; the rest is by id.
var orders = map[string]string{
	"res.partner": "complete_name, id desc", "product.product": "default_code, name, id", "sale.order": "date_order desc, id desc",
	"sale.order.line": "order_id, sequence, id", "stock.picking": "scheduled_date, id desc", "stock.move": "sequence, id",
	"account.move": "date desc, name desc, invoice_date desc, id desc", "account.move.line": "date desc, move_name desc, id",
	"account.account": "code", "account.journal": "sequence, type, code", "account.tax": "sequence, id", "account.payment": "date desc, name desc",
	"account.payment.method.line": "sequence, id", "res.country": "name", "res.country.state": "code", "res.currency": "active desc, name",
	"res.company": "id",
}

// denied says who may do what the user may not, by model and operation.
var denied = map[string]map[string]string{
	"res.users":     {"write": "Access Rights", "create": "Access Rights", "unlink": "Access Rights"},
	"res.company":   {"write": "Access Rights", "create": "Access Rights", "unlink": "Access Rights"},
	"ir.model.data": {"read": "Access Rights", "write": "Access Rights", "create": "Access Rights", "unlink": "Access Rights"},
	"ir.cron":       {"read": "Role / Administrator", "write": "Role / Administrator", "create": "Role / Administrator", "unlink": "Role / Administrator"},
}

var verbs = map[string]string{"read": "access", "write": "modify", "create": "create", "unlink": "delete"}
