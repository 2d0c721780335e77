package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/vault"
)

// drawer is a Keeper that seals nothing, counts, and fails on demand.
type drawer struct {
	mu     sync.Mutex
	record map[string]drawn
	opens  atomic.Int64
	fail   atomic.Pointer[error]
	before func() // of a Seal, once
}

type drawn struct {
	text    []byte
	version int64
}

var _ vault.Keeper = (*drawer)(nil)

func newDrawer() *drawer { return &drawer{record: map[string]drawn{}} }

func drawerKey(owner commerce.Ref, name string) string { return owner.String() + " " + name }

func (d *drawer) Open(_ context.Context, owner commerce.Ref, name string) ([]byte, int64, error) {
	d.opens.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if fail := d.fail.Load(); fail != nil {
		return nil, 0, *fail
	}
	r, ok := d.record[drawerKey(owner, name)]
	if !ok || r.text == nil {
		return nil, 0, commerce.Errorf(commerce.KindNotFound, "vault", "open", "there is none")
	}
	return bytes.Clone(r.text), r.version, nil
}

func (d *drawer) Seal(_ context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	d.mu.Lock()
	before := d.before
	d.before = nil
	d.mu.Unlock()
	if before != nil {
		before()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if fail := d.fail.Load(); fail != nil {
		return 0, *fail
	}
	r := d.record[drawerKey(owner, name)]
	if r.text == nil && version != 0 || r.text != nil && r.version != version {
		return 0, commerce.Errorf(commerce.KindConflict, "vault", "seal", "another version stands")
	}
	d.record[drawerKey(owner, name)] = drawn{bytes.Clone(secret), r.version + 1}
	return r.version + 1, nil
}

func (d *drawer) Delete(_ context.Context, owner commerce.Ref, name string, version int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.record[drawerKey(owner, name)]
	if r.version != version {
		return commerce.Errorf(commerce.KindConflict, "vault", "delete", "another version stands")
	}
	d.record[drawerKey(owner, name)] = drawn{nil, r.version + 1}
	return nil
}

func (d *drawer) List(context.Context, string) iter.Seq2[vault.Entry, error] {
	return func(func(vault.Entry, error) bool) {}
}

// far is a far side that takes some keys.
type far struct {
	mu    sync.Mutex
	takes map[string]bool
	away  bool
	asked int
}

func newFar(keys ...string) *far {
	f := &far{takes: map[string]bool{}}
	for _, k := range keys {
		f.takes[k] = true
	}
	return f
}

func (f *far) set(key string, takes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes[key] = takes
}

func (f *far) verify(_ context.Context, key commerce.Secret) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	switch {
	case f.away:
		return commerce.ErrUnavailable
	case !f.takes[key.Reveal()]:
		return commerce.Errorf(commerce.KindAuth, "far", "ping", "401")
	}
	return nil
}

func (f *far) retire(_ context.Context, key commerce.Secret) error {
	f.set(key.Reveal(), false)
	return nil
}

var (
	shop = commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test}
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func key(s string) commerce.Secret { return commerce.NewSecret(s) }

// rig is a slot and all around it.
type rig struct {
	*vault.Slot[commerce.Secret]
	drawer  *drawer
	far     *far
	clock   *clock.Manual
	notices []vault.Notice
	config  vault.SlotConfig[commerce.Secret]
}

func newRig(t *testing.T, change func(*vault.SlotConfig[commerce.Secret])) *rig {
	t.Helper()
	r := &rig{drawer: newDrawer(), far: newFar("one", "two"), clock: clock.At(noon)}
	r.config = vault.SlotConfig[commerce.Secret]{Keeper: r.drawer, Owner: shop, Name: "api_key", Verify: r.far.verify, Retire: r.far.retire,
		Notify: func(_ context.Context, n vault.Notice) { r.notices = append(r.notices, n) }, Now: r.clock.Now}
	if change != nil {
		change(&r.config)
	}
	r.Slot = r.another(t)
	return r
}

// another is the slot in another process.
func (r *rig) another(t *testing.T) *vault.Slot[commerce.Secret] {
	t.Helper()
	s, err := vault.NewSlot(r.config)
	require.NoError(t, err)
	return s
}

func (r *rig) kinds() (all []vault.NoticeKind) {
	for _, n := range r.notices {
		all = append(all, n.Kind)
	}
	return all
}

func has(t *testing.T, s commerce.Credentials[commerce.Secret], want string) {
	t.Helper()
	got, err := s.Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got.Reveal())
}

func TestACredentialIsPutProvedSwitchedWatchedAndRetired(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	_, err := r.Current(ctx)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	has(t, r, "one")
	other := r.another(t)
	has(t, other, "one")

	require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
	has(t, r, "one")
	require.NoError(t, r.Switch(ctx))
	has(t, r, "two")
	has(t, other, "one")
	r.clock.Advance(time.Minute)
	has(t, other, "two")

	st, err := r.Step(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(2), st.Current.Serial)
	require.Equal(t, int64(1), st.Previous.Serial)
	require.Equal(t, noon.Add(24*time.Hour), st.Due)
	require.NotEqual(t, st.Current.Fingerprint, st.Previous.Fingerprint)
	require.Len(t, st.Current.Fingerprint, 8)
	r.clock.Advance(24 * time.Hour)
	st, err = other.Step(ctx)
	require.NoError(t, err)
	require.Nil(t, st.Previous)
	require.Zero(t, st.Due)
	require.Error(t, r.far.verify(ctx, key("one")), "the far side takes it no more")
	require.Equal(t, []vault.NoticeKind{vault.NoticePlanned, vault.NoticeSwitched, vault.NoticeRetired}, r.kinds())
	require.ErrorIs(t, r.RollBack(ctx, ""), commerce.ErrNotFound)
}

func TestASwitchToACredentialThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.ErrorIs(t, r.Put(ctx, key("bad"), time.Time{}), commerce.ErrAuth, "not even as the first")
	require.ErrorIs(t, r.Switch(ctx), commerce.ErrNotFound)
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	require.ErrorIs(t, r.Switch(ctx), commerce.ErrNotFound, "there is no next")
	require.ErrorIs(t, r.Put(ctx, key("one"), time.Time{}), commerce.ErrDuplicate)
	require.NoError(t, r.Put(ctx, key("bad"), time.Time{}))
	require.ErrorIs(t, r.Switch(ctx), commerce.ErrAuth)
	has(t, r, "one")
	require.NoError(t, r.Discard(ctx))
	st, err := r.Status(ctx)
	require.NoError(t, err)
	require.Nil(t, st.Next)
}

func TestAPlannedSwitchHappensAtItsTime(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	require.NoError(t, r.Put(ctx, key("two"), noon.Add(time.Hour)))
	st, err := r.Step(ctx)
	require.NoError(t, err)
	require.Equal(t, noon.Add(time.Hour), st.Due)
	has(t, r, "one")
	require.NoError(t, r.Put(ctx, key("two"), noon.Add(2*time.Hour)))
	require.Len(t, r.notices, 1, "it is the same one, and later")
	r.clock.Advance(time.Hour)
	st, err = r.Step(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, st.Next.Serial)
	has(t, r, "one")
	r.clock.Advance(time.Hour)
	_, err = r.Step(ctx)
	require.NoError(t, err)
	has(t, r, "two")
}

func TestARollBackBringsTheOldOneBackAndKeepsTheNewOneForAPerson(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
	require.NoError(t, r.Switch(ctx))
	require.NoError(t, r.RollBack(ctx, "it lacks a right"))
	has(t, r, "one")
	st, err := r.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(2), st.Next.Serial)
	require.Zero(t, st.Due, "nothing happens by itself")
	require.Equal(t, "it lacks a right", r.notices[2].Why)
	require.ErrorIs(t, r.Rejected(ctx, key("one")), commerce.ErrAuth, "what a person took out does not come back by itself")
	has(t, r, "one")
	require.NoError(t, r.Switch(ctx))
	has(t, r, "two")
}

func TestWhereTheNewCredentialIsRefusedTheOldOneComesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*vault.SlotConfig[commerce.Secret])
		break_  func(*far)
		refused string
		want    string
		back    bool
	}{
		"proven":                       {break_: func(f *far) { f.set("two", false) }, want: "one", back: true},
		"by policy never":              {change: func(c *vault.SlotConfig[commerce.Secret]) { c.FallBack = vault.FallBackNever }, break_: func(f *far) { f.set("two", false) }, want: "two"},
		"the old one is dead too":      {break_: func(f *far) { f.set("two", false); f.set("one", false) }, want: "two"},
		"one answer was wrong":         {break_: func(*far) {}, want: "two"},
		"nobody knows":                 {break_: func(f *far) { f.away = true }, want: "two"},
		"a late answer to the old one": {break_: func(*far) {}, refused: "one", want: "two", back: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ctx := newRig(t, c.change), t.Context()
			require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
			require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
			require.NoError(t, r.Switch(ctx))
			c.break_(r.far)
			refused := "two"
			if c.refused != "" {
				refused = c.refused
			}
			err := r.Rejected(ctx, key(refused))
			require.Equal(t, c.back, err == nil, "%v", err)
			has(t, r, c.want)
			has(t, r.another(t), c.want)
			if c.want == "one" {
				require.Equal(t, vault.NoticeRolledBack, r.notices[2].Kind)
				require.NotEmpty(t, r.notices[2].Why)
			}
		})
	}
}

func TestTheNextCredentialStepsInWhereTheOldOneEndsTooEarly(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	require.NoError(t, r.Put(ctx, key("two"), noon.Add(24*time.Hour)))
	r.far.set("one", false)
	require.NoError(t, r.Rejected(ctx, key("one")))
	has(t, r, "two")
	require.Equal(t, vault.NoticeSwitched, r.notices[1].Kind)
}

func TestAStormOfRefusalsIsOneLookAndFewQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFar("one")
		var asked atomic.Int64
		d := newDrawer()
		s, err := vault.NewSlot(vault.SlotConfig[commerce.Secret]{Keeper: d, Owner: shop, Name: "api_key",
			Verify: func(ctx context.Context, k commerce.Secret) error {
				if asked.Add(1) > 1 {
					time.Sleep(time.Second) // it takes its time
				}
				return f.verify(ctx, k)
			}})
		require.NoError(t, err)
		ctx := t.Context()
		require.NoError(t, s.Put(ctx, key("one"), time.Time{}))
		require.NoError(t, s.Put(ctx, key("two"), time.Time{}))
		f.set("one", false)
		opens, before := d.opens.Load(), asked.Load()
		storm := func() (refused int64) {
			var n atomic.Int64
			var all sync.WaitGroup
			for range 1000 {
				all.Go(func() {
					if errors.Is(s.Rejected(ctx, key("one")), commerce.ErrAuth) {
						n.Add(1)
					}
				})
			}
			all.Wait()
			return n.Load()
		}
		require.EqualValues(t, 1000, storm())
		require.EqualValues(t, 1, d.opens.Load()-opens)
		require.EqualValues(t, 2, asked.Load()-before, "about the one in use and about the next")
		require.EqualValues(t, 1000, storm(), "the answer stands")
		require.EqualValues(t, 1, d.opens.Load()-opens)
		time.Sleep(10 * time.Second)
		f.set("two", true)
		require.Zero(t, storm(), "and the next one works now")
		has(t, s, "two")
		require.EqualValues(t, 4, asked.Load()-before)
	})
}

func TestAProcessThatDidNotHearOfASwitchLearnsOfItByARefusal(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	late := r.another(t)
	has(t, late, "one")
	require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
	require.NoError(t, r.Switch(ctx))
	require.NoError(t, r.Retire(ctx))
	asked := r.far.asked
	require.NoError(t, late.Rejected(ctx, key("one")))
	has(t, late, "two")
	require.Equal(t, asked, r.far.asked, "the vault knew")
}

func TestClientsGoOnWhileTheVaultIsAway(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	away := commerce.ErrUnavailable
	r.drawer.fail.Store(&away)
	_, err := r.another(t).Current(ctx)
	require.ErrorIs(t, err, commerce.ErrUnavailable, "who knows nothing has nothing")
	r.clock.Advance(time.Hour)
	opens := r.drawer.opens.Load()
	for range 100 {
		has(t, r, "one")
	}
	require.EqualValues(t, 1, r.drawer.opens.Load()-opens, "and is not asked again at once")
	require.ErrorIs(t, r.Rejected(ctx, key("one")), commerce.ErrUnavailable)
	r.drawer.fail.Store(nil)
	r.clock.Advance(time.Minute)
	has(t, r, "one")
}

func TestADisconnectedSlotHandsNothingOut(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	other := r.another(t)
	has(t, other, "one")
	require.NoError(t, r.Disconnect(ctx))
	_, err := r.Current(ctx)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	r.clock.Advance(time.Minute)
	opens := r.drawer.opens.Load()
	for range 100 {
		_, err = other.Current(ctx)
		require.ErrorIs(t, err, commerce.ErrNotFound)
	}
	require.EqualValues(t, 1, r.drawer.opens.Load()-opens, "nor is the vault asked again at once")
	require.NoError(t, r.Put(ctx, key("two"), time.Time{}), "and may be connected again")
	has(t, r, "two")
	r.clock.Advance(10 * time.Second)
	has(t, other, "two")
}

func TestAWebhooksVerifierAcceptsAllThatTheSlotHolds(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, func(c *vault.SlotConfig[commerce.Secret]) { c.Verify, c.Retire = nil, nil }), t.Context()
	secrets := r.Accepted()
	all := func() (texts []string) {
		got, err := secrets.Current(ctx)
		require.NoError(t, err)
		for _, s := range got {
			texts = append(texts, s.Reveal())
		}
		return texts
	}
	require.NoError(t, r.Put(ctx, key("whsec_1"), time.Time{}))
	require.Equal(t, []string{"whsec_1"}, all())
	require.NoError(t, r.Put(ctx, key("whsec_2"), noon))
	require.Equal(t, []string{"whsec_1", "whsec_2"}, all(), "before the switch")
	_, err := r.Step(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"whsec_2", "whsec_1"}, all(), "after it")
	r.clock.Advance(24 * time.Hour)
	_, err = r.Step(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"whsec_2"}, all())
	require.Error(t, secrets.Rejected(ctx, []commerce.Secret{key("whsec_2")}))
	require.Error(t, secrets.Rejected(ctx, nil))
}

// TestTwoWhoRotateAtOnceLoseNothing: the second sees what the first did.
func TestTwoWhoRotateAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	r.far.set("three", true)
	require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
	require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
	other := r.another(t)
	r.drawer.before = func() { require.NoError(t, other.Switch(ctx)) }
	require.NoError(t, r.Switch(ctx), "it is switched")
	require.Equal(t, []vault.NoticeKind{vault.NoticePlanned, vault.NoticeSwitched}, r.kinds(), "and told once")
	require.NoError(t, r.RollBack(ctx, ""))
	r.drawer.before = func() { require.NoError(t, other.Put(ctx, key("three"), time.Time{})) }
	require.ErrorIs(t, r.Switch(ctx), commerce.ErrConflict, "another one was put in than the one that was proved")
	has(t, r, "one")
	require.NoError(t, r.Switch(ctx))
	has(t, r, "three")
}

// TestACrashAtAnyPointLeavesAWholeStep: whatever Seal or Retire fails, the slot is in a
// state from which the same call goes on.
func TestACrashAtAnyPointLeavesAWholeStep(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	steps := []func(*vault.Slot[commerce.Secret]) error{
		func(s *vault.Slot[commerce.Secret]) error { return s.Put(ctx, key("one"), time.Time{}) },
		func(s *vault.Slot[commerce.Secret]) error { return s.Put(ctx, key("two"), time.Time{}) },
		func(s *vault.Slot[commerce.Secret]) error { return s.Switch(ctx) },
		func(s *vault.Slot[commerce.Secret]) error { return s.Retire(ctx) },
	}
	for i, step := range steps {
		down := commerce.ErrUnavailable
		r.drawer.before = func() { r.drawer.fail.Store(&down) }
		require.Error(t, step(r.another(t)), i)
		r.drawer.fail.Store(nil)
		require.NoError(t, step(r.another(t)), i)
	}
	has(t, r, "two")
	require.Equal(t, []vault.NoticeKind{vault.NoticePlanned, vault.NoticeSwitched, vault.NoticeRetired}, r.kinds())
}

type keys struct {
	ConsumerKey string
	Token       commerce.Secret
	Nested      struct {
		Password commerce.Secret
		Port     int
		Proxy    bool
	}
}

func TestAStructOfSecretsComesBackWhole(t *testing.T) {
	t.Parallel()
	s, err := vault.NewSlot(vault.SlotConfig[keys]{Keeper: newDrawer(), Owner: shop, Name: "keys"})
	require.NoError(t, err)
	want := keys{ConsumerKey: "ck", Token: key("tok")}
	want.Nested.Password, want.Nested.Port, want.Nested.Proxy = key("pw"), 8069, true
	require.NoError(t, s.Put(t.Context(), want, time.Time{}))
	got, err := s.Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NotContains(t, fmt.Sprintf("%+v %#v", got, got), "tok")
}

func TestASlotsConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := vault.SlotConfig[commerce.Secret]{Keeper: newDrawer(), Owner: shop, Name: "n"}
	for field, change := range map[string]func(*vault.SlotConfig[commerce.Secret]){
		"Keeper":   func(c *vault.SlotConfig[commerce.Secret]) { c.Keeper = nil },
		"Owner":    func(c *vault.SlotConfig[commerce.Secret]) { c.Owner = commerce.Ref{} },
		"Name":     func(c *vault.SlotConfig[commerce.Secret]) { c.Name = "" },
		"FallBack": func(c *vault.SlotConfig[commerce.Secret]) { c.FallBack = "perhaps" },
		"Watch":    func(c *vault.SlotConfig[commerce.Secret]) { c.Watch = time.Minute },
		"Pause":    func(c *vault.SlotConfig[commerce.Secret]) { c.Pause = -1 },
	} {
		c := good
		change(&c)
		_, err := vault.NewSlot(c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, "SlotConfig."+field)
	}
	type hidden struct{ token string }
	_, err := vault.NewSlot(vault.SlotConfig[hidden]{Keeper: newDrawer(), Owner: shop, Name: "n"})
	require.ErrorContains(t, err, "hidden can not be sealed")
	_ = hidden{}.token
}

func TestARecordOfSomethingElseIsNotASlots(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a plain secret": "sk_test_1", "another version": `{"slot":2,"current":{"value":"x"}}`, "no current": `{"slot":1}`,
		"another kind": `{"slot":1,"current":{"serial":1,"value":{"a":1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			_, err := r.drawer.Seal(t.Context(), shop, "api_key", []byte(text), 0)
			require.NoError(t, err)
			_, err = r.Current(t.Context())
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.NotContains(t, err.Error(), "sk_test")
		})
	}
}

func TestNoNoticeAndNoStatusHoldsASecret(t *testing.T) {
	t.Parallel()
	r, ctx := newRig(t, nil), t.Context()
	secrets := []string{"one", "two"}
	for _, s := range secrets {
		require.NoError(t, r.Put(ctx, key(s), time.Time{}))
	}
	st, err := r.Status(ctx)
	require.NoError(t, err)
	said := fmt.Sprintf("%+v %#v %+v %v", r.notices, st, st, r.Slot)
	for _, s := range secrets {
		require.False(t, slices.Contains(strings.FieldsFunc(said, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz", r) }), s), said)
	}
	require.NotEmpty(t, slices.Collect(maps.Keys(r.drawer.record)))
}
