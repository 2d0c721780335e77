package stripetest

import (
	"slices"
	"strconv"
	"strings"
)

// only refuses parameters that the endpoint does not take, and values that they can
// not have. A name covers all that is below it: "shipping" takes shipping[name], and
// "items[][price]" takes items[0][price] but not items[0][quantity]. Words that a
// parameter may be follow it: "reason=duplicate|fraudulent".
//
// Nothing is ignored: what the fake does not model is refused as what Stripe does not
// know is, and the message names what is taken here.
func (f form) only(names ...string) *problem {
	for key, values := range f.Values {
		parts := strings.Split(strings.ReplaceAll(key, "]", ""), "[")
		for i, p := range parts {
			if _, err := strconv.Atoi(p); err == nil && i > 0 {
				parts[i] = ""
			}
		}
		words, ok := allowed(names, parts)
		if !ok {
			return badParam(key, "parameter_unknown", "Received unknown parameter: "+key+
				". stripetest takes here: "+strings.Join(names, ", "))
		}
		if slices.Contains(parts, "metadata") {
			continue
		}
		for _, v := range values {
			if p := fits(key, leaf(parts), words, v); p != nil {
				return p
			}
		}
	}
	return nil
}

// allowed finds the name that covers a parameter, and the words that it may be.
func allowed(names, parts []string) (words string, ok bool) {
	for _, name := range names {
		if !strings.HasPrefix(name, parts[0]) {
			continue
		}
		name, words, _ := strings.Cut(name, "=")
		want := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		if len(parts) < len(want) || !slices.Equal(want, parts[:len(want)]) {
			continue
		}
		if want[len(want)-1] == "metadata" && len(parts) > len(want)+1 {
			return "", false // it has one level
		}
		return words, true
	}
	return "", false
}

// leaf is the last name of a parameter.
func leaf(parts []string) string {
	for i := len(parts) - 1; i > 0; i-- {
		if parts[i] != "" {
			return parts[i]
		}
	}
	return parts[0]
}

// fits checks a value. A name is of one type wherever it comes up.
// Source: stripe-mock's document of 2023-10-16.
func fits(key, name, words, value string) *problem {
	switch {
	case strings.HasPrefix(key, "expand["):
		if !links[value[strings.LastIndex(value, ".")+1:]] {
			return badParam("expand", "", "This property cannot be expanded ("+value+").")
		}
	case words != "":
		if !slices.Contains(strings.Split(words, "|"), value) {
			return badParam(key, "", "Invalid "+key+": must be one of "+strings.ReplaceAll(words, "|", ", "))
		}
	case booleans[name]:
		if value != "true" && value != "false" {
			return badParam(key, "", "Invalid boolean: "+value)
		}
	case integers[name]:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil && value != "" { // an empty text clears it
			return badParam(key, "parameter_invalid_integer", "Invalid integer: "+value)
		}
	case vocabulary[name] != "":
		if !slices.Contains(strings.Split(vocabulary[name], "|"), value) && value != "" {
			return badParam(key, "", "Invalid "+key+": must be one of "+strings.ReplaceAll(vocabulary[name], "|", ", "))
		}
	}
	return nil
}

func set(names string) map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		out[name] = true
	}
	return out
}

var (
	booleans = set(`active allow_promotion_codes attach_to_self auto_advance cancel_at_period_end capture clear_usage
		confirm connect debit_negative_balances default_for_currency deleted delivery_success disabled discountable enabled
		error_on_requires_action final_capture forgive inclusive invoice_now paid_out_of_band pending prorate
		refund_application_fee requested reverse_transfer shippable submit use_stripe_sdk`)

	integers = set(`amount amount_off amount_tax amount_to_capture application_fee_amount backdate_start_date cancel_at
		created credit_amount date day days_until_due due_date duration_in_months effective_at exp_month exp_year flat_amount
		gt gte interval_count interval_end interval_start lt lte max_redemptions maximum minimum month next_invoice_sequence out_of_band_amount
		proration_date quantity redeem_by refund_amount resumes_at shipping_cost_amount tax_date trial_period_days
		unit_amount year`)
)

// links are the members that can be expanded, of all objects.
var links = set(`account application application_fee balance_transaction breakdown charge coupon customer
	customer_balance_transaction default_payment_method default_price default_source destination destination_payment
	destination_payment_refund discounts external_accounts failure_balance_transaction fee invoice invoice_item
	latest_attempt latest_charge latest_invoice line_items lines mandate on_behalf_of original_payout
	originating_transaction payment_intent payment_link payment_method payments pending_setup_intent price product
	promotion_code quote refund refunds reversals reversed_by review schedule setup_intent shipping_rate source
	source_refund source_transaction source_transfer source_transfer_reversal sources subscription subscription_item
	subscriptions tax_code tax_ids tax_rate test_clock transfer transfer_reversal`)

// vocabulary is the words of parameters that have the same everywhere.
var vocabulary = map[string]string{
	"allow_redirects":     "always|never",
	"business_type":       "company|government_entity|individual|non_profit",
	"capture_method":      "automatic|automatic_async|manual",
	"confirmation_method": "automatic|manual",
	"duration":            "forever|once|repeating",
	"method":              "instant|standard",
	"payment_behavior":    "allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete",
	"payment_method_types": "acss_debit|affirm|afterpay_clearpay|alipay|au_becs_debit|bacs_debit|bancontact|blik|boleto|card|card_present|cashapp|" +
		"customer_balance|eps|fpx|giropay|grabpay|ideal|interac_present|klarna|konbini|link|oxxo|p24|paynow|paypal|pix|promptpay|revolut_pay|" +
		"sepa_debit|sofort|swish|us_bank_account|wechat_pay|zip",
	"setup_future_usage": "off_session|on_session",
	"tax_exempt":         "exempt|none|reverse",
	"ui_mode":            "embedded|hosted",
	"usage":              "off_session|on_session",
	"usage_type":         "licensed|metered",
}
