package workflow

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// Codes of the reasons that [Signs] gives.
const (
	SignVelocity  = "velocity"           // many orders by one customer or card within a short time
	SignCountries = "countries_disagree" // card, billing and delivery are of different countries
	SignAmount    = "amount_outlier"     // far above what this store sells
	SignCard      = "card_of_others"     // other customers have paid by this card
	SignRisk      = "processor_risk"     // the processor's own check
	SignWarning   = "early_fraud_warning"
)

// Signs is the default [Scorer]. It counts what speaks for fraud and says why: each sign
// adds its points, up to 100 in all. It remembers each order that it is asked about in
// Sightings, and finds in it how this one compares; what it remembers of a customer is a
// hash.
//
// The same order asked about again has the same score, as far as no other orders came
// between.
type Signs struct {
	Sightings Sightings // required; [SightingsIn] keeps them in the store of the steps

	// Points are what each sign adds; nought leaves it out. A sign that is not named adds
	// its default: velocity 30, countries_disagree 20, amount_outlier 25, card_of_others
	// 35, processor_risk 25 (elevated) or twice as much (highest), early_fraud_warning 60.
	Points map[string]int
	// Window is within which time orders count for velocity.
	//
	// Defaults to 1 hour.
	Window time.Duration
	// MaxOrders is how many orders of one customer, or by one card, are ordinary within
	// Window.
	//
	// Defaults to 3.
	MaxOrders int
	// Outlier is how many times the median of the store's orders of the last day an amount
	// is an outlier from, once there are 20 of them.
	//
	// Defaults to 5.
	Outlier int
	// Memory is for how long a card is known to be somebody's.
	//
	// Defaults to 180 days.
	Memory time.Duration

	Now func() time.Time // defaults to time.Now
}

const (
	maxPoints = 100
	// maxSeen bounds the sightings that are read for one sign.
	maxSeen = 200
	// enough is how many orders make a median.
	enough = 20
)

var defaultPoints = map[string]int{SignVelocity: 30, SignCountries: 20, SignAmount: 25, SignCard: 35, SignRisk: 25, SignWarning: 60}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (s *Signs) Check() error {
	if err := check("Signs", []field{{"Sightings", s.Sightings == nil}}, []duration{{"Window", s.Window}, {"Memory", s.Memory}}, nil); err != nil {
		return err
	}
	if s.MaxOrders < 0 || s.Outlier < 0 {
		return refuse(commerce.KindInvalid, "check Signs", "", "MaxOrders is %d and Outlier %d; none may be below nought", s.MaxOrders, s.Outlier)
	}
	for _, code := range slices.Sorted(maps.Keys(s.Points)) {
		if _, ok := defaultPoints[code]; !ok || s.Points[code] < 0 || s.Points[code] > maxPoints {
			return refuse(commerce.KindInvalid, "check Signs", "", "Points[%q] is %d: it is no sign, or not from 0 to %d", code, s.Points[code], maxPoints)
		}
	}
	return nil
}

// Score implements [Scorer].
func (s *Signs) Score(ctx context.Context, f commerce.Facts) (commerce.Score, error) {
	if err := s.Check(); err != nil {
		return commerce.Score{}, misconfigured(err)
	}
	l := &looking{Signs: s, facts: f, now: time.Now()}
	if s.Now != nil {
		l.now = s.Now()
	}
	for _, sign := range []func(context.Context) error{l.remember, l.velocity, l.cards, l.amount} {
		if err := sign(ctx); err != nil {
			return commerce.Score{}, err
		}
	}
	l.countries()
	l.risk()
	l.score.Points = min(l.score.Points, maxPoints)
	return l.score, nil
}

// looking is one order being looked at.
type looking struct {
	*Signs
	facts commerce.Facts
	now   time.Time
	score commerce.Score
	// mine is the sighting of this order.
	mine Sighting
}

func (l *looking) add(code string, times int, format string, args ...any) {
	points, ok := l.Points[code]
	if !ok {
		points = defaultPoints[code]
	}
	if points *= times; points > 0 {
		l.score.Points += points
		l.score.Reasons = append(l.score.Reasons, commerce.ScoreReason{Code: code, Points: points, Text: fmt.Sprintf(format, args...)})
	}
}

// traits are what an order is remembered by: its customer, the cards that paid, its store
// and day. Whose they are is part of each, so that no tenant sees another's.
func (l *looking) traits() (customer, store string, cards []string) {
	o := l.facts.Order
	if who := customerOf(o); who != "" {
		customer = "customer/" + who
	}
	store = "store/" + hashOf(o.Ref.With(""), o.Store, o.Currency)
	for _, p := range l.facts.Payments {
		if gives(p) && p.Method.Fingerprint != "" {
			cards = append(cards, "card/"+hashOf(p.Ref.With(""), p.Method.Fingerprint))
		}
	}
	slices.Sort(cards)
	return customer, store, slices.Compact(cards)
}

// customerOf names who bought, by a hash: registered by the shop's id, a guest by the mail
// address; empty = nobody knows.
func customerOf(o commerce.Order) string {
	switch c := o.Customer; {
	case c.Ref.ID != "" && !c.Guest:
		return hashOf(c.Ref)
	case c.Email != "":
		return hashOf(o.Ref.With(""), c.Email)
	}
	return ""
}

func (l *looking) remember(ctx context.Context) error {
	o := l.facts.Order
	l.mine = Sighting{Order: o.Ref, Customer: customerOf(o), Amount: o.Totals.Gross, At: l.now}
	if !o.Placed.IsZero() {
		l.mine.At = o.Placed
	}
	customer, store, cards := l.traits()
	traits := slices.Concat(cards, []string{store})
	if customer != "" {
		traits = append(traits, customer)
	}
	return l.Sightings.See(ctx, l.mine, traits...)
}

// velocity counts orders around this one.
func (l *looking) velocity(ctx context.Context) error {
	window := cmp.Or(l.Window, time.Hour)
	most := cmp.Or(l.MaxOrders, 3)
	customer, _, cards := l.traits()
	traits := cards
	if customer != "" {
		traits = append(traits, customer)
	}
	highest := 0
	for _, trait := range traits {
		seen, err := l.Sightings.Seen(ctx, trait, l.mine.At.Add(-window), maxSeen)
		if err != nil {
			return err
		}
		n := 0
		for _, s := range seen {
			if !s.At.After(l.mine.At) && s.At.After(l.mine.At.Add(-window)) {
				n++
			}
		}
		highest = max(highest, n)
	}
	if highest > most {
		l.add(SignVelocity, 1, "%d orders by one customer or card within %s", highest, window)
	}
	return nil
}

// cards looks for other customers who paid by the same card.
func (l *looking) cards(ctx context.Context) error {
	if l.mine.Customer == "" {
		return nil
	}
	_, _, cards := l.traits()
	others := map[string]bool{}
	for _, card := range cards {
		seen, err := l.Sightings.Seen(ctx, card, l.now.Add(-cmp.Or(l.Memory, 180*24*time.Hour)), maxSeen)
		if err != nil {
			return err
		}
		for _, s := range seen {
			if s.Customer != "" && s.Customer != l.mine.Customer {
				others[s.Customer] = true
			}
		}
	}
	if len(others) > 0 {
		l.add(SignCard, 1, "the card has paid for %d other customers", len(others))
	}
	return nil
}

// amount compares the total with what the store sold within a day.
func (l *looking) amount(ctx context.Context) error {
	_, store, _ := l.traits()
	seen, err := l.Sightings.Seen(ctx, store, l.mine.At.Add(-24*time.Hour), maxSeen)
	if err != nil {
		return err
	}
	var amounts []int64
	for _, s := range seen {
		if s.Order != l.mine.Order && s.Amount.Currency() == l.mine.Amount.Currency() {
			amounts = append(amounts, s.Amount.Minor())
		}
	}
	if len(amounts) < enough {
		return nil
	}
	slices.Sort(amounts)
	median := commerce.MustMoney(amounts[len(amounts)/2], l.mine.Amount.Currency())
	times := int64(cmp.Or(l.Outlier, 5))
	if median.Sign() > 0 && l.mine.Amount.Minor()/times >= median.Minor() {
		l.add(SignAmount, 1, "%s is %d times the usual %s or more", l.mine.Amount, times, median)
	}
	return nil
}

// countries compares those of the card, of the bill and of the delivery.
func (l *looking) countries() {
	o := l.facts.Order
	bill := o.BillingAddress.Country
	for _, p := range l.facts.Payments {
		if card := p.Method.Country; gives(p) && card != "" && bill != "" && card != bill {
			l.add(SignCountries, 1, "the card is of %s, and the bill goes to %s", card, bill)
			return
		}
	}
	if to := o.ShippingAddress; to != nil && to.Country != "" && bill != "" && to.Country != bill {
		l.add(SignCountries, 1, "the bill goes to %s, and the goods to %s", bill, to.Country)
	}
}

// risk takes up what the processor and the banks say.
func (l *looking) risk() {
	times, level := 0, ""
	for _, p := range l.facts.Payments {
		if !gives(p) {
			continue
		}
		switch p.Risk.Level {
		case "highest":
			times, level = 2, p.Risk.Level
		case "elevated":
			if times == 0 {
				times, level = 1, p.Risk.Level
			}
		}
	}
	if times > 0 {
		l.add(SignRisk, times, "the processor takes the risk for %s", level)
	}
	if n := len(l.facts.Warnings); n > 0 {
		l.add(SignWarning, 1, "%d early fraud warnings", n)
	}
}
