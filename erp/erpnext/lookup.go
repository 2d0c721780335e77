package erpnext

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
)

// ProductsBySKU reads the items with these codes, those that are not remembered in as
// few calls as the page size allows. Unknown codes are not remembered: an item that was
// just made is found at once. An item code is its item's name, and so unique.
func (o *Client) ProductsBySKU(ctx context.Context, skus []string) (map[string]erp.Product, error) {
	found := make(map[string]erp.Product, len(skus))
	var missing []string
	for _, sku := range skus {
		if p, ok := o.shared.products.Get(sku); ok {
			found[sku] = p
		} else if sku != "" {
			missing = append(missing, sku)
		}
	}
	slices.Sort(missing)
	for batch := range slices.Chunk(slices.Compact(missing), o.c.PageSize) {
		var rows []struct {
			Name  string `json:"name"`
			Code  string `json:"item_code"`
			Unit  string `json:"stock_uom"`
			Stock flag   `json:"is_stock_item"`
		}
		if err := o.list(ctx, "read items", "Item", []any{is("item_code", "in", batch), is("disabled", "=", 0), is("is_sales_item", "=", 1)},
			"name asc", 2*len(batch), []string{"name", "item_code", "stock_uom", "is_stock_item"}, &rows); err != nil {
			return nil, err
		}
		whole := map[string]bool{}
		if err := o.wholeUnits(ctx, whole); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if _, twice := found[r.Code]; twice {
				return nil, commerce.Errorf(commerce.KindAmbiguous, system, "read items", "two items have the code %q", r.Code)
			}
			digits := 3 // the site's float precision by default
			if whole[r.Unit] {
				digits = 0
			}
			p := erp.Product{ID: r.Name, SKU: r.Code, Unit: r.Unit, UnitDigits: digits, Stocked: bool(r.Stock)}
			found[r.Code] = p
			o.shared.products.Put(r.Code, p)
		}
	}
	return found, nil
}

// wholeUnits reads the units of which there are no fractions.
func (o *Client) wholeUnits(ctx context.Context, into map[string]bool) error {
	var rows []struct {
		Name string `json:"name"`
	}
	err := o.list(ctx, "read units", "UOM", []any{is("must_be_whole_number", "=", 1)}, "name asc", o.c.CacheSize, []string{"name"}, &rows)
	for _, r := range rows {
		into[r.Name] = true
	}
	return err
}

// books is what is remembered of a company's settings.
type books struct {
	currency commerce.Currency
	taxes    map[string]tax // by Item Tax Template
	unique   map[string]bool
	version  string
	tracking bool
	rounding erp.TaxRounding
}

// tax is an Item Tax Template with its one row.
type tax struct {
	title   string
	account string
	rate    commerce.Decimal // percent
}

// books reads currency, taxes and settings of the company, once in a while.
func (o *Client) books(ctx context.Context) (books, error) {
	if b, ok := o.company.books.Get(""); ok {
		return b, nil
	}
	b := books{taxes: map[string]tax{}, unique: map[string]bool{}, rounding: erp.RoundPerDocument}
	var co struct {
		Currency string `json:"default_currency"`
	}
	if err := o.get(ctx, "read company", "Company", o.company.name, &co); err != nil {
		return books{}, err
	}
	var err error
	if b.currency, err = commerce.ParseCurrency(co.Currency); err != nil {
		return books{}, err
	}
	if err := o.readTaxes(ctx, b.taxes); err != nil {
		return books{}, err
	}
	for _, doctype := range []string{"Customer", "Sales Order", "Journal Entry"} {
		if b.unique[doctype], err = o.uniqueKey(ctx, doctype); err != nil {
			return books{}, err
		}
	}
	var versions map[string]struct {
		Version string `json:"version"`
	}
	if err := o.do(ctx, call{op: "read version", verb: http.MethodGet, method: "frappe.utils.change_log.get_versions", out: &versions}); err != nil {
		return books{}, err
	}
	b.version = versions["erpnext"].Version
	var settings struct {
		RowWise flag `json:"round_row_wise_tax"`
	}
	if err := o.optional(o.get(ctx, "read settings", "Accounts Settings", "Accounts Settings", &settings)); err != nil {
		return books{}, err
	}
	if settings.RowWise {
		b.rounding = erp.RoundPerLine
	}
	var shipments []struct {
		Name string `json:"name"`
	}
	failed := o.list(ctx, "read parcels", "Shipment", []any{}, "name asc", 1, []string{"name"}, &shipments)
	if err := o.optional(failed); err != nil {
		return books{}, err
	}
	b.tracking = failed == nil
	o.company.books.Put("", b)
	return b, nil
}

// optional drops a refusal: what the user may not see is not there.
func (o *Client) optional(err error) error {
	switch commerce.KindOf(err) {
	case commerce.KindForbidden, commerce.KindNotFound:
		return nil
	}
	return err
}

func (o *Client) readTaxes(ctx context.Context, into map[string]tax) error {
	var rows []struct {
		Name string `json:"name"`
	}
	if err := o.list(ctx, "read taxes", "Item Tax Template", []any{is("company", "=", o.company.name), is("disabled", "=", 0)},
		"name asc", o.c.PageSize, []string{"name"}, &rows); err != nil {
		return err
	}
	if len(rows) == o.c.PageSize {
		return commerce.Errorf(commerce.KindLimit, system, "read taxes", "the company has %d tax templates or more; raise PageSize", len(rows))
	}
	for _, r := range rows {
		var doc struct {
			Title string `json:"title"`
			Taxes []struct {
				Account string `json:"tax_type"`
				Rate    number `json:"tax_rate"`
			} `json:"taxes"`
		}
		if err := o.get(ctx, "read taxes", "Item Tax Template", r.Name, &doc); err != nil {
			return err
		}
		if len(doc.Taxes) != 1 {
			continue // several taxes at once are no tax of the port
		}
		rate, err := doc.Taxes[0].Rate.decimal()
		if err != nil {
			return err
		}
		into[r.Name] = tax{title: doc.Title, account: doc.Taxes[0].Account, rate: rate}
	}
	return nil
}

// uniqueKey reports whether the database refuses a second document with our key. A
// doctype without the field is of kind invalid.
func (o *Client) uniqueKey(ctx context.Context, doctype string) (bool, error) {
	var docs []struct {
		Name   string `json:"name"`
		Fields []struct {
			Name   string `json:"fieldname"`
			Unique flag   `json:"unique"`
		} `json:"fields"`
	}
	// This method puts its result beside "message".
	if err := o.do(ctx, call{op: "read fields", verb: http.MethodGet, method: "frappe.desk.form.load.getdoctype",
		query: url.Values{"doctype": {doctype}}, docs: &docs}); err != nil {
		return false, err
	}
	for _, d := range docs {
		for _, f := range d.Fields {
			if d.Name == doctype && f.Name == o.c.KeyField {
				return bool(f.Unique), nil
			}
		}
	}
	return false, commerce.Errorf(commerce.KindInvalid, system, "read fields", "%s has no field %q; add it, or set Config.KeyField", doctype, o.c.KeyField)
}

// Taxes returns the company's Item Tax Templates of one row.
func (o *Client) Taxes(ctx context.Context) ([]erp.Tax, error) {
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Tax, 0, len(b.taxes))
	for name, x := range b.taxes {
		out = append(out, erp.Tax{ID: name, Name: x.title, Rate: x.rate})
	}
	slices.SortFunc(out, func(a, b erp.Tax) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// Capabilities reads what this ERPNext can promise. Orders and entries are keyed where
// the custom field is unique.
func (o *Client) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	b, err := o.books(ctx)
	if err != nil {
		return erp.Capabilities{}, err
	}
	class := func(doctype string) idempotency.Class {
		if b.unique[doctype] {
			return idempotency.Keyed
		}
		return idempotency.Marked
	}
	return erp.Capabilities{
		System: system, Mode: o.c.Origin.Mode, Version: b.version, Company: o.company.name, Currency: b.currency,
		UniqueOrders: b.unique["Sales Order"], UniqueEntries: b.unique["Journal Entry"],
		Tracking: b.tracking, Stock: true, TaxRounding: b.rounding, Settle: o.c.LongestRequest,
		Classes: erp.Classes{
			Customer: class("Customer"), Order: class("Sales Order"), Confirm: idempotency.Guarded, Cancel: idempotency.Guarded,
			Withdraw: idempotency.Guarded, Fulfilment: idempotency.Guarded, Entry: class("Journal Entry"), Reversal: class("Journal Entry"),
		},
	}, nil
}

// country finds the name of a country by its ISO 3166-1 code; empty = there is none.
func (o *Client) country(ctx context.Context, code string) (string, error) {
	code = strings.ToLower(code)
	if name, ok := o.shared.countries.Get(code); ok {
		return name, nil
	}
	var rows []struct {
		Name string `json:"name"`
	}
	if err := o.list(ctx, "look up country", "Country", []any{is("code", "=", code)}, "name asc", 1, []string{"name"}, &rows); err != nil || len(rows) == 0 {
		return "", err
	}
	o.shared.countries.Put(code, rows[0].Name)
	return rows[0].Name, nil
}
