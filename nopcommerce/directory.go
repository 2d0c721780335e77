package nopcommerce

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Directory looks up countries, states and currencies. Their ids differ from shop to shop.
// What is read is remembered for Config.KeepDirectory, and read once for all who wait.
type Directory struct {
	cl         *Client
	countries  kept[struct{}, []Country]
	states     kept[ID, []State]
	currencies kept[struct{}, []Currency]
}

func newDirectory(cl *Client) *Directory { return &Directory{cl: cl} }

// Country is a country as the shop has it.
type Country struct {
	ID           ID     `json:"id"`
	Name         string `json:"name"`
	Alpha2       string `json:"two_letter_iso_code"`
	Alpha3       string `json:"three_letter_iso_code"`
	NumericCode  int    `json:"numeric_iso_code"`
	SubjectToVAT bool   `json:"subject_to_vat"`
	Published    bool   `json:"published"`
}

// State is a state or province of a country.
type State struct {
	ID           ID     `json:"id"`
	CountryID    ID     `json:"country_id"`
	Name         string `json:"name"`
	Abbreviation string `json:"abbreviation"`
	Published    bool   `json:"published"`
}

// Currency is a currency as the shop has it.
type Currency struct {
	ID           ID     `json:"id"`
	Name         string `json:"name"`
	Code         string `json:"currency_code"`
	Rate         Number `json:"rate"` // to the currency that rates are kept in
	RoundingType int    `json:"rounding_type_id"`
	Published    bool   `json:"published"`
}

// Countries returns all countries, also those that are not published.
func (s *Directory) Countries(ctx context.Context) ([]Country, error) {
	return s.countries.get(ctx, s.cl, struct{}{}, func() ([]Country, error) {
		const op = "list countries"
		if s.cl.c.API == Community {
			var got struct {
				Countries []struct {
					Country
					Alpha3 string `json:"ThreeLetterIsoCode"` // the plugin's slip
				}
			}
			if err := s.cl.get(ctx, op, "/countries", nil, &got); err != nil {
				return nil, err
			}
			var all []Country
			for _, c := range got.Countries {
				c.Country.Alpha3 = either(c.Alpha3, c.Country.Alpha3)
				all = append(all, c.Country)
			}
			return all, nil
		}
		var all []Country
		err := s.cl.get(ctx, op, "/Country/GetAllCountries", params{{"showHidden", "true"}}, &all)
		return all, err
	})
}

// Country returns a country by its id. An id of none is of kind not found.
func (s *Directory) Country(ctx context.Context, id ID) (Country, error) {
	all, err := s.Countries(ctx)
	return first(all, err, "find country "+id.String(), func(c Country) bool { return c.ID == id })
}

// CountryByCode returns a country by its ISO 3166 code of two or three letters.
func (s *Directory) CountryByCode(ctx context.Context, code string) (Country, error) {
	all, err := s.Countries(ctx)
	return first(all, err, "find country by code", func(c Country) bool {
		return code != "" && (strings.EqualFold(c.Alpha2, code) || strings.EqualFold(c.Alpha3, code))
	})
}

// States returns the states of a country, also those that are not published.
func (s *Directory) States(ctx context.Context, country ID) ([]State, error) {
	op := "list states of country " + country.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	return s.states.get(ctx, s.cl, country, func() ([]State, error) {
		var all []State
		err := s.cl.get(ctx, op, "/StateProvince/GetStateProvincesByCountryId/"+country.String(), params{{"showHidden", "true"}}, &all)
		return all, err
	})
}

// State returns a state of a country by its id.
func (s *Directory) State(ctx context.Context, country, id ID) (State, error) {
	all, err := s.States(ctx, country)
	return first(all, err, "find state "+id.String(), func(st State) bool { return st.ID == id })
}

// StateByCode returns a state of a country by its abbreviation.
func (s *Directory) StateByCode(ctx context.Context, country ID, code string) (State, error) {
	all, err := s.States(ctx, country)
	return first(all, err, "find state by code", func(st State) bool { return code != "" && strings.EqualFold(st.Abbreviation, code) })
}

// Currencies returns all currencies, also those that are not published.
func (s *Directory) Currencies(ctx context.Context) ([]Currency, error) {
	const op = "list currencies"
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	return s.currencies.get(ctx, s.cl, struct{}{}, func() ([]Currency, error) {
		var got page[Currency]
		err := s.cl.get(ctx, op, "/Currency/GetAll", params{{"showHidden", "true"}}, &got)
		return got.Items, err
	})
}

// Currency returns a currency by its ISO 4217 code.
func (s *Directory) Currency(ctx context.Context, code string) (Currency, error) {
	all, err := s.Currencies(ctx)
	return first(all, err, "find currency by code", func(c Currency) bool { return code != "" && strings.EqualFold(c.Code, code) })
}

// PrimaryCurrency returns the currency that amounts are in. The community API says it. The
// official one does not: it is the one that an amount is converted to without a change, and
// where several are, the error is of kind ambiguous and a setting has to say it.
func (s *Directory) PrimaryCurrency(ctx context.Context) (Currency, error) {
	const op = "find primary currency"
	if s.cl.c.API == Community {
		var got Currency
		err := s.cl.get(ctx, op, "/currencies/primary", nil, &got)
		if err == nil && got.Code == "" {
			err = wrongRow(op)
		}
		return got, err
	}
	all, err := s.Currencies(ctx)
	if err != nil {
		return Currency{}, err
	}
	var same []Currency
	for _, c := range all {
		var amount Number
		if err := s.cl.get(ctx, op, "/Currency/ConvertFromPrimaryStoreCurrency/"+c.ID.String(), params{{"amount", "10000"}}, &amount); err != nil {
			return Currency{}, err
		}
		if d, err := amount.Decimal(); err == nil && d.Cmp(commerce.MustDecimal("10000")) == 0 {
			same = append(same, c)
		}
	}
	if len(same) != 1 {
		return Currency{}, &commerce.Error{Kind: commerce.KindAmbiguous, System: system, Op: op,
			Text: "several currencies, or none, have the rate of the primary one; a setting has to name it"}
	}
	return same[0], nil
}

func first[T any](all []T, err error, op string, is func(T) bool) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], nil
	}
	return none, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Text: "the shop has none"}
}

// kept remembers answers for a while. Who comes while one is read waits for it.
type kept[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]*keptOne[V]
}

type keptOne[V any] struct {
	turn  chan struct{}
	value V
	until time.Time
}

func (k *kept[K, V]) get(ctx context.Context, cl *Client, key K, read func() (V, error)) (V, error) {
	k.mu.Lock()
	if k.all == nil {
		k.all = map[K]*keptOne[V]{}
	}
	one := k.all[key]
	if one == nil {
		one = &keptOne[V]{turn: make(chan struct{}, 1)}
		k.all[key] = one
	}
	k.mu.Unlock()
	var none V
	select {
	case one.turn <- struct{}{}:
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return none, roundTripError("look up", false, ctx.Err())
	}
	if cl.c.Now().Before(one.until) {
		return one.value, nil
	}
	v, err := read()
	if err != nil {
		return none, err
	}
	one.value, one.until = v, cl.c.Now().Add(cl.c.KeepDirectory)
	return v, nil
}

// Stores reads the shop's stores.
type Stores struct{ cl *Client }

// Store is one of the shops that share a database.
type Store struct {
	ID         ID     `json:"id"`
	Name       string `json:"name"`
	URL        string `json:"url"`
	SSL        bool   `json:"ssl_enabled"`
	Hosts      string `json:"hosts"` // comma separated
	LanguageID ID     `json:"default_language_id"`
	Company    string `json:"company_name"`
}

// List returns all stores.
func (s *Stores) List(ctx context.Context) ([]Store, error) {
	const op = "list stores"
	if s.cl.c.API == Community {
		var got struct{ Stores []Store }
		err := s.cl.get(ctx, op, "/stores", nil, &got)
		return got.Stores, err
	}
	var got []Store
	err := s.cl.get(ctx, op, "/Store/GetAll", nil, &got)
	return got, err
}
