package magento

import (
	"context"
	"net/url"
)

// Directory reads countries and currencies. Anyone may.
type Directory struct{ cl *Client }

// Country is a country in the language of the store view.
type Country struct {
	ID          string          `json:"id"` // ISO 3166-1 alpha-2
	Alpha3      string          `json:"three_letter_abbreviation"`
	Name        string          `json:"full_name_locale"`
	EnglishName string          `json:"full_name_english"`
	Regions     []CountryRegion `json:"available_regions"` // none: a region is free text
}

// CountryRegion is a region that addresses name by id. Codes are not unique: AE stands
// for four of the United States.
type CountryRegion struct {
	ID   ID     `json:"id"`
	Code string `json:"code"`
	Name string `json:"name"`
}

// Currencies are those of a store view and their rates to its base currency now; an
// order keeps the rate that it was placed at.
type Currencies struct {
	Base      string         `json:"base_currency_code"`
	Display   string         `json:"default_display_currency_code"`
	Available []string       `json:"available_currency_codes"`
	Rates     []CurrencyRate `json:"exchange_rates"`
}

// CurrencyRate is what one unit of the base currency costs.
type CurrencyRate struct {
	To   string `json:"currency_to"`
	Rate Number `json:"rate"`
}

// Country reads a country with its regions. Unknown is of kind not found.
func (s *Directory) Country(ctx context.Context, code string) (Country, error) {
	var c Country
	if len(code) != 2 {
		return c, refuse("get country", "", "%.10q is no two-letter code of a country", code)
	}
	err := s.cl.read(ctx, "get country "+code, "/directory/countries/"+url.PathEscape(code), nil, &c)
	return c, err
}

// Countries returns the countries that the store view allows.
func (s *Directory) Countries(ctx context.Context) ([]Country, error) {
	var out []Country
	err := s.cl.read(ctx, "list countries", "/directory/countries", nil, &out)
	return out, err
}

// Currencies returns the currencies of Config.Store.
func (s *Directory) Currencies(ctx context.Context) (Currencies, error) {
	var c Currencies
	err := s.cl.read(ctx, "get currencies", "/directory/currency", nil, &c)
	return c, err
}
