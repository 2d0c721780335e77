package stripetest

import (
	"strings"
	"time"
)

const itemized = "balance_transaction_id created available_on currency gross fee net reporting_category source_id description"

// reportColumns are what a row can say.
var reportColumns = map[string]func(*Fake, *report, *txn) string{
	"balance_transaction_id": func(_ *Fake, _ *report, t *txn) string { return t.id },
	"created":                func(_ *Fake, r *report, t *txn) string { return said(t.created, r.zone) },
	"created_utc":            func(_ *Fake, _ *report, t *txn) string { return said(t.created, time.UTC) },
	"available_on":           func(_ *Fake, r *report, t *txn) string { return said(t.available, r.zone) },
	"available_on_utc":       func(_ *Fake, _ *report, t *txn) string { return said(t.available, time.UTC) },
	"currency":               func(_ *Fake, _ *report, t *txn) string { return t.currency },
	"gross":                  func(_ *Fake, _ *report, t *txn) string { return major(t.amount, t.currency) },
	"fee":                    func(_ *Fake, _ *report, t *txn) string { return major(t.fee, t.currency) },
	"net":                    func(_ *Fake, _ *report, t *txn) string { return major(t.amount-t.fee, t.currency) },
	"reporting_category":     func(_ *Fake, _ *report, t *txn) string { return t.category },
	"source_id":              func(_ *Fake, _ *report, t *txn) string { return t.source },
	"description":            func(_ *Fake, _ *report, t *txn) string { return t.description },
	"automatic_payout_id": func(_ *Fake, _ *report, t *txn) string {
		if t.payout == nil {
			return ""
		}
		return t.payout.id
	},
	"automatic_payout_effective_at": func(_ *Fake, r *report, t *txn) string {
		if t.payout == nil {
			return ""
		}
		return said(t.payout.arrives, r.zone)
	},
	"automatic_payout_effective_at_utc": func(_ *Fake, _ *report, t *txn) string {
		if t.payout == nil {
			return ""
		}
		return said(t.payout.arrives, time.UTC)
	},
	"charge_id": ofCharge(func(c *charge) string { return c.id }),
	"charge_created": func(f *Fake, r *report, t *txn) string {
		if c := f.chargeOf(t); c != nil {
			return said(c.created, r.zone)
		}
		return ""
	},
	"charge_created_utc": ofCharge(func(c *charge) string { return said(c.created, time.UTC) }),
	"payment_intent_id":  ofCharge(func(c *charge) string { return c.intent.id }),
	"customer_id":        ofCharge(func(c *charge) string { return c.intent.customer }),
	"customer_email":     ofCharge(func(c *charge) string { return c.intent.email }),
	"customer_facing_amount": func(f *Fake, _ *report, t *txn) string {
		if amount, currency := f.faced(t); currency != "" {
			return major(amount, currency)
		}
		return ""
	},
	"customer_facing_currency": func(f *Fake, _ *report, t *txn) string {
		_, currency := f.faced(t)
		return currency
	},
	"payment_method_type": ofCharge(func(c *charge) string { return natures[c.method].kind }),
	"card_brand":          ofCharge(func(c *charge) string { return natures[c.method].brand }),
	"dispute_reason": ofCharge(func(c *charge) string {
		if c.dispute == nil {
			return ""
		}
		return c.dispute.reason
	}),
	"connected_account_id": func(f *Fake, _ *report, t *txn) string {
		switch v, fee := f.transferOf(t), f.feeOf(t); {
		case v != nil:
			return v.to.config.Account
		case fee != nil:
			return fee.at.config.Account
		}
		return ""
	},
	"connected_account_direct_charge_id": func(f *Fake, _ *report, t *txn) string {
		if fee := f.feeOf(t); fee != nil && fee.original == nil {
			return fee.charge.id
		}
		return ""
	},
	"destination_payment_id": func(f *Fake, _ *report, t *txn) string {
		if v := f.transferOf(t); v != nil {
			return v.payment.id
		}
		return ""
	},
}

// faced is what a buyer saw of a row: the amount of the charge, the refund or the dispute,
// signed as the row is. Sources: docs.stripe.com/reports/payout-reconciliation, and for the
// sign Stripe's own Sigma query of line items, read 2026-11.
func (f *Fake) faced(t *txn) (amount int64, currency string) {
	switch t.category {
	case "charge":
		if c, ok := f.charges.get(t.source); ok {
			return c.amount, c.currency
		}
	case "charge_failure":
		if c, ok := f.charges.get(t.source); ok {
			return -c.amountCaptured, c.currency
		}
	case "refund", "refund_failure", "dispute", "dispute_reversal":
		if r, ok := f.refunds.get(t.source); ok {
			amount, currency = r.amount, r.charge.currency
		}
		if d, ok := f.disputes.get(t.source); ok {
			amount, currency = d.amount, d.charge.currency
		}
		if t.amount < 0 {
			amount = -amount
		}
	}
	return amount, currency
}

// transferOf is the transfer that a row moves or takes back; nil where it does neither.
func (f *Fake) transferOf(t *txn) *transfer {
	if v, ok := f.transfers.get(t.source); ok {
		return v
	}
	for _, v := range f.transfers.rows {
		for _, r := range v.reversals {
			if r.id == t.source {
				return v
			}
		}
	}
	return nil
}

// feeOf is the application fee that a row takes or gives back; nil where it does neither.
func (f *Fake) feeOf(t *txn) *applicationFee {
	if v, ok := f.home.fees.get(t.source); ok {
		return v
	}
	for _, v := range f.home.fees.rows {
		for _, r := range v.refunds {
			if r.id == t.source {
				return v
			}
		}
	}
	return nil
}

func ofCharge(say func(*charge) string) func(*Fake, *report, *txn) string {
	return func(f *Fake, _ *report, t *txn) string {
		if c := f.chargeOf(t); c != nil {
			return say(c)
		}
		return ""
	}
}

// chargeOf is the charge that a row is about; nil where it is about none.
func (f *Fake) chargeOf(t *txn) *charge {
	if c, ok := f.charges.get(t.source); ok {
		return c
	}
	if r, ok := f.refunds.get(t.source); ok {
		return r.charge
	}
	if d, ok := f.disputes.get(t.source); ok {
		return d.charge
	}
	return nil
}

// metadata reads "payment_metadata[order]", "refund_metadata[order]" and
// "transfer_metadata[order]". A payment's is its intent's; only where that has none, the
// charge's.
func (r *report) metadata(column string, t *txn) string {
	of, key, _ := strings.Cut(strings.TrimSuffix(column, "]"), "[")
	c := r.at.chargeOf(t)
	v, refunded := r.at.refunds.get(t.source)
	switch {
	case of == "payment_metadata" && c != nil && len(c.intent.metadata) > 0:
		return c.intent.metadata[key]
	case of == "payment_metadata" && c != nil:
		return c.metadata[key]
	case of == "refund_metadata" && refunded:
		return v.metadata[key]
	case of == "transfer_metadata":
		if v := r.at.transferOf(t); v != nil {
			return v.metadata[key]
		}
	}
	return ""
}
