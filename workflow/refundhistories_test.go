package workflow

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

var (
	refundSeeds = flag.Uint64("refund.seeds", 10, "histories of money that goes back that are played")
	refundSeed  = flag.Uint64("refund.seed", 0, "seed of the first of them")
)

// chance says a number below n.
type chance func(n int) int

func (c chance) yes() bool { return c(2) == 0 }

// fate is what an order should come to, as whoever acted meant it.
type fate struct {
	id     string
	ref    commerce.Ref
	left   int64 // to give back
	stripe int64 // that should stand at the processor
	byUs   int64 // of it by our doing
	fails  int64 // of refunds that failed
}

// amountOf draws what goes back: amounts that look alike are likely.
func (f *fate) amountOf(c chance) int64 {
	minor := []int64{500, 500, 1000, 3000, f.left}[c(5)]
	if minor = min(minor, f.left); minor > 0 {
		f.left -= minor
	}
	return minor
}

// moneyGoesBack plays a random history: refunds by hand, by the shop's gateway and by us,
// papers that ask for money, refunds that fail, news that is lost, late or twice, writes
// that fail in every way. It returns what is wrong at the end.
func moneyGoesBack(w *till, c chance, faults func(string) fault) string {
	var fates []*fate
	for i := range 1 + c(2) {
		id := fmt.Sprint(i + 1)
		fates = append(fates, &fate{id: id, ref: w.sells(id), left: 6600})
	}
	w.fault = faults
	auto := w.refunds.Pays != nil
	var waiting []*commerce.Refund // pending, or to fail
	var later []func()
	tell := func(news func()) {
		switch c(4) {
		case 0: // never, until the end
		case 1:
			later = append(later, news)
		case 2:
			news()
			news()
		default:
			news()
		}
	}
	mode := map[string]int{}
	for _, f := range fates {
		mode[f.id] = c(3)
	}
	for range 2 + c(6) {
		if w.total { // whose sum tells nobody apart while an outcome is unknown
			w.work()
		}
		f := fates[c(len(fates))]
		pi := "pi_" + f.id
		deed := c(6)
		switch {
		case deed == 0: // the shop's own gateway
			minor := f.amountOf(c)
			if minor == 0 || w.orders[f.ref].State != commerce.OrderProcessing {
				f.left += minor
				continue
			}
			w.mu.Lock()
			r := w.gives(pi, minor, commerce.RefundSucceeded, "")
			w.mu.Unlock()
			tell(func() { w.tells(r, "refund.created") })
			w.wait(time.Duration(c(90)) * time.Second)
			w.mu.Lock()
			paper := mapping.RefundDocument{Money: eur(minor), Online: true}
			if c.yes() {
				paper.Refund = r.Ref.ID
			}
			w.writes(f.ref, paper)
			w.mu.Unlock()
			tell(func() { w.changes(f.ref) })
			f.stripe += minor
		case deed == 1: // a wish
			minor := f.amountOf(c)
			if minor == 0 {
				continue
			}
			w.txn++
			wish := RefundWish{ID: fmt.Sprint("w", w.txn), Ask: mapping.RefundAsk{Amount: eur(minor)}}
			w.wish(f.ref, wish)
			w.wish(f.ref, wish)
			f.stripe, f.byUs = f.stripe+minor, f.byUs+minor
		case mode[f.id] == 0: // by hand at the processor
			minor := f.amountOf(c)
			if minor == 0 {
				continue
			}
			status := []commerce.RefundStatus{commerce.RefundSucceeded, commerce.RefundSucceeded, commerce.RefundPending}[c(3)]
			w.mu.Lock()
			r := w.gives(pi, minor, status, "")
			w.mu.Unlock()
			f.stripe += minor
			if status == commerce.RefundPending || c(4) == 0 {
				waiting = append(waiting, r)
			}
			tell(func() { w.tells(r, "refund.created") })
			if c.yes() {
				tell(func() { w.news("evt_"+r.Ref.ID, "charge.refunded", pi) })
			}
		case mode[f.id] == 1: // a paper that asks for money
			minor := f.amountOf(c)
			if minor == 0 || w.orders[f.ref].State != commerce.OrderProcessing {
				f.left += minor
				continue
			}
			w.mu.Lock()
			paper := w.writes(f.ref, mapping.RefundDocument{Money: eur(minor)})
			w.mu.Unlock()
			tell(func() { w.changes(f.ref) })
			if !auto {
				w.wish(f.ref, RefundWish{ID: "approve " + paper.Document.Ref.ID, Document: paper.Document.Ref.ID})
			}
			f.stripe, f.byUs = f.stripe+minor, f.byUs+minor
		default: // both sides at once, for the same return
			minor := f.amountOf(c)
			if minor == 0 || w.orders[f.ref].State != commerce.OrderProcessing {
				f.left += minor
				continue
			}
			w.mu.Lock()
			var r *commerce.Refund
			if c.yes() {
				r = w.gives(pi, minor, commerce.RefundSucceeded, "")
				w.writes(f.ref, mapping.RefundDocument{Money: eur(minor)})
			} else {
				w.writes(f.ref, mapping.RefundDocument{Money: eur(minor)})
				r = w.gives(pi, minor, commerce.RefundSucceeded, "")
			}
			w.mu.Unlock()
			tell(func() { w.changes(f.ref) })
			tell(func() { w.tells(r, "refund.created") })
			f.stripe += minor
		}
		switch c(4) {
		case 0:
			w.wait(time.Duration(c(3600)) * time.Second)
		case 1:
			w.work()
		}
		if len(waiting) > 0 && c.yes() {
			r := waiting[0]
			waiting = waiting[1:]
			of := fates[slices.IndexFunc(fates, func(f *fate) bool { return "pi_"+f.id == r.Payment.ID })]
			status := []commerce.RefundStatus{commerce.RefundSucceeded, commerce.RefundFailed, commerce.RefundCanceled}[c(3)]
			if status != commerce.RefundSucceeded {
				of.stripe, of.fails = of.stripe-r.Amount.Minor(), of.fails+r.Amount.Minor()
			}
			w.becomes(r, status)
		}
		if c(4) == 0 {
			w.feed()
		}
	}
	for _, r := range waiting {
		w.becomes(r, commerce.RefundSucceeded)
	}
	for _, news := range later {
		news()
	}
	w.work()
	for range 2 { // a person releases what we hold, and replays what waited for it
		w.feed()
		for _, f := range fates {
			if f.fails > 0 && w.orders[f.ref].State == commerce.OrderOnHold {
				w.orders[f.ref].State = commerce.OrderProcessing
			}
			w.changes(f.ref)
			w.news("evt_end_"+f.id, "charge.refunded", "pi_"+f.id)
		}
		for _, e := range w.deadEvents() {
			if e.Code == "order_held" {
				require.NoError(w.t, w.inbox.Replay(context.Background(), e.Seq, "ada", "released", nil))
			}
		}
		for _, r := range w.given {
			w.tells(r, "refund.updated")
		}
		w.work()
	}
	for _, f := range fates {
		if wrong := w.wrong(f); wrong != "" {
			return wrong
		}
	}
	if codes := w.codes(); len(codes) > 0 {
		return fmt.Sprintf("dead: %v: %s", codes, w.reason())
	}
	if drift := w.drift(); drift != "" {
		return drift
	}
	// A receipt may pay a credit note in parts, as others are there first.
	if twice := slices.DeleteFunc(w.twice(), func(what string) bool { return strings.Contains(what, "apply ") }); len(twice) > 0 {
		return fmt.Sprint("twice: ", twice)
	}
	return ""
}

// wrong says where an order is not what was meant.
func (w *till) wrong(f *fate) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var stands, byUs, papers, notes int64
	for _, r := range w.given {
		if r.Payment.ID == "pi_"+f.id && (r.Status == commerce.RefundPending || r.Status == commerce.RefundSucceeded) {
			if stands += r.Amount.Minor(); r.Operation != "" {
				byUs += r.Amount.Minor()
			}
		}
	}
	marks := map[string]int{}
	for _, d := range w.memos[f.ref] {
		papers += d.Money.Minor()
		if marks[d.Refund]++; d.Refund != "" && marks[d.Refund] > 1 {
			return fmt.Sprintf("%s has two papers of %s", f.ref.ID, d.Refund)
		}
	}
	for _, m := range w.notes[f.ref] {
		notes += m.Minor()
	}
	owed := papers - stands
	switch {
	case stands != f.stripe || byUs != f.byUs:
		return fmt.Sprintf("%s: %d went back, %d of it by us; %d and %d were meant", f.ref.ID, stands, byUs, f.stripe, f.byUs)
	case owed < 0 || owed > f.fails:
		return fmt.Sprintf("%s: %d went back, and papers are of %d; refunds of %d failed", f.ref.ID, stands, papers, f.fails)
	case papers-notes < 0 || papers-notes > f.fails:
		return fmt.Sprintf("%s: papers are of %d, and credit notes of %d; refunds of %d failed", f.ref.ID, papers, notes, f.fails)
	case owed > 0 && !slices.ContainsFunc(w.alerts, func(x Exception) bool { return x.Order == f.ref && x.Name == RefundFailed }):
		return fmt.Sprintf("%s: %d of its papers are owed since a refund failed, and nobody was told", f.ref.ID, owed)
	}
	return ""
}

func TestMoneyGoesBackOnceAndEverywhereTheSameWhateverBecomesOfIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTill(t, random(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") }))
		require.Empty(t, moneyGoesBack(w, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") }, draw(t)), "%v", w.inventory())
	})
}

func allPays(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error) { return true, nil }

// random draws the settings of a history.
func random(c chance) func(*till) {
	return func(w *till) {
		if c.yes() {
			w.refunds.Pays = allPays
		}
		w.total = c(3) == 0
		w.refunds.OldestFirst = c.yes()
	}
}

// seeded plays one history from a seed, and returns what is wrong.
func seeded(seed uint64, change ...func(*till)) (wrong string) {
	r := rand.New(rand.NewPCG(seed, 7))
	c := chance(r.IntN)
	p := &probe{}
	defer func() {
		switch x := recover(); x {
		case nil:
		case p:
			wrong = p.text
		default:
			panic(x)
		}
	}()
	w := newTill(p, append([]func(*till){random(c)}, change...)...)
	n := 0
	return moneyGoesBack(w, c, func(op string) fault {
		if n++; strings.HasPrefix(op, "mail ") || n > 60 {
			return well
		}
		return []fault{well, well, well, well, well, well, refused, lost, tardy, nothing, crash, stillborn}[c(12)]
	})
}

// probe is a test whose failure is a finding.
type probe struct{ text string }

func (p *probe) Helper()                        {}
func (p *probe) Errorf(format string, a ...any) { p.text = fmt.Sprintf(format, a...) }
func (p *probe) FailNow()                       { panic(p) }

func TestSeedsOfMoneyThatGoesBack(t *testing.T) {
	t.Parallel()
	for n := range *refundSeeds {
		seed := *refundSeed + n
		require.Empty(t, seeded(seed), "go test ./workflow -run SeedsOfMoney -refund.seeds 1 -refund.seed %d", seed)
	}
}

// both is a life with a refund by hand, two papers that ask for money, a wish, and a refund
// that fails. Times are of its own, whatever news does.
func both(w *till) {
	at := func(minutes int) { w.until(w.started.Add(time.Duration(minutes) * time.Minute)) }
	order := w.sells("1")
	at(60)
	re := w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
	at(120)
	w.memo(order, 500)
	w.memo(order, 500)
	at(180)
	w.wish(order, RefundWish{ID: "w", Ask: mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}}})
	at(240)
	w.becomes(re, commerce.RefundFailed)
	w.work()
	w.changes(order)
	w.work()
	w.feed()
	w.work()
}

// story says how it ended.
func (w *till) story() []string {
	out := w.ledger()
	for order, papers := range w.memos {
		for _, d := range papers {
			out = append(out, fmt.Sprintf("paper of %s: %s", order.ID, d.Money))
		}
	}
	for _, r := range w.given {
		out = append(out, fmt.Sprintf("refund of %s: %s, %s", r.Payment.ID, r.Amount, r.Status))
	}
	return append(sorted(out), slices.Compact(w.exceptions())...)
}

func lived(t fataler, change ...func(*till)) *till {
	w := newTill(t, append([]func(*till){func(w *till) { w.refunds.Pays = allPays }}, change...)...)
	w.started = w.clock
	both(w)
	return w
}

func TestEveryWriteOfMoneyBackMayFailInEveryWayAndTheEndIsTheSame(t *testing.T) {
	t.Parallel()
	calm := lived(t)
	want := calm.story()
	require.Equal(t, 3, calm.moved)
	for _, what := range []string{"money back order/1", "paper order/1", "erp credit note order/1 re_1", "erp credit note order/1 re_4", "hold order/1", "note order/1 refund_failed re_1"} {
		for f, name := range everyFault {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				times := 2
				w := lived(t, func(w *till) {
					w.fault = func(op string) fault {
						if op == what && times > 0 {
							times--
							return f
						}
						return well
					}
				})
				require.Less(t, times, 2, "the fault was never met")
				require.Empty(t, w.codes(), w.reason())
				require.Equal(t, want, w.story())
			})
		}
	}
}

func TestAWorkerMayDieAtEveryCallOfTheStoreWhileMoneyGoesBack(t *testing.T) {
	t.Parallel()
	count := &brittle{}
	want := lived(t, func(w *till) { count.Store = w.steps; w.steps = count }).story()
	const cases = 40 // evenly over all calls
	for i := range cases {
		dies, after := 1+i*count.calls/cases, i%2 == 0
		w := lived(t, func(w *till) { w.steps = &brittle{Store: w.steps, dies: dies, after: after} })
		require.Empty(t, w.codes(), w.reason())
		require.Equal(t, want, w.story(), "died at call %d", dies)
	}
}

func TestEveryReadMayFailWhileMoneyGoesBack(t *testing.T) {
	t.Parallel()
	calls := 0
	want := lived(t, func(w *till) { w.unread = func() error { calls++; return nil } }).story()
	const cases = 40 // evenly over all calls
	for i := range cases {
		fails, n := 1+i*calls/cases, 0
		w := lived(t, func(w *till) {
			w.unread = func() error {
				if n++; n == fails || n == fails+1 {
					return &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: "read"}
				}
				return nil
			}
		})
		require.Equal(t, want, w.story(), "failed at read %d", fails)
	}
}

// Controls: what others get wrong is found by these histories.

// buggy is a far side's adapter with a bug of an integration that people complained about.
type buggyGives struct {
	giveSide
	refund  func(mapping.RefundRequest) mapping.RefundRequest
	refunds func([]commerce.Refund) []commerce.Refund
}

func (b buggyGives) GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund] {
	if b.refund == nil {
		return b.giveSide.GiveBack(r)
	}
	asked := r.Key
	eff := b.giveSide.GiveBack(b.refund(r))
	act := func(ctx context.Context) (commerce.Refund, error) {
		got, err := b.giveSide.GiveBack(b.refund(r)).Act(ctx)
		if err == nil {
			got.Operation = asked
		}
		return got, err
	}
	return idempotency.Effect[commerce.Refund]{Class: idempotency.Keyed, Settle: eff.Settle, Act: act}
}

func (b buggyGives) Refunds(ctx context.Context, payment commerce.Ref) ([]commerce.Refund, error) {
	list, err := b.giveSide.Refunds(ctx, payment)
	if b.refunds != nil {
		list = b.refunds(list)
	}
	return list, err
}

type buggyPapers struct {
	paperSide
	books func(o commerce.Order, r mapping.RefundRecord) (mapping.RefundRecord, *commerce.Document)
	reads func([]mapping.RefundDocument) []mapping.RefundDocument
}

func (b buggyPapers) RecordRefund(o commerce.Order, r mapping.RefundRecord) idempotency.Effect[commerce.Document] {
	if b.books == nil {
		return b.paperSide.RecordRefund(o, r)
	}
	r, doc := b.books(o, r)
	eff := b.paperSide.RecordRefund(o, r)
	if doc != nil {
		eff.Act = func(context.Context) (commerce.Document, error) { return *doc, nil }
		eff.Class, eff.Find = idempotency.Keyed, nil
	}
	return eff
}

func (b buggyPapers) RefundDocuments(ctx context.Context, o commerce.Order) ([]mapping.RefundDocument, error) {
	docs, err := b.paperSide.RefundDocuments(ctx, o)
	if b.reads != nil {
		docs = b.reads(docs)
	}
	return docs, err
}

// amnesiac forgets that steps with a prefix were done.
type amnesiac struct {
	idempotency.Store
	prefix string
}

func (f amnesiac) Get(ctx context.Context, key string) (idempotency.Record, error) {
	if strings.HasPrefix(key, f.prefix) {
		return idempotency.Record{}, idempotency.NeverBegun(key)
	}
	return f.Store.Get(ctx, key)
}

func (f amnesiac) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	if strings.HasPrefix(r.Key, f.prefix) {
		return idempotency.Grant{Acquired: true}, nil
	}
	return f.Store.Begin(ctx, r)
}

func (f amnesiac) End(ctx context.Context, key string, token int64, s idempotency.State, result []byte) error {
	if strings.HasPrefix(key, f.prefix) {
		return nil
	}
	return f.Store.End(ctx, key, token, s, result)
}

func TestTheHistoriesFindWhatOthersGetWrong(t *testing.T) {
	t.Parallel()
	gives := func(b buggyGives) func(*till) {
		return func(w *till) { b.giveSide = giveSide{w}; w.refunds.Payments = b }
	}
	papers := func(b buggyPapers) func(*till) {
		return func(w *till) { b.paperSide = paperSide{w}; w.refunds.Shop = b }
	}
	n := 0
	for name, bug := range map[string]func(*till){
		"a new key with each attempt": gives(buggyGives{refund: func(r mapping.RefundRequest) mapping.RefundRequest {
			n++
			r.Key = fmt.Sprint("random ", n)
			return r
		}}),
		"a key made of the amount": gives(buggyGives{refund: func(r mapping.RefundRequest) mapping.RefundRequest {
			r.Key = r.Charge + " " + r.Amount.Text()
			return r
		}}),
		"amounts of the charge, added up by event": gives(buggyGives{refunds: func(list []commerce.Refund) []commerce.Refund {
			if len(list) == 0 {
				return nil
			}
			one := list[len(list)-1]
			for _, r := range list[:len(list)-1] {
				one.Amount, _ = one.Amount.Add(r.Amount)
			}
			return []commerce.Refund{one}
		}}),
		"refunds of others do not count": gives(buggyGives{refunds: func(list []commerce.Refund) []commerce.Refund {
			return slices.DeleteFunc(list, func(r commerce.Refund) bool { return r.Operation == "" })
		}}),
		"what a capture released is taken for a refund": gives(buggyGives{refunds: func(list []commerce.Refund) []commerce.Refund {
			if len(list) == 0 {
				return nil
			}
			released := list[0]
			released.Ref.ID, released.Operation, released.Amount = "re_released", "", eur(100)
			released.Status = commerce.RefundSucceeded
			return append(list, released)
		}}),
		"a failed refund still counts": gives(buggyGives{refunds: func(list []commerce.Refund) []commerce.Refund {
			for i := range list {
				list[i].Status = commerce.RefundSucceeded
			}
			return list
		}}),
		"a flag says that the order was refunded": papers(buggyPapers{books: func(o commerce.Order, r mapping.RefundRecord) (mapping.RefundRecord, *commerce.Document) {
			if o.Refunded.Sign() > 0 {
				return r, &commerce.Document{Ref: o.Ref.With("creditmemo/0"), Total: r.Amount}
			}
			return r, nil
		}}),
		"a paper without items gives everything back": papers(buggyPapers{books: func(o commerce.Order, r mapping.RefundRecord) (mapping.RefundRecord, *commerce.Document) {
			if !r.Content.Goods() {
				r.Amount, _ = o.Paid.Sub(r.Before)
			}
			return r, nil
		}}),
		"amounts in base currency": papers(buggyPapers{books: func(_ commerce.Order, r mapping.RefundRecord) (mapping.RefundRecord, *commerce.Document) {
			r.Amount = eur(r.Amount.Minor() * 9 / 10)
			return r, nil
		}}),
		"the shop's own gateway is asked for by nobody": papers(buggyPapers{reads: func(docs []mapping.RefundDocument) []mapping.RefundDocument {
			return slices.DeleteFunc(docs, func(d mapping.RefundDocument) bool { return d.Online })
		}}),
		"papers of one amount are one": papers(buggyPapers{reads: func(docs []mapping.RefundDocument) []mapping.RefundDocument {
			var out []mapping.RefundDocument
			for _, d := range docs {
				if !slices.ContainsFunc(out, func(o mapping.RefundDocument) bool { return o.Money == d.Money }) {
					out = append(out, d)
				}
			}
			return out
		}}),
		"our own papers ask for money": func(w *till) {
			w.refunds.Pays = allPays
			w.steps = amnesiac{w.steps, "shop.refund/"}
			w.refunds.Shop = buggyPapers{paperSide: paperSide{w}, reads: func(docs []mapping.RefundDocument) []mapping.RefundDocument {
				for i := range docs {
					docs[i].Refund = ""
				}
				return docs
			}}
		},
		"the shop's plugin is not waited for": func(w *till) { w.refunds.Wait = time.Nanosecond },
		"nobody remembers credit notes": func(w *till) {
			w.steps = amnesiac{w.steps, "erp.credit_note/"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				if wrong := seeded(seed, bug); wrong != "" {
					t.Logf("found with seed %d: %s", seed, wrong)
					return
				}
			}
			t.Fatal("not found")
		})
	}
}
