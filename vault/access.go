package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Verb is what somebody did, or wants to do, with a credential.
type Verb string

// A [Guard] writes the first three down by itself. The others are asked for before they
// are done, see [Authorize].
const (
	VerbOpen       Verb = "open"       // it was read, by a program that uses it
	VerbSeal       Verb = "seal"       // it was written
	VerbDelete     Verb = "delete"     // it is gone
	VerbDisplay    Verb = "display"    // a person reads it
	VerbRotate     Verb = "rotate"     // another one takes its place
	VerbRollBack   Verb = "roll_back"  // the one before takes its place again
	VerbDisconnect Verb = "disconnect" // the connection ends
)

// Access is a line of the access log: who did what with which credential, and why.
type Access struct {
	Seq int64     `json:"seq"` // 1, 2, 3 …, without a gap
	At  time.Time `json:"at"`  // UTC, to the microsecond
	// Actor and Purpose are what [As] put into the context. An actor is an opaque id,
	// never a name or an e-mail address.
	Actor   string       `json:"actor"`
	Purpose string       `json:"purpose"`
	Verb    Verb         `json:"verb"`
	Owner   commerce.Ref `json:"owner"`
	Name    string       `json:"name"`
	Version int64        `json:"version,omitempty"` // of the record; 0 where none came to it
	// Outcome is "ok", or the kind of the error: "not_found", "forbidden".
	Outcome string `json:"outcome"`
	// Sum is the HMAC-SHA256 of the line before and this one, in hex.
	Sum string `json:"sum"`
}

// AccessStore keeps the lines of an [AccessLog]. It only ever adds.
type AccessStore interface {
	// Append adds a line. Where there is one of its Seq already the error is of kind
	// conflict, and nothing was added.
	Append(ctx context.Context, a Access) error
	// Last returns the newest line; the zero Access where there is none.
	Last(ctx context.Context) (Access, error)
	// Lines are all lines with a greater Seq than after, in order.
	Lines(ctx context.Context, after int64) iter.Seq2[Access, error]
}

// Head is where a log stands. Who keeps one elsewhere can prove later that nothing before
// it was cut or altered.
type Head struct {
	Seq int64  `json:"seq"`
	Sum string `json:"sum"`
}

// AccessConfig configures an [AccessLog]. The zero value works.
type AccessConfig struct {
	// Patterns are what Alert hears of.
	Patterns []Pattern
	// Alert hears of each pattern that was seen. It is called before the secret is handed
	// out, so it must not wait for anybody.
	Alert func(ctx context.Context, a Alarm)
	// WriteTimeout bounds the writing of a line, which goes on when the caller's context
	// has ended: who is refused can not keep that out of the log by hanging up.
	// Defaults to 5 seconds.
	WriteTimeout time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// AccessLog is an append-only record of what was done with credentials. Each line is bound
// to the one before it by a sum under a key that is sealed in the vault, so that
// whoever can write the table, but has not the vault's keys, can neither alter a line nor
// take one out without [AccessLog.Verify] noticing. It is safe for concurrent use, and for
// several processes over one store.
type AccessLog struct {
	store  AccessStore
	keeper Keeper
	key    commerce.Secret
	c      AccessConfig
	watch  watch

	mu   sync.Mutex // held while a line is added: each needs the sum before it
	last Access
}

const opLog = "write access log"

// Names of what the log itself keeps in the vault.
const (
	logKey  = "access_log_key"
	logHead = "access_log_head"
)

// logOwner owns both. Nobody's system is called so.
var logOwner = commerce.Ref{System: "vault", Account: "access log"}

// NewAccessLog returns the log in store. Its key and its head are sealed in keeper, which
// is the vault itself, not a [Guard] that writes into this log. An error of kind invalid
// names the argument.
func NewAccessLog(ctx context.Context, keeper Keeper, store AccessStore, c AccessConfig) (*AccessLog, error) {
	const op = "new access log"
	switch {
	case keeper == nil:
		return nil, invalid(op, "keeper is nil")
	case store == nil:
		return nil, invalid(op, "store is nil")
	case c.WriteTimeout < 0:
		return nil, invalid(op, "AccessConfig.WriteTimeout must not be negative")
	case len(c.Patterns) > 0 && c.Alert == nil:
		return nil, invalid(op, "AccessConfig.Alert is not set, so nobody hears of Patterns")
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	l := &AccessLog{store: store, keeper: keeper, c: c}
	for i, p := range c.Patterns {
		checked, err := p.checked(i)
		if err != nil {
			return nil, err
		}
		l.watch.patterns = append(l.watch.patterns, &watched{Pattern: checked, recent: map[string][]Access{}})
	}
	key, err := keyOf(ctx, keeper)
	if err != nil {
		return nil, err
	}
	l.key = commerce.NewSecret(string(key))
	return l, nil
}

// keyOf opens the log's key, or makes it. Of two who make it one wins.
func keyOf(ctx context.Context, keeper Keeper) ([]byte, error) {
	key, _, err := keeper.Open(ctx, logOwner, logKey)
	if !errors.Is(err, commerce.ErrNotFound) {
		return key, err
	}
	key = make([]byte, sha256.Size)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if _, err = keeper.Seal(ctx, logOwner, logKey, key, 0); errors.Is(err, commerce.ErrConflict) {
		key, _, err = keeper.Open(ctx, logOwner, logKey)
	}
	return key, err
}

// maxTurns bounds how often a line is written again because another process was first.
const maxTurns = 100

// Write adds a line: Seq, At and Sum are the log's to say, as are Actor and Purpose, which
// it takes from the context. Programs write their own deeds with it; a [Guard] writes
// openings by itself.
func (l *AccessLog) Write(ctx context.Context, a Access) error {
	a.Actor, a.Purpose = actorOf(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.c.WriteTimeout)
	defer cancel()
	err := l.add(ctx, &a)
	if err == nil {
		l.watch.see(ctx, a, l.c.Alert)
	}
	return err
}

func (l *AccessLog) add(ctx context.Context, a *Access) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range maxTurns {
		a.Seq, a.At = l.last.Seq+1, l.c.Now().UTC().Truncate(time.Microsecond)
		a.Sum = sum(l.key, l.last.Sum, *a)
		err := l.store.Append(ctx, *a)
		if err == nil {
			l.last = *a
			return nil
		}
		if !errors.Is(err, commerce.ErrConflict) {
			return err
		}
		if l.last, err = l.store.Last(ctx); err != nil {
			return err
		}
	}
	return commerce.Errorf(commerce.KindConflict, system, opLog, "other processes were first %d times", maxTurns)
}

// sum binds a line to the one before it.
func sum(key commerce.Secret, before string, a Access) string {
	a.Sum = before
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // texts, numbers and a time of this era
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// Lines are the lines that keep accepts, oldest first; nil accepts all.
func (l *AccessLog) Lines(ctx context.Context, keep func(Access) bool) iter.Seq2[Access, error] {
	return func(yield func(Access, error) bool) {
		for a, err := range l.store.Lines(ctx, 0) {
			if err != nil {
				yield(Access{}, err)
				return
			}
			if (keep == nil || keep(a)) && !yield(a, nil) {
				return
			}
		}
	}
}

// Newest are the last n lines, newest first, for a page.
func (l *AccessLog) Newest(ctx context.Context, n int) ([]Access, error) {
	last, err := l.store.Last(ctx)
	if err != nil {
		return nil, err
	}
	var all []Access
	for a, err := range l.store.Lines(ctx, max(0, last.Seq-int64(n))) {
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	slices.Reverse(all)
	return all[:min(n, len(all))], nil
}

// Codes of [AccessLog.Verify].
const (
	CodeAltered = "log_altered"
	CodeCut     = "log_cut"
)

// Verify reads the whole log and returns where it stands. An error of kind conflict says
// which line is the first that somebody altered or took out (code "log_altered"), or that
// the log ends before where it once stood (code "log_cut"). Where it once stood is sealed
// in the vault at the end of each Verify, and a process knows the last line that it wrote
// itself; known are heads that the caller kept elsewhere, in an alert or an export, for
// the case that the vault's table was put back as well.
func (l *AccessLog) Verify(ctx context.Context, known ...Head) (Head, error) {
	anchor, version, err := l.anchor(ctx)
	if err != nil {
		return Head{}, err
	}
	l.mu.Lock()
	own := Head{l.last.Seq, l.last.Sum} // what this process wrote is there
	l.mu.Unlock()
	for _, h := range []Head{anchor, own} {
		if h.Seq > 0 {
			known = append(known[:len(known):len(known)], h)
		}
	}
	want := map[int64]string{}
	for _, h := range known {
		if other, twice := want[h.Seq]; twice && other != h.Sum {
			return Head{}, altered(h.Seq)
		}
		want[h.Seq] = h.Sum
	}
	var at Head
	for a, err := range l.store.Lines(ctx, 0) {
		if err != nil {
			return at, err
		}
		if a.Seq != at.Seq+1 || !hmac.Equal([]byte(a.Sum), []byte(sum(l.key, at.Sum, a))) {
			return at, altered(at.Seq + 1)
		}
		at = Head{a.Seq, a.Sum}
		if was, ok := want[a.Seq]; ok && was != a.Sum {
			return at, altered(a.Seq)
		}
		delete(want, a.Seq)
	}
	for seq := range want {
		if seq > 0 {
			return at, &commerce.Error{Kind: commerce.KindConflict, System: system, Op: "verify access log", Code: CodeCut,
				Text: "lines at the end are gone: there was one with a greater number than the last"}
		}
	}
	text, err := json.Marshal(at)
	if err != nil || at.Seq == anchor.Seq {
		return at, err
	}
	if _, err = l.keeper.Seal(ctx, logOwner, logHead, text, version); errors.Is(err, commerce.ErrConflict) {
		err = nil // another process verified as well
	}
	return at, err
}

func altered(seq int64) error {
	e := commerce.Errorf(commerce.KindConflict, system, "verify access log", "line %d is not what was written", seq)
	e.Code = CodeAltered
	return e
}

// anchor is where the log stood when it was last verified.
func (l *AccessLog) anchor(ctx context.Context) (h Head, version int64, err error) {
	text, version, err := l.keeper.Open(ctx, logOwner, logHead)
	if errors.Is(err, commerce.ErrNotFound) {
		return Head{}, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	return h, version, err
}
