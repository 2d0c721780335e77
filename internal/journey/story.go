package journey

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// Told is an order, how its payment goes, and the payment intents behind it.
type Told struct {
	Sale
	Story   string
	Intents []string
	Back    *Back // how money of it went back; nil = none did
}

// Buyers place orders and pay for them, each as its story says.
type Buyers struct {
	Fakes *Fakes
	// In plans what happens later, by the clock of the fakes.
	In func(d time.Duration, do func())
	// Fail hears of what the far sides refuse: a fault of the story.
	Fail func(error)
	// Sales are what was told so far.
	Sales []*Told
}

// Story is one way in which an order is paid, or is not.
type Story struct {
	Name string
	Tell func(b *Buyers, s *Told) // nil: see Begin
}

// Stories are the ways. Attempts are two minutes apart, so that their news cross.
var Stories = []Story{
	{"card", func(b *Buyers, s *Told) { b.pay(s, stripetest.Card) }},
	{"card, tried again", func(b *Buyers, s *Told) {
		id := b.pay(s, stripetest.CardInsufficientFunds)
		b.In(time.Minute, func() { b.again(id, stripetest.CardDeclined) })
		b.In(2*time.Minute, func() { b.again(id, stripetest.Card) })
	}},
	{"declined, then another payment", func(b *Buyers, s *Told) {
		b.pay(s, stripetest.CardLost)
		b.In(2*time.Minute, func() { b.pay(s, stripetest.Mastercard) })
	}},
	{"declined", func(b *Buyers, s *Told) { b.pay(s, stripetest.CardDeclined) }},
	{"bank debit", func(b *Buyers, s *Told) { b.pay(s, stripetest.Debit) }},
	{"bank debit that fails", func(b *Buyers, s *Told) { b.pay(s, stripetest.DebitFails) }},
	{"bank debit that is returned", func(b *Buyers, s *Told) { b.pay(s, stripetest.DebitReturned) }},
	{"captured later", func(b *Buyers, s *Told) {
		id := b.authorise(s)
		b.In(26*time.Hour, func() { b.post("/v1/payment_intents/"+id+"/capture", nil) })
	}},
	{"captured in part", func(b *Buyers, s *Told) {
		id := b.authorise(s)
		b.In(26*time.Hour, func() {
			b.post("/v1/payment_intents/"+id+"/capture", url.Values{"amount_to_capture": {strconv.FormatInt(s.Due.Minor()*2/3, 10)}})
		})
	}},
	{"never captured", func(b *Buyers, s *Told) {
		id := b.authorise(s)
		b.In(30*time.Hour, func() { b.post("/v1/payment_intents/"+id+"/cancel", nil) })
	}},
	{"paid twice", func(b *Buyers, s *Told) {
		b.pay(s, stripetest.Card)
		b.In(2*time.Minute, func() { b.pay(s, stripetest.Mastercard) })
	}},
	{"deposit and the rest", func(b *Buyers, s *Told) {
		first, rest := b.split(s)
		b.part(s, first)
		b.In(2*time.Minute, func() { b.part(s, rest) })
	}},
	{"deposit", func(b *Buyers, s *Told) {
		first, _ := b.split(s)
		b.part(s, first)
	}},
	{"another amount", func(b *Buyers, s *Told) {
		buy := s.Purchase(stripetest.Card)
		buy.Amount -= 100
		b.buy(s, buy)
	}},
	{"one payment for two", nil},
}

// Begin places the order of a story, and another one where the story is of two, and
// tells the rest a minute later. Chance decides what is bought.
func (b *Buyers) Begin(r *rand.Rand, y Story) {
	s := b.place(r, Currency(r), ByStripe, y.Name)
	if y.Tell != nil {
		b.In(time.Minute, func() { y.Tell(b, s) })
		return
	}
	other := b.place(r, s.Due.Currency(), ByStripe, y.Name)
	b.In(time.Minute, func() {
		sum, err := s.Due.Add(other.Due)
		b.check(err)
		id := b.buy(s, stripetest.Purchase{Amount: sum.Minor(), Currency: sum.Currency().Lower(),
			Metadata: For(Part{Sale: s.Sale, Amount: s.Due}, Part{Sale: other.Sale, Amount: other.Due})})
		other.Intents = append(other.Intents, id)
	})
}

// PayElsewhere places an order that has nothing of Stripe's.
func (b *Buyers) PayElsewhere(r *rand.Rand, how Paying) {
	b.place(r, Currency(r), how, string(how))
}

func (b *Buyers) place(r *rand.Rand, currency commerce.Currency, how Paying, story string) *Told {
	placed, err := b.Fakes.Front.Place(basket(r), currency, how)
	b.check(err)
	s := &Told{Sale: placed, Story: story}
	b.Sales = append(b.Sales, s)
	return s
}

func (b *Buyers) pay(s *Told, m stripetest.Method) string { return b.buy(s, s.Purchase(m)) }

func (b *Buyers) authorise(s *Told) string {
	buy := s.Purchase(stripetest.Card)
	buy.Authorise = true
	return b.buy(s, buy)
}

func (b *Buyers) part(s *Told, amount commerce.Money) {
	b.buy(s, stripetest.Purchase{Amount: amount.Minor(), Currency: amount.Currency().Lower(),
		Metadata: For(Part{Sale: s.Sale, Amount: amount})})
}

func (b *Buyers) buy(s *Told, buy stripetest.Purchase) string {
	i, err := b.Fakes.Stripe.Pay(buy)
	b.check(err)
	s.Intents = append(s.Intents, i.ID)
	return i.ID
}

func (b *Buyers) again(id string, m stripetest.Method) {
	_, err := b.Fakes.Stripe.PayIntent(id, m)
	b.check(err)
}

// split is a deposit of two fifths and the rest.
func (b *Buyers) split(s *Told) (first, rest commerce.Money) {
	parts, err := s.Due.Allocate(2, 3)
	b.check(err)
	return parts[0], parts[1]
}

// post is the merchant at Stripe's dashboard.
func (b *Buyers) post(resource string, params url.Values) {
	req, err := http.NewRequest(http.MethodPost, "https://stripe.test"+resource, strings.NewReader(params.Encode()))
	b.check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+StripeKey)
	resp, err := b.Fakes.Stripe.Transport().RoundTrip(req)
	b.check(err)
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		b.check(fmt.Errorf("%s: %d %s", resource, resp.StatusCode, text))
	}
}

func (b *Buyers) check(err error) {
	if err != nil {
		b.Fail(err)
	}
}
