package odoo

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// UpsertCustomer finds the party by its reference, or loads it under an external id
// made of the key. Its addresses are contacts below it.
func (o *Client) UpsertCustomer(ctx context.Context, c erp.Customer) (erp.CustomerRef, error) {
	if err := c.Validate(); err != nil {
		return erp.CustomerRef{}, err
	}
	billing, err := o.address(ctx, c, c.Billing, "invoice")
	if err != nil {
		return erp.CustomerRef{}, err
	}
	var shipping []cell
	if c.Shipping != nil && *c.Shipping != c.Billing {
		if shipping, err = o.address(ctx, c, *c.Shipping, "delivery"); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	id, err := o.party(ctx, c)
	if err != nil {
		return erp.CustomerRef{}, err
	}
	ref := erp.CustomerRef{Party: formatID(id)}
	if ref.Billing, err = o.addressID(ctx, c, id, billing); err != nil {
		return erp.CustomerRef{}, err
	}
	ref.Shipping = ref.Billing
	if shipping != nil {
		if ref.Shipping, err = o.addressID(ctx, c, id, shipping); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	return ref, nil
}

// unchecked lets VAT numbers in as the shop has them.
var unchecked = values{"no_vat_validation": true}

// party finds the party, or makes it. Archived ones hold their key too.
func (o *Client) party(ctx context.Context, c erp.Customer) (int64, error) {
	op := "upsert customer " + c.Key
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := o.do(ctx, call{op: op, model: "res.partner", method: "search_read", context: values{"active_test": false},
		args:    []arg{{"domain", domain(clause("ref", "=", c.Key), clause("parent_id", "=", false))}},
		options: []arg{{"fields", []string{"id"}}, {"limit", 1}, {"order", "id"}}, out: &rows}); err != nil {
		return 0, err
	}
	data := masterData(c)
	if len(rows) == 0 {
		var s sheet
		s.set(0, "id", o.externalID("party", "", c.Key))
		s.set(0, "ref", c.Key)
		for _, d := range data {
			s.set(0, d.field, d.text)
		}
		return o.load(ctx, op, "res.partner", s, unchecked)
	}
	id := rows[0].ID
	if !c.Update {
		return id, nil
	}
	v := values{}
	for _, d := range data {
		v[d.field] = d.value()
	}
	return id, o.do(ctx, call{op: op, model: "res.partner", method: "write", ids: []int64{id}, args: []arg{{"vals", v}}, context: unchecked, write: true})
}

// cell is a field of a record and its value.
type cell struct {
	field string
	text  string
	link  int64 // instead of text, of a field that is a relation
}

// value is the value as Odoo's JSON has it.
func (c cell) value() any {
	switch {
	case c.link != 0:
		return c.link
	case c.text == "true":
		return true
	case c.text == "":
		return false
	}
	return c.text
}

// masterData are the party's fields, those that are known.
func masterData(c erp.Customer) []cell {
	list := []cell{{field: "name", text: first(c.Party.Company, c.Party.Name, c.Billing.Company, c.Billing.Name, c.Key)}}
	add := func(field, text string) {
		if text != "" {
			list = append(list, cell{field: field, text: text})
		}
	}
	if c.Party.Company != "" {
		add("is_company", "true")
	}
	add("email", c.Party.Email)
	add("phone", first(c.Party.Phone, c.Billing.Phone))
	if len(c.Party.VATIDs) > 0 {
		add("vat", c.Party.VATIDs[0]) // it holds one
	}
	return list
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// address says an address in Odoo's fields. A country that the server does not have
// is of kind mapping; a region that it does not have stays readable after the city.
func (o *Client) address(ctx context.Context, c erp.Customer, a commerce.Address, kind string) ([]cell, error) {
	street, more, _ := strings.Cut(a.Street, "\n")
	list := []cell{
		{field: "type", text: kind},
		{field: "name", text: first(strings.Trim(a.Company+", "+a.Name, ", "), c.Party.Name, c.Party.Company)},
		{field: "street", text: street},
		{field: "street2", text: strings.ReplaceAll(more, "\n", ", ")},
		{field: "zip", text: a.PostalCode},
	}
	country, region, city := cell{field: "country_id"}, cell{field: "state_id"}, a.City
	var err error
	if a.Country != "" {
		if country.link, err = o.countryID(ctx, a.Country); err != nil {
			return nil, err
		}
		if country.link == 0 {
			return nil, notSent(commerce.Errorf(commerce.KindMapping, system, "upsert customer "+c.Key, "the ERP has no country %q", a.Country))
		}
	}
	if a.Region != "" && country.link != 0 {
		if region.link, err = o.regionID(ctx, country.link, a.Region); err != nil {
			return nil, err
		}
	}
	if a.Region != "" && region.link == 0 {
		city = strings.Trim(city+", "+a.Region, ", ")
	}
	return append(list, cell{field: "city", text: city}, country, region), nil
}

// addressID finds an address of a party with exactly these fields, or adds it. It is
// never changed: orders point at it.
func (o *Client) addressID(ctx context.Context, c erp.Customer, party int64, a []cell) (string, error) {
	op := "upsert address of customer " + c.Key
	where, v := domain(clause("parent_id", "=", party)), values{"parent_id": party}
	for _, f := range a {
		where = append(where, clause(f.field, "=", f.value()))
		v[f.field] = f.value()
	}
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := o.searchRead(ctx, op, "res.partner", where, 1, "id", []string{"id"}, &rows); err != nil {
		return "", err
	}
	if len(rows) == 1 {
		return formatID(rows[0].ID), nil
	}
	var ids []int64
	if err := o.do(ctx, call{op: op, model: "res.partner", method: "create", args: []arg{{"vals_list", []values{v}}}, write: true, out: &ids}); err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", call{op: op, write: true}.fail(commerce.KindInternal, commerce.Done, 0, "create answered without an id")
	}
	return formatID(ids[0]), nil
}
