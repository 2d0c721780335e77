package workflow

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// signs is a scorer with a clock and an order of a usual customer.
func signs(t *testing.T) (*Signs, *time.Time, func(id string, change ...func(*commerce.Facts)) commerce.Score) {
	t.Helper()
	clock := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	now := func() time.Time { return clock }
	s := &Signs{Sightings: SightingsIn(idempotency.NewMemory(now)), Now: now}
	return s, &clock, func(id string, change ...func(*commerce.Facts)) commerce.Score {
		t.Helper()
		f := commerce.Facts{
			Order: commerce.Order{Ref: shopRef.With("order/" + id), Store: "1", Placed: clock, Currency: "EUR", Totals: commerce.Totals{Gross: eur(5000)},
				Customer:       commerce.Customer{Guest: true, Email: "customer-" + id + "@example.com"},
				BillingAddress: commerce.Address{Country: "DE"}, ShippingAddress: &commerce.Address{Country: "DE"}},
			Payments: []commerce.Payment{{Ref: stripeRef.With("pi_" + id), Status: commerce.PaymentCaptured, Amount: eur(5000),
				Method: commerce.PaymentMethod{Type: "card", Country: "DE", Fingerprint: "fp_" + id}}},
		}
		for _, c := range change {
			c(&f)
		}
		score, err := s.Score(t.Context(), f)
		require.NoError(t, err)
		again, err := s.Score(t.Context(), f)
		require.NoError(t, err)
		require.Equal(t, score, again, "the same order has the same score")
		return score
	}
}

func codes(s commerce.Score) []string {
	out := []string{}
	for _, r := range s.Reasons {
		out = append(out, r.Code)
	}
	return out
}

func TestEachSignSaysWhy(t *testing.T) {
	t.Parallel()
	card := func(fp string) func(*commerce.Facts) {
		return func(f *commerce.Facts) { f.Payments[0].Method.Fingerprint = fp }
	}
	customer := func(email string) func(*commerce.Facts) {
		return func(f *commerce.Facts) { f.Order.Customer.Email = email }
	}
	total := func(minor int64) func(*commerce.Facts) {
		return func(f *commerce.Facts) { f.Order.Totals.Gross = eur(minor) }
	}

	t.Run("a usual order has none", func(t *testing.T) {
		t.Parallel()
		_, _, score := signs(t)
		require.Equal(t, commerce.Score{}, score("1"))
	})
	t.Run("many orders of one customer within an hour", func(t *testing.T) {
		t.Parallel()
		_, clock, score := signs(t)
		for i := range 3 {
			require.Empty(t, codes(score(fmt.Sprint(i), customer("ada@example.com"))))
			*clock = clock.Add(time.Minute)
		}
		got := score("4", customer("ada@example.com"))
		require.Equal(t, []string{SignVelocity}, codes(got))
		require.Equal(t, "4 orders by one customer or card within 1h0m0s", got.Reasons[0].Text)
		*clock = clock.Add(2 * time.Hour)
		require.Empty(t, codes(score("5", customer("ada@example.com"))), "an hour later it is over")
	})
	t.Run("a card of other customers", func(t *testing.T) {
		t.Parallel()
		_, clock, score := signs(t)
		require.Empty(t, codes(score("1", card("fp"))))
		*clock = clock.Add(24 * time.Hour)
		got := score("2", card("fp"))
		require.Equal(t, []string{SignCard}, codes(got))
		require.Equal(t, "the card has paid for 1 other customers", got.Reasons[0].Text)
		require.Empty(t, codes(score("3", card("fp"), func(f *commerce.Facts) { f.Payments[0].Ref.Tenant = "another" })), "another tenant knows nothing of it")
		require.Empty(t, codes(score("4", card("fp"), func(f *commerce.Facts) { f.Payments[0].Status = commerce.PaymentFailed })), "it did not pay")
	})
	t.Run("countries that disagree", func(t *testing.T) {
		t.Parallel()
		_, _, score := signs(t)
		got := score("1", func(f *commerce.Facts) { f.Payments[0].Method.Country = "US" })
		require.Equal(t, []commerce.ScoreReason{{Code: SignCountries, Points: 20, Text: "the card is of US, and the bill goes to DE"}}, got.Reasons)
		require.Equal(t, []string{SignCountries}, codes(score("2", func(f *commerce.Facts) { f.Order.ShippingAddress = &commerce.Address{Country: "NG"} })))
		require.Empty(t, codes(score("3", func(f *commerce.Facts) { f.Order.ShippingAddress = nil })))
	})
	t.Run("an amount far above the usual", func(t *testing.T) {
		t.Parallel()
		_, clock, score := signs(t)
		for i := range enough {
			require.Empty(t, codes(score(fmt.Sprint(i), total(5000+int64(i)))), "no median yet")
			*clock = clock.Add(time.Minute)
		}
		require.Empty(t, codes(score("a", total(25000))))
		require.Equal(t, []string{SignAmount}, codes(score("b", total(25100))))
		*clock = clock.Add(48 * time.Hour)
		require.Empty(t, codes(score("c", total(99900))), "too few in the last day")
	})
	t.Run("what processor and banks say", func(t *testing.T) {
		t.Parallel()
		_, _, score := signs(t)
		got := score("1", func(f *commerce.Facts) {
			f.Payments[0].Risk.Level = "highest"
			f.Warnings = []commerce.FraudWarning{{Ref: stripeRef.With("issfr_1")}}
		})
		require.Equal(t, []string{SignRisk, SignWarning}, codes(got))
		require.Equal(t, 100, got.Points, "50 and 60 are no more than 100")
	})
}

func TestPointsAreTheMerchants(t *testing.T) {
	t.Parallel()
	s, _, score := signs(t)
	s.Points = map[string]int{SignCountries: 7, SignRisk: 0}
	got := score("1", func(f *commerce.Facts) {
		f.Payments[0].Method.Country, f.Payments[0].Risk.Level = "US", "elevated"
	})
	require.Equal(t, 7, got.Points)
	require.Equal(t, []string{SignCountries}, codes(got))
}

func TestSignsSayWhichSettingCanNotWork(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Signs){
		"Sightings is missing":     func(s *Signs) { s.Sightings = nil },
		`Points["weather"]`:        func(s *Signs) { s.Points = map[string]int{"weather": 1} },
		`Points["velocity"] is -1`: func(s *Signs) { s.Points = map[string]int{SignVelocity: -1} },
		"Window is -1s":            func(s *Signs) { s.Window = -time.Second },
		"MaxOrders is -1":          func(s *Signs) { s.MaxOrders = -1 },
	} {
		s, _, _ := signs(t)
		change(s)
		require.ErrorContains(t, s.Check(), want)
	}
}

// What is remembered names nobody.
func TestSightingsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	steps := idempotency.NewMemory(nil)
	s := &Signs{Sightings: SightingsIn(steps)}
	_, err := s.Score(t.Context(), commerce.Facts{
		Order:    commerce.Order{Ref: shopRef.With("order/1"), Currency: "EUR", Totals: commerce.Totals{Gross: eur(100)}, Customer: commerce.Customer{Email: "ada@example.com", Name: "Ada"}},
		Payments: []commerce.Payment{{Ref: stripeRef.With("pi_1"), Status: commerce.PaymentCaptured, Method: commerce.PaymentMethod{Fingerprint: "fp_secret"}}}})
	require.NoError(t, err)
	n := 0
	for rec, err := range steps.List(t.Context(), "fraud.seen/", time.Time{}) {
		require.NoError(t, err)
		for _, person := range []string{"ada", "Ada", "fp_secret"} {
			require.NotContains(t, rec.Key+string(rec.Result), person)
		}
		n++
	}
	require.Equal(t, 3, n)
}
