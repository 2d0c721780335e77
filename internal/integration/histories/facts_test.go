package histories_test

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// sale is an order, how its payment goes, and the payment intents behind it.
type sale struct {
	journey.Sale
	story   string
	intents []string
}

// stories are the ways in which an order is paid, or is not. Each gets the order and
// plans what happens. Attempts are two minutes apart, so that their news cross.
var stories = []struct {
	name string
	tell func(p *play, s *sale)
}{
	{"card", func(p *play, s *sale) { p.pay(s, stripetest.Card) }},
	{"card, tried again", func(p *play, s *sale) {
		id := p.pay(s, stripetest.CardInsufficientFunds)
		p.in(time.Minute, func() { p.again(id, stripetest.CardDeclined) })
		p.in(2*time.Minute, func() { p.again(id, stripetest.Card) })
	}},
	{"declined, then another payment", func(p *play, s *sale) {
		p.pay(s, stripetest.CardLost)
		p.in(2*time.Minute, func() { p.pay(s, stripetest.Mastercard) })
	}},
	{"declined", func(p *play, s *sale) { p.pay(s, stripetest.CardDeclined) }},
	{"bank debit", func(p *play, s *sale) { p.pay(s, stripetest.Debit) }},
	{"bank debit that fails", func(p *play, s *sale) { p.pay(s, stripetest.DebitFails) }},
	{"bank debit that is returned", func(p *play, s *sale) { p.pay(s, stripetest.DebitReturned) }},
	{"captured later", func(p *play, s *sale) {
		id := p.authorise(s)
		p.in(26*time.Hour, func() { p.post("/v1/payment_intents/"+id+"/capture", nil) })
	}},
	{"captured in part", func(p *play, s *sale) {
		id := p.authorise(s)
		p.in(26*time.Hour, func() {
			p.post("/v1/payment_intents/"+id+"/capture", url.Values{"amount_to_capture": {strconv.FormatInt(s.Due.Minor()*2/3, 10)}})
		})
	}},
	{"never captured", func(p *play, s *sale) {
		id := p.authorise(s)
		p.in(30*time.Hour, func() { p.post("/v1/payment_intents/"+id+"/cancel", nil) })
	}},
	{"paid twice", func(p *play, s *sale) {
		p.pay(s, stripetest.Card)
		p.in(2*time.Minute, func() { p.pay(s, stripetest.Mastercard) })
	}},
	{"deposit and the rest", func(p *play, s *sale) {
		first, rest := s.split(p)
		p.payPart(s, first)
		p.in(2*time.Minute, func() { p.payPart(s, rest) })
	}},
	{"deposit", func(p *play, s *sale) {
		first, _ := s.split(p)
		p.payPart(s, first)
	}},
	{"another amount", func(p *play, s *sale) {
		buy := s.Purchase(stripetest.Card)
		buy.Amount -= 100
		p.buy(s, buy)
	}},
	{"one payment for two", nil}, // see invent
}

// invent lets customers order and plans how they pay: one to three orders, half an
// hour apart.
func (p *play) invent(r *rand.Rand) {
	for n := range 1 + r.IntN(3) {
		placing, story := rand.New(rand.NewPCG(r.Uint64(), 1)), stories[r.IntN(len(stories))]
		p.at(start.Add(time.Duration(n)*30*time.Minute), func() {
			s := p.place(placing, journey.Currency(placing), story.name)
			if story.tell == nil {
				p.shared(placing, s)
				return
			}
			p.in(time.Minute, func() { story.tell(p, s) })
		})
	}
}

func (p *play) place(r *rand.Rand, currency commerce.Currency, story string) *sale {
	placed, err := p.fakes.Place(r, currency)
	require.NoError(p.t, err)
	s := &sale{Sale: placed, story: story}
	p.sales = append(p.sales, s)
	return s
}

// shared pays two orders with one payment.
func (p *play) shared(r *rand.Rand, s *sale) {
	other := p.place(r, s.Due.Currency(), s.story)
	p.in(time.Minute, func() {
		sum, err := s.Due.Add(other.Due)
		require.NoError(p.t, err)
		p.buy(s, stripetest.Purchase{Amount: sum.Minor(), Currency: sum.Currency().Lower(),
			Metadata: journey.For(journey.Part{Sale: s.Sale, Amount: s.Due}, journey.Part{Sale: other.Sale, Amount: other.Due})})
	})
}

func (p *play) pay(s *sale, m stripetest.Method) string { return p.buy(s, s.Purchase(m)) }

func (p *play) authorise(s *sale) string {
	buy := s.Purchase(stripetest.Card)
	buy.Authorise = true
	return p.buy(s, buy)
}

func (p *play) payPart(s *sale, amount commerce.Money) {
	p.buy(s, stripetest.Purchase{Amount: amount.Minor(), Currency: amount.Currency().Lower(),
		Metadata: journey.For(journey.Part{Sale: s.Sale, Amount: amount})})
}

func (p *play) buy(s *sale, buy stripetest.Purchase) string {
	i, err := p.fakes.Stripe.Pay(buy)
	require.NoError(p.t, err)
	s.intents = append(s.intents, i.ID)
	return i.ID
}

func (p *play) again(id string, m stripetest.Method) {
	_, err := p.fakes.Stripe.PayIntent(id, m)
	require.NoError(p.t, err)
}

// split is a deposit of two fifths and the rest.
func (s *sale) split(p *play) (first, rest commerce.Money) {
	parts, err := s.Due.Allocate(2, 3)
	require.NoError(p.t, err)
	return parts[0], parts[1]
}
