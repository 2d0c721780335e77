package oauth

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
)

// NoticeKind says what happened to a connection.
type NoticeKind string

const (
	Connected    NoticeKind = "connected"
	Disconnected NoticeKind = "disconnected"
	Expiring     NoticeKind = "expiring"
)

// Reasons of a [Notice] of kind [Disconnected].
const (
	ReasonHere    = "here"     // somebody ended it in the host program
	ReasonThere   = "there"    // the merchant took the access away at the far side
	ReasonRefused = "refused"  // the far side renews it no more; connect again
	ReasonNewKeys = "new_keys" // other credentials took its place
)

// Notice is news of a connection, for people. It holds no secrets.
type Notice struct {
	Kind       NoticeKind
	Connection commerce.Ref // tenant, system, account and mode
	At         time.Time
	Actor      string // who did it, as [Session.Actor] names them; empty where nobody did
	Reason     string // of Disconnected
	Days       int    // of Expiring: 30, 7 or 1
	Ends       time.Time
}

// Notify hears of notices. Each is told once if it returns nil; an error is logged, and
// told again only where that is said.
type Notify func(ctx context.Context, n Notice) error

// warnings are the days before the end at which one is told, farthest first.
var warnings = []int{30, 7, 1}

// Expiry is when credentials end, and what was told of it.
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
