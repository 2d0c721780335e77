package main

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/mapping/stripepay"
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
		return append(a.guard.Check(ctx), a.check(ctx, a.platform(), "")...)
	}}}
	for _, e := range entries {
		all = append(all, connection.Connection{Ref: e.Owner, Check: func(ctx context.Context) commerce.Findings { return a.check(ctx, e.Owner, e.Owner.Account) }})
	}
	return all, nil
}

// check looks at an account with the platform's key; "" is the platform's own.
func (a *app) check(ctx context.Context, of commerce.Ref, account string) commerce.Findings {
	c, err := a.stripeClient(a.key, account)
	if err != nil {
		return commerce.Findings{connection.Found(of, err)}
	}
	pay, err := stripepay.New(c, stripepay.Config{Account: account, Mode: a.mode})
	if err != nil {
		return commerce.Findings{connection.Found(of, err)}
	}
	return slices.DeleteFunc(pay.Check(ctx, stripepay.CheckConfig{}), func(f commerce.Finding) bool {
		return f.Code == "rights_surplus" // Connect's OAuth takes no restricted key
	})
}
