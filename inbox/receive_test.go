package inbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

func TestReceiveAnswersWhatBecameOfARequest(t *testing.T) {
	t.Parallel()
	good := "evt_1 charge.succeeded pi_1"
	for name, c := range map[string]struct {
		method, body, signature string
		chunked                 bool
		fault                   func(string) error
		status                  int
		stored                  bool
	}{
		"a signed event is stored":               {body: good, status: 200, stored: true},
		"a body without a length is stored":      {body: good, chunked: true, status: 200, stored: true},
		"a wrong signature is refused":           {body: good, signature: "forged", status: 401},
		"a body that is no event is refused":     {body: "nonsense", status: 400},
		"an empty body is refused":               {body: "", status: 400},
		"a body at the bound is stored":          {body: good + strings.Repeat(" ", 100-len(good)), status: 200, stored: true},
		"a body above the bound is refused":      {body: good + strings.Repeat(" ", 101-len(good)), status: 413},
		"so it is where no length is said":       {body: good + strings.Repeat(" ", 101-len(good)), chunked: true, status: 413},
		"only POST is taken":                     {method: http.MethodGet, body: good, status: 405},
		"a store that is away answers later":     {body: good, fault: always(errAway, "append"), status: 503},
		"an unknown outcome answers later":       {body: good, fault: always(errGone, "append"), status: 503},
		"an error that says nothing is unknown":  {body: good, fault: always(errors.New("?"), "append"), status: 503},
		"an event the store refuses is an error": {body: good, fault: always(&commerce.Error{Kind: commerce.KindInvalid, Outcome: commerce.NotSent}, "append"), status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{}), before: c.fault}
				in := newInbox(t, store, inbox.Config{MaxBody: 100})
				method, signature := c.method, c.signature
				if method == "" {
					method = http.MethodPost
				}
				if signature == "" {
					signature = "signed"
				}
				var body io.Reader = strings.NewReader(c.body)
				if c.chunked {
					body = io.MultiReader(body)
				}
				r := httptest.NewRequest(method, "/", body)
				r.Header.Set("Signature", signature)
				w := httptest.NewRecorder()
				in.Receive(verifier{}).ServeHTTP(w, r)
				require.Equal(t, c.status, w.Code, w.Body.String())
				require.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "")
				require.NotContains(t, w.Body.String(), "pi_1", "an answer tells nothing of the event")
				n, err := in.Count(t.Context(), "")
				require.NoError(t, err)
				require.Equal(t, c.stored, n.Ready == 1)
				if c.stored {
					require.Equal(t, c.body, string(get(t, in, 1).Event.Raw), "byte for byte")
				}
			})
		})
	}
}

// away is a verifier that can not tell now.
type away struct{}

func (away) Verify(context.Context, http.Header, []byte) (commerce.Event, error) {
	return commerce.Event{}, commerce.Errorf(commerce.KindUnavailable, "vault", "open", "the key service is away")
}

func TestAVerifierThatCanNotTellAnswersLater(t *testing.T) {
	t.Parallel()
	w := post(newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{}).Receive(away{}), "x")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

// cut is a body whose connection is cut.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAHalfRequestIsNoEvent(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{})
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("evt_1 charge.succeeded pi_1"), cut{}))
	r.Header.Set("Signature", "signed")
	w := httptest.NewRecorder()
	in.Receive(verifier{}).ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
}

func TestAnAnswerWaitsForTheCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		in := newInbox(t, &gated{Store: inbox.NewMemory(inbox.MemoryConfig{}), gate: gate}, inbox.Config{})
		answered := false
		go func() {
			post(in.Receive(verifier{}), "evt_1 charge.succeeded pi_1")
			answered = true
		}()
		synctest.Wait()
		require.False(t, answered)
		gate <- struct{}{}
		synctest.Wait()
		require.True(t, answered)
	})
}

// gated is a store whose Append waits for a token.
type gated struct {
	inbox.Store
	gate    chan struct{}
	mu      sync.Mutex
	batches []inbox.Batch
}

func (g *gated) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	select {
	case <-g.gate:
	case <-ctx.Done():
		return nil, errGone
	}
	g.mu.Lock()
	g.batches = append(g.batches, b)
	g.mu.Unlock()
	return g.Store.Append(ctx, b)
}

func TestRequestsThatComeTogetherShareACommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &gated{Store: inbox.NewMemory(inbox.MemoryConfig{}), gate: make(chan struct{})}
		in := newInbox(t, store, inbox.Config{MaxBatch: 8, QueueLen: 20})
		hook := in.Receive(verifier{})
		codes := make(chan int, 40)
		send := func(i int) {
			go func() { codes <- post(hook, fmt.Sprintf("evt_%02d charge.succeeded pi_1", i)).Code }()
			synctest.Wait()
		}
		send(0) // goes out at once, alone
		for i := 20; i > 0; i-- {
			send(i)
		}
		send(21) // the queue is full
		require.Equal(t, http.StatusServiceUnavailable, <-codes)
		for range 4 {
			store.gate <- struct{}{}
		}
		for range 21 {
			require.Equal(t, http.StatusOK, <-codes)
		}
		sizes, ids := []int{}, map[string]bool{}
		for _, b := range store.batches {
			sizes = append(sizes, len(b.Events))
			ids[b.ID] = true
			for i := 1; i < len(b.Events); i++ {
				require.Less(t, b.Events[i-1].Ref.ID, b.Events[i].Ref.ID, "sorted by identity")
			}
		}
		require.Equal(t, []int{1, 8, 8, 4}, sizes)
		require.Len(t, ids, 4, "each batch has an ID of its own")
		require.Empty(t, codes)
	})
}

func TestBytesThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &gated{Store: inbox.NewMemory(inbox.MemoryConfig{}), gate: make(chan struct{})}
		in := newInbox(t, store, inbox.Config{MaxBody: 600, QueueBytes: 1000})
		big := func(id string) commerce.Event {
			e := event(id, "pi_1")
			e.Raw = bytes.Repeat([]byte("x"), 600)
			return e
		}
		go func() { _, _ = in.Append(t.Context(), big("evt_1")) }()
		synctest.Wait()
		_, err := in.Append(t.Context(), big("evt_2"))
		require.ErrorIs(t, err, commerce.ErrLimit)
		require.True(t, commerce.SafeToRetry(err))
		store.gate <- struct{}{}
		synctest.Wait()
		go func() { store.gate <- struct{}{} }()
		_, err = in.Append(t.Context(), big("evt_2"))
		require.NoError(t, err)
	})
}

func TestACallerThatLeavesDoesNotUndoItsNeighbours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &gated{Store: inbox.NewMemory(inbox.MemoryConfig{}), gate: make(chan struct{})}
		in := newInbox(t, store, inbox.Config{})
		ctx, leave := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, err := in.Append(ctx, event("evt_1", "pi_1")); errs <- err }()
		synctest.Wait()
		leave()
		err := <-errs
		require.ErrorIs(t, err, commerce.ErrUnknown)
		require.ErrorIs(t, err, context.Canceled)
		go func() { _, err := in.Append(t.Context(), event("evt_2", "pi_1")); errs <- err }()
		store.gate <- struct{}{}
		store.gate <- struct{}{}
		require.NoError(t, <-errs)
		n, err := in.Count(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 2, n.Ready)
	})
}

func TestAnUnknownCommitIsSettledUnderItsOwnID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after func(string) error
		tries         int
	}{
		"that had taken effect":     {after: times(2, errGone, "append"), tries: 3},
		"that had not taken effect": {before: times(2, errGone, "append"), tries: 3},
		"that lost a deadlock": {before: times(1, &commerce.Error{Kind: commerce.KindConflict,
			Outcome: commerce.NotSent}, "append"), tries: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{}), before: c.before, after: c.after}
				in := newInbox(t, store, inbox.Config{})
				got, err := in.Append(t.Context(), event("evt_1", "pi_1"), event("evt_2", "pi_1"))
				require.NoError(t, err)
				require.False(t, got[0].Duplicate, "the caller who stored it hears that it is new")
				require.False(t, got[1].Duplicate)
				batches := store.batches()
				require.Len(t, batches, c.tries)
				for _, b := range batches {
					require.Equal(t, batches[0].ID, b.ID)
				}
			})
		})
	}
}

func TestACommitThatStaysUnknownSaysSoToEveryCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Stored by the first attempt; after that the database is away for good.
		n := 0
		store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{}), after: times(1, errGone, "append"), before: func(op string) error {
			if n++; n > 1 {
				return errAway
			}
			return nil
		}}
		in := newInbox(t, store, inbox.Config{CommitAttempts: 3})
		_, err := in.Append(t.Context(), event("evt_1", "pi_1"))
		require.ErrorIs(t, err, commerce.ErrUnknown, "though the last attempt was surely not sent")
		require.Equal(t, 3, store.count("append"))
		store.set(nil, nil)
		got, err := in.Append(t.Context(), event("evt_1", "pi_1"))
		require.NoError(t, err)
		require.True(t, got[0].Duplicate)
	})
}

func TestARefusedBatchIsJudgedRowByRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &picky{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		in := newInbox(t, store, inbox.Config{})
		got, err := in.Append(t.Context(), event("evt_1", "pi_1"), event("evt_bad", "pi_1"), event("evt_2", "pi_1"))
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.Positive(t, got[0].Seq)
		require.Zero(t, got[1].Seq)
		require.Positive(t, got[2].Seq)
	})
}

// picky refuses every batch with a bad event in it.
type picky struct{ inbox.Store }

func (p *picky) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	for _, e := range b.Events {
		if strings.Contains(e.Ref.ID, "bad") {
			return nil, &commerce.Error{Kind: commerce.KindInvalid, System: "db", Op: "insert", Outcome: commerce.NotSent, Text: "a text with a zero byte"}
		}
	}
	return p.Store.Append(ctx, b)
}

func TestAppendRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{MaxBody: 50})
	for name, change := range map[string]func(*commerce.Event){
		"no system": func(e *commerce.Event) { e.Ref.System = "" },
		"no id":     func(e *commerce.Event) { e.Ref.ID = "" },
		"no mode":   func(e *commerce.Event) { e.Ref.Mode = "" },
		"no type":   func(e *commerce.Event) { e.Type = "" },
		"too long":  func(e *commerce.Event) { e.Raw = make([]byte, 51) },
	} {
		e := event("evt_1", "pi_1")
		change(&e)
		_, err := in.Append(t.Context(), event("evt_2", "pi_1"), e)
		require.Error(t, err, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	n, err := in.Count(t.Context(), "")
	require.NoError(t, err)
	require.Zero(t, n.Ready, "all or nothing")
	bare := event("evt_3", "")
	require.Contains(t, get(t, in, appendAll(t, in, bare)[0]).Root, "obj_evt_3", "the object is the subject where none is named")
}

func TestABurstOfWebhooksIsStoredOnce(t *testing.T) {
	t.Parallel()
	for _, commits := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d commits at once", commits), func(t *testing.T) {
			t.Parallel()
			store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
			in := newInbox(t, store, inbox.Config{Commits: commits, MaxBatch: 16})
			hook := in.Receive(verifier{})
			var senders sync.WaitGroup
			for s := range 16 {
				senders.Go(func() {
					for i := range 50 {
						// Every event comes from four senders.
						if code := post(hook, fmt.Sprintf("evt_%d_%d charge.succeeded pi_%d", s%4, i, i%7)).Code; code != http.StatusOK {
							t.Errorf("answered %d", code)
						}
					}
				})
			}
			senders.Wait()
			n, err := in.Count(t.Context(), "")
			require.NoError(t, err)
			require.Equal(t, 200, n.Ready)
			require.LessOrEqual(t, store.count("append"), 800)
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	raw := bytes.Repeat([]byte("x"), 4096)
	for _, shared := range []bool{true, false} {
		name := map[bool]string{true: "shared commits", false: "one commit an event"}[shared]
		b.Run(name, func(b *testing.B) {
			batch := 256
			if !shared {
				batch = 1
			}
			// A commit that takes a fixed time, as a disk's sync does.
			in := newInbox(b, &slow{Store: inbox.NewMemory(inbox.MemoryConfig{}), commit: 50 * time.Microsecond}, inbox.Config{MaxBatch: batch, QueueLen: 1 << 20, QueueBytes: 1 << 32})
			var n int
			var mu sync.Mutex
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					e := event(fmt.Sprint(n), fmt.Sprint(n))
					mu.Unlock()
					e.Raw = raw
					if _, err := in.Append(b.Context(), e); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// slow is a store whose commits take some time of the processor.
type slow struct {
	inbox.Store
	commit time.Duration
}

func (s *slow) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	for began := time.Now(); time.Since(began) < s.commit; {
	}
	return s.Store.Append(ctx, b)
}
