package nopcommercetest

import (
	"slices"
	"strings"
)

func countriesFor(f func(*Country) bool) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		return append([]*Country{}, s.countries.all(func(c *Country) bool { return f(c) && (c.Published || r.yes("showHidden")) })...), nil
	}
}

func countryBy(parameter string, of func(*Country) *string) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		c := s.countries.first(func(c *Country) bool { return strings.EqualFold(text(of(c)), r.text(parameter)) })
		if c == nil {
			return nil, notFound("Country %s=%s not found", parameter, r.text(parameter))
		}
		return c, nil
	}
}

func (s *Shop) serveCountryOfAddress(r *request) (any, *failure) {
	a, f := find(&s.addresses, r.id)
	if f != nil {
		return nil, f
	}
	if a.CountryID == nil {
		return nil, notFound("Country of Address Id=%d not found", a.ID)
	}
	return plainly(find(&s.countries, *a.CountryID))
}

func (s *Shop) serveStateOfAddress(r *request) (any, *failure) {
	a, f := find(&s.addresses, r.id)
	if f != nil {
		return nil, f
	}
	if a.StateProvinceID == nil {
		return nil, notFound("StateProvince of Address Id=%d not found", a.ID)
	}
	return plainly(find(&s.states, *a.StateProvinceID))
}

func (s *Shop) serveStateByAbbreviation(r *request) (any, *failure) {
	st := s.state(r.number("countryId"), r.text("abbreviation"))
	if st == nil {
		return nil, notFound("StateProvince abbreviation=%s not found", r.text("abbreviation"))
	}
	return st, nil
}

// state is the one of an abbreviation, of any country for 0.
func (s *Shop) state(country int, abbreviation string) *State {
	return s.states.first(func(st *State) bool {
		return strings.EqualFold(text(st.Abbreviation), abbreviation) && (country == 0 || st.CountryID == country)
	})
}

func (s *Shop) serveStatesOfCountry(r *request) (any, *failure) {
	return slices.DeleteFunc(append([]*State{}, s.states.of[r.id]...), func(st *State) bool { return !st.Published && !r.yes("showHidden") }), nil
}

func (s *Shop) serveStates(r *request) (any, *failure) {
	return append([]*State{}, s.states.all(func(st *State) bool { return st.Published || r.yes("showHidden") })...), nil
}

// primary is the primary store currency.
func (s *Shop) primary() *Currency { return s.currencies.rows[0] }

func (s *Shop) currency(code string) *Currency {
	return s.currencies.first(func(c *Currency) bool { return strings.EqualFold(text(c.CurrencyCode), code) })
}

func (s *Shop) serveCurrencyByCode(r *request) (any, *failure) {
	if c := s.currency(r.text("currencyCode")); c != nil {
		return c, nil
	}
	return nil, notFound("Currency currencyCode=%s not found", r.text("currencyCode"))
}

// serveCurrencies answers with a page that holds all.
func (s *Shop) serveCurrencies(r *request) (any, *failure) {
	return paged(r, s.currencies.all(func(c *Currency) bool { return c.Published || r.yes("showHidden") }))
}

func (s *Shop) serveToPrimary(r *request) (any, *failure) {
	c, f := find(&s.currencies, r.id)
	if f != nil {
		return nil, f
	}
	return Amount(round(convert(r.amount("amount"), s.primary().Rate, c.Rate), amountPlaces)), nil
}

func (s *Shop) serveFromPrimary(r *request) (any, *failure) {
	c, f := find(&s.currencies, r.id)
	if f != nil {
		return nil, f
	}
	return Amount(round(convert(r.amount("amount"), c.Rate, s.primary().Rate), amountPlaces)), nil
}

func (s *Shop) serveWarehouses(r *request) (any, *failure) {
	return append([]*Warehouse{}, s.warehouses.all(func(w *Warehouse) bool { return contains(w.Name, r.text("name")) })...), nil
}
