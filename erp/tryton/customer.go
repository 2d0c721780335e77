package tryton

import (
	"context"
	"errors"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// UpsertCustomer finds the party by its code, which is unique at the server, or
// makes it together with its addresses in one call.
func (t *Client) UpsertCustomer(ctx context.Context, c erp.Customer) (erp.CustomerRef, error) {
	if err := c.Validate(); err != nil {
		return erp.CustomerRef{}, err
	}
	addresses := []commerce.Address{c.Billing}
	if c.Shipping != nil && *c.Shipping != c.Billing {
		addresses = append(addresses, *c.Shipping)
	}
	written := make([]values, len(addresses))
	for i, a := range addresses {
		var err error
		if written[i], err = t.address(ctx, c, a); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	id, made, err := t.party(ctx, c, written)
	if err != nil {
		return erp.CustomerRef{}, err
	}
	if !made && c.Update {
		if err := t.updateParty(ctx, c, id); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	ids := make([]int64, len(written))
	for i, w := range written {
		if ids[i], err = t.addressID(ctx, c, id, w); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	return erp.CustomerRef{Party: formatID(id), Billing: formatID(ids[0]), Shipping: formatID(ids[len(ids)-1])}, nil
}

// party finds the party, or makes it with these addresses.
func (t *Client) party(ctx context.Context, c erp.Customer, addresses []values) (id int64, made bool, err error) {
	op := "upsert customer " + c.Key
	find := func() (int64, error) {
		var rows []struct {
			ID int64 `json:"id"`
		}
		// Archived parties hold their code too.
		err := t.do(ctx, call{op: op, method: "model.party.party.search_read", context: values{"active_test": false},
			params: []any{[]any{clause("code", "=", c.Key)}, 0, 1, byID, []string{"id"}}, out: &rows})
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		return rows[0].ID, nil
	}
	if id, err = find(); err != nil || id != 0 {
		return id, false, err
	}
	party := values{"code": c.Key, "name": partyName(c), "lang": nil, "addresses": create(addresses...)}
	if contacts := contactsOf(c); len(contacts) > 0 {
		party["contact_mechanisms"] = create(contacts...)
	}
	var identifiers []values
	for _, vat := range c.Party.VATIDs {
		// Without a type the server does not check the number: the shop's is kept as it is.
		identifiers = append(identifiers, values{"type": nil, "code": vat})
	}
	if len(identifiers) > 0 {
		party["identifiers"] = create(identifiers...)
	}
	var ids []int64
	err = t.do(ctx, call{op: op, method: "model.party.party.create", params: []any{[]values{party}}, write: true, out: &ids})
	switch {
	case errors.Is(err, commerce.ErrDuplicate):
		// Somebody else was quicker.
		if id, findErr := find(); findErr != nil || id != 0 {
			return id, false, findErr
		}
		return 0, false, err
	case err != nil:
		return 0, false, err
	case len(ids) != 1:
		return 0, false, call{op: op, write: true}.fail(commerce.KindInternal, commerce.Done, 0, "create answered without an id")
	}
	return ids[0], true, nil
}

func partyName(c erp.Customer) string {
	for _, name := range []string{c.Party.Company, c.Party.Name, c.Billing.Company, c.Billing.Name} {
		if name != "" {
			return name
		}
	}
	return c.Key
}

func contactsOf(c erp.Customer) []values {
	var out []values
	if c.Party.Email != "" {
		out = append(out, values{"type": "email", "value": c.Party.Email})
	}
	phone := c.Party.Phone
	if phone == "" {
		phone = c.Billing.Phone
	}
	if phone != "" {
		out = append(out, values{"type": "phone", "value": phone})
	}
	return out
}

// updateParty writes the master data over; contacts are added, never taken away.
func (t *Client) updateParty(ctx context.Context, c erp.Customer, id int64) error {
	op := "update customer " + c.Key
	if err := t.do(ctx, call{op: op, method: "model.party.party.write", write: true,
		params: []any{[]int64{id}, values{"name": partyName(c)}}}); err != nil {
		return err
	}
	for _, contact := range contactsOf(c) {
		var n int
		if err := t.do(ctx, call{op: op, method: "model.party.contact_mechanism.search_count",
			params: []any{[]any{clause("party", "=", id), clause("type", "=", contact["type"]), clause("value", "=", contact["value"])}}, out: &n}); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		contact["party"] = id
		if err := t.do(ctx, call{op: op, method: "model.party.contact_mechanism.create", write: true,
			params: []any{[]values{contact}}}); err != nil {
			return err
		}
	}
	return nil
}

// address says an address in Tryton's fields. A country that the server does not
// have is of kind mapping; a region that it does not have stays readable after the city.
func (t *Client) address(ctx context.Context, c erp.Customer, a commerce.Address) (values, error) {
	v := values{"party_name": nil, "street": nil, "postal_code": nil, "city": nil, "country": nil, "subdivision": nil}
	set := func(field, text string) {
		if text != "" {
			v[field] = text
		}
	}
	set("party_name", strings.Trim(a.Company+", "+a.Name, ", "))
	set("street", a.Street)
	set("postal_code", a.PostalCode)
	city := a.City
	if a.Country != "" {
		id, err := t.countryID(ctx, a.Country)
		if err != nil {
			return nil, err
		}
		if id == 0 {
			e := commerce.Errorf(commerce.KindMapping, system, "upsert customer "+c.Key, "the ERP has no country %q", a.Country)
			e.Outcome = commerce.NotSent
			return nil, e
		}
		v["country"] = id
	}
	if a.Region != "" {
		id, err := t.regionID(ctx, a.Country+"-"+a.Region)
		if err != nil {
			return nil, err
		}
		if id != 0 {
			v["subdivision"] = id
		} else {
			city = strings.Trim(city+", "+a.Region, ", ")
		}
	}
	set("city", city)
	return v, nil
}

// addressID finds an address of a party with exactly these fields, or adds it.
func (t *Client) addressID(ctx context.Context, c erp.Customer, party int64, a values) (int64, error) {
	op := "upsert address of customer " + c.Key
	domain := []any{clause("party", "=", party)}
	for _, field := range []string{"party_name", "street", "postal_code", "city", "country", "subdivision"} {
		domain = append(domain, clause(field, "=", a[field]))
	}
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := t.searchRead(ctx, op, "party.address", domain, 1, byID, []string{"id"}, &rows); err != nil {
		return 0, err
	}
	if len(rows) == 1 {
		return rows[0].ID, nil
	}
	a["party"] = party
	var ids []int64
	if err := t.do(ctx, call{op: op, method: "model.party.address.create", write: true, params: []any{[]values{a}}, out: &ids}); err != nil {
		return 0, err
	}
	if len(ids) != 1 {
		return 0, call{op: op, write: true}.fail(commerce.KindInternal, commerce.Done, 0, "create answered without an id")
	}
	return ids[0], nil
}
