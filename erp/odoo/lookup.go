package odoo

import (
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/internal/cache"
)

// product is what is remembered of a product.
type product struct {
	erp.Product
	id, unit int64
}

// ProductsBySKU reads the active, salable products with these SKUs, those that are
// not remembered in as few calls as the page size allows. Unknown SKUs are not
// remembered: a product that was just made is found at once.
func (o *Client) ProductsBySKU(ctx context.Context, skus []string) (map[string]erp.Product, error) {
	found, err := o.products(ctx, skus)
	if err != nil {
		return nil, err
	}
	out := make(map[string]erp.Product, len(found))
	for sku, p := range found {
		out[sku] = p.Product
	}
	return out, nil
}

func (o *Client) products(ctx context.Context, skus []string) (map[string]product, error) {
	found := make(map[string]product, len(skus))
	var missing []string
	for _, sku := range skus {
		if p, ok := o.company.caches.products.Get(sku); ok {
			found[sku] = p
		} else if sku != "" {
			missing = append(missing, sku)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	for batch := range slices.Chunk(missing, o.c.PageSize) {
		var rows []struct {
			ID   int64  `json:"id"`
			Code text   `json:"default_code"`
			Type string `json:"type"`
			Unit link   `json:"uom_id"`
		}
		// The SKU is not unique: two of each are enough to see that.
		err := o.searchRead(ctx, "read products", "product.product",
			domain(clause("default_code", "in", batch), clause("sale_ok", "=", true)), 2*len(batch), "id",
			[]string{"id", "default_code", "type", "uom_id"}, &rows)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			sku := string(r.Code)
			if _, twice := found[sku]; twice {
				return nil, commerce.Errorf(commerce.KindAmbiguous, system, "read products", "two products have the SKU %q", sku)
			}
			found[sku] = product{id: r.ID, unit: r.Unit.ID, Product: erp.Product{ID: formatID(r.ID), SKU: sku,
				Unit: formatID(r.Unit.ID), UnitDigits: b.digits("sale.order.line", "product_uom_qty", 2),
				Stocked: r.Type == "consu" || r.Type == "product"}}
		}
		for _, sku := range batch {
			if p, ok := found[sku]; ok {
				o.company.caches.products.Put(sku, p)
			}
		}
	}
	return found, nil
}

// books is what is remembered of a company's settings and of the server's fields,
// whose names differ between versions.
type books struct {
	currency commerce.Currency
	rounding erp.TaxRounding
	taxes    map[int64]tax
	fields   map[string]map[string]field // by model
}

// field is what the server says of a field.
type field struct {
	Type   string `json:"type"`
	Digits digits `json:"digits"`
}

// digits are [16, 2]; false or absent where they are not bounded.
type digits []int

func (d *digits) UnmarshalJSON(b []byte) error {
	*d = nil
	if empty(b) {
		return nil
	}
	return json.Unmarshal(b, (*[]int)(d))
}

// has reports whether the server knows a field.
func (b books) has(model, name string) bool { _, ok := b.fields[model][name]; return ok }

// one is the first of the names that the server knows: the newest first.
func (b books) one(model string, names ...string) string {
	for _, name := range names {
		if b.has(model, name) {
			return name
		}
	}
	return names[0]
}

// digits are the decimals that the server keeps of a field.
func (b books) digits(model, name string, unbounded int) int {
	if d := b.fields[model][name].Digits; len(d) == 2 {
		return d[1]
	}
	return unbounded
}

// tax is one tax for sales.
type tax struct {
	name     string
	rate     *big.Rat // share: 0.19; nought for one that is no percentage
	percent  bool
	included bool // in the prices that it is put on
}

// asked are the fields of which some versions lack one.
var asked = []struct {
	model  string
	fields []string
}{
	{"sale.order", []string{"picking_ids", "delivery_status", "pricelist_id", "note", "warehouse_id"}},
	{"sale.order.line", []string{"tax_ids", "tax_id", "product_uom_id", "product_uom", "price_unit", "product_uom_qty"}},
	{"res.company", []string{"fiscalyear_lock_date", "period_lock_date", "hard_lock_date", "user_fiscalyear_lock_date", "user_hard_lock_date",
		"sale_lock_date", "user_sale_lock_date", "purchase_lock_date", "user_purchase_lock_date", "tax_lock_date", "user_tax_lock_date"}},
	{"account.account", []string{"deprecated"}},
	{"account.move.line", []string{"price_unit"}},
	{"stock.picking", []string{"carrier_tracking_ref", "carrier_tracking_url", "carrier_id"}},
	{"stock.move", []string{"quantity", "picked", "reserved_availability", "quantity_done"}},
}

// books reads currency, taxes, settings and fields, once in a while.
func (o *Client) books(ctx context.Context) (books, error) {
	if b, ok := o.company.caches.books.Get(""); ok {
		return b, nil
	}
	id, err := o.companyID(ctx)
	if err != nil {
		return books{}, err
	}
	b := books{taxes: map[int64]tax{}, fields: map[string]map[string]field{}}
	for _, x := range asked {
		if strings.HasPrefix(x.model, "stock.") && !b.has("sale.order", "picking_ids") {
			continue // the module sale_stock is not there
		}
		var fields map[string]field
		if err := o.do(ctx, call{op: "read fields", model: x.model, method: "fields_get",
			options: []arg{{"allfields", x.fields}, {"attributes", []string{"type", "digits"}}}, out: &fields}); err != nil {
			return books{}, err
		}
		b.fields[x.model] = fields
	}

	var companies []struct {
		Currency link   `json:"currency_id"`
		Rounding string `json:"tax_calculation_rounding_method"`
	}
	if err := o.readAll(ctx, "read company", "res.company", []int64{id}, []string{"currency_id", "tax_calculation_rounding_method"}, &companies); err != nil {
		return books{}, err
	}
	if len(companies) != 1 {
		return books{}, commerce.Errorf(commerce.KindNotFound, system, "read company", "there is no company %d", id)
	}
	if b.currency, err = commerce.ParseCurrency(companies[0].Currency.Label); err != nil {
		return books{}, err
	}
	b.rounding = erp.RoundPerDocument
	if companies[0].Rounding == "round_per_line" {
		b.rounding = erp.RoundPerLine
	}

	var taxes []struct {
		ID       int64  `json:"id"`
		Name     string `json:"name"`
		Type     string `json:"amount_type"`
		Amount   number `json:"amount"`
		Included bool   `json:"price_include"`
	}
	if err := o.searchRead(ctx, "read taxes", "account.tax", domain(clause("company_id", "=", id), clause("type_tax_use", "=", "sale")),
		o.c.CacheSize, "id", []string{"id", "name", "amount_type", "amount", "price_include"}, &taxes); err != nil {
		return books{}, err
	}
	for _, r := range taxes {
		x := tax{name: r.Name, rate: new(big.Rat), percent: r.Type == "percent", included: r.Included}
		if x.percent {
			if _, ok := x.rate.SetString(string(r.Amount)); !ok {
				return books{}, commerce.Errorf(commerce.KindInternal, system, "read taxes", "tax %d has no rate", r.ID)
			}
			x.rate.Quo(x.rate, big.NewRat(100, 1))
		}
		b.taxes[r.ID] = x
	}
	o.company.caches.books.Put("", b)
	return b, nil
}

// Taxes returns the company's taxes for sales.
func (o *Client) Taxes(ctx context.Context) ([]erp.Tax, error) {
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Tax, 0, len(b.taxes))
	for id, x := range b.taxes {
		rate, err := commerce.ParseDecimal(new(big.Rat).Mul(x.rate, big.NewRat(100, 1)).FloatString(8))
		if err != nil {
			return nil, err
		}
		out = append(out, erp.Tax{ID: formatID(id), Name: x.name, Rate: rate.Trim(0)})
	}
	slices.SortFunc(out, func(a, b erp.Tax) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// Capabilities reads what this Odoo can promise. Parties, orders and entries are
// keyed: their key is an external id, of which the database holds one.
func (o *Client) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	b, err := o.books(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	id, err := o.companyID(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	v, err := o.version(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	return erp.Capabilities{
		System: system, Mode: o.c.Origin.Mode, Version: v.text, Company: formatID(id), Currency: b.currency,
		UniqueOrders:  true,
		UniqueEntries: true, UniqueInvoices: true, UniqueReceipts: true,
		InvoicesOnRequest: true, FXByServer: true,
		Tracking:    b.has("stock.picking", "carrier_tracking_ref"),
		Stock:       b.has("sale.order", "picking_ids"),
		TaxRounding: b.rounding,
		Settle:      o.c.LongestRequest,
		Classes: erp.Classes{
			Customer: idempotency.Keyed, Order: idempotency.Keyed, Confirm: idempotency.Guarded,
			Cancel: idempotency.Guarded, Withdraw: idempotency.Guarded, Fulfilment: idempotency.Guarded,
			Entry: idempotency.Keyed, Reversal: idempotency.Keyed,
			Invoice: idempotency.Guarded, Receipt: idempotency.Keyed, Apply: idempotency.Guarded, CreditNote: idempotency.Keyed,
		},
	}, nil
}

// currencyID finds an active currency by its ISO code.
func (o *Client) currencyID(ctx context.Context, c commerce.Currency) (int64, error) {
	return lookup(ctx, o, o.shared.currencies, c, "res.currency", clause("name", "=", string(c)))
}

// countryID finds a country by its ISO 3166-1 code.
func (o *Client) countryID(ctx context.Context, code string) (int64, error) {
	return lookup(ctx, o, o.shared.countries, code, "res.country", clause("code", "=", code))
}

// regionID finds a region of a country by the second half of its ISO 3166-2 code.
func (o *Client) regionID(ctx context.Context, country int64, code string) (int64, error) {
	where := []any{clause("country_id", "=", country), clause("code", "=", code)}
	key := formatID(country) + "-" + code
	return lookup(ctx, o, o.shared.regions, key, "res.country.state", where...)
}

// lookup finds the one record that matches a domain and remembers its id. None is
// 0 and not remembered; two are ambiguous.
func lookup[K ~string](ctx context.Context, o *Client, c *cache.Cache[K, int64], key K, model string, where ...any) (int64, error) {
	if id, ok := c.Get(key); ok {
		return id, nil
	}
	var rows []struct {
		ID int64 `json:"id"`
	}
	op := "look up " + model
	if err := o.searchRead(ctx, op, model, domain(where...), 2, "id", []string{"id"}, &rows); err != nil {
		return 0, err
	}
	switch len(rows) {
	case 0:
		return 0, nil
	case 1:
		c.Put(key, rows[0].ID)
		return rows[0].ID, nil
	}
	return 0, commerce.Errorf(commerce.KindAmbiguous, system, op, "two records are called %q", string(key))
}
