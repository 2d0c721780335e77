package mapping

import "strings"

// iso3166 are the officially assigned alpha-2 codes of ISO 3166-1 (249, 2026-11),
// and XK, which shops, Stripe and carriers use for Kosovo.
const iso3166 = `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV
BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES
ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE
IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU
NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM
SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE
VG VI VN VU WF WS YE YT ZA ZM ZW XK
`

var countries = func() map[string]bool {
	m := make(map[string]bool, 256)
	for _, c := range strings.Fields(iso3166) {
		m[c] = true
	}
	return m
}()

// regionCodes are the region codes of Magento's own lists that are not ISO 3166-2,
// as "country/code" to the ISO code. Source: the directory module of Magento 2.4
// (REC 446 shows NRW), read 2026-11.
var regionCodes = map[string]string{
	"DE/NDS": "NI", "DE/BAW": "BW", "DE/BAY": "BY", "DE/BER": "BE", "DE/BRG": "BB", "DE/BRE": "HB",
	"DE/HAM": "HH", "DE/HES": "HE", "DE/MEC": "MV", "DE/NRW": "NW", "DE/RHE": "RP", "DE/SAR": "SL",
	"DE/SAS": "SN", "DE/SAC": "ST", "DE/SCN": "SH", "DE/THE": "TH",
	"AT/BL": "1", "AT/KN": "2", "AT/NO": "3", "AT/OO": "4", "AT/SB": "5", "AT/ST": "6", "AT/TI": "7",
	"AT/VB": "8", "AT/WI": "9",
}
