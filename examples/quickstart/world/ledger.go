package world

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
)

// auditLedger compares the clearing account with the balance at Stripe at the end of each
// day, both counted at the far side, up to the last day that the books can know all of: what
// is in a payout Stripe tells when it has arrived.
func (w *World) auditLedger(ctx context.Context, account string, r *Report) error {
	over := w.Clock.Now().UTC().Truncate(24 * time.Hour)
	for _, po := range w.stripe.Payouts() {
		if made := po.Created.Time().UTC().Truncate(24 * time.Hour); po.ReconciliationStatus != "completed" && made.Before(over) {
			over = made
		}
	}
	off := int64(0)
	for day := w.start.Truncate(24 * time.Hour); day.Before(over); day = day.AddDate(0, 0, 1) {
		want := int64(0)
		for _, t := range w.stripe.BalanceTransactions() {
			if t.Created.Time().Before(day.AddDate(0, 0, 1)) {
				want += t.Net
			}
		}
		have, err := w.people.balance(ctx, account, day)
		if err != nil {
			return err
		}
		if have != want {
			r.findings = append(r.findings, fmt.Sprintf("on %s the clearing account is %d, and the balance at Stripe %d", day.Format(time.DateOnly), have, want))
			off += max(have-want, want-have)
		}
	}
	r.ClearingOff = &off
	return nil
}

// balance is debit less credit of an account at the end of a day, in cents.
func (p *people) balance(ctx context.Context, code string, day time.Time) (int64, error) {
	type number struct {
		Decimal string `json:"decimal"`
	}
	var rows []struct {
		ID            json.Number `json:"id"`
		Debit, Credit number
	}
	if err := p.call(ctx, &rows, "model.account.account.search_read", []any{[]any{"code", "=", code}}, 0, 2, nil, []string{"code"}); err != nil {
		return 0, err
	}
	if len(rows) != 1 {
		return 0, fmt.Errorf("tryton has %d accounts %s", len(rows), code)
	}
	upTo := map[string]any{"posted": true, "to_date": map[string]any{"__class__": "date", "year": day.Year(), "month": int(day.Month()), "day": day.Day()}}
	if err := p.call(context.WithValue(ctx, moreContext{}, upTo), &rows, "model.account.account.read", []json.Number{rows[0].ID}, []string{"debit", "credit"}); err != nil {
		return 0, err
	}
	debit, _, err := commerce.RoundMoney(rows[0].Debit.Decimal, 2, Settlement)
	if err != nil {
		return 0, err
	}
	credit, _, err := commerce.RoundMoney(rows[0].Credit.Decimal, 2, Settlement)
	return debit.Minor() - credit.Minor(), err
}

// invoice is what the auditor reads of an invoice.
type invoice struct {
	State string `json:"state"`
	Total struct {
		Decimal string `json:"decimal"`
	} `json:"total_amount"`
	Open struct {
		Decimal string `json:"decimal"`
	} `json:"amount_to_pay"`
}

// auditInvoice compares the invoice of an order that was paid with what is left to pay:
// nothing but what a gift card has paid.
func (w *World) auditInvoice(ctx context.Context, s *Sale, sold soldRow, r *Report) error {
	var rows []invoice
	if err := w.people.call(ctx, &rows, "model.account.invoice.read", sold.Invoices, []string{"state", "total_amount", "amount_to_pay"}); err != nil {
		return err
	}
	left := s.Total
	if s.Story != DebitBounced {
		var err error
		if left, err = s.Total.Sub(s.Due); err != nil {
			return err
		}
	}
	if len(rows) != 1 || !same(rows[0].Total.Decimal, s.Total.Text()) || !same(rows[0].Open.Decimal, left.Text()) || (rows[0].State == "paid") != left.IsZero() {
		r.Lost++
		r.find(s, "lost: its invoices are %+v, and %s of %s should be left", rows, left, s.Total)
		return nil
	}
	r.Invoiced++
	return nil
}
