package nopcommercetest

import (
	"cmp"
	"strings"
)

// install fills the tables as an installation does.
func (s *Shop) install() error {
	c, now := &s.c, s.now()
	stores := c.Stores
	if len(stores) == 0 {
		stores = []Store{{Name: new("Your store name"), URL: new("https://www.yourStore.com/"), SSLEnabled: true, CompanyName: new("Your company name"), DisplayOrder: 1}}
	}
	for i, st := range stores {
		if text(st.Name) == "" {
			return invalid("new shop", "Config.Stores[%d].Name is empty", i)
		}
		s.stores.insert(st)
	}
	currencies := c.Currencies
	if len(currencies) == 0 {
		currencies = []NewCurrency{{"USD", "1"}, {"EUR", "0.9"}, {"JPY", "149.53"}}
	}
	for i, n := range currencies {
		rate, err := ParseRate(n.Rate)
		if err != nil || rate <= 0 || len(n.Code) != 3 {
			return invalid("new shop", "Config.Currencies[%d] has no rate or no code", i)
		}
		s.currencies.insert(Currency{Name: new(n.Code), CurrencyCode: new(strings.ToUpper(n.Code)), Rate: rate, DisplayLocale: new(""), CustomFormatting: new(""),
			Published: true, DisplayOrder: i + 1, CreatedOnUTC: now, UpdatedOnUTC: now})
	}
	s.countries.last = int(s.c.Seed % 97)
	s.states.last = int(s.c.Seed % 89)
	for i, n := range countries {
		row := s.countries.insert(Country{Name: new(n.name), AllowsBilling: true, AllowsShipping: true, TwoLetterISOCode: new(n.two), ThreeLetterISOCode: new(n.three),
			NumericISOCode: n.number, SubjectToVAT: n.vat, Published: true, DisplayOrder: i + 1})
		for j, st := range n.states {
			name, abbreviation, _ := strings.Cut(st, " ")
			s.states.insert(State{CountryID: row.ID, Name: new(strings.ReplaceAll(name, "_", " ")), Abbreviation: new(abbreviation), Published: true, DisplayOrder: j + 1})
		}
	}
	for i, name := range []string{"Ground", "Next Day Air", "2nd Day Air"} {
		s.methods.insert(ShippingMethod{Name: new(name), DisplayOrder: i + 1})
	}
	for i, name := range []string{"Repair", "Replacement", "Store Credit"} {
		s.actions.insert(ReturnAction{Name: new(name), DisplayOrder: i + 1})
	}
	for i, name := range []string{"Received Wrong Product", "Wrong Product Ordered", "There Was A Problem With The Product"} {
		s.reasons.insert(ReturnReason{Name: new(name), DisplayOrder: i + 1})
	}
	admin := s.customers.insert(Customer{CustomerGUID: s.guid(), Username: new(c.Email), Email: new(c.Email), Active: true, CreatedOnUTC: now, LastActivityDateUTC: now, RegisteredInStoreID: 1})
	s.roles[admin.ID] = []int{RoleAdministrators, RoleRegistered, roleAPI}
	return nil
}

type newCountry struct {
	name, two, three string
	number           int
	vat              bool
	states           []string // "New_York NY"
}

// countries are some of the world's; their ids are the shop's own.
var countries = []newCountry{
	{"United States", "US", "USA", 840, false, []string{"California CA", "Florida FL", "New_York NY", "Ohio OH", "Texas TX", "Washington WA"}},
	{"Canada", "CA", "CAN", 124, false, []string{"British_Columbia BC", "Ontario ON", "Quebec QC"}},
	{"Germany", "DE", "DEU", 276, true, nil},
	{"Netherlands", "NL", "NLD", 528, true, nil},
	{"France", "FR", "FRA", 250, true, nil},
	{"Austria", "AT", "AUT", 40, true, nil},
	{"Italy", "IT", "ITA", 380, true, nil},
	{"Spain", "ES", "ESP", 724, true, nil},
	{"United Kingdom", "GB", "GBR", 826, true, nil},
	{"Japan", "JP", "JPN", 392, false, nil},
	{"Australia", "AU", "AUS", 36, false, []string{"New_South_Wales NSW", "Victoria VIC"}},
}

// NewAddress is an address as a buyer writes it, with codes instead of ids.
type NewAddress struct {
	FirstName, LastName, Company string
	Email                        string
	Address1, Address2, City     string
	PostalCode                   string
	State                        string // abbreviation
	Country                      string // ISO 3166-1 alpha-2
	Phone                        string
}

// address keeps an address; an unknown country or state is an error.
func (s *Shop) address(op string, a NewAddress) (*Address, error) {
	row := Address{FirstName: orNull(a.FirstName), LastName: orNull(a.LastName), Email: orNull(a.Email), Company: orNull(a.Company), City: orNull(a.City),
		Address1: orNull(a.Address1), Address2: orNull(a.Address2), ZipPostalCode: orNull(a.PostalCode), PhoneNumber: orNull(a.Phone), CreatedOnUTC: s.now()}
	if a.Country != "" {
		c := s.countries.first(func(c *Country) bool { return strings.EqualFold(text(c.TwoLetterISOCode), a.Country) })
		if c == nil {
			return nil, invalid(op, "NewAddress.Country %q is no country of the shop", a.Country)
		}
		row.CountryID = &c.ID
		if a.State != "" {
			st := s.state(c.ID, a.State)
			if st == nil {
				return nil, invalid(op, "NewAddress.State %q is no state of %s", a.State, a.Country)
			}
			row.StateProvinceID = &st.ID
		}
	}
	return s.addresses.insert(row), nil
}

// NewCustomer is an account.
type NewCustomer struct {
	Email, FirstName, LastName, Company string
	VATNumber                           string
	TaxExempt                           bool
	Roles                               []int // beside registered; ids, such as RoleAdministrators
	Address                             *NewAddress
}

// AddCustomer registers an account and returns its id. An error is of kind invalid and
// names the field.
func (s *Shop) AddCustomer(n NewCustomer) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Email == "" {
		return 0, invalid("add customer", "NewCustomer.Email is empty")
	}
	var at *Address
	if n.Address != nil {
		var err error
		if at, err = s.address("add customer", *n.Address); err != nil {
			return 0, err
		}
	}
	now := s.now()
	names := &CustomerNames{FirstName: orNull(n.FirstName), LastName: orNull(n.LastName), Company: orNull(n.Company), VATNumber: orNull(n.VATNumber)}
	c := s.customers.insert(Customer{CustomerGUID: s.guid(), Username: new(n.Email), Email: new(n.Email), Active: true, IsTaxExempt: n.TaxExempt, CreatedOnUTC: now,
		LastActivityDateUTC: now, RegisteredInStoreID: 1, CustomerNames: names})
	if c.CustomerNames == nil {
		for key, v := range map[string]string{"FirstName": n.FirstName, "LastName": n.LastName, "Company": n.Company, "VatNumber": n.VATNumber} {
			if v != "" {
				s.attributes.insert(Attribute{EntityID: c.ID, KeyGroup: new("Customer"), Key: new(key), Value: new(v), CreatedOrUpdatedDateUTC: &now})
			}
		}
	}
	s.roles[c.ID] = append([]int{RoleRegistered}, n.Roles...)
	if at != nil {
		s.books[c.ID] = []int{at.ID}
		c.BillingAddressID, c.ShippingAddressID = &at.ID, &at.ID
	}
	return c.ID, nil
}

// guests are the roles of a guest.
var guests = []int{RoleGuests}

// guest makes the account of a buyer who has none: it has no e-mail.
func (s *Shop) guest() *Customer {
	now := s.now()
	c := s.customers.insert(Customer{CustomerGUID: s.guid(), Active: true, CreatedOnUTC: now, LastActivityDateUTC: now, RegisteredInStoreID: 1})
	s.roles[c.ID] = guests
	return c
}

// NewProduct is a product of the catalogue.
type NewProduct struct {
	SKU, Name   string // Name defaults to SKU
	Price, Cost string // decimal, primary store currency; default to 0
	Weight      string // defaults to 0
	// Virtual goods are not shipped.
	Virtual bool
	// Stock is kept where it is not nil.
	Stock *int
	// Warehouses keep the stock instead: name → how much.
	Warehouses []NewInventory
	// Combinations keep it instead: each has its own SKU.
	Combinations []NewCombination
	// Hidden products are not published.
	Hidden bool
	// Recurring makes an order of it start a subscription: every CycleLength of
	// CyclePeriod (0 days, 10 weeks, 20 months, 30 years), TotalCycles times.
	Recurring                             bool
	CycleLength, CyclePeriod, TotalCycles int
}

// NewInventory is what lies in a warehouse.
type NewInventory struct {
	Warehouse string
	Quantity  int
}

// NewCombination is a choice of attributes with its own SKU.
type NewCombination struct {
	SKU   string
	Stock int
	Price string // overrides the product's; may be empty
	// Choice is shown with the order: "Size: L".
	Choice string
}

// AddProduct adds a product and returns its id. An error is of kind invalid and names
// the field.
func (s *Shop) AddProduct(n NewProduct) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.addProduct(n)
	if err != nil {
		return 0, err
	}
	return p.ID, nil
}

func (s *Shop) addProduct(n NewProduct) (*Product, error) {
	if n.SKU == "" {
		return nil, invalid("add product", "NewProduct.SKU is empty")
	}
	var amounts [3]Amount
	for i, v := range []struct{ name, text string }{{"Price", n.Price}, {"Cost", n.Cost}, {"Weight", n.Weight}} {
		var err error
		if amounts[i], err = ParseAmount(cmp.Or(v.text, "0")); err != nil {
			return nil, invalid("add product", "NewProduct.%s: %w", v.name, err)
		}
	}
	now := s.now()
	row := Product{ProductTypeID: 5, VisibleIndividually: true, Name: new(cmp.Or(n.Name, n.SKU)), SKU: new(n.SKU), Price: amounts[0], ProductCost: amounts[1], Weight: amounts[2],
		IsShipEnabled: !n.Virtual, Published: !n.Hidden, OrderMinimumQuantity: 1, OrderMaximumQuantity: 10000, CreatedOnUTC: now, UpdatedOnUTC: now, ProductTemplateID: 1,
		IsRecurring: n.Recurring, RecurringCycleLength: n.CycleLength, RecurringCyclePeriodID: n.CyclePeriod, RecurringTotalCycles: n.TotalCycles}
	switch {
	case len(n.Combinations) > 0:
		row.ManageInventoryMethodID = stockByAttributes
	case len(n.Warehouses) > 0:
		row.ManageInventoryMethodID, row.UseMultipleWarehouses = stockByProduct, true
	case n.Stock != nil:
		row.ManageInventoryMethodID, row.StockQuantity = stockByProduct, *n.Stock
	}
	p := s.products.insert(row)
	for _, w := range n.Warehouses {
		s.inventories.insert(Inventory{ProductID: p.ID, WarehouseID: s.warehouse(w.Warehouse).ID, StockQuantity: w.Quantity})
	}
	for i, c := range n.Combinations {
		row := Combination{ProductID: p.ID, AttributesXML: new(attributesXML(p.ID, i+1)), StockQuantity: c.Stock, SKU: new(c.SKU), NotifyAdminForQuantityBelow: 1}
		if c.Price != "" {
			a, err := ParseAmount(c.Price)
			if err != nil {
				return nil, invalid("add product", "NewCombination.Price: %w", err)
			}
			row.OverriddenPrice = &a
		}
		s.combinations.insert(row)
		s.choices[text(row.AttributesXML)] = c.Choice
	}
	return p, nil
}

func (s *Shop) warehouse(name string) *Warehouse {
	if w := s.warehouses.first(func(w *Warehouse) bool { return text(w.Name) == name }); w != nil {
		return w
	}
	return s.warehouses.insert(Warehouse{Name: new(name)})
}
