package mapping

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/commercesync/commerce"
)

// Name joins the parts of a name, each cleaned as [Text] does, leaving out empty ones.
func Name(parts ...string) string { return Text(strings.Join(parts, " ")) }

// Text trims a text, turns every run of white space into one space and drops
// control characters.
func Text(s string) string {
	if isText(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// isText reports whether a text in ASCII, as most are, is what Text makes of it.
func isText(s string) bool {
	before := byte(' ')
	for _, c := range []byte(s) {
		if c < ' ' || c >= 0x7f || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return s == "" || before != ' '
}

// Street joins the lines of a street by \n, cleaned and without empty ones.
func Street(lines ...string) string {
	kept := make([]string, 0, len(lines))
	for _, l := range lines {
		for part := range strings.SplitSeq(l, "\n") {
			if part = Text(part); part != "" {
				kept = append(kept, part)
			}
		}
	}
	return strings.Join(kept, "\n")
}

// Email puts an e-mail address in small letters without spaces around it. It is not
// checked: whoever sends mail finds out.
func Email(s string) string { return strings.ToLower(Text(s)) }

// VATID writes a VAT id without spaces, dots and dashes, in capitals: "DE123456789".
// It is not checked: shops take any text.
func VATID(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == '.' || r == '-' {
			return -1
		}
		return r
	}, s))
}

// Phone returns the number in E.164, read as one dialled in the country (alpha-2).
// ok is false where it is no number that anybody could have there; the caller drops
// it and goes on, since an order must not wait for a phone number.
func Phone(number, country string) (e164 string, ok bool) {
	if Text(number) == "" {
		return "", true
	}
	n, err := phonenumbers.Parse(number, country)
	// Most numbers are of the country itself, which is asked first: to find out whose a
	// number is takes as long again.
	if err != nil || !phonenumbers.IsValidNumberForRegion(n, country) && !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// Country returns the ISO 3166-1 alpha-2 code in capitals; ok is false for anything
// that is none.
func Country(code string) (alpha2 string, ok bool) {
	alpha2 = strings.ToUpper(strings.TrimSpace(code))
	return alpha2, countries[alpha2]
}

// Region returns the second part of the ISO 3166-2 code where it is known: shops
// such as Magento ship lists of their own for some countries (NRW for DE-NW). What
// looks like no code at all gives way to the name.
func Region(country, code, name string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	code = strings.TrimPrefix(code, country+"-")
	if iso, ok := regionCodes[country+"/"+code]; ok {
		return iso
	}
	if country == "FR" && len(code) == 1 && unicode.IsDigit(rune(code[0])) {
		return "0" + code // departments: FR-01
	}
	if len(code) >= 1 && len(code) <= 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
		return code
	}
	return Text(name)
}

// RawAddress is a postal address as a shop keeps it.
type RawAddress struct {
	Names      []string // first, middle, last
	Company    string
	Street     []string
	City       string
	PostalCode string
	RegionCode string
	Region     string // name
	Country    string // alpha-2, in any letter case
	Phone      string
	VATID      string
}

// Clean returns the address in canonical form, and a note for each thing that was
// dropped (no personal data in it). A country that is no ISO 3166 code is a fault
// naming field and document.
func (a RawAddress) Clean(document, field string) (commerce.Address, []string, error) {
	country, ok := Country(a.Country)
	if !ok {
		return commerce.Address{}, nil, Faultf(document, field+".country", a.Country, "is no ISO 3166-1 alpha-2 code")
	}
	var notes []string
	phone, ok := Phone(a.Phone, country)
	if !ok {
		notes = append(notes, field+".phone was dropped: no number of "+country)
	}
	return commerce.Address{
		Name: Name(a.Names...), Company: Text(a.Company), Street: Street(a.Street...), City: Text(a.City),
		PostalCode: Text(a.PostalCode), Region: Region(country, a.RegionCode, a.Region), Country: country,
		Phone: phone, VATID: VATID(a.VATID),
	}, notes, nil
}
