package nopcommerce

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Customers reads and writes customers and their address books. A guest is a customer
// without an e-mail address: that of an order stands in its billing address.
type Customers struct{ cl *Client }

// Customer is a row of the shop's customers. The members from FirstName on came with 4.60;
// in earlier versions they are empty, and [Customers.Name] reads them from where they were.
type Customer struct {
	ID                ID     `json:"id"`
	CustomerGUID      string `json:"customer_guid,omitempty"`
	Username          string `json:"username"`
	Email             string `json:"email"` // empty: a guest
	AdminComment      string `json:"admin_comment"`
	IsTaxExempt       bool   `json:"is_tax_exempt"`
	AffiliateID       ID     `json:"affiliate_id"`
	VendorID          ID     `json:"vendor_id"`
	Active            bool   `json:"active"`
	Deleted           bool   `json:"deleted"`
	IsSystemAccount   bool   `json:"is_system_account"`
	SystemName        string `json:"system_name"`
	RegisteredInStore ID     `json:"registered_in_store_id"`
	BillingAddressID  ID     `json:"billing_address_id,omitempty" zero:"null"`
	ShippingAddressID ID     `json:"shipping_address_id,omitempty" zero:"null"`
	RequireReLogin    bool   `json:"require_re_login"`
	CannotLoginUntil  Time   `json:"cannot_login_until_date_utc"`
	CreatedOn         Time   `json:"created_on_utc"`
	LastActivity      Time   `json:"last_activity_date_utc"`
	FirstName         string `json:"first_name,omitempty"`
	LastName          string `json:"last_name,omitempty"`
	Company           string `json:"company,omitempty"`
	Phone             string `json:"phone,omitempty"`
	StreetAddress     string `json:"street_address,omitempty"`
	StreetAddress2    string `json:"street_address2,omitempty"`
	ZipPostalCode     string `json:"zip_postal_code,omitempty"`
	City              string `json:"city,omitempty"`
	County            string `json:"county,omitempty"`
	CountryID         ID     `json:"country_id,omitempty"`
	StateProvinceID   ID     `json:"state_province_id,omitempty"`
	VATNumber         string `json:"vat_number,omitempty"`
	VATNumberStatus   int    `json:"vat_number_status_id,omitempty"`
	CurrencyID        ID     `json:"currency_id,omitempty" zero:"null"`
	LanguageID        ID     `json:"language_id,omitempty" zero:"null"`
	TaxDisplay        int    `json:"tax_display_type_id,omitempty" zero:"null"`

	// What the community API embeds; nil in the official one.
	BillingAddress  *Address  `json:"billing_address,omitempty"`
	ShippingAddress *Address  `json:"shipping_address,omitempty"`
	Addresses       []Address `json:"addresses,omitempty"`
	RoleIDs         []ID      `json:"role_ids,omitempty"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON takes a customer of either API and keeps its bytes.
func (c *Customer) UnmarshalJSON(b []byte) error {
	type row Customer
	*c = Customer{}
	return c.Raw.keep(b, (*row)(c))
}

var customers = table[Customer]{
	what: "customer", get: "/Customer/GetById/", put: "/Customer/Update",
	raw: func(c *Customer) *Raw { return &c.Raw }, id: func(c *Customer) ID { return c.ID },
	restless: []string{"last_activity_date_utc", "last_login_date_utc", "last_ip_address", "failed_login_attempts",
		"cannot_login_until_date_utc", "has_shopping_cart_items", "last_visited_page"},
}

// Get reads a customer by its id.
func (s *Customers) Get(ctx context.Context, id ID) (Customer, error) {
	if s.cl.c.API == Community {
		return single(ctx, s.cl, "get customer "+id.String(), "/customers/", "customers", id, func(c Customer) ID { return c.ID })
	}
	return customers.one(ctx, s.cl, id)
}

// GetMany reads customers by their ids. Those that do not exist are left out.
func (s *Customers) GetMany(ctx context.Context, ids ...ID) ([]Customer, error) {
	if err := s.cl.offers("get customers", Official, false); err != nil {
		return nil, err
	}
	return many[Customer](ctx, s.cl, "get customers", "/Customer/GetCustomersByIds/", ids)
}

// ByEmail reads a customer by an e-mail address. None is of kind not found.
func (s *Customers) ByEmail(ctx context.Context, email string) (Customer, error) {
	const op = "find customer by e-mail"
	if s.cl.c.API == Community {
		var got map[string][]Customer
		if err := s.cl.find(ctx, op, "/customers/search", params{{"query", "email:" + email}, {"limit", "2"}}, &got); err != nil {
			return Customer{}, err
		}
		for _, c := range got["customers"] {
			if strings.EqualFold(c.Email, email) && email != "" {
				return c, nil
			}
		}
		return Customer{}, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Text: "no customer has this address"}
	}
	return s.by(ctx, op, "/Customer/GetCustomerByEmail", "email", email, func(c Customer) string { return c.Email })
}

// ByGUID reads a customer by its GUID.
func (s *Customers) ByGUID(ctx context.Context, guid string) (Customer, error) {
	return s.by(ctx, "find customer by GUID", "/Customer/GetCustomerByGuid", "guid", guid, func(c Customer) string { return c.CustomerGUID })
}

// ByUsername reads a customer by its username, in shops that use them.
func (s *Customers) ByUsername(ctx context.Context, name string) (Customer, error) {
	return s.by(ctx, "find customer by username", "/Customer/GetCustomerByUsername", "username", name, func(c Customer) string { return c.Username })
}

func (s *Customers) by(ctx context.Context, op, path, name, key string, of func(Customer) string) (Customer, error) {
	var c Customer
	if err := s.cl.offers(op, Official, false); err != nil {
		return Customer{}, err
	}
	if key == "" {
		return Customer{}, &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Text: "nothing to look for is given"}
	}
	if err := s.cl.find(ctx, op, path, params{{name, key}}, &c); err != nil {
		return Customer{}, err
	}
	if !strings.EqualFold(strings.TrimSpace(of(c)), strings.TrimSpace(key)) {
		return Customer{}, wrongRow(op)
	}
	return c, nil
}

// CustomerParams says which customers a list yields. Zero fields mean any. The community
// API knows CreatedFrom and CreatedTo, and excludes the bounds themselves.
type CustomerParams struct {
	CreatedFrom, CreatedTo time.Time // of created_on_utc, both included; the shop keeps no date of a change
	RoleIDs                []ID
	Email                  string
	Company                string
}

// List yields customers, guests too.
func (s *Customers) List(ctx context.Context, p CustomerParams) iter.Seq2[Customer, error] {
	const op = "list customers"
	if s.cl.c.API == Community {
		if p.Email != "" || p.Company != "" || len(p.RoleIDs) > 0 {
			return failing[Customer](s.cl.offers(op, Official, false))
		}
		return ascending(ctx, s.cl, op, "/customers", "customers", params{{"created_at_min", moment(p.CreatedFrom)}, {"created_at_max", moment(p.CreatedTo)}},
			func(c Customer) ID { return c.ID })
	}
	return byPage[Customer](ctx, s.cl, op, "/Customer/GetAll", p.query())
}

func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

func (p CustomerParams) query() params {
	return params{{"createdFromUtc", moment(p.CreatedFrom)}, {"createdToUtc", moment(p.CreatedTo)},
		{"customerRoleIds", joined(p.RoleIDs, ";")}, {"email", p.Email}, {"company", p.Company}}
}

// Count returns how many customers a list has.
func (s *Customers) Count(ctx context.Context, p CustomerParams) (int, error) {
	const op = "count customers"
	if s.cl.c.API == Community {
		if p.Email+p.Company != "" || len(p.RoleIDs) > 0 || !p.CreatedFrom.IsZero() || !p.CreatedTo.IsZero() {
			return 0, s.cl.offers(op, Official, false)
		}
		var got struct{ Count int }
		err := s.cl.get(ctx, op, "/customers/count", nil, &got)
		return got.Count, err
	}
	return count(ctx, s.cl, op, "/Customer/GetAll", p.query())
}

// Create inserts a customer as a raw row: no roles, password or mails.
func (s *Customers) Create(ctx context.Context, c Customer) (Customer, error) {
	if c.CreatedOn.IsZero() {
		c.CreatedOn = At(s.cl.c.Now())
	}
	if c.LastActivity.IsZero() {
		c.LastActivity = c.CreatedOn
	}
	if c.CustomerGUID == "" {
		return Customer{}, refuse("create customer", "", "Customer.CustomerGUID is missing: the shop would store one of noughts")
	}
	return customers.create(ctx, s.cl, "/Customer/Create", c)
}

// Update writes what the caller changed in a customer, as [Orders.Update] does. What moves
// with every visit is no change by somebody else.
func (s *Customers) Update(ctx context.Context, c Customer) (Customer, error) {
	return customers.update(ctx, s.cl, c)
}

// Name returns the first and last name of a customer: those of the row, and in shops before
// 4.60 those of its attributes.
func (s *Customers) Name(ctx context.Context, c Customer) (first, last string, err error) {
	if c.Raw.Member("first_name") != nil || s.cl.c.API == Community {
		return c.FirstName, c.LastName, nil
	}
	all, err := s.cl.Attributes.List(ctx, "Customer", c.ID)
	for _, a := range all {
		switch a.Key {
		case "FirstName":
			first = a.Value
		case "LastName":
			last = a.Value
		}
	}
	return first, last, err
}

// Addresses returns the address book of a customer. The addresses of orders are copies with
// other ids.
func (s *Customers) Addresses(ctx context.Context, id ID) ([]Address, error) {
	if s.cl.c.API == Community {
		c, err := s.Get(ctx, id)
		return c.Addresses, err
	}
	var got []Address
	err := s.cl.get(ctx, "list addresses of customer "+id.String(), "/Customer/GetAddressesByCustomerId/"+id.String(), nil, &got)
	return got, err
}

// AddAddress puts an address into a customer's book, which is a write by GET. One that is in
// it already is left.
func (s *Customers) AddAddress(ctx context.Context, id, address ID) error {
	return s.book(ctx, "InsertCustomerAddress", id, address, true)
}

// RemoveAddress takes an address out of a customer's book.
func (s *Customers) RemoveAddress(ctx context.Context, id, address ID) error {
	return s.book(ctx, "RemoveCustomerAddress", id, address, false)
}

func (s *Customers) book(ctx context.Context, action string, id, address ID, in bool) error {
	op := action + " " + address.String() + " of customer " + id.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return err
	}
	holds := func() (bool, error) {
		all, err := s.Addresses(ctx, id)
		for _, a := range all {
			if a.ID == address {
				return true, err
			}
		}
		return false, err
	}
	was, err := holds()
	switch {
	case err != nil:
		return before(op, err)
	case was == in:
		return nil
	}
	failed := s.cl.write(ctx, http.MethodGet, op, "/Customer/"+action+"/"+id.String()+"/"+address.String(), nil, nil, nil)
	if failed == nil || outcomeOf(failed) == commerce.NotSent {
		return failed
	}
	if is, err := holds(); err == nil && is == in {
		return nil
	}
	return failed
}
