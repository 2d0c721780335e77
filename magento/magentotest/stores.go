package magentotest

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// once keeps the first store of each key.
func once[K comparable](stores []Store, key func(Store) K) []Store {
	seen := map[K]bool{}
	return slices.DeleteFunc(slices.Clone(stores), func(s Store) bool {
		k := key(s)
		old := seen[k]
		seen[k] = true
		return old
	})
}

// current is the store view of a request: the first where the path names none.
func (s *Shop) current(r *request) Store {
	if r.store.ID != 0 {
		return r.store
	}
	return s.stores[0]
}

// first puts an entry at the head of a list.
func first(l []any, is func(obj) bool) []any {
	at := slices.IndexFunc(l, func(v any) bool { return is(v.(obj)) })
	if at < 0 {
		return l
	}
	return append([]any{l[at]}, slices.Delete(slices.Clone(l), at, at+1)...)
}

// serveWebsites lists them in the order of their ids, but first what the request loaded
// before: a signed one the current website (REC 015 against 280).
func (s *Shop) serveWebsites(r *request) (any, *failure) {
	out := []any{obj{"id": int64(0), "code": "admin", "name": "Admin", "default_group_id": 0}}
	for _, st := range once(s.stores, func(s Store) int64 { return s.WebsiteID }) {
		out = append(out, obj{"id": st.WebsiteID, "code": st.Website, "name": st.WebsiteName, "default_group_id": st.WebsiteID})
	}
	if r.oauth {
		out = first(out, func(o obj) bool { return o["id"] == s.current(r).WebsiteID })
	}
	return out, nil
}

func (s *Shop) serveGroups(*request) (any, *failure) {
	out := []any{obj{"id": 0, "website_id": 0, "root_category_id": 0, "default_store_id": 0, "name": "Default", "code": "default"}}
	for _, st := range once(s.stores, func(s Store) int64 { return s.WebsiteID }) {
		out = append(out, obj{"id": st.WebsiteID, "website_id": st.WebsiteID, "root_category_id": 2, "default_store_id": st.ID,
			"name": st.GroupName, "code": or(st.GroupCode, st.Website+"_group")})
	}
	return out, nil
}

// serveViews lists the current view first: it is loaded before the others (REC 191).
func (s *Shop) serveViews(r *request) (any, *failure) {
	out := []any{obj{"id": int64(0), "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0, "is_active": 1}}
	for _, st := range s.stores {
		out = append(out, obj{"id": st.ID, "code": st.Code, "name": st.Name, "website_id": st.WebsiteID, "store_group_id": st.WebsiteID, "is_active": 1})
	}
	return first(out, func(o obj) bool { return o["id"] == s.current(r).ID }), nil
}

func (s *Shop) serveConfigs(r *request) (any, *failure) {
	codes := r.query["storeCodes[]"]
	out := []any{}
	for _, st := range s.stores {
		if len(codes) > 0 && !slices.Contains(codes, st.Code) {
			continue
		}
		config := obj{"id": st.ID, "code": st.Code, "website_id": st.WebsiteID, "locale": or(st.Locale, "en_US"), "weight_unit": "lbs",
			"timezone": or(st.Timezone, "UTC"), "base_currency_code": st.BaseCurrency, "default_display_currency_code": st.Currency}
		for _, name := range []string{"base", "secure_base"} {
			config[name+"_url"], config[name+"_link_url"] = r.base, r.base
			config[name+"_static_url"], config[name+"_media_url"] = r.base+"static/", r.base+"media/"
		}
		out = append(out, config)
	}
	return out, nil
}

// serveCurrency answers what buyers of a website may see: its base currency first.
func (s *Shop) serveCurrency(r *request) (any, *failure) {
	st := s.current(r)
	all := map[string]string{st.BaseCurrency: "1"}
	for _, x := range s.stores {
		if x.WebsiteID != st.WebsiteID {
			continue
		}
		for code, rate := range x.Rates {
			all[code] = rate
		}
		all[x.Currency] = x.Rate
	}
	var codes, rates []any
	for _, code := range sortedKeys(all) {
		rate, _ := parseDec(all[code])
		c, x := any(code), any(obj{"currency_to": code, "rate": rate})
		if code == st.BaseCurrency {
			codes, rates = append([]any{c}, codes...), append([]any{x}, rates...)
			continue
		}
		codes, rates = append(codes, c), append(rates, x)
	}
	return obj{"base_currency_code": st.BaseCurrency, "base_currency_symbol": symbol(st.BaseCurrency),
		"default_display_currency_code": st.Currency, "default_display_currency_symbol": symbol(st.Currency),
		"available_currency_codes": codes, "exchange_rates": rates}, nil
}

func symbol(currency string) string {
	if s, ok := map[string]string{"USD": "$", "EUR": "€", "JPY": "¥", "GBP": "£"}[currency]; ok {
		return s
	}
	return currency
}

// installed are the modules of a Magento Open Source 2.4.6-p1 (REC 306).
//
//go:embed modules.txt
var installed string

func (s *Shop) serveModules(*request) (any, *failure) {
	names := strings.Fields(installed)
	if s.c.AdobeCommerce {
		names = append(names, "Magento_Enterprise", "Magento_Rma")
	}
	if s.c.StripeModule {
		names = append(names, "StripeIntegration_Payments")
	}
	return names, nil
}

// country is a country that addresses may be in.
type country struct {
	code, long, name string
	regions          []obj // nil: free text
}

var countries = []country{
	{"DE", "DEU", "Germany", regions(79, "NDS Niedersachsen,BAW Baden-Württemberg,BAY Bayern,BER Berlin,BRG Brandenburg,BRE Bremen,HAM Hamburg,HES Hessen,"+
		"MEC Mecklenburg-Vorpommern,NRW Nordrhein-Westfalen,RHE Rheinland-Pfalz,SAR Saarland,SAS Sachsen,SAC Sachsen-Anhalt,SHE Schleswig-Holstein,THE Thüringen")},
	{"FR", "FRA", "France", nil},
	{"GB", "GBR", "United Kingdom", nil},
	{"JP", "JPN", "Japan", nil},
	{"NL", "NLD", "Netherlands", nil},
	{"PT", "PRT", "Portugal", nil},
	// REC 305
	{"US", "USA", "United States", regions(1, "AL Alabama,AK Alaska,AS American Samoa,AZ Arizona,AR Arkansas,AE Armed Forces Africa,AA Armed Forces Americas,"+
		"AE Armed Forces Canada,AE Armed Forces Europe,AE Armed Forces Middle East,AP Armed Forces Pacific,CA California,CO Colorado,CT Connecticut,"+
		"DE Delaware,DC District of Columbia,FM Federated States Of Micronesia,FL Florida,GA Georgia,GU Guam,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,"+
		"IA Iowa,KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MH Marshall Islands,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,"+
		"MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,NC North Carolina,ND North Dakota,"+
		"MP Northern Mariana Islands,OH Ohio,OK Oklahoma,OR Oregon,PW Palau,PA Pennsylvania,PR Puerto Rico,RI Rhode Island,SC South Carolina,"+
		"SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VI Virgin Islands,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming")},
}

// allCountries are the codes that an address may have; only the countries above have
// their regions here.
const allCountries = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
	CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
	GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
	KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
	NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
	SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
	UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`

// regions numbers "CODE Name" entries, whose ids are texts.
func regions(id int, list string) (out []obj) {
	for entry := range strings.SplitSeq(list, ",") {
		code, name, _ := strings.Cut(entry, " ")
		out = append(out, obj{"id": fmt.Sprint(id), "code": code, "name": name})
		id++
	}
	return out
}

func countryOf(code string) (country, bool) {
	at := slices.IndexFunc(countries, func(c country) bool { return c.code == code })
	if at < 0 {
		return country{}, false
	}
	return countries[at], true
}

func (c country) render() obj {
	out := obj{"id": c.code, "two_letter_abbreviation": c.code, "three_letter_abbreviation": c.long, "full_name_locale": c.name, "full_name_english": c.name}
	if c.regions != nil {
		out["available_regions"] = c.regions
	}
	return out
}

func (s *Shop) serveCountry(r *request) (any, *failure) {
	c, ok := countryOf(r.key)
	if !ok {
		return nil, &failure{status: 404, message: "The country isn't available."}
	}
	return c.render(), nil
}

func (s *Shop) serveCountries(*request) (any, *failure) {
	var out []any
	for _, c := range countries {
		out = append(out, c.render())
	}
	return out, nil
}
