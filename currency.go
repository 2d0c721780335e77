package commerce

import "strings"

// Currency is an ISO 4217 alphabetic code in capitals: "EUR".
type Currency string

// iso4217 is the list published on 2024-06-25: code and decimal digits of the
// minor unit. Codes without a minor unit (XAU, XDR) are left out: nobody is paid
// in them.
const iso4217 = `
AED2 AFN2 ALL2 AMD2 ANG2 AOA2 ARS2 AUD2 AWG2 AZN2 BAM2 BBD2 BDT2 BGN2 BHD3 BIF0 BMD2 BND2 BOB2 BOV2
BRL2 BSD2 BTN2 BWP2 BYN2 BZD2 CAD2 CDF2 CHE2 CHF2 CHW2 CLF4 CLP0 CNY2 COP2 COU2 CRC2 CUC2 CUP2 CVE2
CZK2 DJF0 DKK2 DOP2 DZD2 EGP2 ERN2 ETB2 EUR2 FJD2 FKP2 GBP2 GEL2 GHS2 GIP2 GMD2 GNF0 GTQ2 GYD2 HKD2
HNL2 HTG2 HUF2 IDR2 ILS2 INR2 IQD3 IRR2 ISK0 JMD2 JOD3 JPY0 KES2 KGS2 KHR2 KMF0 KPW2 KRW0 KWD3 KYD2
KZT2 LAK2 LBP2 LKR2 LRD2 LSL2 LYD3 MAD2 MDL2 MGA2 MKD2 MMK2 MNT2 MOP2 MRU2 MUR2 MVR2 MWK2 MXN2 MXV2
MYR2 MZN2 NAD2 NGN2 NIO2 NOK2 NPR2 NZD2 OMR3 PAB2 PEN2 PGK2 PHP2 PKR2 PLN2 PYG0 QAR2 RON2 RSD2 RUB2
RWF0 SAR2 SBD2 SCR2 SDG2 SEK2 SGD2 SHP2 SLE2 SOS2 SRD2 SSP2 STN2 SVC2 SYP2 SZL2 THB2 TJS2 TMT2 TND3
TOP2 TRY2 TTD2 TWD2 TZS2 UAH2 UGX0 USD2 USN2 UYI0 UYU2 UYW4 UZS2 VED2 VES2 VND0 VUV0 WST2 XAF0 XCD2
XOF0 XPF0 YER2 ZAR2 ZMW2 ZWG2
`

var exponents = func() map[Currency]int8 {
	m := make(map[Currency]int8, 180)
	for _, f := range strings.Fields(iso4217) {
		m[Currency(f[:3])] = int8(f[3] - '0')
	}
	return m
}()

// ParseCurrency reads a code in any letter case. An unknown code is an error of
// kind invalid.
func ParseCurrency(code string) (Currency, error) {
	c := Currency(strings.ToUpper(code))
	if _, ok := exponents[c]; !ok {
		return "", Errorf(KindInvalid, "commerce", "parse currency", "%q is no ISO 4217 currency", code)
	}
	return c, nil
}

// Valid reports whether c is in the ISO 4217 list.
func (c Currency) Valid() bool { _, ok := exponents[c]; return ok }

// Exponent returns the decimal digits of the minor unit: 2 for EUR, 0 for JPY, 3
// for KWD; -1 for an unknown code.
func (c Currency) Exponent() int {
	e, ok := exponents[c]
	if !ok {
		return -1
	}
	return int(e)
}

// Lower returns the code in small letters, as Stripe writes it.
func (c Currency) Lower() string { return strings.ToLower(string(c)) }

// StripeOperation says for which operation an amount is meant: Stripe's units
// depend on it.
type StripeOperation uint8

const (
	// StripeCharge covers payment intents, charges, refunds and balance transactions.
	StripeCharge StripeOperation = iota
	// StripeManualPayout covers payouts created by hand.
	StripeManualPayout
)

// stripeExponents are the currencies whose Stripe unit is not ISO's.
// Source: docs.stripe.com/currencies, read 2026-11-21.
var stripeExponents = map[Currency]int{"ISK": 2, "UGX": 2, "MGA": 0}

// stripeUnits returns digits and the step an amount must be a multiple of.
func stripeUnits(c Currency, op StripeOperation) (exponent int, multiple int64) {
	exponent = c.Exponent()
	if e, ok := stripeExponents[c]; ok {
		exponent = e
	}
	switch {
	case c == "ISK" || c == "UGX":
		return exponent, 100
	case op == StripeCharge && exponent == 3:
		return exponent, 10
	case op == StripeManualPayout && (c == "HUF" || c == "TWD"):
		return exponent, 100
	}
	return exponent, 1
}
