package stripepay

import (
	"cmp"
	"context"
	"iter"

	"github.com/tidwall/gjson"

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

const listOp = "list movements"

// rows walks the rows of a list, each with what it comes from.
func (p *Pay) rows(ctx context.Context, params *stripe.BalanceTransactionListParams) iter.Seq2[*stripe.BalanceTransaction, error] {
	for _, name := range expanded("data.") {
		params.AddExpand(name)
	}
	return func(yield func(*stripe.BalanceTransaction, error) bool) {
		for t, err := range p.client.BalanceTransactions.List(ctx, params) {
			if !yield(&t, err) {
				return
			}
		}
	}
}

// lines walks the rows of a list in canonical words.
func (p *Pay) lines(ctx context.Context, params *stripe.BalanceTransactionListParams) iter.Seq2[reconcile.Line, error] {
	return func(yield func(reconcile.Line, error) bool) {
		for t, err := range p.rows(ctx, params) {
			var l reconcile.Line
			if err == nil {
				l, err = p.line(ctx, listOp, t)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// comesFrom is what a row comes from. A row of the other mode is refused.
func (p *Pay) comesFrom(ctx context.Context, op string, t *stripe.BalanceTransaction) (*thing, error) {
	from := thingOf(gjson.GetBytes(t.Raw, "source")).orNone()
	if live := from.live(); live != nil {
		return from, p.sameMode(op, t.ID, *live)
	}
	return from, p.keyMode(ctx, op)
}

// line says a row in canonical words.
func (p *Pay) line(ctx context.Context, op string, t *stripe.BalanceTransaction) (reconcile.Line, error) {
	from, err := p.comesFrom(ctx, op, t)
	if err != nil {
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
	p.identify(&l, from)
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
	ID, Object, Currency   string // Object is empty where only the id is known
	Amount, AmountCaptured int64
	Live                   *bool
	Metadata               map[string]string

	PaymentIntent, Charge                *thing
	Transfer, SourceTransfer             *thing // that a charge made or a reversal takes back; that a charge is
	SourceTransaction, SourceRefund      *thing // of a transfer; of a reversal
	Destination                          *thing
	Account, Fee, OriginatingTransaction *thing // of an application fee and its refund
}

// thingOf reads an object or its id; nil is none.
func thingOf(it gjson.Result) *thing {
	if !it.IsObject() {
		if it.Str == "" {
			return nil
		}
		return &thing{ID: it.Str}
	}
	t := &thing{}
	it.ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "id":
			t.ID = v.Str
		case "object":
			t.Object = v.Str
		case "currency":
			t.Currency = v.Str
		case "amount":
			t.Amount = v.Int()
		case "amount_captured":
			t.AmountCaptured = v.Int()
		case "livemode":
			if v.IsBool() {
				t.Live = new(v.Bool())
			}
		case "metadata":
			t.Metadata = map[string]string{}
			v.ForEach(func(k, v gjson.Result) bool {
				t.Metadata[k.Str] = v.Str
				return true
			})
		case "payment_intent":
			t.PaymentIntent = thingOf(v)
		case "charge":
			t.Charge = thingOf(v)
		case "transfer":
			t.Transfer = thingOf(v)
		case "source_transfer":
			t.SourceTransfer = thingOf(v)
		case "source_transaction":
			t.SourceTransaction = thingOf(v)
		case "source_refund":
			t.SourceRefund = thingOf(v)
		case "destination":
			t.Destination = thingOf(v)
		case "account":
			t.Account = thingOf(v)
		case "fee":
			t.Fee = thingOf(v)
		case "originating_transaction":
			t.OriginatingTransaction = thingOf(v)
		}
		return true
	})
	return t
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
	for _, t := range []*thing{t, t.PaymentIntent, t.Charge, t.Fee, t.Transfer} {
		if t != nil && t.Live != nil {
			return t.Live
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
