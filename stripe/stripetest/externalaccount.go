package stripetest

import (
	"slices"
	"time"
)

func (b *bank) render(a *account) object {
	m := renderBank(b.currency)
	m["id"], m["account"], m["country"], m["default_for_currency"], m["metadata"] = b.id, a.id, b.country, b.first, b.metadata
	m["account_holder_name"], m["available_payout_methods"] = orNull(b.holder), []string{"standard"}
	return m
}

// createBank adds a bank account, said as a token of Stripe's test mode ("btok_de") or
// as an object. The first of a currency is the one that is paid out to.
func (f *Fake) createBank(q *request, id string) (object, *problem) {
	a, p := f.merchant(id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("external_account", "external_account[object]=bank_account", "external_account[country]", "external_account[currency]",
		"external_account[account_number]", "external_account[routing_number]", "external_account[account_holder_name]",
		"default_for_currency", "metadata", "expand"); p != nil {
		return nil, p
	}
	b := &bank{created: q.now, country: a.country, currency: a.currency, holder: q.form.get("external_account[account_holder_name]")}
	if c := q.form.get("external_account[country]"); c != "" {
		b.country = c
	}
	if c := q.form.get("external_account[currency]"); c != "" {
		if b.currency, p = currencyOf(c); p != nil {
			return nil, p
		}
	} else if q.form.get("external_account") == "" {
		return nil, badParam("external_account", "parameter_missing", "Missing required param: external_account.")
	}
	if b.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	b.id = f.id("ba_")
	b.first = q.form.get("default_for_currency") == "true" ||
		!slices.ContainsFunc(a.banks, func(o *bank) bool { return o.currency == b.currency })
	a.banks = append(a.banks, b)
	a.prefer(b)
	f.emitBank(q, "created", a, b)
	return b.render(a), nil
}

// prefer makes a bank account the only default of its currency, if it is one.
func (a *account) prefer(b *bank) {
	for _, o := range a.banks {
		if b.first && o != b && o.currency == b.currency {
			o.first = false
		}
	}
}

// bank finds a bank account of a merchant.
func (f *Fake) bank(account, id string) (*account, *bank, *problem) {
	a, p := f.merchant(account)
	if p != nil {
		return nil, nil, p
	}
	for _, b := range a.banks {
		if b.id == id {
			return a, b, nil
		}
	}
	return nil, nil, missing("external account", id)
}

func (f *Fake) showBank(q *request, account, id string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	a, b, p := f.bank(account, id)
	if p != nil {
		return nil, p
	}
	return b.render(a), nil
}

func (f *Fake) updateBank(q *request, account, id string) (object, *problem) {
	a, b, p := f.bank(account, id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("account_holder_name", "default_for_currency", "metadata", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", b.metadata)
	if p != nil {
		return nil, p
	}
	b.metadata = metadata
	if q.form.has("account_holder_name") {
		b.holder = q.form.get("account_holder_name")
	}
	if q.form.get("default_for_currency") == "true" {
		b.first = true
		a.prefer(b)
	}
	f.emitBank(q, "updated", a, b)
	return b.render(a), nil
}

func (f *Fake) deleteBank(q *request, account, id string) (object, *problem) {
	a, b, p := f.bank(account, id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	if b.first {
		return nil, badParam("", "", "You cannot delete the default external account for a currency.")
	}
	a.banks = slices.DeleteFunc(a.banks, func(o *bank) bool { return o == b })
	f.emitBank(q, "deleted", a, b)
	return object{"id": id, "object": "bank_account", "deleted": true, "currency": b.currency}, nil
}

func (f *Fake) listBanks(q *request, account string) (object, *problem) {
	a, p := f.merchant(account)
	if p != nil {
		return nil, p
	}
	return below(f, q, a.banks, func(b *bank, _ string, _ expansion) object { return b.render(a) }, "object=bank_account|card")
}

func (f *Fake) emitBank(q *request, what string, a *account, b *bank) {
	f.home.connected[a.id].emit(q, "account.external_account."+what, func(string) object { return b.render(a) }, nil)
}

func (b *bank) key() string        { return b.id }
func (b *bank) when() time.Time    { return b.created }
func (b *bank) fact(string) string { return "bank_account" }

// below answers with the things below an object, newest first. There are few.
func below[T listed](f *Fake, q *request, rows []T, render func(T, string, expansion) object, filters ...string) (object, *problem) {
	t := &table[T]{}
	for _, v := range rows {
		t.add(v)
	}
	return list(f, q, t, render, filters...)
}
