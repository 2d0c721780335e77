package world

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
)

// Back is how money of an order goes back. The empty one: it does not.
type Back string

// The ways, by whoever acts first.
const (
	AllAtStripe  Back = "all at Stripe"
	PartAtStripe Back = "a part at Stripe"
	TwoParts     Back = "two equal parts at Stripe"
	Early        Back = "a part at Stripe, before the goods were sent"
	Pends        Back = "all at Stripe, pending for days"
	Fails        Back = "all at Stripe, fails days later, given anew"
	AllInShop    Back = "all in the shop"
	PartInShop   Back = "one piece in the shop"
	Returned     Back = "one piece, by a return request" // or as in PartInShop, where a shop knows none
	PartEach     Back = "one piece in the shop, the rest at Stripe"
	BothAtOnce   Back = "all on both sides at once"
)

var backs = []Back{AllAtStripe, PartAtStripe, TwoParts, Early, Pends, Fails, AllInShop, PartInShop, Returned, PartEach, BothAtOnce}

// back draws whether money of an order goes back: of every fourth that can be so.
func (w *World) back(s *Sale) Back {
	if !w.c.Refunds || w.backward.IntN(4) != 0 {
		return ""
	}
	b := backs[w.backward.IntN(len(backs))]
	switch s.Story {
	case Card:
		return b
	case CardRetried, Debit, Captured, Moved, ByHand:
		if b != Pends && b != Fails && b != Early { // how a card's refund goes is the card's matter
			return b
		}
	}
	return ""
}

// anew is when money that came back is given again, after the last order.
const anew = 9 * 24 * time.Hour

// giveBack begins with it once the order is sent, and tries again every few hours till then.
func (w *World) giveBack(s *Sale) {
	if s.Back == "" {
		return
	}
	wait, again := 20*time.Hour+time.Duration(w.backward.IntN(40*60))*time.Minute, 6*time.Hour
	ready := func() bool { return s.shop.sent(s.ID) }
	if s.Back == Early {
		wait, again = 30*time.Minute, 30*time.Minute
		ready = func() bool { return s.shop.look(s.ID).paid != "" } // the program has taken the order up
	}
	var try func(context.Context) error
	try = func(ctx context.Context) error {
		if _, ok := w.charge(s); ok && ready() {
			return w.give(ctx, s)
		}
		if w.Clock.Now().Before(w.end().AddDate(0, 0, 4)) { // what was not sent by then never is
			w.at(w.Clock.Now().Add(again), try)
		}
		return nil
	}
	w.at(w.Clock.Now().Add(wait), try)
}

// give lets the merchant give money back, in his shop's admin or at Stripe's dashboard.
func (w *World) give(ctx context.Context, s *Sale) (err error) {
	if s.Total != s.Due && slices.Contains([]Back{AllInShop, PartInShop, Returned, PartEach, BothAtOnce}, s.Back) {
		s.Back = AllAtStripe // what a gift card has paid does not go back to a buyer's bank
	}
	later := func(d time.Duration, do func(context.Context) error) { w.at(w.Clock.Now().Add(d), do) }
	switch s.Asked = s.Due; s.Back {
	case AllAtStripe, Pends:
		return w.refund(ctx, s, 0)
	case Fails:
		w.at(w.end().Add(anew), func(ctx context.Context) error { return w.refund(ctx, s, 0) })
		return w.refund(ctx, s, 0)
	case PartAtStripe, Early:
		part := max(1, s.Due.Minor()/5)
		s.Asked = commerce.MustMoney(part, s.Due.Currency())
		return w.refund(ctx, s, part)
	case TwoParts:
		part := max(1, s.Due.Minor()/5)
		s.Asked = commerce.MustMoney(2*part, s.Due.Currency())
		later(time.Minute, func(ctx context.Context) error { return w.refund(ctx, s, part) })
		return w.refund(ctx, s, part)
	case AllInShop:
		return w.inShop(s, true)
	case BothAtOnce:
		if err := w.inShop(s, true); err != nil {
			return err
		}
		return w.refund(ctx, s, s.Asked.Minor())
	case PartEach:
		later(2*24*time.Hour, func(ctx context.Context) error {
			if w.atStripe(s) == s.Due {
				return nil // the one piece was all
			}
			return w.refund(ctx, s, 0)
		})
		return s.shop.refund(s.ID, false)
	case Returned:
		if piece, ok, err := s.shop.comesBack(s.ID); ok || err != nil {
			s.Asked = piece
			return err
		}
	}
	return w.inShop(s, false)
}

// inShop lets staff write in the shop that one piece goes back, or all. What that comes to
// the shop knows: all may be a few cents less than was paid, as it rounds taxes anew.
func (w *World) inShop(s *Sale, all bool) (err error) {
	if err := s.shop.refund(s.ID, all); err != nil {
		return err
	}
	s.Asked, _, err = commerce.RoundMoney(s.shop.look(s.ID).refunded, 4, s.Due.Currency())
	return err
}

// refund gives so much of an order's charge back, or what is left of it.
func (w *World) refund(ctx context.Context, s *Sale, amount int64) error {
	charge, ok := w.charge(s)
	if !ok {
		return fmt.Errorf("%s (%s) has no charge to give back", s.ref(), s.Story)
	}
	params := url.Values{"charge": {charge}}
	if amount > 0 {
		params.Set("amount", strconv.FormatInt(amount, 10))
	}
	return w.post(ctx, "/v1/refunds", params)
}

// charge is the one that paid an order.
func (w *World) charge(s *Sale) (id string, ok bool) {
	for _, c := range w.stripe.Charges() {
		if w.intents[string(c.PaymentIntent)] == s && c.Status == "succeeded" && c.Captured {
			return c.ID, true
		}
	}
	return "", false
}

// gave reports whether a refund gave money back: a reservation that is let go is none.
func gave(r stripe.Refund) bool { return r.Status == "succeeded" && r.BalanceTransaction.ID != "" }

// atStripe is what of an order's money Stripe has given back for good.
func (w *World) atStripe(s *Sale) commerce.Money {
	sum := int64(0)
	for _, r := range w.stripe.Refunds() {
		if w.intents[string(r.PaymentIntent)] == s && gave(r) {
			sum += r.Amount
		}
	}
	return commerce.MustMoney(sum, s.Due.Currency())
}

// Sides is what went back, as each of the three sides says, in major units.
type Sides struct {
	Stripe string `json:"stripe"`
	Shop   string `json:"shop"`
	ERP    string `json:"erp"`
}

// auditBacks counts, for each order, what went back at Stripe, what the shop shows and what
// the ERP has credited: all of it what the merchant meant to give, or nothing.
func (w *World) auditBacks(ctx context.Context, p Program, r *Report) error {
	credits, err := w.people.credits(ctx)
	if err != nil {
		return err
	}
	off, nobodys := 0, 0
	for _, re := range w.stripe.Refunds() {
		switch {
		case !gave(re):
		case w.intents[string(re.PaymentIntent)] == nil:
			nobodys++
			fallthrough
		default:
			r.Refunds++
		}
	}
	if nobodys > 0 {
		off += nobodys
		r.findings = append(r.findings, fmt.Sprintf("%d refunds are of no order's payment", nobodys))
	}
	sums := map[commerce.Currency]*[3]int64{}
	r.backs = map[Back]int{}
	for _, s := range w.sales {
		if s.Asked != (commerce.Money{}) {
			r.backs[s.Back]++
		}
		currency := s.Due.Currency()
		asked := cmp.Or(s.Asked, commerce.Zero(currency))
		given := w.atStripe(s)
		shown, _, err := commerce.RoundMoney(cmp.Or(s.shop.look(s.ID).refunded, "0"), 4, currency)
		if err != nil {
			return err
		}
		credited, _, err := commerce.RoundMoney(cmp.Or(credits[p.Reference(s.shop.system(), s.ID)], new(big.Rat)).FloatString(4), 4, currency)
		if err != nil {
			return err
		}
		if given != asked || shown != asked || credited != asked {
			off++
			r.find(s, "%s: %s should have gone back; Stripe gave %s, the shop says %s, the ERP credited %s", s.Back, asked, given, shown, credited)
		}
		if given.Minor() > asked.Minor() {
			r.SecondEffects++
		}
		if asked.IsZero() && given.IsZero() && shown.IsZero() && credited.IsZero() {
			continue
		}
		if sums[currency] == nil {
			sums[currency] = &[3]int64{}
		}
		for i, m := range []commerce.Money{given, shown, credited} {
			sums[currency][i] += m.Minor()
		}
	}
	r.RefundsOff, r.Refunded = &off, map[commerce.Currency]Sides{}
	for currency, sum := range sums {
		text := func(minor int64) string { return commerce.MustMoney(minor, currency).Text() }
		r.Refunded[currency] = Sides{Stripe: text(sum[0]), Shop: text(sum[1]), ERP: text(sum[2])}
	}
	return nil
}

// credits are the amounts of posted credit notes, by the reference of their order.
func (p *people) credits(ctx context.Context) (map[string]*big.Rat, error) {
	const between = "/credit/"
	var rows []struct {
		Reference string `json:"reference"`
		Total     struct {
			Decimal string `json:"decimal"`
		} `json:"total_amount"`
	}
	if err := p.call(ctx, &rows, "model.account.invoice.search_read",
		[]any{[]any{"reference", "like", "%" + between + "%"}, []any{"state", "in", []string{"posted", "paid"}}}, 0, 100_000, nil,
		[]string{"reference", "total_amount"}); err != nil {
		return nil, err
	}
	out := map[string]*big.Rat{}
	for _, row := range rows {
		order, _, _ := strings.Cut(row.Reference, between)
		if out[order] == nil {
			out[order] = new(big.Rat)
		}
		out[order].Sub(out[order], rat(row.Total.Decimal))
	}
	return out, nil
}
