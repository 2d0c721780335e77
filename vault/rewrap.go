package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/commercesync/commerce"
)

// RewrapConfig configures a run of [Vault.Rewrap]. The zero value works.
type RewrapConfig struct {
	// Batch is how many records are read at a time. Defaults to 100.
	Batch int
	// Parallel is how many of them are sealed at a time. Defaults to 8.
	Parallel int
	// Passes bounds how often the store is gone through because other programs still
	// write under another key. Defaults to 5.
	Passes int
	// Progress is told after every batch.
	Progress func(Rewrap)
}

// Rewrap is how far a run of [Vault.Rewrap] is.
type Rewrap struct {
	Key       string // the primary, which all records come under
	Done      int    // records that were sealed anew
	Overtaken int    // records that somebody else wrote or deleted meanwhile
	Refused   int    // records that do not open, and so stay as they are
}

// maxRefusals is how many records an error of Rewrap names.
const maxRefusals = 10

// Rewrap loads the ring and seals every record that is not under its primary key anew,
// with a fresh data key: who knew the old one gains nothing. Versions stay, so nobody
// who is about to write notices, and readers are never without the record. A run that
// was cut off is run again; it goes on with what is left. It ends when a pass over the
// store finds nothing more.
//
// Records that do not open are left alone and do not stop the run; the error names the
// first of them, each with its own cause.
func (v *Vault) Rewrap(ctx context.Context, c RewrapConfig) (Rewrap, error) {
	const op = "rewrap"
	var at Rewrap
	switch {
	case c.Batch < 0:
		return at, invalid(op, "RewrapConfig.Batch must not be negative")
	case c.Parallel < 0:
		return at, invalid(op, "RewrapConfig.Parallel must not be negative")
	case c.Passes < 0:
		return at, invalid(op, "RewrapConfig.Passes must not be negative")
	}
	if err := v.Reload(ctx); err != nil {
		return at, err
	}
	for range or(c.Passes, 5) {
		left, refusals, err := v.pass(ctx, or(c.Batch, 100), or(c.Parallel, 8), &at, c.Progress)
		switch {
		case err != nil:
			return at, during(op, "", err)
		case left == 0 && at.Refused > 0:
			return at, &commerce.Error{Kind: commerce.KindOf(refusals), System: system, Op: op,
				Text: fmt.Sprintf("%d records do not open and were left as they are", at.Refused), Err: refusals}
		case left == 0:
			return at, nil
		}
	}
	return at, commerce.Errorf(commerce.KindConflict, system, op, "records keep coming under other keys than %s; have all programs load the ring", at.Key)
}

func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

// pass goes once through the store. left is how many records it found that opened, all of
// which are under the primary now unless somebody was quicker.
func (v *Vault) pass(ctx context.Context, batch, parallel int, at *Rewrap, progress func(Rewrap)) (left int, refusals error, err error) {
	at.Refused = 0
	var after *Record
	for ctx.Err() == nil {
		s := v.current.Load()
		at.Key = s.ring.Primary()
		page, err := v.c.Store.List(ctx, Filter{NotKey: at.Key, After: after}, batch)
		if err != nil {
			return left, refusals, err
		}
		for i, err := range v.resealAll(ctx, s, page, parallel) {
			switch r := page[i]; {
			case err == nil:
				at.Done++
				left++
			case errors.Is(err, commerce.ErrConflict):
				at.Overtaken++
				left++
			case isRefusal(err):
				if at.Refused++; at.Refused <= maxRefusals {
					refusals = errors.Join(refusals, during(opOf("open", r.Owner, r.Name), "", err))
				}
			default:
				return left, refusals, err
			}
		}
		if progress != nil && len(page) > 0 {
			progress(*at)
		}
		if len(page) < batch {
			return left, refusals, nil
		}
		after = &page[len(page)-1]
	}
	return left, refusals, ctx.Err()
}

// resealAll seals records anew, some at a time, and returns what became of each.
func (v *Vault) resealAll(ctx context.Context, s *loaded, page []Record, parallel int) []error {
	errs := make([]error, len(page))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(parallel, len(page)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = v.reseal(ctx, s, page[i])
			}
		})
	}
	for i := range page {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}

func (v *Vault) reseal(ctx context.Context, s *loaded, r Record) error {
	_, old, err := v.keyOf(ctx, r.Key)
	if err != nil {
		return err
	}
	o, err := unwrap(ctx, old, r)
	if err != nil {
		return err
	}
	secret, err := o.open(r.Sealed)
	if err != nil {
		return err
	}
	defer clear(secret)
	from := r.Key
	r.Key = s.ring.Primary()
	if r.Sealed, _, err = seal(ctx, s.ring.keys[s.ring.primary], r.Owner, r.Name, r.Version, secret); err != nil {
		return err
	}
	return v.c.Store.Reseal(ctx, r, from)
}

// isRefusal reports that a record does not open, however often it is tried.
func isRefusal(err error) bool {
	e, ok := err.(*commerce.Error)
	return ok && e.System == system && e.Code != "" && e.Code != CodeKeyService
}

// Usage says how many records each key wraps, also keys that the ring does not have.
func (v *Vault) Usage(ctx context.Context) (map[string]int64, error) {
	n, err := v.c.Store.Count(ctx)
	if err != nil {
		return nil, during("count records", "", err)
	}
	return n, nil
}
