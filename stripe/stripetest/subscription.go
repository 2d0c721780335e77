package stripetest

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"
)

// startWithin is how long a subscription waits for its first payment.
// Source: docs.stripe.com/billing/subscriptions/overview, read 2026-11.
const startWithin = 23 * time.Hour

// upcomingBefore is how long before a period ends the next invoice is announced.
const upcomingBefore = 7 * 24 * time.Hour

var subscriptionParams = []string{"cancel_at_period_end", "collection_method=charge_automatically|send_invoice", "days_until_due", "default_payment_method",
	"description", "metadata", "payment_behavior", "proration_behavior=always_invoice|create_prorations|none", "off_session=true|false",
	"trial_end", "trial_settings[end_behavior][missing_payment_method]=cancel|create_invoice|pause", "cancel_at", "expand",
	"items[][price]", "items[][quantity]", "items[][metadata]"}

// silent are parameters that say what happens now and show nowhere.
var silent = []string{"items", "payment_behavior", "proration_behavior", "off_session", "trial_end", "trial_period_days", "cancel_at"}

func (f *Fake) createSubscription(q *request) (object, *problem) {
	if p := q.form.only(append(subscriptionParams, "customer", "currency", "trial_period_days")...); p != nil {
		return nil, p
	}
	if p := q.required("customer", "items"); p != nil {
		return nil, p
	}
	c, p := f.customer(q)
	if p != nil {
		return nil, p
	}
	m := nulls("application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at days_until_due default_payment_method "+
		"default_source description discount ended_at latest_invoice next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval "+
		"pending_setup_intent pending_update schedule test_clock transfer_data trial_end trial_start", object{
		"cancel_at_period_end": false, "collection_method": "charge_automatically", "default_tax_rates": []any{}, "start_date": q.now.Unix(),
		"automatic_tax": object{"enabled": false, "liability": nil}, "cancellation_details": nulls("comment feedback reason", object{}),
		"payment_settings": nulls("payment_method_options payment_method_types", object{"save_default_payment_method": "off"}),
		"trial_settings":   object{"end_behavior": object{"missing_payment_method": "create_invoice"}}})
	if _, p := q.apply(m, silent...); p != nil {
		return nil, p
	}
	if m["collection_method"] == "send_invoice" && m["days_until_due"] == nil {
		return nil, badParam("days_until_due", "parameter_missing", "If subscription is not charged automatically, you must specify `days_until_due`.")
	}
	if id := q.form.get("default_payment_method"); id != "" {
		if _, ok := f.nature(id); !ok {
			return nil, missing("PaymentMethod", id)
		}
	}
	s := &record{kind: "subscription", id: f.id("sub_"), created: q.now, m: m, anchor: q.now}
	if p := f.setItems(q, s); p != nil {
		return nil, p
	}
	if want := q.form.get("currency"); want != "" && want != s.text("currency") {
		return nil, badParam("currency", "", "The prices are in "+s.text("currency"))
	}
	trial, p := q.trial()
	if p != nil {
		return nil, p
	}
	if p := f.cancelAt(q, s); p != nil {
		return nil, p
	}
	f.of("subscription").add(s)
	for _, item := range s.below {
		f.of("subscription_item").add(item)
	}
	f.begin(q, s, trial)
	if trial.IsZero() {
		s.m["status"] = "active"
		if s.text("collection_method") == "charge_automatically" && s.cost() > 0 {
			s.m["status"] = "incomplete"
		}
	}
	f.emitRecord(q, "customer.subscription.created", s, nil)
	in := f.billPeriod(q, s, c, "subscription_create")
	if s.text("collection_method") == "send_invoice" {
		f.advance(q, in)
		return f.shown(q, s), nil
	}
	f.finalize(q, in)
	if in.text("status") == "open" && q.form.get("payment_behavior") != "default_incomplete" {
		if f.collect(q, in); q.form.get("payment_behavior") == "error_if_incomplete" && in.text("status") != "paid" {
			f.endSubscription(q, s)
			f.void(q, in)
			return nil, &problem{status: 402, kind: "card_error", code: "subscription_payment_intent_requires_action",
				message: "The first payment of the subscription was not successful."}
		}
	}
	if s.text("status") == "incomplete" {
		f.later(q.now.Add(startWithin), func(now time.Time) {
			if s.text("status") == "incomplete" {
				q := f.own(now)
				s.m["status"], s.m["ended_at"] = "incomplete_expired", now.Unix()
				f.void(q, in)
				f.emitRecord(q, "customer.subscription.updated", s, object{"status": "incomplete"})
			}
		})
	}
	return f.shown(q, s), nil
}

// trial reads when a trial ends; zero means that there is none.
func (q *request) trial() (time.Time, *problem) {
	t := q.form.tree()
	if days, ok := t["trial_period_days"].(int64); ok && days > 0 {
		return q.now.AddDate(0, 0, int(days)), nil
	}
	switch at := q.form.get("trial_end"); at {
	case "", "now":
		return time.Time{}, nil
	default:
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil || n <= q.now.Unix() {
			return time.Time{}, badParam("trial_end", "", "Invalid timestamp: must be in the future")
		}
		return time.Unix(n, 0), nil
	}
}

// cancelAt plans the end of a subscription.
func (f *Fake) cancelAt(q *request, s *record) *problem {
	if !q.form.has("cancel_at") {
		return nil
	}
	at, _ := q.form.tree()["cancel_at"].(int64)
	if at == 0 {
		s.m["cancel_at"] = nil
		return nil
	}
	if at <= q.now.Unix() {
		return badParam("cancel_at", "", "Invalid timestamp: must be in the future")
	}
	s.m["cancel_at"] = at
	f.later(time.Unix(at, 0), func(now time.Time) {
		if s.m["cancel_at"] == at && !ended(s) {
			f.endSubscription(f.own(now), s)
		}
	})
	return nil
}

// setItems reads the prices of a subscription, which all have one interval and one
// currency; a request changes the items that it names.
func (f *Fake) setItems(q *request, s *record) *problem {
	said, _ := q.form.tree()["items"].([]any)
	items := slices.Clone(s.below)
	for n, one := range said {
		at := "items[" + strconv.Itoa(n) + "]"
		line, _ := one.(object)
		id, _ := line["id"].(string)
		i := slices.IndexFunc(items, func(item *record) bool { return item.id == id })
		if id != "" && i < 0 {
			p := missing("subscription_item", id)
			p.status, p.param = 400, at+"[id]"
			return p
		}
		if line["deleted"] == true && i >= 0 {
			items = slices.Delete(items, i, i+1)
			continue
		}
		if i < 0 {
			item := &record{kind: "subscription_item", id: f.id("si_"), created: q.now, of: s,
				m: object{"quantity": int64(1), "subscription": s.id, "billing_thresholds": nil, "tax_rates": []any{}, "metadata": map[string]string{}}}
			items, i = append(items, item), len(items)
		} else {
			copied := *items[i]
			copied.m = maps.Clone(copied.m)
			items[i] = &copied
		}
		item := items[i]
		if price, ok := line["price"].(string); ok {
			if _, p := f.named("price", price, at+"[price]"); p != nil {
				return p
			}
			item.m["price"] = price
		}
		if quantity, ok := line["quantity"].(int64); ok {
			if quantity < 0 {
				return badParam(at+"[quantity]", "parameter_invalid_integer", "Invalid non-negative integer")
			}
			item.m["quantity"] = quantity
		}
		data, p := q.form.metadata(at+"[metadata]", item.m["metadata"].(map[string]string))
		if p != nil {
			return p
		}
		item.m["metadata"] = data
	}
	var recurring any
	for n, item := range items {
		price, ok := f.of("price").get(item.text("price"))
		at := "items[" + strconv.Itoa(n) + "][price]"
		switch {
		case !ok:
			return badParam(at, "parameter_missing", "Missing required param: "+at+".")
		case price.m["recurring"] == nil:
			return badParam(at, "", "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
		case s.m["currency"] != nil && n == 0 && s.text("currency") != price.text("currency"), n > 0 && s.text("currency") != price.text("currency"):
			return badParam(at, "", "The price specified must be in the currency of the others.")
		case recurring != nil && fmt.Sprint(recurring) != fmt.Sprint(price.m["recurring"]):
			return badParam(at, "", "The price specified must have the interval of the others.")
		}
		recurring, s.m["currency"] = price.m["recurring"], price.m["currency"]
		item.anchor = time.Time{}
		item.m["amount"] = price.times(item.int("quantity"))
	}
	if len(items) == 0 {
		return badParam("items", "", "A subscription must have at least one item.")
	}
	s.below = items
	for _, item := range items {
		if t := f.of("subscription_item"); t.at != nil {
			if i, ok := t.at[item.id]; ok {
				t.rows[i] = item
			}
		}
	}
	return nil
}

// cost is what one period costs.
func (s *record) cost() (sum int64) {
	for _, item := range s.below {
		sum += item.int("amount")
	}
	return sum
}

// periodEnd is the end of the nth period since the anchor. A month that lacks the
// anchor's day ends it on its last.
func (f *Fake) periodEnd(s *record, n int) time.Time {
	price, _ := f.of("price").get(s.below[0].text("price"))
	r, _ := price.m["recurring"].(object)
	count, _ := r["interval_count"].(int64)
	n *= int(count)
	months := n
	switch r["interval"] {
	case "day":
		return s.anchor.AddDate(0, 0, n)
	case "week":
		return s.anchor.AddDate(0, 0, 7*n)
	case "year":
		months = 12 * n
	}
	at := s.anchor.AddDate(0, months, 0)
	if at.Day() != s.anchor.Day() {
		at = at.AddDate(0, 0, -at.Day())
	}
	return at
}

// begin starts the first period: the trial, if there is one.
func (f *Fake) begin(q *request, s *record, trial time.Time) {
	s.m["current_period_start"] = q.now.Unix()
	if !trial.IsZero() {
		s.m["status"], s.m["trial_start"], s.m["trial_end"] = "trialing", q.now.Unix(), trial.Unix()
		s.anchor, s.turns = trial, 0
		if notice := trial.AddDate(0, 0, -3); notice.After(q.now) {
			f.later(notice, func(now time.Time) {
				if s.text("status") == "trialing" && s.m["trial_end"] == trial.Unix() {
					f.emitRecord(f.own(now), "customer.subscription.trial_will_end", s, nil)
				}
			})
		}
		f.until(s, trial)
		return
	}
	s.anchor, s.turns = q.now, 1
	f.until(s, f.periodEnd(s, 1))
}

// until sets the end of the current period, and plans the next.
func (f *Fake) until(s *record, end time.Time) {
	s.m["current_period_end"], s.m["billing_cycle_anchor"] = end.Unix(), s.anchor.Unix()
	f.later(end, func(now time.Time) {
		if s.m["current_period_end"] == end.Unix() && !ended(s) {
			f.turn(f.own(now), s)
		}
	})
	f.later(end.Add(-upcomingBefore), func(now time.Time) {
		if s.m["current_period_end"] == end.Unix() && !ended(s) && !s.is("cancel_at_period_end") {
			next := f.preview(s)
			f.emit(f.own(now), "invoice.upcoming", func(version string) object { return f.renderUpcoming(next, version) }, nil)
		}
	})
}

// turn ends a period and begins the next.
func (f *Fake) turn(q *request, s *record) {
	c, _ := f.of("customer").get(s.text("customer"))
	before := object{"latest_invoice": s.m["latest_invoice"]}
	if !moved(f.config.APIVersion) {
		before["current_period_start"], before["current_period_end"] = s.m["current_period_start"], s.m["current_period_end"]
	}
	switch {
	case s.is("cancel_at_period_end"):
		f.endSubscription(q, s)
		return
	case s.text("status") == "paused" || s.text("status") == "incomplete":
		return
	case s.text("status") == "trialing":
		before["status"] = "trialing"
		if f.payer(s) == "" && s.text("collection_method") == "charge_automatically" {
			end, _ := s.sub("trial_settings")["end_behavior"].(object)
			switch end["missing_payment_method"] {
			case "pause":
				s.m["status"] = "paused"
				f.emitRecord(q, "customer.subscription.paused", s, object{"status": "trialing"})
				return
			case "cancel":
				f.endSubscription(q, s)
				return
			}
		}
		s.m["status"] = "active"
	}
	s.turns++
	s.m["current_period_start"] = s.m["current_period_end"]
	f.until(s, f.periodEnd(s, s.turns))
	in := f.billPeriod(q, s, c, "subscription_cycle")
	f.emitRecord(q, "customer.subscription.updated", s, before)
	f.advance(q, in)
}

// billPeriod makes the invoice of the current period, with what waits for it.
func (f *Fake) billPeriod(q *request, s, c *record, reason string) *record {
	m := f.blankInvoice(q.now, c, s.text("currency"))
	m["billing_reason"], m["collection_method"], m["auto_advance"] = reason, s.m["collection_method"], true
	if days := s.int("days_until_due"); s.text("collection_method") == "send_invoice" {
		m["due_date"] = q.now.AddDate(0, 0, int(days)).Unix()
	}
	in := f.draft(&request{now: q.now}, m, s)
	for _, item := range s.below {
		amount := item.int("amount")
		if s.text("status") == "trialing" {
			amount = 0
		}
		f.line(q, in, object{"amount": amount, "currency": s.m["currency"], "description": f.describe(item), "discountable": true, "price": item.m["price"],
			"period":   object{"start": s.m["current_period_start"], "end": s.m["current_period_end"]},
			"quantity": item.m["quantity"], "proration": false, "subscription": s.id, "subscription_item": item.id, "type": "subscription"})
	}
	for _, item := range f.pending(c.id, s.text("currency")) {
		f.bill(q, in, item)
	}
	f.total(in)
	f.emitRecord(q, "invoice.created", in, nil)
	f.hold(q, s, in)
	return in
}

// hold does with an invoice what a pause of collection says.
func (f *Fake) hold(q *request, s, in *record) {
	pause, _ := s.m["pause_collection"].(object)
	switch pause["behavior"] {
	case "keep_as_draft":
		in.m["auto_advance"] = false
	case "void":
		f.void(q, in)
	case "mark_uncollectible":
		f.finalize(q, in)
		if in.text("status") == "open" {
			f.giveUp(q, in)
		}
	}
}

func (f *Fake) describe(item *record) string {
	price, _ := f.of("price").get(item.text("price"))
	product, _ := f.of("product").get(price.text("product"))
	name := ""
	if product != nil {
		name = product.text("name")
	}
	return strconv.FormatInt(item.int("quantity"), 10) + " × " + name
}

// renewed tells a subscription that an invoice of it was paid.
func (f *Fake) renewed(q *request, in *record) {
	s := in.of
	if s == nil || s.text("latest_invoice") != in.id {
		return
	}
	if was := s.text("status"); was == "incomplete" || was == "past_due" {
		s.m["status"] = "active"
		f.emitRecord(q, "customer.subscription.updated", s, object{"status": was})
	}
}

// lapse tells a subscription that an invoice of it was not paid.
func (f *Fake) lapse(q *request, in *record) {
	if s := in.of; s != nil && s.text("status") == "active" && s.text("latest_invoice") == in.id {
		s.m["status"] = "past_due"
		f.emitRecord(q, "customer.subscription.updated", s, object{"status": "active"})
	}
}

// endSubscription ends one for good.
func (f *Fake) endSubscription(q *request, s *record) {
	if s.m["canceled_at"] == nil {
		s.m["canceled_at"] = q.now.Unix()
	}
	s.m["status"], s.m["ended_at"] = "canceled", q.now.Unix()
	if in, ok := f.of("invoice").get(s.text("latest_invoice")); ok {
		in.m["next_payment_attempt"] = nil
		in.m["auto_advance"] = false
	}
	f.emitRecord(q, "customer.subscription.deleted", s, nil)
}

func (f *Fake) cancelSubscription(q *request, id string) (object, *problem) {
	s, p := f.find("subscription", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("cancellation_details[comment]", "cancellation_details[feedback]=customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused",
		"invoice_now=false", "prorate=false", "expand"); p != nil {
		return nil, p
	}
	if ended(s) {
		return nil, missing("subscription", id)
	}
	details := s.sub("cancellation_details")
	details["reason"] = "cancellation_requested"
	for _, name := range []string{"comment", "feedback"} {
		if text := q.form.get("cancellation_details[" + name + "]"); text != "" {
			details[name] = text
		}
	}
	f.endSubscription(q, s)
	return f.shown(q, s), nil
}

func (f *Fake) updateSubscription(q *request, id string) (object, *problem) {
	s, p := f.find("subscription", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(append(subscriptionParams, "items[][id]", "items[][deleted]", "pause_collection[behavior]=keep_as_draft|mark_uncollectible|void",
		"pause_collection[resumes_at]", "pause_collection")...); p != nil {
		return nil, p
	}
	if ended(s) {
		return nil, badParam("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if id := q.form.get("default_payment_method"); id != "" {
		if _, ok := f.nature(id); !ok {
			return nil, missing("PaymentMethod", id)
		}
	}
	trial, p := q.trial()
	if p != nil {
		return nil, p
	}
	if p := f.cancelAt(q, s); p != nil {
		return nil, p
	}
	before := slices.Clone(s.below)
	if q.form.has("items[0][id]") || q.form.has("items[0][price]") || len(q.form.tree()) > 0 && q.form.tree()["items"] != nil {
		if p := f.setItems(q, s); p != nil {
			return nil, p
		}
	}
	previous, p := q.apply(s.m, silent...)
	if p != nil {
		return nil, p
	}
	if pause, ok := s.m["pause_collection"].(object); ok {
		nulls("resumes_at", pause)
		if at, ok := pause["resumes_at"].(int64); ok {
			f.later(time.Unix(at, 0), func(now time.Time) {
				if pause, ok := s.m["pause_collection"].(object); ok && pause["resumes_at"] == at {
					s.m["pause_collection"] = nil
					f.emitRecord(f.own(now), "customer.subscription.updated", s, object{"pause_collection": pause})
				}
			})
		}
	}
	if q.form.has("cancel_at_period_end") {
		s.m["cancel_at"], s.m["canceled_at"] = nil, nil
		if s.is("cancel_at_period_end") {
			s.m["cancel_at"], s.m["canceled_at"] = s.m["current_period_end"], q.now.Unix()
		}
	}
	if !trial.IsZero() {
		previous["trial_end"] = s.m["trial_end"]
		f.begin(q, s, trial)
	}
	f.prorate(q, s, before, q.form.get("proration_behavior"))
	if q.form.get("trial_end") == "now" && s.text("status") == "trialing" {
		s.anchor, s.m["trial_end"], s.m["current_period_end"] = q.now, q.now.Unix(), q.now.Unix()
		f.turn(q, s)
	} else if len(previous) > 0 || len(before) > 0 {
		f.emitRecord(q, "customer.subscription.updated", s, previous)
	}
	return f.shown(q, s), nil
}

// prorate credits what is left of the old items and charges the new for as long.
func (f *Fake) prorate(q *request, s *record, before []*record, behavior string) {
	if behavior == "none" || s.text("status") == "trialing" {
		return
	}
	start, end := s.int("current_period_start"), s.int("current_period_end")
	part := func(amount int64) int64 {
		r := new(big.Rat).SetFrac64(amount*(end-q.now.Unix()), end-start)
		return exchange(1, r.FloatString(9))
	}
	until, made := time.Unix(end, 0), false
	same := func(a, b *record) bool {
		return a.text("price") == b.text("price") && a.int("quantity") == b.int("quantity")
	}
	for _, old := range before {
		if !slices.ContainsFunc(s.below, func(now *record) bool { return now.id == old.id && same(now, old) }) {
			f.pend(q, s, -part(old.int("amount")), "Unused time on "+f.describe(old), old.text("price"), old.int("quantity"), q.now, until)
			made = true
		}
	}
	for _, now := range s.below {
		if !slices.ContainsFunc(before, func(old *record) bool { return now.id == old.id && same(now, old) }) {
			f.pend(q, s, part(now.int("amount")), "Remaining time on "+f.describe(now), now.text("price"), now.int("quantity"), q.now, until)
			made = true
		}
	}
	if !made || behavior != "always_invoice" {
		return
	}
	c, _ := f.of("customer").get(s.text("customer"))
	m := f.blankInvoice(q.now, c, s.text("currency"))
	m["billing_reason"], m["collection_method"], m["auto_advance"] = "subscription_update", s.m["collection_method"], true
	in := f.draft(&request{now: q.now}, m, s)
	for _, item := range f.pending(c.id, s.text("currency")) {
		f.bill(q, in, item)
	}
	f.emitRecord(q, "invoice.created", in, nil)
	f.finalize(q, in)
	f.collect(q, in)
}

// resumeSubscription begins a paused one again, with a new period from now.
func (f *Fake) resumeSubscription(q *request, id string) (object, *problem) {
	s, p := f.find("subscription", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("billing_cycle_anchor=now", "proration_behavior=none", "expand"); p != nil {
		return nil, p
	}
	if s.text("status") != "paused" {
		return nil, badParam("", "", "Only paused subscriptions can be resumed; this one is "+s.text("status")+".")
	}
	c, _ := f.of("customer").get(s.text("customer"))
	s.m["status"] = "active"
	f.begin(q, s, time.Time{})
	f.emitRecord(q, "customer.subscription.resumed", s, object{"status": "paused"})
	in := f.billPeriod(q, s, c, "subscription_update")
	f.finalize(q, in)
	f.collect(q, in)
	return f.shown(q, s), nil
}

func (f *Fake) listSubscriptions(q *request) (object, *problem) {
	t := &table[*record]{}
	status := q.form.get("status")
	if p := q.form.only("customer", "price", "status=active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid", "created", "expand",
		"limit", "starting_after", "ending_before"); p != nil {
		return nil, p
	}
	for _, s := range f.of("subscription").rows {
		fits := s.text("status") == status
		switch status {
		case "":
			fits = s.text("status") != "canceled"
		case "all":
			fits = true
		case "ended":
			fits = ended(s)
		}
		price := q.form.get("price")
		if fits && (price == "" || slices.ContainsFunc(s.below, func(item *record) bool { return item.text("price") == price })) {
			t.add(s)
		}
	}
	q.form.Del("status")
	q.form.Del("price")
	return list(f, q, t, f.renderRecord, "customer", "created")
}

func (f *Fake) listSubscriptionItems(q *request) (object, *problem) {
	if p := q.required("subscription"); p != nil {
		return nil, p
	}
	page := q.paged()
	s, p := f.named("subscription", q.form.get("subscription"), "subscription")
	if p != nil {
		return nil, p
	}
	if p := q.form.only("subscription"); p != nil {
		return nil, p
	}
	return f.listBelow(page, s)
}

// upcoming shows the next invoice of a subscription, which does not exist yet.
func (f *Fake) upcoming(q *request) (object, *problem) {
	in, p := f.next(q)
	if p != nil {
		return nil, p
	}
	return f.renderUpcoming(in, q.version), nil
}

func (f *Fake) upcomingLines(q *request) (object, *problem) {
	page := q.paged()
	in, p := f.next(q)
	if p != nil {
		return nil, p
	}
	return f.listBelow(page, in)
}

func (f *Fake) renderUpcoming(in *record, version string) object {
	m := f.renderRecord(in, version, nil)
	if delete(m, "id"); moved(version) {
		m["id"] = "upcoming_" + in.id
	}
	return m
}

// next computes the next invoice of the subscription or customer that is asked for.
func (f *Fake) next(q *request) (*record, *problem) {
	if p := q.form.only("customer", "subscription", "expand"); p != nil {
		return nil, p
	}
	customer, id := q.form.get("customer"), q.form.get("subscription")
	for _, s := range f.of("subscription").rows {
		if ended(s) || s.is("cancel_at_period_end") || id != "" && s.id != id || customer != "" && s.text("customer") != customer || id+customer == "" {
			continue
		}
		return f.preview(s), nil
	}
	return nil, &problem{status: 404, kind: "invalid_request_error", code: "invoice_upcoming_none", message: "No upcoming invoices for customer", early: true}
}

// preview computes the invoice of the next period.
func (f *Fake) preview(s *record) *record {
	c, _ := f.of("customer").get(s.text("customer"))
	m := f.blankInvoice(time.Unix(s.int("current_period_end"), 0), c, s.text("currency"))
	m["billing_reason"], m["subscription"], m["status"], m["auto_advance"] = "upcoming", s.id, "draft", true
	m["metadata"] = map[string]string{}
	in := &record{kind: "invoice", id: f.id("in_"), created: time.Unix(s.int("current_period_end"), 0), m: m}
	add := func(id string, m object) {
		m["metadata"], m["invoice"] = map[string]string{}, nil
		in.below = append(in.below, &record{kind: "line_item", id: id, m: m, of: in})
	}
	for _, item := range s.below {
		add("il_tmp_"+item.id, object{"amount": item.m["amount"], "currency": s.m["currency"], "description": f.describe(item), "discountable": true, "price": item.m["price"],
			"period":   object{"start": s.m["current_period_end"], "end": f.periodEnd(s, s.turns+1).Unix()},
			"quantity": item.m["quantity"], "proration": false, "subscription": s.id, "subscription_item": item.id, "type": "subscription"})
	}
	for _, item := range f.pending(c.id, s.text("currency")) {
		add("il_tmp_"+item.id, object{"amount": item.m["amount"], "currency": s.m["currency"], "description": item.m["description"], "discountable": item.m["discountable"],
			"invoice_item": item.id, "period": item.m["period"], "price": item.m["price"], "quantity": item.m["quantity"], "proration": item.m["proration"],
			"subscription": item.m["subscription"], "type": "invoiceitem"})
	}
	f.total(in)
	return in
}

func (f *Fake) renderSubscription(r *record, m object, version string) {
	m["items"] = f.nested(r, version, "/v1/subscription_items?subscription="+r.id)
	if !moved(version) {
		return
	}
	m["billing_mode"], m["billing_schedules"], m["discounts"] = object{"type": "classic"}, []any{}, []any{}
	m["invoice_settings"] = object{"account_tax_ids": nil, "issuer": object{"type": "self"}}
	for _, name := range []string{"current_period_start", "current_period_end", "discount"} {
		delete(m, name)
	}
}

func (f *Fake) renderSubscriptionItem(r *record, m object, version string) {
	delete(m, "amount")
	m["price"], m["created"] = f.priceOf(r, version), r.created.Unix()
	if moved(version) {
		m["discounts"] = []any{}
		m["current_period_start"], m["current_period_end"] = r.of.m["current_period_start"], r.of.m["current_period_end"]
	}
}
