package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
)

// lockDate is the last day that no entry of a journal may be dated on; zero = none.
func (o *Client) lockDate(ctx context.Context, op string, b books, company int64, journal string) (commerce.Date, error) {
	// From 18 on the server says what holds for this user; before, the second date
	// holds for all who are no accountants, which the caller may be.
	names := []string{b.one("res.company", "user_fiscalyear_lock_date", "fiscalyear_lock_date")}
	for _, name := range []string{"user_hard_lock_date", "period_lock_date"} {
		if b.has("res.company", name) {
			names = append(names, name)
		}
	}
	kinds := []string{journal}
	if journal == "sale" {
		kinds = append(kinds, "tax")
	}
	for _, kind := range kinds {
		if name := b.one("res.company", "user_"+kind+"_lock_date", kind+"_lock_date"); b.has("res.company", name) {
			names = append(names, name)
		}
	}
	var rows []map[string]json.RawMessage
	if err := o.readAll(ctx, op, "res.company", []int64{company}, names, &rows); err != nil {
		return commerce.Date{}, err
	}
	var lock commerce.Date
	for _, r := range rows {
		for _, name := range names {
			var d date
			if err := json.Unmarshal(r[name], &d); err != nil {
				return lock, commerce.Errorf(commerce.KindInternal, system, op, "%s: %w", name, err)
			}
			if after(d.Date, lock) {
				lock = d.Date
			}
		}
	}
	return lock, nil
}

// after reports whether a day comes after another.
func after(a, b commerce.Date) bool { return a.String() > b.String() }

// byCode finds accounts or journals by code.
func (o *Client) byCode(ctx context.Context, op, model string, codes []string, where ...any) (map[string]account, error) {
	found := map[string]account{}
	var missing []string
	for _, code := range codes {
		if a, ok := o.company.caches.accounts.Get(model + " " + code); ok {
			found[code] = a
		} else {
			missing = append(missing, code)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	fields := []string{"id", "code"}
	if model == "account.journal" {
		fields = append(fields, "type")
	} else {
		fields = append(fields, "reconcile")
	}
	var rows []account
	if err := o.searchRead(ctx, op, model, domain(append(where, clause("code", "in", missing))...), 2*len(missing), "id", fields, &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		code := string(r.Code)
		if _, twice := found[code]; twice {
			return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "two records of %s have the code %q", model, code)
		}
		found[code] = r
	}
	for _, code := range missing {
		r, ok := found[code]
		if !ok {
			return nil, commerce.Errorf(commerce.KindMapping, system, op, "the company has no %s with the code %q", model, code)
		}
		o.company.caches.accounts.Put(model+" "+code, r)
	}
	return found, nil
}

// codes reads the codes of accounts or journals.
func (o *Client) codes(ctx context.Context, op, model string, ids []int64) (map[int64]string, error) {
	out := map[int64]string{}
	var missing []int64
	for _, id := range ids {
		if a, ok := o.company.caches.accounts.Get(fmt.Sprint(model, "#", id)); ok {
			out[id] = string(a.Code)
		} else {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	var rows []account
	if err := o.readAll(ctx, op, model, slices.Compact(missing), []string{"id", "code"}, &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		out[r.ID] = string(r.Code)
		o.company.caches.accounts.Put(fmt.Sprint(model, "#", r.ID), r)
	}
	return out, nil
}

// account is an account or a journal: an id and a code.
type account struct {
	ID   int64  `json:"id"`
	Code text   `json:"code"`
	Type string `json:"type"` // of a journal: general, sale, purchase, …
	// Reconcile: lines on the account can be settled with each other.
	Reconcile bool `json:"reconcile"`
}
