package nopcommercetest

import (
	"slices"
	"strings"
)

func customerBy(parameter string, of func(*Customer) string) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		c := s.customers.first(func(c *Customer) bool { return strings.EqualFold(of(c), r.text(parameter)) })
		if c == nil {
			return nil, notFound("Customer %s=%s not found", parameter, r.text(parameter))
		}
		return c, nil
	}
}

// named is a column of an account: since 4.60 its own, before a generic attribute.
func (s *Shop) named(c *Customer, key string) string {
	if c.CustomerNames == nil {
		if a := s.attribute("Customer", c.ID, key, 0); a != nil {
			return text(a.Value)
		}
		return ""
	}
	switch key {
	case "FirstName":
		return text(c.FirstName)
	case "LastName":
		return text(c.LastName)
	case "Company":
		return text(c.Company)
	case "Phone":
		return text(c.Phone)
	case "ZipPostalCode":
		return text(c.ZipPostalCode)
	}
	return ""
}

func (s *Shop) serveFullName(r *request) (any, *failure) {
	c, f := find(&s.customers, r.id)
	if f != nil {
		return nil, f
	}
	return strings.TrimSpace(s.named(c, "FirstName") + " " + s.named(c, "LastName")), nil
}

// serveCustomers lists accounts and guests, newest first.
func (s *Shop) serveCustomers(r *request) (any, *failure) {
	roles := r.list("customerRoleIds")
	born := r.number("dayOfBirth") != 0 || r.number("monthOfBirth") != 0
	found := s.customers.all(func(c *Customer) bool {
		if c.Deleted || !within(c.CreatedOnUTC, r.date("createdFromUtc"), r.date("createdToUtc")) || !contains(c.Email, r.text("email")) || !contains(c.Username, r.text("username")) ||
			r.number("affiliateId") != 0 && c.AffiliateID != r.number("affiliateId") || r.number("vendorId") != 0 && c.VendorID != r.number("vendorId") ||
			r.has("ipAddress") && text(c.LastIPAddress) != r.text("ipAddress") {
			return false
		}
		if len(roles) > 0 && !slices.ContainsFunc(roles, func(id int) bool { return slices.Contains(s.roles[c.ID], id) }) {
			return false
		}
		for name, key := range map[string]string{"firstName": "FirstName", "lastName": "LastName", "company": "Company", "phone": "Phone", "zipPostalCode": "ZipPostalCode"} {
			if has := s.named(c, key); !contains(&has, r.text(name)) {
				return false
			}
		}
		if born {
			if c.CustomerNames == nil || c.DateOfBirth == nil {
				return false
			}
			d, m := r.number("dayOfBirth"), r.number("monthOfBirth")
			return (d == 0 || c.DateOfBirth.Day() == d) && (m == 0 || int(c.DateOfBirth.Month()) == m)
		}
		return true
	})
	slices.SortStableFunc(found, func(a, b *Customer) int { return b.CreatedOnUTC.Compare(a.CreatedOnUTC.Time) })
	return paged(r, found)
}

func (s *Shop) serveBook(r *request) (any, *failure) {
	return byIDs(&s.addresses, s.books[r.id]), nil
}

func (s *Shop) serveBookAddress(r *request) (any, *failure) {
	if !slices.Contains(s.books[r.id], r.last) {
		return nil, nil
	}
	return s.addresses.get(r.last), nil
}

func addressOf(of func(*Customer) *int) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		c, f := find(&s.customers, r.id)
		if f != nil {
			return nil, f
		}
		id := of(c)
		if id == nil {
			return nil, notFound("Address of Customer Id=%d not found", c.ID)
		}
		return plainly(find(&s.addresses, *id))
	}
}

func (s *Shop) serveBookInsert(r *request) (any, *failure) {
	if f := s.bookOf(r); f != nil {
		return nil, f
	}
	if !slices.Contains(s.books[r.id], r.last) {
		s.books[r.id] = append(s.books[r.id], r.last)
	}
	return nil, nil
}

// serveBookRemove takes an address out of the book, and out of its account's defaults.
func (s *Shop) serveBookRemove(r *request) (any, *failure) {
	if f := s.bookOf(r); f != nil {
		return nil, f
	}
	s.books[r.id] = slices.DeleteFunc(s.books[r.id], func(id int) bool { return id == r.last })
	c := s.customers.get(r.id)
	for _, p := range []**int{&c.BillingAddressID, &c.ShippingAddressID} {
		if *p != nil && **p == r.last {
			*p = nil
		}
	}
	return nil, nil
}

func (s *Shop) bookOf(r *request) *failure {
	if _, f := find(&s.customers, r.id); f != nil {
		return f
	}
	_, f := find(&s.addresses, r.last)
	return f
}

// serveAddressValid reports whether an address has what a checkout asks for.
func (s *Shop) serveAddressValid(r *request) (any, *failure) {
	a, f := decode[Address](r)
	if f != nil {
		return nil, f
	}
	for _, v := range []*string{a.FirstName, a.LastName, a.Email, a.City, a.Address1, a.ZipPostalCode, a.PhoneNumber} {
		if strings.TrimSpace(text(v)) == "" {
			return false, nil
		}
	}
	return a.CountryID != nil && s.countries.get(*a.CountryID) != nil, nil
}
