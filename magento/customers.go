package magento

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// CodeRegion: an address names a region that Magento would drop without a word.
const CodeRegion = "region_unknown"

// CodeAddressesReplaced: an update names addresses and does not say that the others go.
const CodeAddressesReplaced = "addresses_replaced"

// Customers reads and writes customers. They belong to a website: one e-mail address
// may stand for one in each.
type Customers struct{ cl *Client }

// Customer is somebody with an account.
type Customer struct {
	ID              ID     `json:"id"`
	WebsiteID       ID     `json:"website_id"`
	StoreID         ID     `json:"store_id"`
	GroupID         ID     `json:"group_id"`
	Email           string `json:"email"`
	Prefix          string `json:"prefix"`
	Firstname       string `json:"firstname"`
	Middlename      string `json:"middlename"`
	Lastname        string `json:"lastname"`
	Suffix          string `json:"suffix"`
	Taxvat          string `json:"taxvat"` // free text, not checked
	DefaultBilling  ID     `json:"default_billing"`
	DefaultShipping ID     `json:"default_shipping"`
	CreatedIn       string `json:"created_in"`
	CreatedAt       Time   `json:"created_at"`
	UpdatedAt       Time   `json:"updated_at"`

	Addresses []CustomerAddress `json:"addresses"`
}

// CustomerAddress is an address of a customer. Those of orders are [OrderAddress].
type CustomerAddress struct {
	ID              ID       `json:"id"` // 0: a new one
	Region          Region   `json:"region"`
	CountryID       string   `json:"country_id"` // ISO 3166-1 alpha-2
	Street          []string `json:"street"`     // 2 lines by default
	Company         string   `json:"company"`
	Telephone       string   `json:"telephone"`
	Postcode        string   `json:"postcode"`
	City            string   `json:"city"`
	Firstname       string   `json:"firstname"`
	Lastname        string   `json:"lastname"`
	VATID           string   `json:"vat_id"` // free text, not checked
	DefaultShipping Flag     `json:"default_shipping"`
	DefaultBilling  Flag     `json:"default_billing"`
}

// Region is a part of a country. Magento resolves the id only: a code alone is stored
// as nothing, and a name beside a list of regions as free text (2.4.6-p1, REC 341-348).
// Without an id the client looks it up by code or name.
type Region struct {
	ID   ID     `json:"region_id"`
	Code string `json:"region_code"`
	Name string `json:"region"`
}

// UnmarshalJSON takes an object or PHP's empty list.
func (r *Region) UnmarshalJSON(b []byte) error { return decodeMember(b, r) }

var customers = listing[Customer]{
	op: "list customers", path: "/customers/search", id: "entity_id", name: "id", dated: true,
	key: func(c Customer) (ID, time.Time) { return c.ID, c.UpdatedAt.Time },
}

// Get reads a customer with the addresses, or only some fields of it.
func (s *Customers) Get(ctx context.Context, id ID, fields ...string) (Customer, error) {
	return customers.one(ctx, s.cl, "customer", "/customers/", id, fields)
}

// List yields customers of all websites, oldest change first; filter email for those of
// an address, and tell them apart by WebsiteID. A write of equal values moves a
// customer's UpdatedAt too.
func (s *Customers) List(ctx context.Context, p ListParams) iter.Seq2[Customer, error] {
	return customers.walk(ctx, s.cl, p)
}

// CustomerParams says what to write of a customer. On an update what is empty or 0
// keeps its value.
type CustomerParams struct {
	WebsiteID  ID // defaults to the one of Config.Store
	GroupID    ID
	Email      string
	Firstname  string
	Middlename string
	Lastname   string
	Taxvat     string

	// Addresses of a new customer; on an update the whole list: one without an ID is
	// new, one with an ID is kept as given, and stored ones that are not named are
	// deleted, with the default flags they had.
	Addresses []CustomerAddress
	// ReplaceAddresses says in words that an update deletes the addresses that are not
	// named. [Customers.SaveAddress] writes one and keeps the others.
	ReplaceAddresses bool

	// Password of a new customer; empty = none, the customer asks for one.
	Password commerce.Secret
}

type customerToWrite struct {
	ID         ID                `json:"id,omitempty"`
	WebsiteID  ID                `json:"website_id,omitempty"`
	GroupID    ID                `json:"group_id,omitempty"`
	Email      string            `json:"email,omitempty"`
	Firstname  string            `json:"firstname,omitempty"`
	Middlename string            `json:"middlename,omitempty"`
	Lastname   string            `json:"lastname,omitempty"`
	Taxvat     string            `json:"taxvat,omitempty"`
	Addresses  []customerAddress `json:"addresses,omitzero"`
}

type customerAddress struct {
	ID              ID          `json:"id,omitempty"`
	Region          *regionByID `json:"region,omitempty"`
	CountryID       string      `json:"country_id,omitempty"`
	Street          []string    `json:"street,omitempty"`
	Company         string      `json:"company,omitempty"`
	Telephone       string      `json:"telephone,omitempty"`
	Postcode        string      `json:"postcode,omitempty"`
	City            string      `json:"city,omitempty"`
	Firstname       string      `json:"firstname,omitempty"`
	Lastname        string      `json:"lastname,omitempty"`
	VATID           string      `json:"vat_id,omitempty"`
	DefaultShipping bool        `json:"default_shipping,omitempty"`
	DefaultBilling  bool        `json:"default_billing,omitempty"`
}

// regionByID names a region by its id, or where a country has no list of them by name.
type regionByID struct {
	ID   ID     `json:"region_id,omitempty"`
	Name string `json:"region,omitempty"`
}

// Create makes a customer. The shop mails its welcome. An e-mail address that the
// website has is an error of kind invalid.
func (s *Customers) Create(ctx context.Context, p CustomerParams) (Customer, error) {
	const op = "create customer"
	c, err := s.toWrite(ctx, op, 0, p)
	if err != nil {
		return Customer{}, err
	}
	body := struct {
		Customer customerToWrite `json:"customer"`
		Password string          `json:"password,omitempty"`
	}{c, p.Password.Reveal()}
	var got Customer
	err = s.cl.post(ctx, op, "/customers", body, &got)
	return got, err
}

// Update changes a customer. Addresses need ReplaceAddresses, else it is refused with
// code [CodeAddressesReplaced]; none of them with ReplaceAddresses deletes all. Compare
// before writing: equal values move UpdatedAt too.
func (s *Customers) Update(ctx context.Context, id ID, p CustomerParams) (Customer, error) {
	op := "update customer " + id.String()
	switch {
	case id <= 0:
		return Customer{}, refuse(op, "", "without an id Magento makes a new customer of it")
	case len(p.Addresses) > 0 && !p.ReplaceAddresses:
		return Customer{}, refuse(op, CodeAddressesReplaced, "the list of addresses takes the place of the stored one; set CustomerParams.ReplaceAddresses or use SaveAddress")
	case !p.Password.Empty():
		return Customer{}, refuse(op, "", "CustomerParams.Password can be set for a new customer only")
	}
	c, err := s.toWrite(ctx, op, id, p)
	if err != nil {
		return Customer{}, err
	}
	var got Customer
	err = s.cl.put(ctx, op, "/customers/"+id.String(), map[string]customerToWrite{"customer": c}, &got)
	return got, err
}

// Delete deletes a customer for good; the orders stay. An unknown one is of kind not
// found.
func (s *Customers) Delete(ctx context.Context, id ID) error {
	return s.cl.delete(ctx, "delete customer "+id.String(), "/customers/"+id.String())
}

// Address reads an address of a customer by its own id.
func (s *Customers) Address(ctx context.Context, address ID) (CustomerAddress, error) {
	var a CustomerAddress
	err := s.cl.read(ctx, "get address "+address.String(), "/customers/addresses/"+address.String(), nil, &a)
	return a, err
}

// DeleteAddress deletes an address of a customer by its own id.
func (s *Customers) DeleteAddress(ctx context.Context, address ID) error {
	return s.cl.delete(ctx, "delete address "+address.String(), "/addresses/"+address.String())
}

// EmailAvailable reports whether a website has no customer of an e-mail address. Shops
// may be set to say so of every address, and then it is known only by [Customers.List].
func (s *Customers) EmailAvailable(ctx context.Context, email string, website ID) (bool, error) {
	body := struct {
		Email   string `json:"customerEmail"`
		Website ID     `json:"websiteId,omitempty"`
	}{email, website}
	var yes Flag
	_, err := s.cl.send(ctx, s.cl.guarded, call{op: "ask whether an e-mail address is free", method: http.MethodPost,
		path: "/customers/isEmailAvailable", body: body, into: &yes})
	return bool(yes), err
}

// SaveAddress adds an address to a customer, or with an ID writes over the one that the
// customer has, and keeps the others: the customer is read and the whole list sent
// back. Somebody who changes addresses in between is overwritten.
func (s *Customers) SaveAddress(ctx context.Context, id ID, a CustomerAddress) (Customer, error) {
	op := "save address of customer " + id.String()
	c, err := s.Get(ctx, id)
	if err != nil {
		return Customer{}, before(op, err)
	}
	found := a.ID == 0
	for i := range c.Addresses {
		if a.ID != 0 && c.Addresses[i].ID == a.ID {
			c.Addresses[i], found = a, true
		}
	}
	if !found {
		return Customer{}, refuse(op, "", "the customer has no address %d", a.ID)
	}
	if a.ID == 0 {
		c.Addresses = append(c.Addresses, a)
	}
	return s.Update(ctx, id, CustomerParams{Email: c.Email, Firstname: c.Firstname, Lastname: c.Lastname, WebsiteID: c.WebsiteID,
		Addresses: c.Addresses, ReplaceAddresses: true})
}

// toWrite turns params into what is sent, with the ids of the regions.
func (s *Customers) toWrite(ctx context.Context, op string, id ID, p CustomerParams) (customerToWrite, error) {
	c := customerToWrite{ID: id, WebsiteID: p.WebsiteID, GroupID: p.GroupID, Email: p.Email, Firstname: p.Firstname,
		Middlename: p.Middlename, Lastname: p.Lastname, Taxvat: p.Taxvat}
	if p.ReplaceAddresses {
		c.Addresses = []customerAddress{}
	}
	for _, a := range p.Addresses {
		w := customerAddress{ID: a.ID, CountryID: a.CountryID, Street: a.Street, Company: a.Company, Telephone: a.Telephone,
			Postcode: a.Postcode, City: a.City, Firstname: a.Firstname, Lastname: a.Lastname, VATID: a.VATID,
			DefaultShipping: bool(a.DefaultShipping), DefaultBilling: bool(a.DefaultBilling)}
		region, err := s.region(ctx, op, a)
		if err != nil {
			return c, err
		}
		w.Region = region
		c.Addresses = append(c.Addresses, w)
	}
	return c, nil
}

// region finds the id of a region that is known by code or name.
func (s *Customers) region(ctx context.Context, op string, a CustomerAddress) (*regionByID, error) {
	r := a.Region
	if r.ID != 0 {
		return &regionByID{ID: r.ID}, nil
	}
	if r.Code == "" && r.Name == "" {
		return nil, nil
	}
	country, err := s.cl.Directory.Country(ctx, a.CountryID)
	if err != nil {
		return nil, before(op, err)
	}
	if len(country.Regions) == 0 {
		return &regionByID{Name: r.Name}, nil
	}
	var found []CountryRegion
	for _, c := range country.Regions {
		if (r.Code == "" || strings.EqualFold(c.Code, r.Code)) && (r.Name == "" || strings.EqualFold(c.Name, r.Name)) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil, refuse(op, CodeRegion, "%d regions of %s fit the code %q; name one by its id", len(found), a.CountryID, r.Code)
	}
	return &regionByID{ID: found[0].ID}, nil
}

// Group is a group of customers, such as wholesale; id 0 are guests.
type Group struct {
	ID           ID     `json:"id"`
	Code         string `json:"code"`
	TaxClassID   ID     `json:"tax_class_id"`
	TaxClassName string `json:"tax_class_name"`
}

// Groups returns all customer groups.
func (s *Customers) Groups(ctx context.Context) ([]Group, error) {
	return all(eachPage[Group](ctx, s.cl, "list customer groups", "/customerGroups/search", nil, "id"))
}
