package tryton

import (
	"context"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/internal/cache"
)

// product is what is remembered of a product; a nil Product is a SKU that is unknown.
type product struct {
	erp.Product
	id, unit int64
}

// ProductsBySKU reads the active, salable products with these SKUs, those that are
// not remembered in as few calls as the page size allows. Unknown SKUs are not
// remembered: a product that was just made is found at once.
func (t *Client) ProductsBySKU(ctx context.Context, skus []string) (map[string]erp.Product, error) {
	found, err := t.products(ctx, skus)
	if err != nil {
		return nil, err
	}
	out := make(map[string]erp.Product, len(found))
	for sku, p := range found {
		out[sku] = p.Product
	}
	return out, nil
}

func (t *Client) products(ctx context.Context, skus []string) (map[string]product, error) {
	found := make(map[string]product, len(skus))
	var missing []string
	for _, sku := range skus {
		if p, ok := t.company.caches.products.Get(sku); ok {
			found[sku] = p
		} else if sku != "" {
			missing = append(missing, sku)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	for batch := range slices.Chunk(missing, t.c.PageSize) {
		var rows []struct {
			ID   int64  `json:"id"`
			Code string `json:"code"`
			Type string `json:"type"`
			Unit int64  `json:"sale_uom"`
			UOM  struct {
				Digits int `json:"digits"`
			} `json:"sale_uom."`
		}
		// One more than asked for would be an ambiguous SKU; two of each are enough to see it.
		err := t.searchRead(ctx, "read products", "product.product",
			[]any{clause("code", "in", batch), clause("salable", "=", true)}, 2*len(batch), byID,
			[]string{"id", "code", "type", "sale_uom", "sale_uom.digits"}, &rows)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if _, twice := found[r.Code]; twice {
				return nil, commerce.Errorf(commerce.KindAmbiguous, system, "read products", "two products have the SKU %q", r.Code)
			}
			found[r.Code] = product{id: r.ID, unit: r.Unit, Product: erp.Product{ID: formatID(r.ID), SKU: r.Code,
				Unit: formatID(r.Unit), UnitDigits: r.UOM.Digits, Stocked: r.Type == "goods"}}
		}
		for _, sku := range batch {
			if p, ok := found[sku]; ok {
				t.company.caches.products.Put(sku, p)
			}
		}
	}
	return found, nil
}

// books is what is remembered of a company's settings.
type books struct {
	currency commerce.Currency
	rounding erp.TaxRounding
	invoices bool // sales are invoiced by the server, at once or as they are shipped
	taxes    map[int64]tax
	modules  map[string]bool
}

// tax is one tax; foreseeable says that its amount is rate x net and nothing else.
type tax struct {
	id          int64
	name        string
	rate        *big.Rat // share: 0.19
	foreseeable bool
}

// books reads currency, taxes, settings and modules of the company, once in a while.
func (t *Client) books(ctx context.Context) (books, error) {
	if b, ok := t.company.caches.books.Get(""); ok {
		return b, nil
	}
	id, err := t.companyID(ctx)
	if err != nil {
		return books{}, err
	}
	b := books{taxes: map[int64]tax{}, modules: map[string]bool{}}

	var companies []struct {
		Currency struct {
			Code string `json:"code"`
		} `json:"currency."`
	}
	if err := t.read(ctx, "read company", "company.company", []int64{id}, []string{"currency.code"}, &companies); err != nil {
		return books{}, err
	}
	if len(companies) != 1 {
		return books{}, commerce.Errorf(commerce.KindNotFound, system, "read company", "there is no company %d", id)
	}
	if b.currency, err = commerce.ParseCurrency(companies[0].Currency.Code); err != nil {
		return books{}, err
	}

	var settings []struct {
		Rounding string `json:"tax_rounding"`
	}
	if err := t.read(ctx, "read settings", "account.configuration", []int64{1}, []string{"tax_rounding"}, &settings); err != nil {
		return books{}, err
	}
	b.rounding = erp.RoundPerDocument
	if len(settings) == 1 && settings[0].Rounding == "line" {
		b.rounding = erp.RoundPerLine
	}

	var sales []struct {
		Method string `json:"sale_invoice_method"`
	}
	if err := t.read(ctx, "read settings", "sale.configuration", []int64{1}, []string{"sale_invoice_method"}, &sales); err != nil {
		return books{}, err
	}
	b.invoices = len(sales) == 1 && sales[0].Method != "manual"

	var taxes []struct {
		ID       int64   `json:"id"`
		Name     string  `json:"name"`
		Type     string  `json:"type"`
		Rate     number  `json:"rate"`
		Children []int64 `json:"childs"`
		Compound flag    `json:"update_unit_price"`
		Start    date    `json:"start_date"`
		End      date    `json:"end_date"`
	}
	if err := t.searchRead(ctx, "read taxes", "account.tax", []any{clause("company", "=", id)}, t.c.CacheSize, byID,
		[]string{"id", "name", "type", "rate", "childs", "update_unit_price", "start_date", "end_date"}, &taxes); err != nil {
		return books{}, err
	}
	for _, r := range taxes {
		x := tax{id: r.ID, name: r.Name, rate: new(big.Rat)}
		if r.Type == "percentage" {
			if _, ok := x.rate.SetString(string(r.Rate)); !ok {
				return books{}, commerce.Errorf(commerce.KindInternal, system, "read taxes", "tax %d has no rate", r.ID)
			}
		}
		x.foreseeable = r.Type == "percentage" && len(r.Children) == 0 && !bool(r.Compound) && r.Start.IsZero() && r.End.IsZero()
		b.taxes[r.ID] = x
	}

	var modules []struct {
		Name string `json:"name"`
	}
	if err := t.searchRead(ctx, "read modules", "ir.module", []any{clause("state", "=", "activated")}, t.c.CacheSize, byID,
		[]string{"name"}, &modules); err != nil {
		return books{}, err
	}
	for _, m := range modules {
		b.modules[m.Name] = true
	}
	t.company.caches.books.Put("", b)
	return b, nil
}

// Taxes returns the company's taxes.
func (t *Client) Taxes(ctx context.Context) ([]erp.Tax, error) {
	b, err := t.books(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Tax, 0, len(b.taxes))
	for _, x := range b.taxes {
		rate, err := commerce.ParseDecimal(new(big.Rat).Mul(x.rate, big.NewRat(100, 1)).FloatString(8))
		if err != nil {
			return nil, err
		}
		out = append(out, erp.Tax{ID: formatID(x.id), Name: x.name, Rate: rate.Trim(0)})
	}
	slices.SortFunc(out, func(a, b erp.Tax) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// version asks the server for its version: at its root, where there is no session.
func (t *Client) version(ctx context.Context) (string, error) {
	var v string
	c := call{op: "read version", method: "common.server.version", out: &v, root: true}
	err := t.policy.Do(ctx, func(ctx context.Context) error { return t.roundTrip(ctx, c, []any{}, "") })
	return v, err
}

// Capabilities reads what this Tryton can promise. Orders and entries are only
// marked: the server takes a second one under the same reference without a word
// (four creates at once made four records; recorded on 6.0.29, 2026-11).
func (t *Client) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	b, err := t.books(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	id, err := t.companyID(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	version, err := t.version(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	return erp.Capabilities{
		System: system, Mode: t.c.Origin.Mode, Version: version, Company: formatID(id), Currency: b.currency,
		Tracking:       b.modules["stock_package_shipping"],
		Stock:          true, // the module sale depends on stock
		InvoicesItself: b.invoices,
		DatedNumbers:   true,
		TaxRounding:    b.rounding,
		Settle:         t.c.LongestRequest,
		Classes: erp.Classes{
			Customer: idempotency.Keyed, Order: idempotency.Marked, Confirm: idempotency.Guarded,
			Cancel: idempotency.Guarded, Withdraw: idempotency.Guarded, Fulfilment: idempotency.Guarded,
			Entry: idempotency.Marked, Reversal: idempotency.Marked,
			Invoice: idempotency.Guarded, Receipt: idempotency.Marked, Apply: idempotency.Guarded, CreditNote: idempotency.Marked,
		},
	}, nil
}

// currencyID finds a currency by its ISO code.
func (t *Client) currencyID(ctx context.Context, c commerce.Currency) (int64, error) {
	return lookup(ctx, t, t.shared.currencies, c, "currency.currency", []any{clause("code", "=", string(c))})
}

// countryID finds a country by its ISO 3166-1 code.
func (t *Client) countryID(ctx context.Context, code string) (int64, error) {
	return lookup(ctx, t, t.shared.countries, code, "country.country", []any{clause("code", "=", code)})
}

// regionID finds a subdivision by its ISO 3166-2 code: "US-TX".
func (t *Client) regionID(ctx context.Context, code string) (int64, error) {
	return lookup(ctx, t, t.shared.regions, code, "country.subdivision", []any{clause("code", "=", code)})
}

// lookup finds the one record that matches a domain and remembers its id. None is
// 0 and not remembered; two are ambiguous.
func lookup[K ~string](ctx context.Context, t *Client, c *cache.Cache[K, int64], key K, model string, domain []any) (int64, error) {
	if id, ok := c.Get(key); ok {
		return id, nil
	}
	var rows []struct {
		ID int64 `json:"id"`
	}
	op := "look up " + model
	if err := t.searchRead(ctx, op, model, domain, 2, byID, []string{"id"}, &rows); err != nil {
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
