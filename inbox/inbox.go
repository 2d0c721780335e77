package inbox

import (
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Config says how an [Inbox] works. The zero value stores events and ends each as
// ignored, because nothing handles it; everything else has a default.
type Config struct {
	// Handlers work the events; see [Merge] for joining those of several workflows.
	Handlers Handlers
	// Feeds are polled while Run runs.
	Feeds []FeedConfig

	// Workers is how many roots are worked at the same moment. Defaults to 4.
	Workers int
	// TenantWorkers is how many of them one tenant may have at the same moment, so that
	// one whose systems are slow does not keep the others waiting. Defaults to Workers.
	TenantWorkers int
	// Lease is how long a worker may hold a root before another may take it. It is
	// extended as handlers end, so it should exceed the slowest single handler.
	// Defaults to 1 minute.
	Lease time.Duration
	// Margin is how long before the end of its lease a worker stops: its context ends
	// then, and what is left of the lease is for writing down how the event ended.
	// Defaults to a sixth of Lease.
	Margin time.Duration
	// MaxRun is the longest that one worker holds one root, however often its lease
	// is extended. After half of it no further event is begun. Defaults to ten times
	// Lease.
	MaxRun time.Duration
	// MaxEvents is how many events of a root are claimed at once. Defaults to 32.
	MaxEvents int

	// MaxAttempts is how often an event may fail before it is dead. Defaults to 12.
	MaxAttempts int
	// MaxStarts is how often in a row the work on an event may begin without an end
	// (its worker died) before it is dead. Defaults to 5.
	MaxStarts int
	// MaxAge ends parking and retrying: an event that is older, counted from its
	// arrival or from its last replay, is dead and not parked again. Defaults to 72 hours.
	MaxAge time.Duration
	// Backoff is how long a failed event waits.
	Backoff Backoff
	// Park is how long a parked event waits where the error does not say.
	// Defaults to 30 seconds.
	Park time.Duration
	// MaxReason bounds the text that says why an event is parked or dead, in bytes.
	// Defaults to 2,000.
	MaxReason int

	// MaxBody is the longest event taken, in bytes. Defaults to 1 MiB.
	MaxBody int64
	// MaxBatch is how many events share a commit, and how many make a page of a feed.
	// Defaults to 256.
	MaxBatch int
	// QueueLen is how many events may wait for a commit. Where they do, a tenant that
	// has none among them is still let in, into a quarter more that all such tenants
	// share. Defaults to 4096.
	QueueLen int
	// QueueBytes is how many bytes of events may wait for a commit or be on their way,
	// with the same quarter more. Defaults to 64 MiB; at least MaxBody.
	QueueBytes int
	// Commits is how many batches are in flight at once: 1 shares best and suits an
	// embedded database; a database far away wants some more. Defaults to 1.
	Commits int
	// CommitTimeout bounds one attempt to commit a batch, and every other single call
	// of the store. Defaults to 5 seconds.
	CommitTimeout time.Duration
	// CommitAttempts is how often a batch is sent whose outcome is unknown or that
	// lost against another transaction. Defaults to 4.
	CommitAttempts int

	// Poll is how often the store is asked for work that another process brought.
	// Events appended through this Inbox are worked at once. Defaults to 1 second.
	Poll time.Duration
	// Watch is how often parked events are counted. Defaults to 1 minute.
	Watch time.Duration
	// MaxParked is how many parked events raise an alert. Defaults to 1,000.
	MaxParked int
	// Alerter hears of what a person should know; nil = nobody.
	Alerter Alerter

	// Now measures how long a lease has been held. It must never go back: time.Now
	// carries a monotonic reading and does not. Defaults to time.Now.
	Now func() time.Time
	// Wait waits before a batch or an ending is sent to the store again; it ends with
	// the context. Defaults to a timer.
	Wait func(context.Context, time.Duration) error
	// Rand spreads waits; it returns a number in [0,1) and is called by several
	// goroutines. Defaults to math/rand/v2.
	Rand func() float64

	// Logger hears of every event that ended, by ids only. Defaults to silence.
	Logger *slog.Logger
	// Tracer makes one span an attempt. Defaults to none.
	Tracer trace.Tracer
	// Meter counts attempts and measures them. Defaults to none.
	Meter metric.Meter
}

// Backoff is an exponential wait: Initial, then Factor times longer after every
// failure, at most Max; a random half of it is left out so that events that failed
// together do not come back together.
type Backoff struct {
	Initial time.Duration // defaults to 5 seconds
	Factor  float64       // defaults to 3; at least 1
	Max     time.Duration // defaults to 6 hours
}

// Inbox receives, stores and works events. Make one with [New]; all its methods
// are safe for concurrent use. It needs no closing: nothing runs between a Receive
// or Append and its answer, and Run ends with its context.
type Inbox struct {
	store Store
	c     Config
	owner string // unlike that of every other process and Inbox
	last  atomic.Int64

	posts posts
	wake  chan struct{} // something may have become due

	running running

	meters meters
	alerts alerts
	feeds  feedStates
}

// New checks the config and returns an inbox on a store. An error names the field.
func New(store Store, c Config) (*Inbox, error) {
	if store == nil {
		return nil, invalid("new", "store is nil")
	}
	c.setDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Handlers, c.Feeds = Merge(c.Handlers), slices.Clone(c.Feeds)
	in := &Inbox{store: store, c: c, owner: rand.Text(), wake: make(chan struct{}, 1)}
	if err := in.meters.open(c.Meter); err != nil {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "new", "Meter: %w", err)
	}
	return in, nil
}

func (c *Config) setDefaults() {
	def(&c.Workers, 4)
	def(&c.TenantWorkers, c.Workers)
	def(&c.Lease, time.Minute)
	def(&c.Margin, c.Lease/6)
	def(&c.MaxRun, 10*c.Lease)
	def(&c.MaxEvents, 32)
	def(&c.MaxAttempts, 12)
	def(&c.MaxStarts, 5)
	def(&c.MaxAge, 72*time.Hour)
	def(&c.Backoff.Initial, 5*time.Second)
	def(&c.Backoff.Factor, 3)
	def(&c.Backoff.Max, 6*time.Hour)
	def(&c.Park, 30*time.Second)
	def(&c.MaxReason, 2000)
	def(&c.MaxBody, 1<<20)
	def(&c.MaxBatch, 256)
	def(&c.QueueLen, 4096)
	def(&c.QueueBytes, max(64<<20, int(c.MaxBody)))
	def(&c.Commits, 1)
	def(&c.CommitTimeout, 5*time.Second)
	def(&c.CommitAttempts, 4)
	def(&c.Poll, time.Second)
	def(&c.Watch, time.Minute)
	def(&c.MaxParked, 1000)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = httpx.Wait
	}
	if c.Rand == nil {
		c.Rand = mathrand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Tracer == nil {
		c.Tracer = tracenoop.NewTracerProvider().Tracer("")
	}
	if c.Meter == nil {
		c.Meter = metricnoop.NewMeterProvider().Meter("")
	}
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) check() error {
	positive := []struct {
		field string
		ok    bool
	}{
		{"Workers", c.Workers > 0}, {"TenantWorkers", c.TenantWorkers > 0}, {"Lease", c.Lease > 0}, {"Margin", c.Margin > 0},
		{"MaxEvents", c.MaxEvents > 0}, {"MaxAttempts", c.MaxAttempts > 0},
		{"MaxStarts", c.MaxStarts > 0}, {"MaxAge", c.MaxAge > 0},
		{"Backoff.Initial", c.Backoff.Initial > 0}, {"Backoff.Max", c.Backoff.Max > 0},
		{"Park", c.Park > 0}, {"MaxReason", c.MaxReason > 0}, {"MaxBody", c.MaxBody > 0},
		{"MaxBatch", c.MaxBatch > 0}, {"QueueLen", c.QueueLen > 0}, {"Commits", c.Commits > 0},
		{"CommitTimeout", c.CommitTimeout > 0}, {"CommitAttempts", c.CommitAttempts > 0},
		{"Poll", c.Poll > 0}, {"Watch", c.Watch > 0}, {"MaxParked", c.MaxParked > 0},
	}
	for _, p := range positive {
		if !p.ok {
			return invalid("new", "%s must be positive", p.field)
		}
	}
	switch {
	case c.Margin >= c.Lease:
		return invalid("new", "Margin (%s) must be shorter than Lease (%s)", c.Margin, c.Lease)
	case c.MaxRun < c.Lease:
		return invalid("new", "MaxRun (%s) must not be shorter than Lease (%s)", c.MaxRun, c.Lease)
	case int64(c.QueueBytes) < c.MaxBody:
		return invalid("new", "QueueBytes (%d) must not be less than MaxBody (%d)", c.QueueBytes, c.MaxBody)
	case !(c.Backoff.Factor >= 1):
		return invalid("new", "Backoff.Factor must be at least 1")
	case c.Backoff.Max < c.Backoff.Initial:
		return invalid("new", "Backoff.Max (%s) must not be shorter than Backoff.Initial (%s)", c.Backoff.Max, c.Backoff.Initial)
	}
	if err := c.Handlers.check(); err != nil {
		return err
	}
	return checkFeeds(c.Feeds)
}

// fresh returns a text that no process ever returned before.
func (in *Inbox) fresh() string {
	return in.owner + "-" + strconv.FormatInt(in.last.Add(1), 10)
}

// signal tells Run that something may have become due.
func (in *Inbox) signal() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// call bounds one call of the store that must not end with its caller.
func (in *Inbox) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), in.c.CommitTimeout)
}

const system = "inbox"

func invalid(op, format string, args ...any) *commerce.Error {
	return notSent(commerce.KindInvalid, op, format, args...)
}

// spread returns a wait between half of d and d.
func (in *Inbox) spread(d time.Duration) time.Duration {
	return d/2 + time.Duration(in.c.Rand()*float64(d/2))
}

// grown returns what d becomes after n failures.
func (b Backoff) grown(n int) time.Duration {
	d := float64(b.Initial)
	for range n {
		if d *= b.Factor; d >= float64(b.Max) {
			return b.Max
		}
	}
	return min(b.Max, time.Duration(d))
}
