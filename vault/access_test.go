package vault_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/vault"
)

// ledger is an AccessStore of which an attacker writes the table.
type ledger struct {
	vault.AccessMemory
	mu     sync.Mutex
	forged func([]vault.Access) []vault.Access
	fail   error
}

func (l *ledger) Append(ctx context.Context, a vault.Access) error {
	if l.fail != nil {
		return l.fail
	}
	return l.AccessMemory.Append(ctx, a)
}

func (l *ledger) Lines(ctx context.Context, after int64) iter.Seq2[vault.Access, error] {
	return func(yield func(vault.Access, error) bool) {
		var all []vault.Access
		for a := range l.AccessMemory.Lines(ctx, after) {
			all = append(all, a)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.forged != nil {
			all = l.forged(all)
		}
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// desk is a guard with a log before a drawer.
type desk struct {
	*vault.Guard
	log    *vault.AccessLog
	lines  *ledger
	drawer *drawer
	clock  *clock.Manual
	alarms []vault.Alarm
}

func newDesk(t *testing.T, authorize vault.Authorize, patterns ...vault.Pattern) *desk {
	t.Helper()
	d := &desk{lines: &ledger{}, drawer: newDrawer(), clock: clock.At(noon)}
	c := vault.AccessConfig{Patterns: patterns, Now: d.clock.Now}
	if patterns != nil {
		c.Alert = func(_ context.Context, a vault.Alarm) { d.alarms = append(d.alarms, a) }
	}
	var err error
	d.log, err = vault.NewAccessLog(t.Context(), d.drawer, d.lines, c)
	require.NoError(t, err)
	d.Guard, err = vault.NewGuard(d.drawer, vault.GuardConfig{Log: d.log, Authorize: authorize})
	require.NoError(t, err)
	return d
}

func (d *desk) all(t *testing.T) (all []vault.Access) {
	t.Helper()
	for a, err := range d.log.Lines(t.Context(), nil) {
		require.NoError(t, err)
		all = append(all, a)
	}
	return all
}

func TestALineSaysWhoOpenedWhatWhenAndWhatFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	ctx := vault.As(t.Context(), "worker", "refund re_1")
	_, _, err := d.Open(ctx, shop, "api_key")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	v, err := d.Seal(ctx, shop, "api_key", []byte("sk_1"), 0)
	require.NoError(t, err)
	secret, _, err := d.Open(ctx, shop, "api_key")
	require.NoError(t, err)
	require.Equal(t, "sk_1", string(secret))
	require.NoError(t, d.Delete(ctx, shop, "api_key", v))
	var said []string
	for i, a := range d.all(t) {
		require.EqualValues(t, i+1, a.Seq)
		require.Equal(t, noon, a.At)
		require.Equal(t, shop, a.Owner)
		require.Equal(t, "worker: refund re_1", a.Actor+": "+a.Purpose)
		said = append(said, string(a.Verb)+" "+a.Outcome)
	}
	require.Equal(t, []string{"open not_found", "seal ok", "open ok", "delete ok"}, said)
	_, err = d.log.Verify(ctx)
	require.NoError(t, err)
}

func TestWhatCanNotBeWrittenDownIsNotOpened(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, nil), t.Context()
	_, err := d.Seal(ctx, shop, "api_key", []byte("sk_1"), 0)
	require.NoError(t, err)
	d.lines.fail = commerce.ErrUnavailable
	secret, _, err := d.Open(ctx, shop, "api_key")
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.Nil(t, secret)
	require.ErrorIs(t, d.Allow(ctx, vault.Action{Verb: vault.VerbRotate, Owner: shop}), commerce.ErrUnavailable)
}

func TestWhoHangsUpIsWrittenDownAllTheSame(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _ = d.Open(ctx, shop, "api_key")
	require.Len(t, d.all(t), 1)
}

func TestALogThatWasAlteredOrCutIsNoticed(t *testing.T) {
	t.Parallel()
	const lines = 20
	for name, c := range map[string]struct {
		forge func([]vault.Access) []vault.Access
		code  string
	}{
		"nothing":         {func(a []vault.Access) []vault.Access { return a }, ""},
		"another actor":   {func(a []vault.Access) []vault.Access { a[7].Actor = "somebody else"; return a }, vault.CodeAltered},
		"another outcome": {func(a []vault.Access) []vault.Access { a[7].Outcome = "ok"; return a }, vault.CodeAltered},
		"another time":    {func(a []vault.Access) []vault.Access { a[7].At = a[7].At.Add(time.Hour); return a }, vault.CodeAltered},
		"another owner":   {func(a []vault.Access) []vault.Access { a[7].Owner.Tenant = "t2"; return a }, vault.CodeAltered},
		"another sum":     {func(a []vault.Access) []vault.Access { a[19].Sum = a[18].Sum; return a }, vault.CodeAltered},
		"a line out":      {func(a []vault.Access) []vault.Access { return append(a[:7], a[8:]...) }, vault.CodeAltered},
		"a line out, renumbered": {func(a []vault.Access) []vault.Access {
			a = append(a[:7], a[8:]...)
			for i := range a {
				a[i].Seq = int64(i + 1)
			}
			return a
		}, vault.CodeAltered},
		"the first out":      {func(a []vault.Access) []vault.Access { return a[1:] }, vault.CodeAltered},
		"two changed places": {func(a []vault.Access) []vault.Access { a[3], a[4] = a[4], a[3]; return a }, vault.CodeAltered},
		"one twice":          {func(a []vault.Access) []vault.Access { return append(a, a[19]) }, vault.CodeAltered},
		"the end cut":        {func(a []vault.Access) []vault.Access { return a[:15] }, vault.CodeCut},
		"all cut":            {func([]vault.Access) []vault.Access { return nil }, vault.CodeCut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, ctx := newDesk(t, nil), t.Context()
			for range lines {
				_, _, _ = d.Open(ctx, shop, "api_key")
			}
			head, err := d.log.Verify(ctx)
			require.NoError(t, err)
			require.EqualValues(t, lines, head.Seq)
			d.lines.forged = c.forge
			_, err = d.log.Verify(ctx)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			var e *commerce.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, commerce.KindConflict, e.Kind)
		})
	}
}

// TestALogThatWasCutBeforeItWasVerifiedIsNoticedByWhoKeptAHead: of lines that nobody ever
// verified nobody but such a keeper knows.
func TestALogThatWasCutBeforeItWasVerifiedIsNoticedByWhoKeptAHead(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, nil), t.Context()
	for range 5 {
		_, _, _ = d.Open(ctx, shop, "api_key")
	}
	last := d.all(t)[4]
	d.lines.forged = func(a []vault.Access) []vault.Access { return a[:4] }
	_, err := d.log.Verify(ctx)
	require.ErrorContains(t, err, vault.CodeCut, "who wrote a line knows of it")
	other, err := vault.NewAccessLog(ctx, d.drawer, d.lines, vault.AccessConfig{})
	require.NoError(t, err)
	_, err = other.Verify(ctx, vault.Head{Seq: last.Seq, Sum: last.Sum})
	require.ErrorContains(t, err, vault.CodeCut)
	_, err = other.Verify(ctx)
	require.NoError(t, err, "the control")
}

func TestProcessesShareOneLog(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, nil), t.Context()
	var all sync.WaitGroup
	for range 8 {
		other, err := vault.NewAccessLog(ctx, d.drawer, d.lines, vault.AccessConfig{})
		require.NoError(t, err)
		all.Go(func() {
			for range 25 {
				if err := other.Write(ctx, vault.Access{Verb: vault.VerbOpen, Owner: shop, Outcome: "ok"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	head, err := d.log.Verify(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 200, head.Seq)
}

func TestAHostHearsOfThePatternsItNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil, vault.Pattern{Name: "many", Count: 3, Within: 10 * time.Minute,
		Match: func(a vault.Access) bool { return a.Verb == vault.VerbDisplay },
		By:    func(a vault.Access) string { return a.Actor }},
		vault.Pattern{Name: "refused", Match: func(a vault.Access) bool { return a.Outcome == string(commerce.KindForbidden) }})
	_, err := d.Seal(t.Context(), shop, "api_key", []byte("sk_1"), 0)
	require.NoError(t, err)
	show := func(actor string) {
		_, err := d.Display(vault.As(t.Context(), actor, "curious"), shop, "api_key")
		require.NoError(t, err)
	}
	show("user 1")
	show("user 1")
	show("user 2")
	d.clock.Advance(11 * time.Minute)
	show("user 1")
	show("user 1")
	require.Empty(t, d.alarms, "two of them are too long ago, one is somebody else's")
	show("user 1")
	require.Len(t, d.alarms, 1)
	require.Equal(t, "many", d.alarms[0].Pattern)
	require.Len(t, d.alarms[0].Accesses, 3)
	show("user 1")
	require.Len(t, d.alarms, 1, "it begins anew")
}

func TestWhatIsDangerousIsAskedFor(t *testing.T) {
	t.Parallel()
	type secondFactor struct{}
	var asked []vault.Verb
	d := newDesk(t, func(ctx context.Context, actor string, a vault.Action) error {
		asked = append(asked, a.Verb)
		switch {
		case actor != "owner":
			return commerce.Errorf(commerce.KindForbidden, "host", "authorize", "only the owner may")
		case ctx.Value(secondFactor{}) == nil:
			return vault.NeedSecondFactor()
		}
		return nil
	})
	s, err := vault.NewSlot(vault.SlotConfig[commerce.Secret]{Keeper: d, Owner: shop, Name: "api_key", Now: d.clock.Now})
	require.NoError(t, err)
	acts := map[string]func(context.Context) error{
		"put":        func(ctx context.Context) error { return s.Put(ctx, key("two"), time.Time{}) },
		"switch":     s.Switch,
		"roll back":  func(ctx context.Context) error { return s.RollBack(ctx, "") },
		"retire":     s.Retire,
		"discard":    s.Discard,
		"display":    func(ctx context.Context) error { _, err := s.Display(ctx); return err },
		"disconnect": s.Disconnect,
	}
	ctx := t.Context()
	owner := vault.As(ctx, "owner", "by hand")
	proved := context.WithValue(owner, secondFactor{}, true)
	require.NoError(t, s.Put(proved, key("one"), time.Time{}))
	for name, act := range acts {
		err := act(vault.As(ctx, "user 17", "by hand"))
		require.ErrorIs(t, err, commerce.ErrForbidden, name)
		err = act(owner)
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, vault.CodeSecondFactor, e.Code)
	}
	for _, name := range []string{"put", "switch", "roll back", "switch", "retire", "discard", "display", "disconnect"} {
		require.NoError(t, acts[name](proved), name)
	}
	has := map[string]int{}
	for _, a := range d.all(t) {
		has[string(a.Verb)+" "+a.Outcome]++
	}
	require.Equal(t, 2, has["display forbidden"])
	require.Equal(t, 1, has["display ok"])
	require.Equal(t, 2, has["roll_back forbidden"])
	require.Equal(t, 2, has["disconnect forbidden"])
	require.Contains(t, asked, vault.VerbRotate)
	n := len(asked)
	_, _ = s.Current(ctx)
	_ = s.Rejected(ctx, key("two"))
	require.Len(t, asked, n, "what clients do is nobody's decision")
}

func TestAGuardThatAsksNobodySaysSo(t *testing.T) {
	t.Parallel()
	g, err := vault.NewGuard(newDrawer(), vault.GuardConfig{})
	require.NoError(t, err)
	found := g.Check(t.Context())
	require.Len(t, found, 2)
	for i, code := range []string{vault.CodeNoAuthorize, vault.CodeNoLog} {
		require.Equal(t, code, found[i].Code)
		require.Equal(t, commerce.Warning, found[i].Severity)
		require.NotEmpty(t, found[i].Mend)
	}
	require.NoError(t, found.Err())
	require.Empty(t, newDesk(t, func(context.Context, string, vault.Action) error { return nil }).Check(t.Context()))
}

func TestTheLogIsExported(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	other := shop
	other.Tenant = "t2"
	for _, owner := range []commerce.Ref{shop, other, shop} {
		_, _, _ = d.Open(vault.As(t.Context(), "=cmd|' /C calc'!A0", "<audit>"), owner, "api_key")
	}
	mine := func(a vault.Access) bool { return a.Owner.Tenant == "t1" }
	var b bytes.Buffer
	require.NoError(t, d.log.JSONLines(t.Context(), &b, mine))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 2)
	var a vault.Access
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &a))
	require.Equal(t, d.all(t)[2], a, "as it was written")
	newest, err := d.log.Newest(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, []int64{3, 2}, []int64{newest[0].Seq, newest[1].Seq})
	newest, err = d.log.Newest(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, newest, 3)
	b.Reset()
	require.NoError(t, d.log.CSV(t.Context(), &b, nil))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	require.Equal(t, "actor", rows[0][2])
	require.Equal(t, "'=cmd|' /C calc'!A0", rows[1][2], "a formula is none")
	require.Equal(t, "t2/stripe/acct_1/test/", rows[2][5])
}

func TestALogsConfigIsChecked(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	named := vault.Pattern{Name: "p"}
	hear := func(context.Context, vault.Alarm) {}
	for field, c := range map[string]vault.AccessConfig{
		"AccessConfig.WriteTimeout":    {WriteTimeout: -1},
		"AccessConfig.Alert":           {Patterns: []vault.Pattern{named}},
		"AccessConfig.Patterns[0].Nam": {Patterns: []vault.Pattern{{}}, Alert: hear},
		"Patterns[1].Count":            {Patterns: []vault.Pattern{named, {Name: "q", Count: 1001}}, Alert: hear},
		"Patterns[0].Within":           {Patterns: []vault.Pattern{{Name: "q", Within: -1}}, Alert: hear},
	} {
		_, err := vault.NewAccessLog(ctx, newDrawer(), &vault.AccessMemory{}, c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	_, err := vault.NewAccessLog(ctx, nil, &vault.AccessMemory{}, vault.AccessConfig{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = vault.NewAccessLog(ctx, newDrawer(), nil, vault.AccessConfig{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = vault.NewGuard(nil, vault.GuardConfig{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
