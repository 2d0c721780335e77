package nopcommerce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault/wire"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
)

// acts are the kinds of calls that the table of faults goes through. The shop knows no
// idempotency keys, so every write is one without.
var acts = map[string]func(context.Context, *nopcommerce.Client) error{
	"read": func(ctx context.Context, c *nopcommerce.Client) error { _, err := c.Orders.Get(ctx, 17); return err },
	"act": func(ctx context.Context, c *nopcommerce.Client) error {
		_, err := c.Processing.MarkPaid(ctx, 17)
		return err
	},
	"put": func(ctx context.Context, c *nopcommerce.Client) error {
		var o nopcommerce.Order
		if err := o.UnmarshalJSON([]byte(paidOrder)); err != nil {
			return err
		}
		o.CaptureID = "ch_new"
		_, err := c.Orders.Update(ctx, o)
		return err
	},
	"post": func(ctx context.Context, c *nopcommerce.Client) error {
		_, err := c.Notes.Add(ctx, nopcommerce.Note{OrderID: 17, Text: "note"})
		return err
	},
}

// ahead answers the reads that belong to an act and to a PUT itself, so that the fault meets
// the write.
type ahead struct {
	next http.RoundTripper
	shop *shop
	on   bool
}

func (a ahead) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.on && r.Method == http.MethodGet && r.URL.Path == "/api-backend/Order/GetById/17" && r.Context().Err() == nil {
		return a.shop.RoundTrip(r)
	}
	return a.next.RoundTrip(r)
}

// over returns a client of a far side that makes at most two attempts, and what its
// breaker, which opens at the second failure, says.
func over(t *testing.T, far *wire.Far, act string, timeout time.Duration) (c *nopcommerce.Client, open func() bool) {
	opened := make(chan bool, 10)
	s := newShop(t)
	row := paidOrder
	if act == "act" {
		row = orderWith(t, "payment_status_id", "10")
	}
	s.put("Order", 17, row)
	s.token = "secret-1"
	c, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: far.URL, Transport: ahead{far.Transport, s, act != "read"}, MaxBody: 64 << 10,
		Credentials: commerce.Static(nopcommerce.Login{Token: commerce.NewSecret("secret-1")}),
		Resilience: resilience.Config{Timeout: timeout, Wait: far.Wait, Retry: resilience.Retry{Attempts: 2, Max: time.Minute},
			Breaker: resilience.Breaker{Failures: 2, Roots: 1, OnChange: func(_ string, open bool, _ time.Time) { opened <- open }}}})
	require.NoError(t, err)
	return c, func() bool { return len(opened) > 0 }
}

// private is what may stand in no error and in no log.
func private(t *testing.T, said string) {
	t.Helper()
	for _, secret := range []string{"secret-", "Bearer", "<html"} {
		require.NotContains(t, said, secret)
	}
}

// TestEveryFaultOfAConnection is the table of what can happen between the client and a
// shop, over TCP. A read may be repeated; a write, also one that is a GET, only where
// nothing left or where the shop refused it at the door.
func TestEveryFaultOfAConnection(t *testing.T) {
	wire.Stderr(t, func(said string) { private(t, said) })
	const (
		once, twice = 1, 2
		ill, well   = true, false
	)
	type want struct {
		attempts int // of the read; 0: nothing arrived
		write    int // attempts of a write
		kind     commerce.Kind
		outcome  commerce.Outcome // of a write
		ill      bool
	}
	notSent := want{0, 0, commerce.KindUnavailable, commerce.NotSent, ill}
	lost := want{twice, once, commerce.KindUnavailable, commerce.Unknown, ill}
	cut := want{once, once, commerce.KindUnavailable, commerce.Unknown, well}
	large := want{once, once, commerce.KindLimit, commerce.Unknown, well}
	busy := want{twice, twice, commerce.KindRateLimited, commerce.NotSent, well}
	strange := want{once, once, commerce.KindInternal, commerce.Unknown, well}
	table := map[string]want{
		"the name is not resolved":          notSent,
		"the connection is refused":         notSent,
		"the connection takes too long":     notSent,
		"nobody knows the authority of TLS": notSent,
		"TLS stalls":                        notSent,
		"no answer":                         lost,
		"reset before the answer":           lost,
		"closed before the answer":          lost,
		"reset in the answer's head":        lost,
		"reset in the answer's body":        cut,
		"a short body":                      cut,
		"a cut chunk":                       cut,
		"a byte at a time":                  cut,
		"a body without an end":             large,
		"a body above the bound":            large,
		"a compressed bomb":                 large,
		"429 with seconds":                  busy,
		"429 with a date":                   busy,
		"429 bare":                          busy,
		"500 with a page":                   lost,
		"502 with a page":                   lost,
		"503 with a time":                   lost,
		"504 after the effect":              lost,
		"200 with broken JSON":              strange,
		"200 of another type":               strange,
		"a redirect to another host":        {once, once, commerce.KindInvalid, commerce.NotSent, well},
	}
	require.Len(t, wire.Faults(), len(table))
	for _, f := range wire.Faults() {
		want, known := table[f.Name]
		require.True(t, known, f.Name)
		for act, call := range acts {
			t.Run(f.Name+"/"+act, func(t *testing.T) {
				t.Parallel()
				far := f.Start(t, func() {})
				timeout := 5 * time.Second
				if f.Stalls {
					timeout = 500 * time.Millisecond
				}
				client, open := over(t, far, act, timeout)
				began := time.Now()
				err := call(t.Context(), client)
				require.Less(t, time.Since(began), 5*time.Second, "it ends in time")

				kind, attempts, effects, outcome := want.kind, want.attempts, 0, commerce.Outcome("")
				if act != "read" {
					attempts, outcome = want.write, want.outcome
				}
				if f.Acts {
					effects = attempts
				}
				if f.Name == "200 with broken JSON" && (act == "act" || act == "put") {
					// The answer to these is empty: its body is not looked into, the row is.
					kind, outcome = commerce.KindConflict, commerce.Unknown
				}
				e, ok := errors.AsType[*commerce.Error](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, kind, e.Kind, err)
				require.Equal(t, outcome, e.Outcome, err)
				require.Equal(t, attempts, far.Requests(), err)
				require.Equal(t, effects, far.Effects(), "effects")
				if outcome == commerce.Unknown {
					require.Equal(t, once, attempts, "what may have been done is not done again")
				}
				if attempts == twice {
					require.GreaterOrEqual(t, far.Waited(), f.Asks)
				}
				private(t, fmt.Sprintf("%v %+v %q", err, err, err))
				require.Zero(t, far.Elsewhere(), "the token went to another host")

				if !open() { // two failures open it, wherever they come from
					_ = call(t.Context(), client)
				}
				if act == "read" || act == "post" { // the reads of the others are well
					require.Equal(t, want.ill, open(), "the breaker")
				}
			})
		}
	}
}

// TestACallerWhoGivesUpIsToldWhatHappened cancels in each phase of a call.
func TestACallerWhoGivesUpIsToldWhatHappened(t *testing.T) {
	wire.Stderr(t, func(said string) { private(t, said) })
	outcomes := map[string]commerce.Outcome{
		"before the call":               commerce.NotSent,
		"while it connects":             commerce.NotSent,
		"while TLS shakes hands":        commerce.NotSent,
		"while it waits for the answer": commerce.Unknown,
		"while the answer comes":        commerce.Unknown,
		"while it waits to try again":   commerce.NotSent,
	}
	require.Len(t, wire.Cancels(), len(outcomes))
	for _, f := range wire.Cancels() {
		for act, call := range acts {
			t.Run(f.Name+"/"+act, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				far := f.Start(t, cancel)
				client, open := over(t, far, act, 5*time.Second)
				began := time.Now()
				err := call(ctx, client)
				require.Less(t, time.Since(began), 5*time.Second, "it ends in time")
				e, ok := errors.AsType[*commerce.Error](err)
				require.True(t, ok, "%v", err)
				private(t, fmt.Sprintf("%v %+v %q", err, err, err))
				require.False(t, open(), "a caller who gives up is no illness of the shop")
				if act == "read" {
					require.Empty(t, e.Outcome)
				} else {
					require.Equal(t, outcomes[f.Name], e.Outcome, err)
				}
				if f.Arrives {
					require.Equal(t, 1, far.Requests())
				}
				if f.Name != "while it waits to try again" { // there the answer is the reason
					require.ErrorIs(t, err, context.Canceled)
				}
			})
		}
	}
}
