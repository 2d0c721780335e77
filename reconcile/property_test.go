package reconcile_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

var (
	payouts     = flag.Int("payouts", 100, "payouts that are generated to try the properties on")
	payoutsSeed = flag.Uint64("payouts.seed", 1, "seed of the first of them")
)

// properties are what holds of every payout. Each returns what is wrong with one.
var properties = map[string]func(*testing.T, *world) error{
	"every planted discrepancy is found once, and no other": found,
	"no line is left out":                         nothingLeftOut,
	"the payout is the net of its rows":           payoutIsNet,
	"debits are credits":                          balanced,
	"the order of the rows changes nothing":       anyOrder,
	"a second run posts nothing":                  postedOnce,
	"a run that is cut and resumed comes to same": resumed,
}

func TestPropertiesOfGeneratedPayouts(t *testing.T) {
	t.Parallel()
	planted := map[reconcile.Reason]int{}
	for i := range *payouts {
		w := generated(*payoutsSeed + uint64(i))
		for _, p := range w.planted {
			planted[p.reason]++
		}
		for name, holds := range properties {
			if err := holds(t, w); err != nil {
				t.Fatalf("%s: %v\ngo test ./reconcile -run PropertiesOfGenerated -payouts 1 -payouts.seed %d", name, err, *payoutsSeed+uint64(i))
			}
		}
	}
	if *payouts >= 100 {
		for _, r := range reconcile.Reasons() {
			require.NotZero(t, planted[r], "%s was planted", r)
		}
	}
	t.Logf("%d payouts, planted %v", *payouts, planted)
}

// Every property fails where its safeguard is missing.
func TestThePropertiesCanFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		property string
		sabotage func(*world)
	}{
		"a line is lost":                  {"the payout is the net of its rows", func(w *world) { w.tamper.drop = true }},
		"a discrepancy is not looked for": {"every planted discrepancy is found once, and no other", func(w *world) { w.config.Fee = nil }},
		"a document is lost":              {"every planted discrepancy is found once, and no other", func(w *world) { w.shop = w.shop[1:] }},
		"a line of an entry is lost":      {"debits are credits", func(w *world) { w.tamper.entry = true }},
		"a row is lost on the other way":  {"the order of the rows changes nothing", func(w *world) { w.tamper.shuffled = true }},
		"what was posted is forgotten":    {"a second run posts nothing", func(w *world) { w.tamper.forget = true }},
		"the row at the cut is lost":      {"a run that is cut and resumed comes to same", func(w *world) { w.tamper.cut = true }},
		"a line is taken for none":        {"no line is left out", func(w *world) { w.tamper.uncounted = true }},
	} {
		failed := 0
		for seed := range uint64(4) {
			w := generated(seed)
			w.plant(reconcile.FeeDiffers)
			require.NoError(t, properties[c.property](t, w), "with its safeguard: %s", c.property)
			c.sabotage(w)
			if properties[c.property](t, w) != nil {
				failed++
			}
		}
		require.Equal(t, 4, failed, name)
	}
}

// planted is a discrepancy that was put in, and how it is to be said.
type planted struct {
	reason reconcile.Reason
	said   string
}

// world is a payout with its books, and what was planted in it.
type world struct {
	*rand.Rand
	books
	currency commerce.Currency
	config   reconcile.Config
	planted  []planted
	unclosed bool // a row is there twice
	odd      bool // a category is unknown
	n        int  // orders so far

	tamper struct{ drop, entry, shuffled, forget, cut, uncounted bool } // the safeguards that are left out
}

const (
	firstDay = 20 // of November; the cut-over is at its beginning
	lastDay  = 25
)

func novemberAt(day, n int) time.Time {
	return time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// generated makes a payout out of a seed: orders of all kinds that agree, movements of all
// categories, and some discrepancies.
func generated(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7))}
	w.currency = []commerce.Currency{"EUR", "USD", "JPY"}[w.IntN(3)]
	w.config = reconcile.Config{OnShipment: true, CutOver: time.Date(2026, 11, firstDay, 0, 0, 0, 0, time.UTC),
		Fee: func(l reconcile.Line) (commerce.Money, bool) { return w.fee(l.Amount), l.Category == "charge" }}
	for range 3 + w.IntN(8) {
		agreeing[w.IntN(len(agreeing))](w)
	}
	for range w.IntN(6) {
		w.move(others[w.IntN(len(others))], w.amount()*int64(1-2*w.IntN(2)), 0)
	}
	for _, r := range reconcile.Reasons() {
		if w.IntN(8) == 0 {
			w.plant(r)
		}
	}
	return w
}

func (w *world) money(minor int64) commerce.Money { return commerce.MustMoney(minor, w.currency) }
func (w *world) amount() int64                    { return 1_000 + w.Int64N(50_000) }

// fee is what a charge costs.
func (w *world) fee(m commerce.Money) commerce.Money { return w.money(m.Minor()*29/1000 + 30) }

// order is a sale that agrees on all sides: the places of its line and its documents.
func (w *world) order() (l *reconcile.Line, shop, erp *reconcile.Document) {
	w.n++
	n, amount := w.n, w.amount()
	net := amount * 100 / 119
	at := novemberAt(firstDay+w.IntN(lastDay-firstDay), n)
	w.lines = append(w.lines, reconcile.Line{ID: fmt.Sprint("txn_", n), Category: "charge", Amount: w.money(amount), Created: at,
		Source: fmt.Sprint("ch_", n), Charge: fmt.Sprint("ch_", n), Intent: fmt.Sprint("pi_", n), Available: at.AddDate(0, 0, 2)})
	l = &w.lines[len(w.lines)-1]
	w.priced(l, w.fee(l.Amount))
	d := reconcile.Document{System: "shop", ID: fmt.Sprint("order/", n), Number: fmt.Sprint("N", n), Amount: l.Amount, Date: at.Add(-time.Minute),
		Intent: l.Intent, Payment: l.Intent,
		Lines: []reconcile.DocumentLine{{Key: "A", Quantity: commerce.MustDecimal("2"), Net: w.money(net - 100)}, {Key: "shipping", Quantity: commerce.MustDecimal("1"), Net: w.money(100)}},
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: w.money(net), Tax: w.money(amount - net)}}}
	w.shop = append(w.shop, d)
	d.System, d.ID, d.Intent, d.Payment = "erp", fmt.Sprint("invoice/", n), "", ""
	d.Lines, d.Taxes = slices.Clone(d.Lines), slices.Clone(d.Taxes)
	slices.Reverse(d.Lines)
	w.erp = append(w.erp, d)
	return l, &w.shop[len(w.shop)-1], &w.erp[len(w.erp)-1]
}

// refunded gives a part of an order back that agrees on all sides.
func (w *world) refunded(l *reconcile.Line, amount int64) (back *reconcile.Line, shop, erp *reconcile.Document) {
	w.n++
	n := w.n
	w.lines = append(w.lines, reconcile.Line{ID: fmt.Sprint("txn_", n), Category: "refund", Amount: w.money(-amount), Created: novemberAt(lastDay, n),
		Source: fmt.Sprint("re_", n), Refund: fmt.Sprint("re_", n), Charge: l.Charge, Intent: l.Intent})
	back = &w.lines[len(w.lines)-1]
	w.priced(back, w.money(0))
	d := reconcile.Document{System: "shop", ID: fmt.Sprint("memo/", n), Number: fmt.Sprint("N", n), Refund: true, Amount: w.money(amount), Date: back.Created, RefundID: back.Refund}
	w.shop = append(w.shop, d)
	d.System, d.ID, d.RefundID = "erp", fmt.Sprint("note/", n), ""
	w.erp = append(w.erp, d)
	return back, &w.shop[len(w.shop)-1], &w.erp[len(w.erp)-1]
}

func (w *world) priced(l *reconcile.Line, fee commerce.Money) {
	l.Fee, l.Fees = fee, nil
	l.Net, _ = l.Amount.Sub(fee)
	if !fee.IsZero() && w.IntN(2) == 0 {
		part := w.money(fee.Minor() / 3)
		rest, _ := fee.Sub(part)
		l.Fees = []reconcile.FeeDetail{{Type: "stripe_fee", Amount: rest}, {Type: "tax", Amount: part}}
	}
}

// move is a movement that has no document.
func (w *world) move(category string, amount, fee int64) *reconcile.Line {
	w.n++
	w.lines = append(w.lines, reconcile.Line{ID: fmt.Sprint("txn_", w.n), Category: category, Amount: w.money(amount), Source: fmt.Sprint("x_", w.n),
		Created: novemberAt(firstDay+w.IntN(lastDay-firstDay), w.n)})
	l := &w.lines[len(w.lines)-1]
	w.priced(l, w.money(fee))
	return l
}

// others are the categories that no document is for. Those of payouts are not in one.
var others = []string{"fee", "tax", "network_cost", "connect_reserved_funds", "risk_reserved_funds", "payment_network_reserve_hold",
	"payment_network_reserve_release", "payout_minimum_balance_hold", "payout_minimum_balance_release", "transfer", "transfer_reversal",
	"platform_earning", "platform_earning_refund", "connect_collection_transfer", "topup", "topup_reversal", "advance", "advance_funding",
	"anticipation_repayment", "contribution", "climate_order_purchase", "climate_order_refund", "financing_paydown", "financing_paydown_reversal",
	"financing_payout", "financing_payout_reversal", "other_adjustment", "unreconciled_customer_funds", "issuing_transaction", "payout_reversal"}

// agreeing are what happens in a shop and is as it should be.
var agreeing = []func(*world){
	func(w *world) { w.order() },
	func(w *world) { // known to the shop by the charge
		l, d, _ := w.order()
		d.Intent, d.Payment, d.Charge = "", l.Charge, ""
	},
	func(w *world) { // by the number in the metadata
		l, d, _ := w.order()
		l.Number, d.Intent, d.Payment = d.Number, "", ""
	},
	func(w *world) { // given back, in part and twice
		l, _, _ := w.order()
		paid := *l
		w.refunded(&paid, 300)
		w.refunded(&paid, 400)
	},
	func(w *world) { // captured in part
		l, d, e := w.order()
		paid := *l
		d.Amount, e.Amount = w.money(d.Amount.Minor()-500), w.money(e.Amount.Minor()-500)
		part := w.move("partial_capture_reversal", -500, 0)
		part.Charge, part.Intent = paid.Charge, paid.Intent
	},
	func(w *world) { // a dispute, lost or won
		l, _, _ := w.order()
		paid := *l
		m := w.move("dispute", -paid.Amount.Minor(), 1500)
		m.Dispute, m.Charge, m.Intent = "dp_"+paid.ID, paid.Charge, paid.Intent
		if w.IntN(2) == 0 {
			m = w.move("dispute_reversal", paid.Amount.Minor(), -1500)
			m.Dispute, m.Charge, m.Intent = "dp_"+paid.ID, paid.Charge, paid.Intent
		}
	},
	func(w *world) { // a debit that failed
		l := w.move("charge", w.amount(), 0)
		w.priced(l, w.fee(l.Amount))
		l.Charge, l.Intent = "ch_"+l.ID, "pi_"+l.ID
		paid := *l
		back := w.move("charge_failure", -paid.Amount.Minor(), 0)
		back.Charge, back.Intent = paid.Charge, paid.Intent
	},
	func(w *world) { // a refund that came back
		l, _, _ := w.order()
		paid := *l
		m := w.move("refund", -200, 0)
		m.Refund, m.Charge, m.Intent = "re_"+paid.ID, paid.Charge, paid.Intent
		m = w.move("refund_failure", 200, 0)
		m.Refund, m.Charge, m.Intent = "re_"+paid.ID, paid.Charge, paid.Intent
	},
	func(w *world) { // paid in another currency, which the books have as Stripe settled it
		l, d, e := w.order()
		w.foreign(l, d, e)
	},
	func(w *world) { // a gift card paid a part; the invoice may know
		_, d, e := w.order()
		d.Total = w.money(d.Amount.Minor() + 900)
		if e.Amount = d.Total; w.IntN(2) == 0 {
			e.Amount, e.Total = d.Amount, d.Total
		}
	},
	func(w *world) { // paid without Stripe, and in the ERP or not
		_, d, _ := w.order()
		w.lines = w.lines[:len(w.lines)-1]
		d.Total, d.Amount, d.Intent, d.Payment = d.Amount, w.money(0), "", ""
		if w.IntN(2) == 0 {
			w.erp = w.erp[:len(w.erp)-1]
		}
	},
	func(w *world) { // a gift card paid one invoice of the shop, and Stripe the other
		_, d, e := w.order()
		card := *d
		card.ID, card.Total, card.Amount, card.Lines, card.Taxes = "card/"+d.ID, w.money(700), w.money(0), nil, nil
		w.shop = append(w.shop, card)
		e.Amount, e.Lines, e.Taxes = w.money(e.Amount.Minor()+700), nil, nil
	},
	func(w *world) { // two invoices of one order
		_, _, e := w.order()
		second := *e
		e.Lines, e.Taxes, second.Lines, second.Taxes = nil, nil, nil, nil
		second.ID, second.Amount = "second/"+e.ID, w.money(400)
		e.Amount = w.money(e.Amount.Minor() - 400)
		w.erp = append(w.erp, second)
	},
	func(w *world) { // two payments of one order
		l, _, _ := w.order()
		paid := *l
		l.Amount = w.money(paid.Amount.Minor() - 600)
		w.priced(l, w.fee(l.Amount))
		second := w.move("charge", 600, 0)
		w.priced(second, w.fee(second.Amount))
		second.Intent, second.Charge = paid.Intent, "ch_"+second.ID
	},
	func(w *world) { // passed on to a merchant
		l, _, _ := w.order()
		paid := *l
		on := w.move("transfer", -700, 0)
		on.Charge, on.Transfer, on.Account = paid.Charge, "tr_"+on.ID, "acct_m"
		tr := on.Transfer
		w.move("platform_earning", 50, 0).Charge = paid.Charge
		w.move("transfer_reversal", 100, 0).Transfer = tr
	},
}

// foreign makes an order one that was paid in yen or crowns.
func (w *world) foreign(l *reconcile.Line, d, e *reconcile.Document) {
	paid := commerce.MustMoney(l.Amount.Minor()*11, "SEK")
	l.Presented, d.Amount, e.Amount, e.Settled = paid, paid, paid, l.Amount
	d.Lines, d.Taxes, e.Lines, e.Taxes = nil, nil, nil, nil
}

// expect notes how a discrepancy has to be said.
func (w *world) expect(r reconcile.Reason, names ...any) {
	said := string(r)
	for _, n := range names {
		said += " " + fmt.Sprint(n)
	}
	w.planted = append(w.planted, planted{r, said})
}

// plant puts a discrepancy in.
func (w *world) plant(r reconcile.Reason) {
	switch r {
	case reconcile.Duplicate:
		l, d, _ := w.order()
		again := *l
		if w.IntN(2) == 0 { // the row
			w.unclosed = true
			w.expect(r, l.ID, l.Amount)
		} else { // the payment
			again.ID, again.Charge, again.Source, again.Created = again.ID+"_again", again.Charge+"_again", again.Charge+"_again", again.Created.Add(time.Hour)
			w.expect(r, again.ID, d.ID, l.Amount)
		}
		w.lines = append(w.lines, again)
	case reconcile.AmountDiffers:
		l, d, e := w.order()
		switch w.IntN(5) {
		case 0:
			d.Amount, e.Amount = w.money(d.Amount.Minor()+1), w.money(e.Amount.Minor()+1)
			w.expect(r, l.ID, d.ID, w.money(-1))
		case 1:
			e.Amount = w.money(e.Amount.Minor() + 2)
			w.expect(r, d.ID, e.ID, w.money(-2))
		case 2: // the invoice is over what Stripe was due, and a gift card paid a part
			d.Total = w.money(d.Amount.Minor() + 900)
			w.expect(r, d.ID, e.ID, w.money(900))
		case 3: // the invoice of a sale that Stripe has no part in
			w.lines = w.lines[:len(w.lines)-1]
			d.Total, d.Amount, d.Intent, d.Payment = w.money(d.Amount.Minor()+3), w.money(0), "", ""
			w.expect(r, d.ID, e.ID, w.money(3))
		case 4: // money for a sale that was to be paid without Stripe
			d.Total, d.Amount = d.Amount, w.money(0)
			w.expect(r, l.ID, d.ID, l.Amount)
		}
	case reconcile.CurrencyDiffers:
		l, d, e := w.order()
		other := commerce.MustMoney(d.Amount.Minor(), "GBP")
		e.Lines, e.Taxes, e.Amount = nil, nil, other
		if w.IntN(2) == 0 {
			d.Lines, d.Taxes, d.Amount = nil, nil, other
			w.expect(r, l.ID, d.ID)
		} else {
			w.expect(r, d.ID, e.ID)
		}
	case reconcile.LinesDiffer:
		_, d, e := w.order()
		switch w.IntN(3) {
		case 0:
			e.Lines[1].Quantity = commerce.MustDecimal("1.5")
		case 1:
			e.Lines[0].Key = "B"
		case 2:
			e.Lines[0].Net, e.Lines[1].Net = w.money(e.Lines[0].Net.Minor()+1), w.money(e.Lines[1].Net.Minor()-1)
		}
		w.expect(r, d.ID, e.ID, w.money(0))
	case reconcile.TaxDiffers:
		_, d, e := w.order()
		e.Taxes[0].Tax = w.money(e.Taxes[0].Tax.Minor() - 1)
		w.expect(r, d.ID, e.ID, w.money(1))
	case reconcile.MissingAtStripe:
		_, d, _ := w.order()
		w.lines = w.lines[:len(w.lines)-1]
		w.expect(r, d.ID, d.Amount.Neg())
	case reconcile.MissingInShop:
		if w.IntN(2) == 0 {
			l, _, _ := w.order()
			w.shop, w.erp = w.shop[:len(w.shop)-1], w.erp[:len(w.erp)-1]
			w.expect(r, l.ID, l.Amount)
		} else {
			_, _, e := w.order()
			w.lines, w.shop = w.lines[:len(w.lines)-1], w.shop[:len(w.shop)-1]
			w.expect(r, e.ID, e.Amount.Neg())
		}
	case reconcile.MissingInERP:
		_, d, _ := w.order()
		w.erp = w.erp[:len(w.erp)-1]
		w.expect(r, d.ID, d.Amount)
	case reconcile.RefundWithoutCreditMemo:
		l, _, _ := w.order()
		paid := *l
		back, _, _ := w.refunded(&paid, 250)
		w.shop, w.erp = w.shop[:len(w.shop)-1], w.erp[:len(w.erp)-1]
		w.expect(r, back.ID, w.money(250))
	case reconcile.UnknownCategory:
		l := w.move("moon_tax", -250, 0)
		w.odd = true
		w.expect(r, l.ID, l.Net)
	case reconcile.Unlinked:
		l, d, _ := w.order()
		// An amount of its own: nothing else may be proposed for it.
		for _, m := range []*commerce.Money{&l.Amount, &d.Amount, &w.erp[len(w.erp)-1].Amount} {
			*m = w.money(10_000_000 + int64(w.n))
		}
		w.priced(l, w.fee(l.Amount))
		l.Charge, l.Intent, l.Source = "", "", ""
		if w.IntN(2) == 0 {
			w.shop, w.erp = w.shop[:len(w.shop)-1], w.erp[:len(w.erp)-1]
			w.expect(r, l.ID, l.Amount)
		} else {
			d.Intent, d.Payment = "", ""
			w.expect(r, l.ID, d.ID, w.money(0), "95%")
		}
	case reconcile.FeeDiffers:
		l, _, _ := w.order()
		w.priced(l, w.money(l.Fee.Minor()+7))
		w.expect(r, l.ID, w.money(7))
	case reconcile.FXDifference:
		l, d, e := w.order()
		w.foreign(l, d, e)
		e.Settled = w.money(e.Settled.Minor() - 3)
		w.expect(r, l.ID, e.ID, w.money(3))
	case reconcile.NotYetPaidOut:
		_, d, e := w.order()
		w.lines = w.lines[:len(w.lines)-1]
		d.Date = novemberAt(lastDay+2, 0)
		e.Date = d.Date
		w.expect(r, d.ID, d.Amount.Neg())
	case reconcile.NotYetInvoiced:
		_, d, e := w.order()
		d.Unsent = true
		if w.IntN(2) == 0 {
			w.erp = w.erp[:len(w.erp)-1]
			w.expect(r, d.ID, d.Amount)
			break
		}
		second := *e // two parts have left
		second.ID, second.Amount, second.Lines, second.Taxes = "second/"+e.ID, w.money(400), nil, nil
		e.Amount, e.Lines, e.Taxes = w.money(e.Amount.Minor()-600), nil, nil
		w.erp = append(w.erp, second)
		w.expect(r, d.ID, e.ID, w.money(200))
	case reconcile.BeforeCutOver:
		l, _, _ := w.order()
		l.Created = novemberAt(firstDay-3, 0)
		w.shop, w.erp = w.shop[:len(w.shop)-1], w.erp[:len(w.erp)-1]
		w.expect(r, l.ID, l.Amount)
	}
}

// paid is the payout that the rows make, each once.
func (w *world) paid() commerce.Payout {
	sum, seen := w.money(0), map[string]bool{}
	for _, l := range w.lines {
		if !seen[l.ID] {
			seen[l.ID] = true
			sum, _ = sum.Add(l.Net)
		}
	}
	return commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: sum, Status: commerce.PayoutPaid,
		Automatic: true, Reconciled: true, Transaction: "txn_po", Created: novemberAt(lastDay+3, 0)}
}

// explain explains the payout from rows in an order of chance.
func (w *world) explain(t *testing.T, lines []reconcile.Line) (*reconcile.Report, []reconcile.Discrepancy, error) {
	p := w.paid()
	if w.IntN(2) == 0 { // from the API, where the payout's own row is there
		out := p.Amount.Neg()
		lines = append(slices.Clone(lines), reconcile.Line{ID: "txn_po", Category: "payout", Source: "po_1", Amount: out, Fee: w.money(0), Net: out, Created: p.Created})
	}
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: shuffled(w.Rand, lines), Shop: shuffled(w.Rand, w.shop), ERP: shuffled(w.Rand, w.erp),
		To: novemberAt(lastDay+1, 0)}, w.config)
	if err != nil {
		return nil, nil, err
	}
	var found []reconcile.Discrepancy
	for d, err := range r.Discrepancies() {
		if err != nil {
			return nil, nil, errors.Join(err, r.Close())
		}
		found = append(found, d)
	}
	return r, found, nil
}

func shuffled[T any](r *rand.Rand, rows []T) func(func(T, error) bool) {
	order := r.Perm(len(rows))
	return func(yield func(T, error) bool) {
		for _, i := range order {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}

func found(t *testing.T, w *world) error {
	r, found, err := w.explain(t, w.lines)
	if err != nil {
		return err
	}
	defer r.Close()
	var want []string
	counts := map[reconcile.Reason]int{}
	for _, p := range w.planted {
		want = append(want, p.said)
		counts[p.reason]++
	}
	got := say(found)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("planted %q, found %q", want, got)
	}
	if !maps.Equal(counts, r.Counts) {
		return fmt.Errorf("planted %v, counted %v", counts, r.Counts)
	}
	for _, d := range found {
		if d.Line != nil && d.Keys.Payout != "po_1" {
			return fmt.Errorf("%s has lost its payout", d.Line.ID)
		}
	}
	return nil
}

// nothingLeftOut counts what became of each line.
func nothingLeftOut(t *testing.T, w *world) error {
	r, found, err := w.explain(t, w.lines)
	if err != nil {
		return err
	}
	defer r.Close()
	m := r.Matched
	if w.tamper.uncounted {
		m.ByID--
	}
	sum := m.ByID + m.Proposed + m.Related + m.Alone
	for _, d := range found {
		if d.Line == nil || d.Document != nil || d.ERP != nil {
			continue
		}
		switch d.Reason {
		case reconcile.Duplicate, reconcile.MissingInShop, reconcile.MissingInERP, reconcile.RefundWithoutCreditMemo, reconcile.Unlinked, reconcile.BeforeCutOver:
			sum++
		}
	}
	if sum != len(w.lines) {
		return fmt.Errorf("of %d lines %d are accounted for: %+v", len(w.lines), sum, m)
	}
	walked := map[string]bool{}
	for m, err := range r.Matches() {
		if err != nil {
			return err
		}
		if m.Line != nil {
			walked[m.Line.ID] = true
		}
	}
	alone := 0
	for l, err := range r.Alone() {
		if err != nil {
			return err
		}
		walked[l.ID] = true
		alone++
	}
	if alone != m.Alone {
		return fmt.Errorf("%d lines are alone, %d can be walked", m.Alone, alone)
	}
	for _, d := range found {
		if d.Line != nil && (d.Reason != reconcile.FeeDiffers && d.Reason != reconcile.UnknownCategory) {
			walked[d.Line.ID] = true
		}
	}
	for _, l := range w.lines {
		if !walked[l.ID] {
			return fmt.Errorf("%s can nowhere be found", l.ID)
		}
	}
	return nil
}

func payoutIsNet(t *testing.T, w *world) error {
	lines := w.lines
	if w.tamper.drop {
		lines = lines[1:]
	}
	r, _, err := w.explain(t, lines)
	if err != nil {
		return err
	}
	defer r.Close()
	p := r.Proof
	net, byHand := int64(0), int64(0)
	for _, m := range []commerce.Money{p.Sales, p.Refunds, p.Disputes, p.Fees, p.Reserves, p.Transfers, p.Adjustments, p.Payouts, p.Other} {
		net += m.Minor()
	}
	for _, l := range w.lines {
		byHand += l.Net.Minor()
	}
	switch {
	case net != p.Net.Minor() || net+p.Rest.Minor() != p.Bank.Minor():
		return fmt.Errorf("the sums are not closed: %+v", p)
	case byHand != p.Net.Minor():
		return fmt.Errorf("the rows make %d, the proof says %s", byHand, p.Net)
	case p.Closed() == w.unclosed:
		return fmt.Errorf("closed is %v: %+v", p.Closed(), p)
	}
	_, err = r.Entry(booksOf(w))
	if open, ok := errors.AsType[*reconcile.OpenError](err); ok != w.unclosed {
		return fmt.Errorf("entry: %v, %v", open, err)
	}
	return nil
}

// booksOf is a chart with an account for everything.
func booksOf(w *world) reconcile.Chart {
	c := chart()
	c.Categories = maps.Clone(c.Categories)
	for i, category := range append([]string{"charge_failure", "partial_capture_reversal", "refund_failure", "moon_tax"}, others...) {
		c.Categories[category] = fmt.Sprint(7000 + i)
	}
	return c
}

func balanced(t *testing.T, w *world) error {
	entries, err := w.entries(t, w.lines)
	if err != nil {
		return err
	}
	if !w.unclosed {
		r, _, err := w.explain(t, w.lines)
		if err != nil {
			return err
		}
		defer r.Close()
		whole, err := r.Whole(booksOf(w))
		if err != nil {
			return err
		}
		entries = append(entries, whole)
	}
	if w.tamper.entry {
		entries[0].Lines = entries[0].Lines[1:]
	}
	for _, e := range entries {
		debit, credit := int64(0), int64(0)
		for _, l := range e.Lines {
			if (l.Debit.Sign() != 0) == (l.Credit.Sign() != 0) || l.Debit.Sign() < 0 || l.Credit.Sign() < 0 {
				return fmt.Errorf("%s: a line with %s and %s", e.Key, l.Debit, l.Credit)
			}
			debit, credit = debit+l.Debit.Minor(), credit+l.Credit.Minor()
		}
		if debit != credit {
			return fmt.Errorf("%s: debits %d, credits %d", e.Key, debit, credit)
		}
	}
	return nil
}

// entries are those of the lines, each once: with one that is there twice there are none.
func (w *world) entries(t *testing.T, lines []reconcile.Line) ([]commerce.JournalEntry, error) {
	each := distinct(lines)
	if len(each) < len(lines) {
		if _, err := booksOf(w).Entries(t.Context(), shuffled(w.Rand, lines)); !errors.Is(err, commerce.ErrInvalid) {
			return nil, fmt.Errorf("a row that is there twice is booked: %v", err)
		}
	}
	return booksOf(w).Entries(t.Context(), shuffled(w.Rand, each))
}

func distinct(lines []reconcile.Line) (each []reconcile.Line) {
	for _, l := range lines {
		if !slices.ContainsFunc(each, func(have reconcile.Line) bool { return have.ID == l.ID }) {
			each = append(each, l)
		}
	}
	return each
}

func anyOrder(t *testing.T, w *world) error {
	type outcome struct {
		found   []reconcile.Discrepancy
		proof   reconcile.Proof
		matched reconcile.Matched
		entries []commerce.JournalEntry
	}
	var all []outcome
	for i := range 2 {
		lines := w.lines
		if i == 1 && w.tamper.shuffled {
			lines = lines[1:]
		}
		r, found, err := w.explain(t, lines)
		if err != nil {
			return err
		}
		defer r.Close()
		entries, err := w.entries(t, lines)
		if err != nil {
			return err
		}
		proof := r.Proof
		proof.Own = commerce.Money{} // is there or not
		all = append(all, outcome{found, proof, r.Matched, entries})
	}
	if !assert.ObjectsAreEqual(all[0], all[1]) {
		return fmt.Errorf("once %+v\nthen %+v", all[0], all[1])
	}
	return nil
}

// post posts what is missing of the entries of some lines, and says how many that were.
func post(t *testing.T, w *world, lines []reconcile.Line, posted map[string][]commerce.JournalEntry) (n int, err error) {
	targets, err := w.entries(t, lines)
	if err != nil {
		return 0, err
	}
	for _, target := range targets {
		next, ok, err := reconcile.Next(target, posted[target.Key]...)
		if err != nil {
			return n, err
		}
		if ok {
			n++
			posted[target.Key] = append(posted[target.Key], next)
		}
	}
	return n, nil
}

func postedOnce(t *testing.T, w *world) error {
	posted := map[string][]commerce.JournalEntry{}
	first, err := post(t, w, w.lines, posted)
	if err != nil {
		return err
	}
	if w.tamper.forget {
		posted = map[string][]commerce.JournalEntry{}
	}
	if again, err := post(t, w, w.lines, posted); err != nil || again > 0 || first == 0 {
		return fmt.Errorf("%d entries, then %d more, %w", first, again, err)
	}
	return nil
}

// resumed posts what a part of the rows says and then the rest, and compares it with one
// run, account by account; and running balances, of which one is cut.
func resumed(t *testing.T, w *world) error {
	lines := distinct(w.lines)
	w.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	cut := w.IntN(len(lines))
	rest := lines[cut:]
	if w.tamper.cut {
		rest = lines[cut+1:]
	}
	posted := map[string][]commerce.JournalEntry{}
	_, err := post(t, w, lines[:cut], posted)
	if err == nil {
		_, err = post(t, w, append(slices.Clone(lines[:cut]), rest...), posted)
	}
	if err != nil {
		return err
	}
	once := map[string][]commerce.JournalEntry{}
	if _, err := post(t, w, lines, once); err != nil {
		return err
	}
	if a, b := accounts(posted), accounts(once); !maps.Equal(a, b) {
		return fmt.Errorf("cut at %d: %v, in one run: %v", cut, a, b)
	}
	run := func(opening []commerce.Money, lines []reconcile.Line) (closing []commerce.Money, err error) {
		got, err := reconcile.Balances(t.Context(), reconcile.BalancesInput{Opening: opening, Lines: shuffled(w.Rand, lines)})
		for _, b := range got {
			closing = append(closing, b.Closing)
		}
		return closing, err
	}
	opening, err := run(nil, lines[:cut])
	if err != nil {
		return err
	}
	parts, err := run(opening, rest)
	if err != nil {
		return err
	}
	whole, err := run(nil, lines)
	if err != nil || !slices.Equal(parts, whole) {
		return fmt.Errorf("the balance is %v in parts and %v in one run, %w", parts, whole, err)
	}
	return nil
}

// accounts are the balances of accounts, in company currency and in their own.
func accounts(posted map[string][]commerce.JournalEntry) map[string]int64 {
	out := map[string]int64{}
	for _, series := range posted {
		for _, e := range series {
			for _, l := range e.Lines {
				out[l.Account] += l.Debit.Minor() - l.Credit.Minor()
				if l.Transaction != (commerce.Money{}) {
					out[l.Account+" "+string(l.Transaction.Currency())] += l.Transaction.Minor()
				}
			}
		}
	}
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n == 0 })
	return out
}
