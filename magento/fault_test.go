package magento_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault/wire"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// acts are the kinds of calls that the table of faults goes through. Magento knows no
// idempotency keys, so every write is one without.
var acts = map[string]func(context.Context, *magento.Client) error{
	"read":  func(ctx context.Context, c *magento.Client) error { _, err := c.Orders.Get(ctx, 1); return err },
	"write": func(ctx context.Context, c *magento.Client) error { return c.Orders.Hold(ctx, 1) },
}

// over returns a client of a far side that makes at most two attempts, and what its
// breaker, which opens at the second failure, says.
func over(t *testing.T, far *wire.Far, timeout time.Duration) (c *magento.Client, open func() bool) {
	opened := make(chan bool, 10)
	keys := magento.Keys{ConsumerKey: "the-consumer", ConsumerSecret: commerce.NewSecret("secret-1"),
		AccessToken: commerce.NewSecret("secret-2"), AccessTokenSecret: commerce.NewSecret("secret-3")}
	c, err := magento.NewClient(magento.Config{BaseURL: far.URL, Credentials: commerce.Static(keys), Transport: far.Transport, MaxBody: 64 << 10,
		Resilience: resilience.Config{Timeout: timeout, Wait: far.Wait, Retry: resilience.Retry{Attempts: 2, Max: time.Minute},
			Breaker: resilience.Breaker{Failures: 2, Roots: 1, OnChange: func(_ string, open bool, _ time.Time) { opened <- open }}}})
	require.NoError(t, err)
	return c, func() bool { return len(opened) > 0 }
}

// private is what may stand in no error and in no log.
func private(t *testing.T, said string) {
	t.Helper()
	for _, secret := range []string{"secret-", "the-consumer", "oauth_", "OAuth", "<html"} {
		require.NotContains(t, said, secret)
	}
}

// TestEveryFaultOfAConnection is the table of what can happen between the client and a
// shop, over TCP. A read may be repeated; a write only where nothing left or where the
// shop refused it at the door. It says attempts, kind, outcome and effect, that each cell
// ends in time, what the breaker thinks, and that keys go to no other host and into no text.
func TestEveryFaultOfAConnection(t *testing.T) {
	wire.Stderr(t, func(said string) { private(t, said) })
	const (
		once, twice = 1, 2
		ill, well   = true, false
	)
	type want struct {
		attempts int // of the read; 0: nothing arrived
		write    int // attempts of the write
		kind     commerce.Kind
		outcome  commerce.Outcome // of the write
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
	began, cells := time.Now(), 0
	t.Cleanup(func() { t.Logf("%d cells in %s", cells, time.Since(began).Round(time.Millisecond)) })
	require.Len(t, wire.Faults(), len(table))
	for _, f := range wire.Faults() {
		want, known := table[f.Name]
		require.True(t, known, f.Name)
		for act, call := range acts {
			cells++
			t.Run(f.Name+"/"+act, func(t *testing.T) {
				t.Parallel()
				far := f.Start(t, func() {})
				timeout := 30 * time.Second // not waited for: it has to hold what a far side asks for
				if f.Stalls {
					timeout = 200 * time.Millisecond
				}
				client, open := over(t, far, timeout)
				began := time.Now()
				err := call(t.Context(), client)
				require.Less(t, time.Since(began), 5*time.Second, "it ends in time")

				attempts, effects, outcome := want.attempts, 0, commerce.Outcome("")
				if act == "write" {
					attempts, outcome = want.write, want.outcome
				}
				if f.Acts {
					effects = attempts
				}
				e, ok := errors.AsType[*commerce.Error](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, want.kind, e.Kind, err)
				require.Equal(t, outcome, e.Outcome, err)
				require.Equal(t, attempts, far.Requests(), err)
				require.Equal(t, effects, far.Effects(), "effects")
				if act == "write" && outcome == commerce.Unknown {
					require.Equal(t, once, attempts, "what may have been done is not done again")
				}
				if attempts == twice {
					require.GreaterOrEqual(t, far.Waited(), f.Asks)
				}
				private(t, fmt.Sprintf("%v %+v %q", err, err, err))
				require.Zero(t, far.Elsewhere(), "the keys went to another host")

				if !open() { // two failures open it, wherever they come from
					_ = call(t.Context(), client)
				}
				require.Equal(t, want.ill, open(), "the breaker")
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
				client, open := over(t, far, 5*time.Second)
				began := time.Now()
				err := call(ctx, client)
				require.Less(t, time.Since(began), 5*time.Second, "it ends in time")
				e, ok := errors.AsType[*commerce.Error](err)
				require.True(t, ok, "%v", err)
				private(t, fmt.Sprintf("%v %+v %q", err, err, err))
				require.False(t, open(), "a caller who gives up is no illness of the shop")
				if act == "write" {
					require.Equal(t, outcomes[f.Name], e.Outcome, err)
				} else {
					require.Empty(t, e.Outcome)
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
