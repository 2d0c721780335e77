package oauth

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
)

// Expiries remembers when credentials end that people put in, and tells of it 30, 7 and 1
// days before, once each, whichever process looks. A [Flow] does the same for its own
// connections.
type Expiries struct {
	Keeper Keeper // required
	Notify Notify // required
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Set says when a connection's credentials end; the zero time says that they do not.
func (e Expiries) Set(ctx context.Context, connection commerce.Ref, ends time.Time) error {
	return change(ctx, e.Keeper, connection.With(""), expiryName, func(at *expiry, there bool) (bool, error) {
		if at.Ends.Equal(ends) {
			return false, nil
		}
		*at = expiry{Ends: ends.UTC()}
		return there || !ends.IsZero(), nil
	})
}

// Remind tells of a connection if it is time. Call it for each, some times a day.
func (e Expiries) Remind(ctx context.Context, connection commerce.Ref) error {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	return remind(ctx, e.Keeper, connection.With(""), expiryName, now(), func(at *expiry) *expiry { return at }, e.Notify)
}

// warnings are the days before the end at which one is told, farthest first.
var warnings = []int{30, 7, 1}

// expiry is when credentials end, and what was told of it.
type expiry struct {
	Ends time.Time `json:"ends,omitzero"`
	Told int       `json:"told,omitempty"` // the fewest days that were told of; 0 = none
}

// due returns the days to tell of now; 0 where there is nothing new. After an outage the
// nearest is told, and not those before it.
func (e expiry) due(now time.Time) int {
	if e.Ends.IsZero() {
		return 0
	}
	days := 0
	for _, d := range warnings {
		if e.Ends.Sub(now) <= time.Duration(d)*24*time.Hour {
			days = d
		}
	}
	if e.Told != 0 && days >= e.Told {
		return 0
	}
	return days
}

// remind tells of what will end, where the record says that nobody did yet.
func remind[T any](ctx context.Context, k Keeper, owner commerce.Ref, name string, now time.Time, of func(*T) *expiry, notify Notify) error {
	var n Notice
	err := change(ctx, k, owner, name, func(v *T, there bool) (bool, error) {
		e := of(v)
		n = Notice{Kind: Expiring, Connection: owner, At: now, Days: e.due(now), Ends: e.Ends}
		if n.Days != 0 {
			e.Told = n.Days
		}
		return there && n.Days != 0, nil
	})
	if err != nil || n.Days == 0 {
		return err
	}
	return notify(ctx, n)
}
