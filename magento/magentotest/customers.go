package magentotest

import (
	"cmp"
	"encoding/json"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// customer is somebody with an account.
type customer struct {
	id               int64
	store            Store
	created, updated time.Time
	plain            obj // email, firstname, group_id …
	addresses        []obj
}

func (c *customer) render() obj {
	out := obj{"id": c.id, "created_at": stamp(c.created), "updated_at": stamp(c.updated), "created_in": c.store.Name,
		"store_id": c.store.ID, "website_id": c.store.WebsiteID, "disable_auto_group_change": 0,
		"extension_attributes": obj{"is_subscribed": false}}
	for k, v := range c.plain {
		out[k] = v
	}
	list := make([]any, len(c.addresses))
	for i, a := range c.addresses {
		list[i] = a
		for _, flag := range []string{"default_billing", "default_shipping"} {
			if a[flag] == true {
				out[flag] = strconv.FormatInt(a["id"].(int64), 10)
			}
		}
	}
	out["addresses"] = list
	return out
}

func customerColumn(c *customer, name string) (any, bool) {
	if c == nil {
		c = &customer{}
	}
	switch name {
	case "entity_id":
		return number(c.id), true
	case "website_id":
		return number(c.store.WebsiteID), true
	case "store_id":
		return number(c.store.ID), true
	case "created_at":
		return stamp(c.created), true
	case "updated_at":
		return stamp(c.updated), true
	case "email", "firstname", "middlename", "lastname", "prefix", "suffix", "taxvat", "dob", "group_id", "gender":
		return c.plain[name], true
	}
	return nil, false
}

// serveCustomers looks for an email in the database's index of email and website, which
// gives the order of the hits (REC 537).
func (s *Shop) serveCustomers(r *request) (any, *failure) {
	rows := slices.Clone(s.customers)
	for key, v := range r.query {
		if strings.HasSuffix(key, "[field]") && slices.Contains(v, "email") {
			slices.SortStableFunc(rows, func(a, b *customer) int { return cmp.Compare(a.store.WebsiteID, b.store.WebsiteID) })
		}
	}
	return list(s, r, rows, customerColumn, func(c *customer) any { return c.render() })
}

func (s *Shop) customer(id int64) (*customer, *failure) {
	for _, c := range s.customers {
		if c.id == id {
			return c, nil
		}
	}
	return nil, &failure{404, "No such entity with %fieldName = %fieldValue", obj{"fieldName": "customerId", "fieldValue": id}, nil, false}
}

func (s *Shop) serveCustomer(r *request) (any, *failure) {
	c, f := s.customer(r.id)
	if f != nil {
		return nil, f
	}
	return c.render(), nil
}

// customerIn is what the routes know; anything else is a 500 (REC 049).
type customerIn struct {
	Customer *struct {
		Email      *string       `json:"email"`
		Firstname  *string       `json:"firstname"`
		Middlename *string       `json:"middlename"`
		Lastname   *string       `json:"lastname"`
		Prefix     *string       `json:"prefix"`
		Suffix     *string       `json:"suffix"`
		Taxvat     *string       `json:"taxvat"`
		DOB        *string       `json:"dob"`
		Gender     *dec          `json:"gender"`
		WebsiteID  *dec          `json:"website_id"`
		GroupID    *dec          `json:"group_id"`
		NoAuto     *dec          `json:"disable_auto_group_change"`
		Addresses  *[]*addressIn `json:"addresses"`

		// Known and computed, or not part of this shop.
		ID           any `json:"id"`
		StoreID      any `json:"store_id"`
		Billing      any `json:"default_billing"`
		Shipping     any `json:"default_shipping"`
		Confirmation any `json:"confirmation"`
		CreatedAt    any `json:"created_at"`
		UpdatedAt    any `json:"updated_at"`
		CreatedIn    any `json:"created_in"`
		Custom       any `json:"custom_attributes"`
		Extension    any `json:"extension_attributes"`
	} `json:"customer"`
	Password *string `json:"password"`
}

type addressIn struct {
	ID              *dec            `json:"id"`
	Region          json.RawMessage `json:"region"`
	RegionID        *dec            `json:"region_id"`
	CountryID       string          `json:"country_id"`
	Street          []string        `json:"street"`
	Company         string          `json:"company"`
	Telephone       string          `json:"telephone"`
	Postcode        string          `json:"postcode"`
	City            string          `json:"city"`
	Firstname       string          `json:"firstname"`
	Lastname        string          `json:"lastname"`
	VATID           string          `json:"vat_id"`
	Middlename      string          `json:"middlename"`
	Prefix          string          `json:"prefix"`
	Suffix          string          `json:"suffix"`
	Fax             string          `json:"fax"`
	DefaultShipping bool            `json:"default_shipping"`
	DefaultBilling  bool            `json:"default_billing"`
	CustomerID      any             `json:"customer_id"`
	Custom          any             `json:"custom_attributes"`
	Extension       any             `json:"extension_attributes"`
}

func (s *Shop) serveCustomerCreate(r *request) (any, *failure) {
	st := s.stores[0]
	if r.store.ID != 0 {
		st = r.store
	}
	c := &customer{store: st, created: s.now(), plain: obj{"group_id": one}}
	if f := s.saveCustomer(r, c); f != nil {
		return nil, f
	}
	s.customers = append(s.customers, c)
	return c.render(), nil
}

func (s *Shop) serveCustomerUpdate(r *request) (any, *failure) {
	old, f := s.customer(r.id)
	if f != nil {
		return nil, f
	}
	c := *old
	c.plain = obj{}
	for k, v := range old.plain {
		c.plain[k] = v
	}
	if f := s.saveCustomer(r, &c); f != nil {
		return nil, f
	}
	*old = c
	return old.render(), nil
}

// saveCustomer writes what was sent over a customer: fields that were left out keep
// their value, and a list of addresses takes the place of the stored one (REC 039-046).
func (s *Shop) saveCustomer(r *request, c *customer) *failure {
	var in customerIn
	if body, ok := r.body.(obj); !ok || body["customer"] == nil {
		return &failure{400, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": "customer"}, nil, false}
	}
	if f := r.into(s, &in); f != nil {
		return f
	}
	n := in.Customer
	if in.Password != nil {
		if f := weak(*in.Password, n.Email); f != nil {
			return f
		}
	}
	for name, v := range map[string]*string{"email": n.Email, "firstname": n.Firstname, "middlename": n.Middlename, "lastname": n.Lastname,
		"prefix": n.Prefix, "suffix": n.Suffix, "taxvat": n.Taxvat, "dob": n.DOB} {
		if v != nil {
			c.plain[name] = *v
		}
	}
	for name, v := range map[string]*dec{"group_id": n.GroupID, "gender": n.Gender, "disable_auto_group_change": n.NoAuto} {
		if v != nil {
			c.plain[name] = *v
		}
	}
	if n.WebsiteID != nil && int64(*n.WebsiteID/one) != c.store.WebsiteID {
		for _, st := range s.stores {
			if st.WebsiteID == int64(*n.WebsiteID/one) {
				c.store = st
				break
			}
		}
	}
	var wrong []string
	for _, f := range []struct{ name, label string }{{"firstname", "First Name"}, {"lastname", "Last Name"}} {
		if text(c.plain[f.name]) == "" {
			wrong = append(wrong, `"`+f.label+`" is a required value.`)
		}
	}
	email := text(c.plain["email"])
	if _, err := mail.ParseAddress(email); err != nil {
		wrong = append(wrong, `"Email" is not a valid email address.`)
	}
	if len(wrong) > 0 {
		return invalid(strings.Join(wrong, "\n"))
	}
	for _, other := range s.customers {
		if other.id != c.id && other.store.WebsiteID == c.store.WebsiteID && strings.EqualFold(text(other.plain["email"]), email) {
			return invalid("A customer with the same email address already exists in an associated website.")
		}
	}
	var addresses []obj
	if n.Addresses != nil {
		for _, a := range *n.Addresses {
			out, f := a.check()
			if f != nil {
				return f
			}
			addresses = append(addresses, out)
		}
	}
	if c.id == 0 {
		c.id = s.next("customer")
	}
	if n.Addresses != nil {
		for i, a := range addresses {
			if given := (*n.Addresses)[i].ID; given != nil && *given != 0 {
				a["id"] = int64(*given / one)
			} else {
				a["id"] = s.next("customer_address")
			}
			a["customer_id"] = c.id
		}
		c.addresses = addresses
	}
	c.updated = s.now() // also for equal values
	return nil
}

// weak refuses a password that is too easily guessed, before anything else is looked at.
func weak(password string, email *string) *failure {
	classes := 0
	for _, is := range []func(rune) bool{unicode.IsLower, unicode.IsUpper, unicode.IsDigit,
		func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }} {
		if strings.ContainsFunc(password, is) {
			classes++
		}
	}
	switch {
	case utf8.RuneCountInString(password) < 8:
		return invalid("The password needs at least %1 characters. Create a new password and try again.", "8")
	case strings.TrimSpace(password) != password:
		return invalid("The password can't begin or end with a space. Verify your password and try again.")
	case classes < 3:
		return invalid("Minimum of different classes of characters in password is %1. Classes of characters: Lower Case, Upper Case, Digits, Special Characters.", "3")
	case email != nil && strings.EqualFold(password, *email):
		return invalid("The password can't be the same as the email address. Create a new password and try again.")
	}
	return nil
}

// check refuses an address that is not whole, and resolves its region: by id only. A
// name is kept as free text, a code alone as nothing (REC 341-349).
func (a *addressIn) check() (obj, *failure) {
	var missing []any
	for _, f := range []struct {
		name string
		bad  bool
	}{{"firstname", a.Firstname == ""}, {"lastname", a.Lastname == ""}, {"street", len(a.Street) == 0}, {"city", a.City == ""},
		{"telephone", a.Telephone == ""}, {"postcode", a.Postcode == ""}, {"countryId", a.CountryID == ""}} {
		if f.bad {
			missing = append(missing, obj{"message": `"%fieldName" is required. Enter and try again.`, "parameters": obj{"fieldName": f.name}})
		}
	}
	if len(missing) == 1 {
		m := missing[0].(obj)
		return nil, &failure{400, m["message"].(string), m["parameters"], nil, false}
	}
	if len(missing) > 1 {
		return nil, &failure{status: 400, message: "One or more input exceptions have occurred.", errors: missing}
	}
	in, _ := countryOf(a.CountryID)
	if !slices.Contains(strings.Fields(allCountries), a.CountryID) {
		return nil, &failure{400, `Invalid value of "%value" provided for the %fieldName field.`, obj{"fieldName": "countryId", "value": a.CountryID}, nil, false}
	}
	region := obj{"region_code": nil, "region": nil, "region_id": 0}
	out := obj{"region": region, "country_id": a.CountryID, "street": a.Street, "telephone": a.Telephone, "postcode": a.Postcode,
		"city": a.City, "firstname": a.Firstname, "lastname": a.Lastname}
	var named struct {
		ID   *dec    `json:"region_id"`
		Code *string `json:"region_code"`
		Name *string `json:"region"`
	}
	object := json.Unmarshal(a.Region, &named) == nil && len(a.Region) > 0 // a text is dropped
	if named.ID == nil {
		named.ID = a.RegionID
	}
	switch {
	case named.ID != nil && *named.ID != 0:
		at := slices.IndexFunc(in.regions, func(o obj) bool { return o["id"] == named.ID.String() })
		if at < 0 {
			return nil, &failure{400, `Invalid value of "%value" provided for the %fieldName field.`, obj{"fieldName": "regionId", "value": named.ID.String()}, nil, false}
		}
		region["region_id"], region["region_code"], region["region"] = *named.ID, in.regions[at]["code"], in.regions[at]["name"]
		out["region_id"] = *named.ID
	case object && named.Name != nil:
		region["region"], region["region_code"] = *named.Name, *named.Name
		out["region_id"] = 0
	case object:
		out["region_id"] = 0
	}
	for name, v := range map[string]string{"company": a.Company, "vat_id": a.VATID, "middlename": a.Middlename, "prefix": a.Prefix,
		"suffix": a.Suffix, "fax": a.Fax} {
		if v != "" {
			out[name] = v
		}
	}
	for name, v := range map[string]bool{"default_billing": a.DefaultBilling, "default_shipping": a.DefaultShipping} {
		if v {
			out[name] = true
		}
	}
	return out, nil
}

// serveCustomerDelete takes a customer away; orders stay.
func (s *Shop) serveCustomerDelete(r *request) (any, *failure) {
	c, f := s.customer(r.id)
	if f != nil {
		return nil, f
	}
	s.customers = slices.DeleteFunc(s.customers, func(x *customer) bool { return x == c })
	return true, nil
}

// customerGroups are those of every new shop, by id.
var customerGroups = []string{"NOT LOGGED IN", "General", "Wholesale", "Retailer"}

func (s *Shop) serveGroupsOfCustomers(r *request) (any, *failure) {
	ids := make([]int, len(customerGroups))
	for id := range ids {
		ids[id] = id
	}
	return list(s, r, ids, func(id int, name string) (any, bool) {
		switch name {
		case "id", "customer_group_id":
			return number(int64(id)), true
		case "code", "customer_group_code":
			return customerGroups[id], true
		case "tax_class_id":
			return number(3), true
		}
		return nil, false
	}, func(id int) any {
		return obj{"id": id, "code": customerGroups[id], "tax_class_id": 3, "tax_class_name": "Retail Customer"}
	})
}
