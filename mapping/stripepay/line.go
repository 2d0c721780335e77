package stripepay

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
)

// expanded names what is read with a row: what it is for, and one object further where
// the ids and the order's number are. A row whose source has no such link is answered all
// the same.
func expanded(prefix string) (names []string) {
	for _, name := range []string{"source", "source.charge", "source.payment_intent", "source.transfer", "source.source_transaction",
		"source.fee", "source.originating_transaction"} {
		names = append(names, prefix+name)
	}
	return names
}

// lines walks the rows of a list.
func (p *Pay) lines(ctx context.Context, params *stripe.BalanceTransactionListParams) iter.Seq2[reconcile.Line, error] {
	const op = "list movements"
	for _, name := range expanded("data.") {
		params.AddExpand(name)
	}
	return func(yield func(reconcile.Line, error) bool) {
		for t, err := range p.client.BalanceTransactions.List(ctx, params) {
			var l reconcile.Line
			if err == nil {
				l, err = p.line(ctx, op, &t)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// line says a row in canonical words.
func (p *Pay) line(ctx context.Context, op string, t *stripe.BalanceTransaction) (reconcile.Line, error) {
	var from thing
	if source := gjson.GetBytes(t.Raw, "source"); source.Exists() {
		if err := json.Unmarshal([]byte(source.Raw), &from); err != nil {
			return reconcile.Line{}, commerce.Errorf(commerce.KindInvalid, System, op, "the source of %s is not as Stripe's are", t.ID)
		}
	}
	if live := from.live(); live != nil {
		if err := p.sameMode(op, t.ID, *live); err != nil {
			return reconcile.Line{}, err
		}
	} else if err := p.keyMode(ctx, op); err != nil {
		return reconcile.Line{}, err
	}
	r := &reader{document: "stripe " + t.ID, currency: t.Currency}
	l := reconcile.Line{ID: t.ID, Type: t.Type, Category: t.ReportingCategory,
		Amount: r.money("amount", t.Amount), Fee: r.money("fee", t.Fee), Net: r.money("net", t.Net),
		Created: t.Created.Time(), Available: t.AvailableOn.Time(), Source: string(t.Source)}
	for _, d := range t.FeeDetails {
		l.Fees = append(l.Fees, reconcile.FeeDetail{Type: d.Type, Amount: r.money("fee_details", d.Amount)})
	}
	switch amount, ok := from.presented(l.Category); {
	case ok && from.Currency == t.Currency:
		l.Presented = l.Amount
	case ok:
		r.currency = from.Currency
		if l.Presented = r.money("source.amount", amount); l.Amount.Sign() < 0 {
			l.Presented = l.Presented.Neg()
		}
	}
	if r.err != nil {
		return reconcile.Line{}, r.err
	}
	p.identify(&l, &from)
	return l, nil
}

// identify writes down which objects a row is about.
func (p *Pay) identify(l *reconcile.Line, from *thing) {
	charge, intent := from.Charge, from.PaymentIntent
	switch from.Object {
	case "charge":
		charge = from
	case "refund":
		l.Refund = from.ID
	case "dispute":
		l.Dispute = from.ID
	case "transfer", "transfer_reversal":
		transfer := from
		if from.Object == "transfer_reversal" {
			transfer, l.Refund = from.Transfer.orNone(), from.SourceRefund.id()
		}
		l.Transfer, l.Account = transfer.ID, transfer.Destination.id()
		l.Number = p.number(transfer.Metadata)
		charge = transfer.SourceTransaction
	case "application_fee", "fee_refund":
		fee := from
		if from.Object == "fee_refund" {
			fee = from.Fee.orNone()
		}
		l.Account = fee.Account.id()
		if charge = fee.OriginatingTransaction; charge == nil {
			charge = fee.Charge
		}
	default:
		return
	}
	charge = charge.orNone()
	if intent == nil {
		intent = charge.PaymentIntent
	}
	l.Charge, l.Intent = charge.ID, intent.id()
	// Of a transfer at a platform, or of a charge that was passed on by one; at the account
	// that got it, of the charge that it became.
	l.Transfer = cmp.Or(l.Transfer, charge.Transfer.id(), charge.SourceTransfer.id())
	// The intent's comes first: it can be changed after the charge was made, which has it
	// from there.
	l.Number = cmp.Or(l.Number, p.number(intent.orNone().Metadata), p.number(charge.Metadata))
}

// number is the order's number in the metadata; empty where it names none, or several
// orders. A list of orders that can not be read is a fault of the payment, and says so
// where that is read: here it names none.
func (p *Pay) number(metadata map[string]string) string {
	hints, err := p.c.Metadata.Read("", metadata, "")
	if err != nil || len(hints) != 1 {
		return ""
	}
	return hints[0].Number
}

// keyMode refuses a key of the other mode where the objects do not say theirs. The answer
// for one key holds for the next: who changes mode has another client.
func (p *Pay) keyMode(ctx context.Context, op string) error {
	if p.moded.Load() {
		return nil
	}
	b, err := p.client.Balance.Get(ctx)
	if err != nil {
		return err
	}
	if err := p.sameMode(op, "the balance", b.Livemode); err != nil {
		return err
	}
	p.moded.Store(true)
	return nil
}

// thing is what a row comes from, of any type, or a link to it: what a line is made of.
type thing struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"` // empty where only the id is known
	Livemode *bool             `json:"livemode"`
	Metadata map[string]string `json:"metadata"`

	Amount         int64  `json:"amount"`
	AmountCaptured int64  `json:"amount_captured"`
	Currency       string `json:"currency"`

	PaymentIntent *thing `json:"payment_intent"`
	Charge        *thing `json:"charge"`

	Transfer          *thing `json:"transfer"`        // of a charge or a reversal
	SourceTransfer    *thing `json:"source_transfer"` // that a charge is
	SourceTransaction *thing `json:"source_transaction"`
	SourceRefund      *thing `json:"source_refund"`
	Destination       *thing `json:"destination"`

	Fee                    *thing `json:"fee"`
	Account                *thing `json:"account"`
	OriginatingTransaction *thing `json:"originating_transaction"`
}

// UnmarshalJSON reads an object of the types that lines are made of; of any other, and of
// a link, the id.
func (t *thing) UnmarshalJSON(b []byte) error {
	it := gjson.ParseBytes(b)
	switch it.Get("object").Str {
	case "charge", "refund", "dispute", "payment_intent", "transfer", "transfer_reversal", "application_fee", "fee_refund", "payout", "topup":
		type plain thing
		return json.Unmarshal(b, (*plain)(t))
	}
	if t.ID = it.Str; it.IsObject() {
		t.ID = it.Get("id").Str
	}
	return nil
}

func (t *thing) id() string { return t.orNone().ID }

func (t *thing) orNone() *thing {
	if t == nil {
		return &thing{}
	}
	return t
}

// live is the mode that an object, or one that it links to, says it is of; nil = none
// does.
func (t *thing) live() *bool {
	for _, t := range []*thing{t, t.Charge, t.Fee, t.Transfer} {
		if t != nil && t.Livemode != nil {
			return t.Livemode
		}
	}
	return nil
}

// presented is what a row is about in the currency that the buyer paid in, without its
// sign; false where no buyer did. Of a charge its row has all that was authorised, and
// another row takes back what was not captured.
func (t *thing) presented(category string) (amount int64, ok bool) {
	switch t.Object {
	case "refund", "dispute":
		return t.Amount, true
	case "charge":
		switch category {
		case "partial_capture_reversal":
			return t.Amount - t.AmountCaptured, true
		case "charge_failure":
			if t.AmountCaptured != 0 {
				return t.AmountCaptured, true
			}
		}
		return t.Amount, true
	}
	return 0, false
}
