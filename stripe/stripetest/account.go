package stripetest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce/stripe"
)

// account is a merchant on a platform.
type account struct {
	id       string
	created  time.Time
	kind     string
	country  string
	currency string
	enabled  bool // onboarded: may be charged, paid out and transferred to
	said     object
	asked    []string // capabilities
	metadata map[string]string
	banks    []*bank
}

func (a *account) key() string        { return a.id }
func (a *account) when() time.Time    { return a.created }
func (a *account) fact(string) string { return "" }

// bank is a bank account that an account is paid out to.
type bank struct {
	id, country, currency string
	created               time.Time
	first                 bool // the one for its currency
	holder                string
	metadata              map[string]string
}

// currencies are those of the countries that most tests are in.
var currencies = map[string]string{"US": "usd", "GB": "gbp", "CH": "chf", "CA": "cad", "AU": "aud", "JP": "jpy", "DK": "dkk", "SE": "sek",
	"NO": "nok", "PL": "pln", "CZ": "czk", "HU": "huf", "RO": "ron"}

// Connect lets a merchant with an account of their own connect it to the platform, as
// they do over OAuth: a Standard account that takes money already.
func (f *Fake) Connect(country string) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	q := f.own(f.config.Now())
	a := f.home.newAccount(q, "standard", country, "")
	a.enabled = true
	at := f.home.connected[a.id]
	at.emit(q, "account.application.authorized", at.renderApplication, nil)
	return at
}

// Onboard lets the merchant of an account fill in what is asked of them behind an
// account link: it may be charged, paid out and transferred to. An account that there
// is not is an error of kind invalid.
func (f *Fake) Onboard(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	a, ok := f.home.accounts.get(id)
	if !ok {
		return refusal("onboard", "no such account")
	}
	if !a.enabled {
		a.enabled = true
		f.emitAccount(f.own(f.config.Now()), a, object{"charges_enabled": false, "details_submitted": false, "payouts_enabled": false})
	}
	return nil
}

func (f *Fake) newAccount(q *request, kind, country, currency string) *account {
	country = cmp.Or(country, "DE")
	a := &account{id: f.id("acct_"), created: q.now, kind: kind, country: country,
		currency: cmp.Or(currency, currencies[country], "eur"), said: object{}, asked: []string{"card_payments", "transfers"}, metadata: map[string]string{}}
	f.accounts.add(a)
	f.connect(a.id)
	return a
}

var accountParams = []string{"email", "business_type", "business_profile[mcc]", "business_profile[name]", "business_profile[product_description]",
	"business_profile[support_email]", "business_profile[url]", "capabilities[card_payments][requested]", "capabilities[transfers][requested]",
	"default_currency", "expand", "metadata"}

func (f *Fake) createAccount(q *request) (object, *problem) {
	if p := q.form.only(append([]string{"type=custom|express|standard", "country"}, accountParams...)...); p != nil {
		return nil, p
	}
	country := q.form.get("country")
	if country != "" && (len(country) != 2 || country != strings.ToUpper(country)) {
		return nil, badParam("country", "country_unsupported", "Invalid country: "+country)
	}
	currency := q.form.get("default_currency")
	if currency != "" {
		var p *problem
		if currency, p = currencyOf(currency); p != nil {
			return nil, p
		}
	}
	metadata, p := q.form.metadata("metadata", nil)
	if p != nil {
		return nil, p
	}
	a := f.newAccount(q, cmp.Or(q.form.get("type"), "standard"), country, currency)
	if a.kind != "standard" {
		a.asked = nil
	}
	a.metadata = metadata
	a.take(q)
	return f.renderAccount(a, q.version, q.expand("")), nil
}

// take notes what a request says of an account.
func (a *account) take(q *request) {
	for name, v := range q.form.said("email", "business_type", "business_profile") {
		if below, ok := v.(object); ok {
			profile, _ := a.said[name].(object)
			profile = maps.Clone(profile)
			if profile == nil {
				profile = object{}
			}
			maps.Copy(profile, below)
			v = profile
		}
		a.said[name] = v
	}
	for _, name := range []string{"card_payments", "transfers"} {
		if q.form.get("capabilities["+name+"][requested]") == "true" && !slices.Contains(a.asked, name) {
			a.asked = append(a.asked, name)
		}
	}
}

func (f *Fake) updateAccount(q *request, id string) (object, *problem) {
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(accountParams...); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", a.metadata)
	if p != nil {
		return nil, p
	}
	before := object{"metadata": a.metadata}
	a.metadata = metadata
	if q.form.has("default_currency") {
		currency, p := currencyOf(q.form.get("default_currency"))
		if p != nil {
			return nil, p
		}
		a.currency = currency
	}
	a.take(q)
	f.emitAccount(q, a, before)
	return f.renderAccount(a, q.version, q.expand("")), nil
}

// merchant finds an account that the platform has access to.
func (f *Fake) merchant(id string) (*account, *problem) {
	a, ok := f.accounts.get(id)
	if at := f.connected[id]; !ok || at == nil || at.gone {
		if _, p := f.forAccount(cmp.Or(id, "none")); p != nil {
			return nil, p
		}
		return nil, missing("account", id) // the platform's own
	}
	return a, nil
}

func (f *Fake) showAccount(q *request, id string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if id == f.config.Account {
		return f.ownAccount(q)
	}
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	return f.renderAccount(a, q.version, q.expand("")), nil
}

// ownAccount answers who the key, or the header, is for.
func (f *Fake) ownAccount(q *request) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if a, ok := f.home.accounts.get(f.config.Account); ok {
		return f.renderAccount(a, q.version, q.expand("")), nil
	}
	own := &account{id: f.config.Account, kind: "standard", country: "DE", currency: cmp.Or(f.config.Settlement, "eur"), enabled: true,
		asked: []string{"card_payments", "transfers"}, metadata: map[string]string{}, said: object{}}
	return f.renderAccount(own, q.version, q.expand("")), nil
}

// deleteAccount ends an account that the platform made. One of a merchant's own is
// theirs to close, and in live mode one with money in it stays.
// Source: docs.stripe.com/api/accounts/delete, read 2026-11.
func (f *Fake) deleteAccount(q *request, id string) (object, *problem) {
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	left := false
	for _, s := range f.connected[id].sums(q.now) {
		left = left || s.available != 0 || s.pending != 0
	}
	if f.config.Livemode && (a.kind == "standard" || left) {
		return nil, badParam("", "account_invalid", "This account can not be deleted.")
	}
	f.connected[id].gone = true
	f.accounts.remove(id)
	return object{"id": id, "object": "account", "deleted": true}, nil
}

func (f *Fake) rejectAccount(q *request, id string) (object, *problem) {
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("reason=fraud|other|terms_of_service", "expand"); p != nil {
		return nil, p
	}
	if q.form.get("reason") == "" {
		return nil, badParam("reason", "parameter_missing", "Missing required param: reason.")
	}
	a.enabled, a.said["disabled_reason"] = false, "rejected."+q.form.get("reason")
	f.emitAccount(q, a, object{"charges_enabled": true})
	return f.renderAccount(a, q.version, q.expand("")), nil
}

func (f *Fake) createAccountLink(q *request) (object, *problem) {
	if p := q.form.only("account", "type=account_onboarding|account_update", "refresh_url", "return_url", "collect=currently_due|eventually_due",
		"collection_options[fields]=currently_due|eventually_due", "expand"); p != nil {
		return nil, p
	}
	for _, name := range []string{"account", "type"} {
		if q.form.get(name) == "" {
			return nil, badParam(name, "parameter_missing", "Missing required param: "+name+".")
		}
	}
	a, p := f.merchant(q.form.get("account"))
	if p != nil {
		return nil, p
	}
	return object{"object": "account_link", "created": q.now.Unix(), "expires_at": q.now.Add(5 * time.Minute).Unix(),
		"url": "https://connect.stripe.com/setup/s/" + a.id + "/" + f.id("")}, nil
}

func (f *Fake) createLoginLink(q *request, id string) (object, *problem) {
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if a.kind != "express" || !a.enabled {
		return nil, badParam("", "", "Cannot create a login link for an account that is not an Express account or has not completed onboarding.")
	}
	return object{"object": "login_link", "created": q.now.Unix(), "url": "https://connect.stripe.com/express/" + f.id("")}, nil
}

// emitAccount tells the platform's Connect endpoints of a change.
func (f *Fake) emitAccount(q *request, a *account, previous object) {
	f.home.connected[a.id].emit(q, "account.updated", func(v string) object { return f.renderAccount(a, v, nil) }, previous)
}

func (f *Fake) renderAccount(a *account, version string, _ expansion) object {
	capabilities, missing := object{}, []string{}
	for _, name := range a.asked {
		capabilities[name] = map[bool]string{true: "active", false: "inactive"}[a.enabled]
	}
	reason, _ := a.said["disabled_reason"].(string)
	if !a.enabled {
		missing = []string{"business_profile.url", "external_account", "tos_acceptance.date", "tos_acceptance.ip"}
		reason = cmp.Or(reason, "requirements.past_due")
	}
	due := func(names []string, reason string) object {
		return object{"alternatives": []any{}, "current_deadline": nil, "currently_due": names, "disabled_reason": orNull(reason), "errors": []any{},
			"eventually_due": names, "past_due": names, "pending_verification": []any{}}
	}
	profile := object{}
	nulls(`annual_revenue estimated_worker_count mcc name product_description support_address support_email support_phone
		support_url url`, profile)
	said, _ := a.said["business_profile"].(object)
	maps.Copy(profile, said)
	m := object{
		"id": a.id, "object": "account", "type": a.kind, "country": a.country, "default_currency": a.currency, "created": a.created.Unix(),
		"charges_enabled": a.enabled, "payouts_enabled": a.enabled, "details_submitted": a.enabled, "email": a.said["email"],
		"business_type": a.said["business_type"], "business_profile": profile, "capabilities": capabilities, "metadata": a.metadata,
		"requirements": due(missing, reason), "future_requirements": due([]string{}, ""),
		"controller":     object{"type": "application", "is_controller": true},
		"tos_acceptance": object{"date": nil, "ip": nil, "user_agent": nil},
		"settings": object{
			"bacs_debit_payments": object{"display_name": nil, "service_user_number": nil},
			"branding":            object{"icon": nil, "logo": nil, "primary_color": nil, "secondary_color": nil},
			"card_issuing":        object{"tos_acceptance": object{"date": nil, "ip": nil}},
			"card_payments": object{"decline_on": object{"avs_failure": false, "cvc_failure": false}, "statement_descriptor_prefix": nil,
				"statement_descriptor_prefix_kana": nil, "statement_descriptor_prefix_kanji": nil},
			"dashboard": object{"display_name": nil, "timezone": "Etc/UTC"}, "invoices": object{"default_account_tax_ids": nil},
			"payments": object{"statement_descriptor": nil, "statement_descriptor_kana": nil, "statement_descriptor_kanji": nil},
			"payouts": object{"debit_negative_balances": true, "schedule": object{"delay_days": 2, "interval": "daily"},
				"statement_descriptor": nil},
			"sepa_debit_payments": object{},
		},
	}
	if a.kind == "standard" {
		m["controller"] = object{"type": "account"}
	}
	banks := []object{}
	for _, b := range a.banks {
		banks = append(banks, b.render(a))
	}
	m["external_accounts"] = object{"object": "list", "data": banks, "has_more": false, "url": "/v1/accounts/" + a.id + "/external_accounts"}
	return m
}

// Accounts returns the connected accounts, oldest first.
func (f *Fake) Accounts() []stripe.Account {
	return all(f, &f.home.accounts, func(a *account) stripe.Account {
		return view[stripe.Account](f.renderAccount(a, stripe.APIVersion, nil))
	})
}

// can reports whether a capability is active.
func (a *account) can(name string) bool { return a.enabled && slices.Contains(a.asked, name) }

// renderMerchant shows the account of an id, also one that is connected no longer.
func (f *Fake) renderMerchant(id, version string, x expansion) object {
	a, ok := f.home.accounts.get(id)
	if !ok {
		return object{"id": id, "object": "account", "deleted": true}
	}
	return f.renderAccount(a, version, x)
}
