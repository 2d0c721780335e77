package workflow

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// purse is the balance in one currency, and the books that it goes into.
type purse struct {
	currency commerce.Currency
	route    mapping.Route
	chart    reconcile.Chart
}

// purses are those of the balance as it is, and of the clearing accounts of its books.
func (b *Books) purses(ctx context.Context) ([]purse, error) {
	standing, err := b.Balance.Standing(ctx)
	if err != nil {
		return nil, err
	}
	var out []purse
	add := func(c commerce.Currency) error {
		if slices.ContainsFunc(out, func(p purse) bool { return p.currency == c }) {
			return nil
		}
		p := purse{currency: c}
		if p.route, err = b.Ledger.BalanceRoute(b.ref("balance"), c); err == nil {
			p.chart, err = chartOf(b.Ledger, p.route, b.start())
		}
		if err == nil {
			out = append(out, p)
		}
		return err
	}
	for _, m := range standing {
		if err := add(m.Currency()); err != nil && !(m.IsZero() && commerce.KindOf(err) == commerce.KindMapping) {
			return nil, err
		}
	}
	for _, p := range slices.Clone(out) {
		for c := range p.chart.Clearing {
			if err := add(c); err != nil && commerce.KindOf(err) != commerce.KindMapping {
				return nil, err
			}
		}
	}
	slices.SortFunc(out, func(p, q purse) int { return strings.Compare(string(p.currency), string(q.currency)) })
	return out, nil
}

// ref names something of the account whose books these are.
func (b *Books) ref(id string) commerce.Ref {
	of := b.Shops[0].Payments.Ref(id)
	if b.Account != "" {
		of.Account = b.Account
	}
	return of
}

// maxRewinds bounds how often a balance is read that moves meanwhile.
const maxRewinds = 5

// stood returns what the balance was before a time: what it is, less what moved it since.
// It is read before and after the latest movements are, and again where it moved between.
func (b *Books) stood(ctx context.Context, d desk, at time.Time) ([]commerce.Money, error) {
	latest := d.now().Add(-15 * time.Minute)
	if latest.Before(at) {
		latest = at
	}
	for range maxRewinds {
		now, err := b.Balance.Standing(ctx)
		if err != nil {
			return nil, err
		}
		was, err := reconcile.Rewind(ctx, now, progressing(ctx, b.Balance.Activity(ctx, latest, time.Time{})))
		if err != nil {
			return nil, err
		}
		again, err := b.Balance.Standing(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Equal(now, again) {
			return reconcile.Rewind(ctx, was, progressing(ctx, b.Balance.Activity(ctx, at, latest)))
		}
	}
	return nil, refuse(commerce.KindUnavailable, "rewind the balance", "stale_read", "it moved while it was read, %d times", maxRewinds)
}

// amountIn is the amount of a currency, or nought.
func amountIn(c commerce.Currency, all []commerce.Money) commerce.Money {
	for _, m := range all {
		if m.Currency() == c {
			return m
		}
	}
	return commerce.Zero(c)
}

// startOf is when a day begins.
func startOf(c reconcile.Chart, on commerce.Date) time.Time {
	return on.In(location(c))
}

// endOf is when a day ends, days later.
func endOf(c reconcile.Chart, on commerce.Date, days int) time.Time {
	on.Day += 1 + days
	return on.In(location(c))
}
