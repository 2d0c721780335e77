package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Config configures a Store. The zero value works.
type Config struct {
	// Prefix begins every key in Redis. Defaults to "{commerce}:", whose braces keep
	// the keys in one slot of a cluster.
	Prefix string
	// Now replaces the server's clock, for simulators and tests.
	Now func() time.Time
	// Timeout bounds a method. Defaults to 5 seconds.
	Timeout time.Duration
	// AllowUnsafe names the settings that may be unsafe, in so many words:
	// "appendonly", "appendfsync", "maxmemory-policy". With any of them keys of effects
	// that were made can get lost, and the effects be made again.
	AllowUnsafe []string
}

// wanted are the settings under which nothing acknowledged gets lost.
var wanted = []struct{ setting, value string }{
	{"appendonly", "yes"}, {"appendfsync", "always"}, {"maxmemory-policy", "noeviction"},
}

// Store keeps operations in Redis. It is safe for concurrent use and needs no closing;
// the client stays the caller's.
type Store struct {
	client  redis.UniversalClient
	prefix  string
	now     func() time.Time
	timeout time.Duration
	unsafe  []string
}

var _ idempotency.Store = (*Store)(nil)

// Open checks the server's settings and returns a Store.
func Open(ctx context.Context, client redis.UniversalClient, c Config) (*Store, error) {
	if client == nil {
		return nil, refusal(commerce.KindInvalid, "open", "", "client is nil")
	}
	if c.Timeout < 0 {
		return nil, refusal(commerce.KindInvalid, "open", "", "Config.Timeout must not be negative")
	}
	for _, s := range c.AllowUnsafe {
		if !slices.ContainsFunc(wanted, func(w struct{ setting, value string }) bool { return w.setting == s }) {
			return nil, refusal(commerce.KindInvalid, "open", "", "Config.AllowUnsafe names %q, which is none of appendonly, appendfsync, maxmemory-policy", s)
		}
	}
	if c.Prefix == "" {
		c.Prefix = "{commerce}:"
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	s := &Store{client: client, prefix: c.Prefix, now: c.Now, timeout: c.Timeout, unsafe: slices.Clone(c.AllowUnsafe)}
	_, err := s.look(ctx, "open", "", true)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// stored is a record as Redis holds it: times in microseconds since 1970 UTC, 0 = none.
type stored struct {
	State       idempotency.State `json:"state"`
	Class       idempotency.Class `json:"class"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Generation  int64             `json:"generation,omitempty"`
	Token       int64             `json:"token"`
	Attempts    int               `json:"attempts"`
	Created     int64             `json:"created"`
	Started     int64             `json:"started"`
	Until       int64             `json:"until"`
	Settle      int64             `json:"settle"`
	Finished    int64             `json:"finished,omitempty"`
	Result      []byte            `json:"result,omitempty"`
}

func pack(r idempotency.Record) (string, error) {
	b, err := json.Marshal(stored{r.State, r.Class, r.Fingerprint, r.Generation, r.Token, r.Attempts, micros(r.Created),
		micros(r.Started), micros(r.Until), r.Settle.Microseconds(), micros(r.Finished), r.Result})
	return string(b), err
}

func unpack(key, text string) (idempotency.Record, error) {
	var s stored
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return idempotency.Record{}, refusal(commerce.KindInternal, "read "+key, "", "what Redis holds is no record: %w", err)
	}
	return idempotency.Record{Key: key, State: s.State, Class: s.Class, Fingerprint: s.Fingerprint, Generation: s.Generation,
		Token: s.Token, Attempts: s.Attempts, Created: moment(s.Created), Started: moment(s.Started), Until: moment(s.Until),
		Settle: time.Duration(s.Settle) * time.Microsecond, Finished: moment(s.Finished), Result: s.Result}, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// seen is a record as it was read, and when.
type seen struct {
	text   string // as Redis holds it; "" = there is none
	record idempotency.Record
	now    time.Time
}

// look reads a record and the clock; before a write also the settings.
func (s *Store) look(ctx context.Context, op, key string, write bool) (seen, error) {
	pipe := s.client.Pipeline()
	clock := pipe.Time(ctx)
	value := pipe.Get(ctx, s.prefix+"op:"+key)
	settings := make([]*redis.MapStringStringCmd, len(wanted))
	for i, w := range wanted {
		if write {
			settings[i] = pipe.ConfigGet(ctx, w.setting)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && clock.Err() != nil {
		return seen{}, failed(op, commerce.NotSent, err)
	}
	for i, w := range wanted {
		if !write || slices.Contains(s.unsafe, w.setting) {
			continue
		}
		is, err := settings[i].Result()
		switch {
		case err != nil && !fromServer(err):
			return seen{}, failed(op, commerce.NotSent, err)
		case err != nil:
			return seen{}, refusal(commerce.KindInvalid, op, "unsafe_setting",
				"the server does not tell %s, which must be %s; let this user run CONFIG GET, or name it in Config.AllowUnsafe: %w", w.setting, w.value, err)
		case is[w.setting] != w.value:
			return seen{}, refusal(commerce.KindInvalid, op, "unsafe_setting",
				"%s = %s may lose what was acknowledged; set it to %s, or name it in Config.AllowUnsafe", w.setting, is[w.setting], w.value)
		}
	}
	out := seen{now: clock.Val().UTC()}
	if s.now != nil {
		out.now = s.now()
	}
	text, err := value.Result()
	if errors.Is(err, redis.Nil) {
		return out, nil
	}
	if err != nil {
		return seen{}, failed(op, commerce.NotSent, err)
	}
	out.text = text
	out.record, err = unpack(key, text)
	return out, err
}

// swap writes a record where nobody was quicker.
var swap = redis.NewScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[4])
return 1`)

// change reads a record, lets decide say what becomes of it, and writes that, until
// nobody was quicker. A record that decide leaves as it is, is not written.
func (s *Store) change(ctx context.Context, op, key string, decide func(seen) (r idempotency.Record, write bool, err error)) (idempotency.Record, error) {
	if err := ctx.Err(); err != nil {
		return idempotency.Record{}, failed(op, commerce.NotSent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for {
		at, err := s.look(ctx, op, key, true)
		if err != nil {
			return idempotency.Record{}, err
		}
		r, write, err := decide(at)
		if err != nil || !write {
			return r, err
		}
		text, err := pack(r)
		if err != nil {
			return r, refusal(commerce.KindInvalid, op, "", "the record has no JSON form: %w", err)
		}
		done, err := swap.Run(ctx, s.client, []string{s.prefix + "op:" + key, s.prefix + "changed"},
			at.text, text, at.now.UnixMicro(), key).Bool()
		if err != nil && !errors.Is(err, redis.Nil) {
			outcome := commerce.Unknown
			if fromServer(err) || isDial(err) {
				outcome = commerce.NotSent
			}
			return r, failed(op, outcome, err)
		}
		if done {
			return r, nil
		}
	}
}

// Begin implements [idempotency.Store].
func (s *Store) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	var g idempotency.Grant
	_, err := s.change(ctx, "begin "+r.Key, r.Key, func(at seen) (idempotency.Record, bool, error) {
		rec := at.record
		if at.text == "" {
			rec = idempotency.Record{Key: r.Key, State: idempotency.NotSent, Created: at.now}
		}
		var err error
		g, err = idempotency.Decide(rec, r, at.now)
		return g.Record, g.Acquired, err
	})
	if err != nil && g.Acquired {
		return idempotency.Grant{}, err
	}
	return g, err
}

// held is the rule of Restart and End: the token must be the open record's.
func held(at seen, key string, token int64) error {
	if at.text == "" || at.record.Token != token || at.record.State != idempotency.Open {
		return idempotency.LostRight(key)
	}
	return nil
}

// Restart implements [idempotency.Store].
func (s *Store) Restart(ctx context.Context, key string, token int64, r idempotency.BeginRequest) (idempotency.Record, error) {
	return s.change(ctx, "restart "+key, key, func(at seen) (idempotency.Record, bool, error) {
		rec := at.record
		rec.Started, rec.Settle, rec.Class = at.now, r.Settle, r.Class
		if r.Fingerprint != "" {
			rec.Fingerprint = r.Fingerprint
		}
		return rec, true, held(at, key, token)
	})
}

// End implements [idempotency.Store].
func (s *Store) End(ctx context.Context, key string, token int64, state idempotency.State, result []byte) error {
	_, err := s.change(ctx, "end "+key, key, func(at seen) (idempotency.Record, bool, error) {
		rec := at.record
		if state == idempotency.Done && rec.State == idempotency.Done && rec.Token == token {
			return rec, false, nil
		}
		rec.State = state
		if state == idempotency.Done {
			rec.Result, rec.Finished = result, at.now
		}
		return rec, true, held(at, key, token)
	})
	return err
}

// Settle implements [idempotency.Store].
func (s *Store) Settle(ctx context.Context, key string, result []byte) (idempotency.Record, error) {
	return s.change(ctx, "settle "+key, key, func(at seen) (idempotency.Record, bool, error) {
		rec := at.record
		switch {
		case at.text == "":
			return rec, false, idempotency.NeverBegun(key)
		case rec.State == idempotency.Done:
			return rec, false, nil
		}
		rec.State, rec.Result, rec.Finished = idempotency.Done, result, at.now
		rec.Token++
		return rec, true, nil
	})
}

// Get implements [idempotency.Store].
func (s *Store) Get(ctx context.Context, key string) (idempotency.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	at, err := s.look(ctx, "get "+key, key, false)
	if err == nil && at.text == "" {
		err = idempotency.NeverBegun(key)
	}
	return at.record, err
}

// pageKeys is how many keys a list fetches at a time.
const pageKeys = 200

// List implements [idempotency.Store]. It looks at every record that changed since,
// whatever its key.
func (s *Store) List(ctx context.Context, prefix string, since time.Time) iter.Seq2[idempotency.Record, error] {
	return func(yield func(idempotency.Record, error) bool) {
		last := redis.Z{Score: float64(micros(since))}
		for {
			page, err := s.after(ctx, last)
			if err != nil || len(page) == 0 {
				if err != nil {
					yield(idempotency.Record{}, err)
				}
				return
			}
			for _, z := range page {
				key := z.Member.(string)
				if !strings.HasPrefix(key, prefix) {
					continue
				}
				rec, err := s.Get(ctx, key)
				if !yield(rec, err) || err != nil {
					return
				}
			}
			last = page[len(page)-1]
		}
	}
}

// after returns the next keys in the order of change and name. Keys that change
// meanwhile move on, so that places can not be counted; names can be compared.
func (s *Store) after(ctx context.Context, last redis.Z) ([]redis.Z, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	from := fmt.Sprintf("%.0f", last.Score)
	for offset := int64(0); ; offset += pageKeys {
		page, err := s.client.ZRangeByScoreWithScores(ctx, s.prefix+"changed",
			&redis.ZRangeBy{Min: from, Max: "+inf", Offset: offset, Count: pageKeys}).Result()
		if err != nil {
			return nil, failed("list", commerce.NotSent, err)
		}
		seen := len(page) > 0
		if name, ok := last.Member.(string); ok {
			page = slices.DeleteFunc(page, func(z redis.Z) bool { return z.Score == last.Score && z.Member.(string) <= name })
		}
		if len(page) > 0 || !seen {
			return page, nil
		}
	}
}

func refusal(kind commerce.Kind, op, code, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(kind, "redis", op, format, args...)
	e.Code, e.Outcome = code, commerce.NotSent
	return e
}

// failed puts an error of the client into this module's words.
func failed(op string, outcome commerce.Outcome, err error) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e
	}
	kind := commerce.KindUnavailable
	switch text := err.Error(); {
	case !fromServer(err):
	case strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "WRONGPASS"):
		kind = commerce.KindAuth
	case strings.HasPrefix(text, "NOPERM"):
		kind = commerce.KindForbidden
	case strings.HasPrefix(text, "WRONGTYPE"), strings.HasPrefix(text, "ERR"):
		kind = commerce.KindInternal
	}
	return &commerce.Error{Kind: kind, System: "redis", Op: op, Outcome: outcome, Err: err}
}

// fromServer reports that the server itself answered with an error.
func fromServer(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok && !errors.Is(err, redis.Nil)
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
