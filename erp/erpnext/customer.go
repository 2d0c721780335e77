package erpnext

import (
	"context"
	"errors"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// maxKey bounds our keys: a Data field holds 140 characters.
const maxKey = 130

func checkKey(op, key string) error {
	if key == "" || len(key) > maxKey {
		return notSent(commerce.Errorf(commerce.KindInvalid, system, op, "the key has %d characters; 1 to %d are allowed", len(key), maxKey))
	}
	return nil
}

// UpsertCustomer finds the customer by the key field, or makes it. Its addresses are
// documents of their own.
func (o *Client) UpsertCustomer(ctx context.Context, c erp.Customer) (erp.CustomerRef, error) {
	if err := c.Validate(); err != nil {
		return erp.CustomerRef{}, err
	}
	if err := checkKey("upsert customer", c.Key); err != nil {
		return erp.CustomerRef{}, err
	}
	billing, err := o.address(ctx, c, c.Billing, "Billing")
	if err != nil {
		return erp.CustomerRef{}, err
	}
	var shipping values
	if c.Shipping != nil && *c.Shipping != c.Billing {
		if shipping, err = o.address(ctx, c, *c.Shipping, "Shipping"); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	ref := erp.CustomerRef{}
	if ref.Party, err = o.party(ctx, c); err != nil {
		return erp.CustomerRef{}, err
	}
	if ref.Billing, err = o.addressName(ctx, c, ref.Party, billing); err != nil {
		return erp.CustomerRef{}, err
	}
	ref.Shipping = ref.Billing
	if shipping != nil {
		if ref.Shipping, err = o.addressName(ctx, c, ref.Party, shipping); err != nil {
			return erp.CustomerRef{}, err
		}
	}
	return ref, nil
}

// named is a document of which the name is enough.
type named struct {
	Name string `json:"name"`
}

// party finds the customer, or makes it. Somebody else may be quicker.
func (o *Client) party(ctx context.Context, c erp.Customer) (string, error) {
	op := "upsert customer " + c.Key
	find := func() (string, error) {
		var rows []named
		if err := o.list(ctx, op, "Customer", []any{is(o.c.KeyField, "=", c.Key)}, "creation asc", 1, []string{"name"}, &rows); err != nil || len(rows) == 0 {
			return "", err
		}
		return rows[0].Name, nil
	}
	name, err := find()
	if err != nil {
		return "", err
	}
	data := o.masterData(c)
	if name != "" {
		if c.Update {
			err = o.update(ctx, op, "Customer", name, data, nil)
		}
		return name, err
	}
	data[o.c.KeyField] = c.Key
	var made named
	err = o.insert(ctx, op, "Customer", data, &made)
	if errors.Is(err, commerce.ErrDuplicate) {
		if name, findErr := find(); findErr != nil || name != "" {
			return name, findErr
		}
	}
	return made.Name, err
}

func (o *Client) masterData(c erp.Customer) values {
	v := values{"customer_name": first(c.Party.Company, c.Party.Name, c.Billing.Company, c.Billing.Name, c.Key), "customer_type": "Individual"}
	if c.Party.Company != "" {
		v["customer_type"] = "Company"
	}
	for field, text := range map[string]string{"customer_group": o.c.CustomerGroup, "territory": o.c.Territory,
		"email_id": c.Party.Email, "mobile_no": first(c.Party.Phone, c.Billing.Phone)} {
		if text != "" {
			v[field] = text
		}
	}
	if len(c.Party.VATIDs) > 0 {
		v["tax_id"] = c.Party.VATIDs[0] // it holds one
	}
	return v
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// address says an address in ERPNext's fields, of which it wants the first line, the
// city and the country. A country that it does not have is of kind mapping.
func (o *Client) address(ctx context.Context, c erp.Customer, a commerce.Address, kind string) (values, error) {
	country := ""
	if a.Country != "" {
		var err error
		if country, err = o.country(ctx, a.Country); err != nil {
			return nil, err
		}
	}
	if country == "" {
		return nil, notSent(commerce.Errorf(commerce.KindMapping, system, "upsert customer "+c.Key, "the ERP has no country %q", a.Country))
	}
	street, more, _ := strings.Cut(a.Street, "\n")
	return values{"address_type": kind, "address_title": first(strings.Trim(a.Company+", "+a.Name, ", "), c.Party.Name, c.Party.Company, c.Key),
		"address_line1": first(street, "-"), "address_line2": strings.ReplaceAll(more, "\n", ", "), "city": first(a.City, "-"),
		"state": a.Region, "pincode": a.PostalCode, "country": country}, nil
}

// addressName finds an address of a customer with exactly these fields, or adds it. It
// is never changed: orders point at it.
func (o *Client) addressName(ctx context.Context, c erp.Customer, party string, a values) (string, error) {
	op := "upsert address of customer " + c.Key
	filters := []any{[]any{"Dynamic Link", "link_doctype", "=", "Customer"}, []any{"Dynamic Link", "link_name", "=", party}}
	for _, field := range []string{"address_type", "address_title", "address_line1", "address_line2", "city", "state", "pincode", "country"} {
		filters = append(filters, is(field, "=", a[field]))
	}
	var rows []named
	if err := o.list(ctx, op, "Address", filters, "creation asc", 1, []string{"name"}, &rows); err != nil {
		return "", err
	}
	if len(rows) == 1 {
		return rows[0].Name, nil
	}
	a["links"] = []values{{"link_doctype": "Customer", "link_name": party}}
	var made named
	err := o.insert(ctx, op, "Address", a, &made)
	return made.Name, err
}
