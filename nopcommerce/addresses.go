package nopcommerce

import "context"

// Addresses reads and writes addresses. They name countries and states by ids that differ
// from shop to shop: [Directory] translates.
type Addresses struct{ cl *Client }

// Address is an address of an order or of a customer.
type Address struct {
	ID               ID     `json:"id"`
	FirstName        string `json:"first_name"`
	LastName         string `json:"last_name"`
	Email            string `json:"email"`
	Company          string `json:"company"`
	CountryID        ID     `json:"country_id,omitempty" zero:"null"`
	StateProvinceID  ID     `json:"state_province_id,omitempty" zero:"null"`
	County           string `json:"county"`
	City             string `json:"city"`
	Address1         string `json:"address1"`
	Address2         string `json:"address2"`
	ZipPostalCode    string `json:"zip_postal_code"`
	PhoneNumber      string `json:"phone_number"`
	FaxNumber        string `json:"fax_number"`
	CustomAttributes string `json:"custom_attributes"`
	CreatedOn        Time   `json:"created_on_utc"`

	// Names that the community API sends besides the ids.
	Country  string `json:"country,omitempty"`
	Province string `json:"province,omitempty"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON takes an address of either API and keeps its bytes.
func (a *Address) UnmarshalJSON(b []byte) error {
	type row Address
	*a = Address{}
	return a.Raw.keep(b, (*row)(a))
}

var addresses = table[Address]{
	what: "address", get: "/Address/GetById/", put: "/Address/Update",
	raw: func(a *Address) *Raw { return &a.Raw }, id: func(a *Address) ID { return a.ID },
}

// Get reads an address by its id.
func (s *Addresses) Get(ctx context.Context, id ID) (Address, error) {
	if err := s.cl.offers("get address "+id.String(), Official, false); err != nil {
		return Address{}, err
	}
	return addresses.one(ctx, s.cl, id)
}

// Create inserts an address. [Customers.AddAddress] puts it into a book.
func (s *Addresses) Create(ctx context.Context, a Address) (Address, error) {
	if a.CreatedOn.IsZero() {
		a.CreatedOn = At(s.cl.c.Now())
	}
	return addresses.create(ctx, s.cl, "/Address/Create", a)
}

// Update writes what the caller changed in an address, as [Orders.Update] does.
func (s *Addresses) Update(ctx context.Context, a Address) (Address, error) {
	return addresses.update(ctx, s.cl, a)
}
