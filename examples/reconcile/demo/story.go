package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/commercesync/commerce/reconcile"
)

// story is a sale with all that is told of it, or money that no sale explains. Every
// amount is in minor units.
type story struct {
	lines     []movement
	shop, erp []document
	planted   []Planted
}

// movement is a balance transaction. It settles in EUR.
type movement struct {
	id, category, source, charge, intent, number string
	at                                           time.Time
	gross, fee, dollars                          int64 // dollars: what the buyer paid; 0 = euros
}

// document is an order, a credit memo, an invoice or a credit note.
type document struct {
	id, number, currency, payment string
	refund                        bool
	at                            time.Time
	amount, settled               int64
	card                          int64 // what a gift card paid beside the amount
	unsent                        bool
	more                          bool   // of the first article, for the same money
	rate                          string // of its tax; empty = 19
}

// teller makes stories. Each is drawn from the seed and its number, so that it can be told
// again.
type teller struct {
	seed   uint64
	rows   int
	plants []plant
}

// plant is a story in which something does not agree.
type plant struct {
	reason  reconcile.Reason
	variant int
}

// ref is a row of a story.
type ref struct {
	story int32
	part  int8
}

// stories are all of a demo.
type stories struct {
	*teller
	lines, shop, erp []ref
	planted          []Planted
	net              int64
}

func newStories(c Config) (*stories, error) {
	s := &stories{teller: &teller{seed: c.Seed, rows: c.Rows}}
	for _, reason := range reconcile.Reasons() {
		if plants[reason] == nil {
			return nil, fmt.Errorf("the demo can not plant a discrepancy of reason %s", reason)
		}
		for n := range c.Each {
			s.plants = append(s.plants, plant{reason, n})
		}
	}
	for i := 0; len(s.lines) < c.Rows; i++ {
		one := s.tell(int32(i))
		if len(s.lines)+len(one.lines) > c.Rows {
			continue // the next may be shorter
		}
		for part, l := range one.lines {
			s.lines = append(s.lines, ref{int32(i), int8(part)})
			s.net += l.gross - l.fee
		}
		for part := range one.shop {
			s.shop = append(s.shop, ref{int32(i), int8(part)})
		}
		for part := range one.erp {
			s.erp = append(s.erp, ref{int32(i), int8(part)})
		}
		s.planted = append(s.planted, one.planted...)
	}
	return s, nil
}

// tell tells a story: first those with a plant, then what happens once, then sales.
func (t *teller) tell(i int32) story {
	n := int(i)
	if n < len(t.plants) {
		// Amounts that no other row has: what waits for a partner shall not find a wrong one.
		s := t.sale(n, 10_000+37*int64(n), false)
		p := t.plants[n]
		plants[p.reason](&s, p.variant)
		for i := range s.planted {
			s.planted[i].Reason = p.reason
		}
		return s
	}
	if m := n - len(t.plants); m < len(once) {
		l := once[m]
		l.gross *= int64(t.rows) / 200
		l.id = fmt.Sprintf("txn_demo%08d", n)
		l.at = start.AddDate(0, 0, 1+m%(days-1))
		return story{lines: []movement{l}}
	}
	random := rand.New(rand.NewPCG(t.seed, uint64(n)+2))
	s := t.sale(n, 500+random.Int64N(25_000), random.IntN(10) == 0)
	switch draw := random.IntN(200); {
	case draw == 0:
		s.dispute()
	case draw < 12:
		s.giveBack(1+random.Int64N(s.shop[0].amount), true, true)
	case draw >= 190:
		s.giftCard(1_500)
	}
	return s
}

// once is what every payout has: money that no sale explains, and that is as it should be.
// The amounts are those of a payout of 200 rows.
var once = []movement{
	{category: "fee", source: "fee_demo1", gross: -4_900},
	{category: "fee", source: "fee_demo2", gross: -1_250},
	{category: "risk_reserved_funds", source: "rsv_demo1", gross: -40_000},
	{category: "risk_reserved_funds", source: "rsv_demo2", gross: 15_000},
	{category: "transfer", source: "tr_demo1", gross: -65_000},
	{category: "other_adjustment", source: "adj_demo1", gross: 3_300},
}

// sale is a payment with its order and its invoice, and all three agree.
func (t *teller) sale(n int, amount int64, dollars bool) story {
	at := start.Add(time.Duration(n*7919%(days*86_400-600)+600) * time.Second)
	id := fmt.Sprintf("%08d", n)
	number := fmt.Sprintf("1%08d", n)
	l := movement{id: "txn_demo" + id, category: "charge", source: "ch_demo" + id, charge: "ch_demo" + id, intent: "pi_demo" + id, number: number,
		at: at, gross: amount, fee: fee(amount)}
	d := document{id: fmt.Sprintf("order/%d", n+1), number: number, currency: "EUR", payment: l.intent, at: at.Add(-90 * time.Second), amount: amount}
	if dollars {
		l.dollars, d.currency, d.settled = amount, "USD", amount*86/100
		l.gross = d.settled
		l.fee = fee(l.gross)
	}
	invoice := d
	invoice.id, invoice.payment, invoice.settled, invoice.at = fmt.Sprintf("invoice/%d", n+1), "", 0, at.Add(time.Hour)
	return story{lines: []movement{l}, shop: []document{d}, erp: []document{invoice}}
}

// giftCard makes the goods cost more, which a gift card paid. The invoice knows only what they
// cost.
func (s *story) giftCard(amount int64) {
	s.shop[0].card += amount
	s.erp[0].amount += amount
}

// giveBack refunds part of a sale, with and without the papers.
func (s *story) giveBack(amount int64, memo, note bool) {
	l, d := s.lines[0], s.shop[0]
	back := movement{id: l.id + "r", category: "refund", source: "re_" + l.id[4:], charge: l.charge, intent: l.intent, number: l.number,
		at: l.at.Add(40 * time.Minute), gross: -amount}
	if l.dollars > 0 {
		back.dollars, back.gross = -amount, -amount*86/100
	}
	s.lines = append(s.lines, back)
	paper := document{id: "memo/" + d.number, number: d.number, currency: d.currency, payment: back.source, refund: true, at: back.at, amount: amount}
	if memo {
		s.shop = append(s.shop, paper)
	}
	if note {
		paper.id, paper.payment = "note/"+d.number, ""
		s.erp = append(s.erp, paper)
	}
}

// dispute takes the money of a sale back, and a fee.
func (s *story) dispute() {
	l := s.lines[0]
	s.lines = append(s.lines, movement{id: l.id + "d", category: "dispute", source: "dp_" + l.id[4:], charge: l.charge, intent: l.intent, number: l.number,
		at: l.at.Add(50 * time.Minute), gross: -l.gross, fee: 2_000})
}
