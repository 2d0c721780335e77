package contention_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// far is the far side: it makes an effect each time it is asked, and counts.
type far struct {
	*httptest.Server
	mu      sync.Mutex
	effects map[string]int
}

func newFar(t *testing.T) *far {
	f := &far{effects: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method == http.MethodPost {
			f.effects[r.URL.Path]++
		}
		if f.effects[r.URL.Path] == 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, f.effects[r.URL.Path])
	}))
	t.Cleanup(f.Close)
	return f
}

// count is how many keys have one effect, and how many effects there are beyond.
func (f *far) count() (once, more int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.effects {
		once++
		more += n - 1
	}
	return once, more
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}

// ask makes an effect, or looks for it.
func ask(ctx context.Context, method, url string) (string, error) {
	unsure := func(err error) error {
		return &commerce.Error{Kind: commerce.KindUnavailable, System: "far", Op: method, Outcome: commerce.Unknown, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", unsure(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", unsure(err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return "", commerce.Errorf(commerce.KindNotFound, "far", method, "no effect")
	}
	return string(text), nil
}

// tally is what the callers heard.
type tally struct {
	Answered int // of the effect, made by themselves or by somebody else
	InFlight int // somebody else is at work on it
	Again    int // the store was busy: nothing was sent, come again
	Wrong    []string
}

func (t *tally) add(o tally) {
	t.Answered += o.Answered
	t.InFlight += o.InFlight
	t.Again += o.Again
	t.Wrong = append(t.Wrong, o.Wrong...)
}

// contend lets so many callers want every key once, all in the same order.
func contend(ctx context.Context, store idempotency.Store, j job) (sum tally) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range j.Callers {
		wg.Go(func() {
			var mine tally
			for k := range j.Keys {
				mine.add(want(ctx, store, j, fmt.Sprintf("k/%d", k)))
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(mine)
		})
	}
	wg.Wait()
	return sum
}

// want wants one key, again and again while the store is busy.
func want(ctx context.Context, store idempotency.Store, j job, key string) (t tally) {
	for {
		ran := false
		got, err := idempotency.Do(ctx, store, key, func(ctx context.Context) (string, error) {
			ran = true
			return ask(ctx, http.MethodPost, j.Far+"/"+key)
		})
		switch {
		case err == nil && got == "1":
			t.Answered++
			return t
		case errors.Is(err, commerce.ErrParked):
			t.InFlight++
			return t
		case err != nil && !ran && !commerce.KindOf(err).Permanent():
			t.Again++
		default:
			t.Wrong = append(t.Wrong, fmt.Sprintf("%s: %q, %v", key, got, err))
			return t
		}
	}
}

// everybody runs the callers of this process and of so many others.
func everybody(t *testing.T, p place, j job, processes int) tally {
	if p.Driver == "" {
		processes = 0
	}
	j.Place, j.Prefix = p, t.Name()
	store, closeStore, err := p.open(t.Context(), j.Prefix)
	require.NoError(t, err)
	defer closeStore()
	var sum tally
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range processes {
		wg.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), childEnv+"="+j.String())
			out, err := c.Output()
			var got tally
			if err == nil {
				err = json.Unmarshal(out, &got)
			}
			if err != nil {
				t.Errorf("a process: %v: %s", err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(got)
		})
	}
	own := contend(t.Context(), store, j)
	wg.Wait()
	sum.add(own)
	return sum
}

func TestOneKeyOneExecution(t *testing.T) {
	t.Parallel()
	callers := number(t, "CALLERS", 100, 1000)
	eachPlace(t, func(t *testing.T, p place) {
		f := newFar(t)
		began := time.Now()
		sum := everybody(t, p, job{Far: f.URL, Callers: callers, Keys: 1}, 4)
		once, more := f.count()
		t.Logf("%d callers in each of 5 processes: 1 key, %d executions, %d answered, %d in flight, %d times busy, %.1f s",
			callers, once+more, sum.Answered, sum.InFlight, sum.Again, time.Since(began).Seconds())
		require.Empty(t, sum.Wrong)
		require.Equal(t, 1, once)
		require.Zero(t, more)
		require.Positive(t, sum.Answered)
	})
}

func TestManyKeysOneExecutionEach(t *testing.T) {
	t.Parallel()
	keys := number(t, "KEYS", 100, 100_000)
	eachPlace(t, func(t *testing.T, p place) {
		f := newFar(t)
		began := time.Now()
		sum := everybody(t, p, job{Far: f.URL, Callers: 2, Keys: keys}, 4)
		once, more := f.count()
		t.Logf("%d keys, each wanted by 2 callers in each of 5 processes: %d executions, %d answered, %d in flight, %d times busy, %.1f s",
			keys, once+more, sum.Answered, sum.InFlight, sum.Again, time.Since(began).Seconds())
		require.Empty(t, sum.Wrong)
		require.Equal(t, keys, once)
		require.Zero(t, more)
	})
}

// careless is the control: a store that looks, and then writes.
type careless struct{ idempotency.Store }

func (c careless) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	rec, err := c.Get(ctx, r.Key)
	if err == nil && rec.State == idempotency.Done {
		return idempotency.Grant{Record: rec}, nil
	}
	if _, err = c.Store.Begin(ctx, r); err != nil {
		return idempotency.Grant{}, err
	}
	return idempotency.Grant{Record: idempotency.Record{Key: r.Key, State: idempotency.Open, Token: 1}, Acquired: true}, nil
}

func TestAStoreThatLooksAndThenWritesExecutesTwice(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	contend(t.Context(), careless{idempotency.NewMemory(nil)}, job{Far: f.URL, Callers: 100, Keys: 1})
	_, more := f.count()
	require.Positive(t, more, "the test saw no second execution: it could not see one")
	t.Logf("%d executions", more+1)
}

const (
	shortLease = 400 * time.Millisecond
	settle     = 200 * time.Millisecond
)

// effect is one that can be found.
func effect(j job, before func(ctx context.Context) context.Context) idempotency.Effect[string] {
	return idempotency.Effect[string]{Class: idempotency.Marked, Settle: settle,
		Find: func(ctx context.Context) (string, error) { return ask(ctx, http.MethodGet, j.Far+"/k") },
		Act: func(ctx context.Context) (string, error) {
			return ask(before(ctx), http.MethodPost, j.Far+"/k")
		}}
}

// paused is a worker that is stopped right before it acts; it returns what became of it.
func paused(ctx context.Context, store idempotency.Store, j job) string {
	_, err := idempotency.Run(ctx, store, "k", effect(j, func(ctx context.Context) context.Context {
		fmt.Println("acting")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		if j.Unfenced {
			return context.WithoutCancel(ctx)
		}
		return ctx
	}), idempotency.Lease(shortLease))
	if err == nil {
		return "well"
	}
	return "with an error"
}

// TestAPausedWorkerDoesNotActLate stops a process between the beginning of its key and
// its request, lets another take the key over, and wakes the first.
func TestAPausedWorkerDoesNotActLate(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, p place, unfenced bool) (effects int, said string) {
		f := newFar(t)
		j := job{Place: p, Prefix: t.Name(), Far: f.URL, Paused: true, Unfenced: unfenced}
		store, closeStore, err := p.open(t.Context(), j.Prefix)
		require.NoError(t, err)
		defer closeStore()

		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), childEnv+"="+j.String())
		in, err := c.StdinPipe()
		require.NoError(t, err)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "acting\n", line)
		require.NoError(t, c.Process.Signal(syscall.SIGSTOP))

		// The other waits for the lease and for what may still be on its way, looks, and acts.
		got := takeOver(t, store, j)
		require.Equal(t, "1", got)

		require.NoError(t, c.Process.Signal(syscall.SIGCONT))
		_, err = io.WriteString(in, "go on\n")
		require.NoError(t, err)
		said, err = lines.ReadString('\n')
		require.NoError(t, err)
		require.NoError(t, c.Wait())

		rec, err := store.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, idempotency.Done, rec.State)
		require.JSONEq(t, `"1"`, string(rec.Result), "what the late one brought is not written")
		once, more := f.count()
		return once + more, strings.TrimSpace(said)
	}
	for name, open := range places() {
		if name == "memory" {
			continue // no other process has it
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			effects, said := run(t, open(t), false)
			require.Equal(t, 1, effects)
			require.Equal(t, "ended with an error", said)
		})
	}
	t.Run("control: without the fence", func(t *testing.T) {
		t.Parallel()
		effects, _ := run(t, places()["SQLite"](t), true)
		require.Equal(t, 2, effects)
	})
}

// takeOver wants the key until it is done.
func takeOver(t *testing.T, store idempotency.Store, j job) string {
	for {
		got, err := idempotency.Run(t.Context(), store, "k", effect(j, func(ctx context.Context) context.Context { return ctx }),
			idempotency.Lease(10*time.Second))
		if err == nil {
			return got
		}
		require.ErrorIs(t, err, commerce.ErrParked)
		<-time.After(max(time.Millisecond, commerce.RetryAfter(err)))
	}
}

// TestAPausedGoroutineDoesNotActLate does the same within one process, on the memory.
func TestAPausedGoroutineDoesNotActLate(t *testing.T) {
	t.Parallel()
	f, store := newFar(t), idempotency.NewMemory(nil)
	j := job{Far: f.URL}
	acting, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := idempotency.Run(context.Background(), store, "k", effect(j, func(ctx context.Context) context.Context {
			close(acting)
			<-goOn
			return ctx
		}), idempotency.Lease(shortLease))
		ended <- err
	}()
	<-acting
	require.Equal(t, "1", takeOver(t, store, j))
	close(goOn)
	require.Error(t, <-ended)
	once, more := f.count()
	require.Equal(t, 1, once+more)
}
