package connection_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
)

func ref(account string) commerce.Ref {
	return commerce.Ref{Tenant: "t", System: "magento", Account: account, Mode: commerce.Test}
}

func finds(codes ...string) func(context.Context) commerce.Findings {
	return func(context.Context) commerce.Findings {
		var fs commerce.Findings
		for _, c := range codes {
			fs = append(fs, commerce.Finding{Code: c, Severity: commerce.Broken, Seen: "it"})
		}
		return fs
	}
}

func codes(fs commerce.Findings) []string {
	var out []string
	for _, f := range fs {
		out = append(out, strings.TrimSpace(f.Code+" "+f.About))
	}
	return out
}

func checker(t *testing.T, c connection.Config) *connection.Checker {
	t.Helper()
	k, err := connection.New(c)
	require.NoError(t, err)
	return k
}

func TestACheckEndsWithinItsTimeoutWhateverHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var begun atomic.Int32
		k := checker(t, connection.Config{Timeout: 30 * time.Second, Connections: connection.These(
			connection.Connection{Ref: ref("a"), Check: finds()},
			connection.Connection{Ref: ref("hangs"), Check: func(context.Context) commerce.Findings { // deaf to its context
				begun.Add(1)
				<-release
				return nil
			}},
			connection.Connection{Ref: ref("b"), Check: finds("x")},
		)})
		start := time.Now()
		got, err := k.Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(start))
		require.Empty(t, got[0].Findings)
		require.Equal(t, []string{connection.CodeHangs}, codes(got[1].Findings))
		require.Equal(t, []string{"x"}, codes(got[2].Findings))
		require.Equal(t, ref("b"), got[2].Findings[0].Connection)

		// It is not started a second time before it came back.
		got, err = k.Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{connection.CodeHangs}, codes(got[1].Findings))
		require.EqualValues(t, 1, begun.Load())

		close(release)
		synctest.Wait()
		got, err = k.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, got[1].Findings)
		require.EqualValues(t, 2, begun.Load())
	})
}

func TestNothingThatHangsHoldsACheck(t *testing.T) {
	t.Parallel()
	forever := func(release chan struct{}) { <-release }
	for name, make := range map[string]func(c *connection.Config, release chan struct{}){
		"the store at load": func(c *connection.Config, r chan struct{}) { c.Store = deaf{load: func() { forever(r) }} },
		"the store at save": func(c *connection.Config, r chan struct{}) { c.Store = deaf{save: func() { forever(r) }} },
		"who is told": func(c *connection.Config, r chan struct{}) {
			c.Notify = func(context.Context, connection.Change) error { forever(r); return nil }
		},
		"the list": func(c *connection.Config, r chan struct{}) {
			c.Connections = func(context.Context) ([]connection.Connection, error) { forever(r); return nil, nil }
		},
		"the key": func(c *connection.Config, r chan struct{}) {
			c.Connections = connection.These(connection.Connection{Ref: ref("a"), Check: finds(), Key: func(context.Context) (commerce.Secret, error) {
				forever(r)
				return commerce.Secret{}, nil
			}})
		},
		"all of ten thousand": func(c *connection.Config, r chan struct{}) {
			var all []connection.Connection
			for i := range 10_000 {
				all = append(all, connection.Connection{Ref: ref(fmt.Sprint(i)), Check: func(context.Context) commerce.Findings { forever(r); return nil }})
			}
			c.Connections = connection.These(all...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := newRelease()
				c := connection.Config{Within: time.Minute, Connections: connection.These(connection.Connection{Ref: ref("a"), Check: finds("x")})}
				make(&c, release)
				start := time.Now()
				got, err := checker(t, c).Check(t.Context())
				require.LessOrEqual(t, time.Since(start), time.Minute)
				if err == nil {
					require.NotEmpty(t, got)
					for _, r := range got {
						require.NotEmpty(t, r.Findings)
					}
				}
				close(release)
			})
		})
	}
}

func newRelease() chan struct{} { return make(chan struct{}) }

type deaf struct{ load, save func() }

func (d deaf) Load(_ context.Context, of commerce.Ref) (connection.Result, error) {
	if d.load != nil {
		d.load()
	}
	return connection.Result{}, commerce.ErrNotFound
}

func (d deaf) Save(context.Context, connection.Result) error {
	if d.save != nil {
		d.save()
	}
	return nil
}

func (d deaf) Delete(context.Context, commerce.Ref) error { return nil }

func TestConnectionsAreCheckedSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []connection.Connection
		for i := range 640 {
			all = append(all, connection.Connection{Ref: ref(fmt.Sprint(i)), Check: func(ctx context.Context) commerce.Findings {
				select {
				case <-time.After(2 * time.Second):
				case <-ctx.Done():
				}
				return nil
			}})
		}
		start := time.Now()
		got, err := checker(t, connection.Config{Connections: connection.These(all...)}).Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, 20*time.Second, time.Since(start), "64 at once")
		require.Len(t, got, 640)
	})
}

// seen is a connection whose findings a test changes.
type seen struct {
	mu  sync.Mutex
	now commerce.Findings
}

func (s *seen) set(fs ...commerce.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = fs
}

func (s *seen) check(context.Context) commerce.Findings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(commerce.Findings(nil), s.now...)
}

func broken(code string) commerce.Finding {
	return commerce.Finding{Code: code, Severity: commerce.Broken, Seen: "it"}
}

func TestOnlyWhatChangedIsTold(t *testing.T) {
	t.Parallel()
	var far seen
	var told []connection.Change
	k := checker(t, connection.Config{
		Connections: connection.These(connection.Connection{Ref: ref("a"), Check: far.check}),
		Notify:      func(_ context.Context, c connection.Change) error { told = append(told, c); return nil },
	})
	look := func(fs ...commerce.Finding) (newOnes, mended []string) {
		told = nil
		far.set(fs...)
		_, err := k.Check(t.Context())
		require.NoError(t, err)
		for _, c := range told {
			newOnes, mended = append(newOnes, codes(c.New)...), append(mended, codes(c.Mended)...)
		}
		return newOnes, mended
	}
	n, m := look()
	require.Empty(t, n)
	require.Empty(t, m)
	n, m = look(broken("a"), broken("b"))
	require.Equal(t, []string{"a", "b"}, n)
	require.Empty(t, m)
	otherWords := broken("a")
	otherWords.Seen = "it still is, with another figure"
	n, m = look(otherWords, broken("b"))
	require.Empty(t, n)
	require.Empty(t, m)
	worse := broken("b")
	worse.About = "Magento_Sales::ship"
	n, m = look(worse)
	require.Equal(t, []string{"b Magento_Sales::ship"}, n)
	require.Equal(t, []string{"a", "b"}, m)

	// Nobody knows whether what an outage hides is mended.
	n, m = look(broken("connection_refused"))
	require.Equal(t, []string{"connection_refused"}, n)
	require.Empty(t, m)
	n, m = look(worse)
	require.Empty(t, n)
	require.Equal(t, []string{"connection_refused"}, m)
	n, m = look()
	require.Empty(t, n)
	require.Equal(t, []string{"b Magento_Sales::ship"}, m)
}

func TestWhatCouldNotBeToldIsToldAgain(t *testing.T) {
	t.Parallel()
	down := true
	told := 0
	k := checker(t, connection.Config{
		Connections: connection.These(connection.Connection{Ref: ref("a"), Check: finds("x")}),
		Notify: func(context.Context, connection.Change) error {
			if down {
				return errors.New("mail is down")
			}
			told++
			return nil
		},
	})
	got, err := k.Check(t.Context())
	require.ErrorContains(t, err, "mail is down")
	require.Equal(t, []string{"x"}, codes(got[0].Findings))
	down = false
	for range 2 {
		_, err = k.Check(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 1, told)
}

func TestTheLastSuccessIsKeptWithTheKeyThatItHad(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]connection.Store{"memory": &connection.Memory{}, "directory": connection.Dir(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var far seen
			key, now := "sk_test_1", time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			a := connection.Connection{Ref: ref("a/b"), Check: far.check, Key: func(context.Context) (commerce.Secret, error) { return commerce.NewSecret(key), nil }}
			check := func() connection.Result {
				k := checker(t, connection.Config{Store: store, Connections: connection.These(a), Now: func() time.Time { return now }})
				got, err := k.Check(t.Context())
				require.NoError(t, err)
				return got[0]
			}
			first := check()
			require.True(t, first.OK())
			require.Equal(t, now, first.LastSuccess)
			require.Equal(t, first.Fingerprint, first.LastFingerprint)
			require.Len(t, first.Fingerprint, 6)
			require.False(t, first.KeyChanged())

			now = now.Add(time.Hour)
			key = "sk_test_2"
			far.set(broken("stripe_key_refused"))
			second := check()
			require.False(t, second.OK())
			require.Equal(t, first.LastSuccess, second.LastSuccess)
			require.True(t, second.KeyChanged())
			require.Equal(t, first.Fingerprint, second.LastFingerprint)

			kept, err := store.Load(t.Context(), a.Ref)
			require.NoError(t, err)
			require.Equal(t, second, kept)
			require.NoError(t, store.Delete(t.Context(), a.Ref))
			require.NoError(t, store.Delete(t.Context(), a.Ref))
			_, err = store.Load(t.Context(), a.Ref)
			require.ErrorIs(t, err, commerce.ErrNotFound)
		})
	}
}

func TestModesOfAGroupHaveToAgree(t *testing.T) {
	t.Parallel()
	live := commerce.Ref{Tenant: "t", System: "stripe", Account: "acct_1", Mode: commerce.Live}
	other := commerce.Ref{Tenant: "other", System: "stripe", Account: "acct_2", Mode: commerce.Live}
	k := checker(t, connection.Config{Connections: connection.These(
		connection.Connection{Ref: ref("shop"), Check: finds(), Group: "web"},
		connection.Connection{Ref: live, Check: finds(), Group: "web"},
		connection.Connection{Ref: other, Check: finds(), Group: "web"},
		connection.Connection{Ref: ref("alone"), Check: finds()},
	)})
	got, err := k.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{connection.CodeModes}, codes(got[0].Findings))
	require.Equal(t, []string{connection.CodeModes}, codes(got[1].Findings))
	require.Empty(t, got[2].Findings)
	require.Empty(t, got[3].Findings)

	got, err = k.Check(t.Context(), live)
	require.NoError(t, err)
	require.Len(t, got, 1, "only those that are named")
}

func TestABrokenCheckBreaksNoOther(t *testing.T) {
	t.Parallel()
	k := checker(t, connection.Config{Connections: connection.These(
		connection.Connection{Ref: ref("panics"), Check: func(context.Context) commerce.Findings { panic("at the disco") }},
		connection.Connection{Ref: ref("sealed"), Check: finds(), Key: func(context.Context) (commerce.Secret, error) {
			return commerce.Secret{}, &commerce.Error{Kind: commerce.KindAuth, System: "vault", Op: "open", Text: "it can not be opened"}
		}},
		connection.Connection{Ref: ref("well"), Check: finds()},
	)})
	got, err := k.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{connection.CodePanicked}, codes(got[0].Findings))
	require.Equal(t, []string{"auth_refused"}, codes(got[1].Findings))
	require.Empty(t, got[2].Findings)
}

func TestWhatIsBrokenStandsFirst(t *testing.T) {
	t.Parallel()
	var far seen
	far.set(commerce.Finding{Code: "n", Severity: commerce.Notice}, commerce.Finding{Code: "w", Severity: commerce.Warning}, broken("b"), commerce.Finding{Code: "v", Severity: commerce.Warning})
	got, err := checker(t, connection.Config{Connections: connection.These(connection.Connection{Ref: ref("a"), Check: far.check})}).Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"b", "w", "v", "n"}, codes(got[0].Findings))
}

func TestRunChecksOnASchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var checks atomic.Int32
		k := checker(t, connection.Config{Every: time.Hour, Connections: connection.These(connection.Connection{Ref: ref("a"),
			Check: func(context.Context) commerce.Findings { checks.Add(1); return nil }})})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour+time.Minute)
		defer cancel()
		require.NoError(t, k.Run(ctx))
		require.EqualValues(t, 6, checks.Load())
	})
}

func TestAConfigThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	list := connection.These()
	for field, c := range map[string]connection.Config{
		"Config.Connections": {},
		"Config.Timeout":     {Connections: list, Timeout: -1},
		"Config.Parallel":    {Connections: list, Parallel: -1},
	} {
		_, err := connection.New(c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}
