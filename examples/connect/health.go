package main

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/vault"
)

// accounts are the connected ones.
func (a *app) accounts(ctx context.Context) (all []vault.Entry, err error) {
	for e, err := range a.guard.List(ctx, tenant) {
		if err != nil {
			return nil, err
		}
		if e.Name == oauth.GrantName && e.Owner.System == "stripe" && e.Owner.Mode == a.mode {
			all = append(all, e)
		}
	}
	return all, nil
}

// connections are what is checked: the platform's key, and every account.
func (a *app) connections(ctx context.Context) ([]connection.Connection, error) {
	entries, err := a.accounts(ctx)
	if err != nil {
		return nil, err
	}
	all := []connection.Connection{{Ref: a.platform(), Key: a.key.Current, Check: func(ctx context.Context) commerce.Findings {
		found := a.guard.Check(ctx)
		c, err := a.stripeClient(a.key, "")
		if err == nil {
			err = c.Ping(ctx)
		}
		if err != nil {
			found = append(found, connection.Found(a.platform(), err))
		}
		return found
	}}}
	for _, e := range entries {
		all = append(all, connection.Connection{Ref: e.Owner, Check: func(ctx context.Context) commerce.Findings { return a.check(ctx, e.Owner) }})
	}
	return all, nil
}

// check looks at one account.
func (a *app) check(ctx context.Context, of commerce.Ref) (found commerce.Findings) {
	c, err := a.stripeClient(a.key, of.Account)
	if err != nil {
		return commerce.Findings{connection.Found(of, err)}
	}
	account, err := c.Accounts.Own(ctx)
	if err != nil {
		return commerce.Findings{connection.Found(of, err)}
	}
	tell := func(code string, s commerce.Severity, seen, expected, mend string) {
		found = append(found, commerce.Finding{Connection: of, Code: code, Severity: s, Seen: seen, Expected: expected, Mend: mend})
	}
	if !account.ChargesEnabled {
		tell("charges_disabled", commerce.Broken, "the account can not take payments", "charges are enabled",
			"log in to the Stripe Dashboard and see what it asks for")
	}
	if !account.PayoutsEnabled {
		tell("payouts_disabled", commerce.Warning, "Stripe pays nothing out to the bank", "payouts are enabled",
			"add or confirm the bank account in the Stripe Dashboard")
	}
	if due := account.Requirements.PastDue; len(due) > 0 {
		tell("requirements_due", commerce.Warning, "Stripe waits for "+strings.Join(due, ", "), "nothing is overdue",
			"answer it in the Stripe Dashboard")
	}
	return found
}
