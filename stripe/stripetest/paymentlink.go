package stripetest

import (
	"maps"
	"strconv"
	"time"

	"github.com/commercesync/commerce/stripe"
)

func (f *Fake) createLink(q *request) (object, *problem) {
	if p := q.form.only("line_items[][price]", "line_items[][quantity]", "metadata", "after_completion[type]=hosted_confirmation", "allow_promotion_codes",
		"customer_creation=always|if_required", "inactive_message", "payment_method_types", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("line_items"); p != nil {
		return nil, p
	}
	m := nulls("application application_fee_amount application_fee_percent consent_collection custom_text inactive_message invoice_creation on_behalf_of "+
		"payment_intent_data payment_method_types restrictions shipping_address_collection subscription_data transfer_data", object{"active": true,
		"after_completion": object{"type": "hosted_confirmation", "hosted_confirmation": object{"custom_message": nil}}, "allow_promotion_codes": false,
		"automatic_tax": object{"enabled": false, "liability": nil}, "billing_address_collection": "auto", "custom_fields": []any{},
		"custom_text": nulls("after_submit shipping_address submit terms_of_service_acceptance", object{}), "customer_creation": "if_required",
		"payment_method_collection": "always", "phone_number_collection": object{"enabled": false}, "shipping_options": []any{}, "submit_type": "auto",
		"tax_id_collection": object{"enabled": false}})
	if _, p := q.apply(m, "line_items"); p != nil {
		return nil, p
	}
	lines, _ := q.form.tree()["line_items"].([]any)
	var items []*record
	for i, one := range lines {
		at := "line_items[" + strconv.Itoa(i) + "]"
		line, _ := one.(object)
		id, _ := line["price"].(string)
		price, p := f.named("price", id, at+"[price]")
		if p != nil {
			return nil, p
		}
		quantity, ok := line["quantity"].(int64)
		switch {
		case !ok || quantity < 1:
			return nil, badParam(at+"[quantity]", "parameter_missing", "Missing required param: "+at+"[quantity].")
		case price.m["recurring"] != nil:
			return nil, badParam(at+"[price]", "", "The fake's payment links take prices of `type=one_time`")
		case m["currency"] != nil && m["currency"] != price.m["currency"]:
			return nil, badParam(at+"[price]", "", "All prices must have one currency")
		}
		m["currency"] = price.m["currency"]
		amount := price.times(quantity)
		product, _ := f.of("product").get(price.text("product"))
		items = append(items, &record{kind: "item", id: f.id("li_"), created: q.now, m: object{"amount_subtotal": amount, "amount_total": amount,
			"amount_discount": int64(0), "amount_tax": int64(0), "currency": price.m["currency"], "description": product.text("name"), "price": id, "quantity": quantity}})
	}
	l := f.note(q, "payment_link", "plink_", m)
	l.below, m["url"] = items, "https://buy.stripe.com/"+l.id[len("plink_"):]
	f.emitRecord(q, "payment_link.created", l, nil)
	return f.shown(q, l), nil
}

func (f *Fake) updateLink(q *request, id string) (object, *problem) {
	l, p := f.find("payment_link", id)
	if p != nil {
		return nil, p
	}
	return f.change(q, l, "payment_link.updated", "active", "allow_promotion_codes", "customer_creation=always|if_required", "inactive_message")
}

// VisitLink opens a payment link's page: that makes a Checkout session, to be paid by
// [Fake.PaySession]. A link that is not active is an error of kind conflict.
func (f *Fake) VisitLink(id string) (stripe.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	l, ok := f.of("payment_link").get(id)
	if !ok || !l.is("active") {
		return stripe.CheckoutSession{}, conflict("visit link", "there is no such active link")
	}
	q := f.own(f.config.Now())
	s := &session{created: q.now, expires: q.now.Add(24 * time.Hour), status: "open", payment: "unpaid", currency: l.text("currency"),
		metadata: maps.Clone(l.m["metadata"].(map[string]string)), data: map[string]string{}, types: []string{"card"}, link: l.id, lines: l.below}
	for _, item := range l.below {
		s.amount += item.int("amount_total")
	}
	f.openSession(s)
	return view[stripe.CheckoutSession](f.renderSession(s, stripe.APIVersion, nil)), nil
}
