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
	Failed       NoticeKind = "failed" // what was begun came to nothing, with nobody there to see
)

// Reasons of a [Notice] of kind [Disconnected].
const (
	ReasonHere    = "here"    // somebody ended it in the host program
	ReasonThere   = "there"   // the merchant took the access away at the far side
	ReasonRefused = "refused" // the far side renews it no more; connect again
)

// Notice is news of a connection, for people. It holds no secrets.
type Notice struct {
	Kind       NoticeKind
	Connection commerce.Ref // tenant, system, account and mode
	At         time.Time
	Actor      string // who did it, as [Session.Actor] names them; empty where nobody did
	Reason     string // of Disconnected; of Failed a code
	Days       int    // of Expiring: 30, 7 or 1
	Ends       time.Time
}

// Notify hears of notices. Each is told once; an error is logged, and nothing is told
// again, so it should put the notice into a queue that lasts.
type Notify func(ctx context.Context, n Notice) error
