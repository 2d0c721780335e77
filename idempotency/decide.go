package idempotency

import (
	"bytes"
	"time"
)

// Decide is what Begin does to a record at a moment of the store's clock: the rule
// that every Store shares. A store reads the record under its lock (a key that is
// not there is a Record with State NotSent), calls Decide, and writes Grant.Record
// where it is Acquired.
func Decide(rec Record, r BeginRequest, now time.Time) (Grant, error) {
	unknown := rec.State == Unknown || rec.State == Open && !now.Before(rec.Until)
	if rec.Fingerprint != "" && r.Fingerprint != "" && rec.Fingerprint != r.Fingerprint {
		mendable := rec.State == NotSent || unknown
		if !mendable || r.Generation <= rec.Generation {
			return Grant{Record: rec}, &FingerprintError{Key: rec.Key, State: rec.State}
		}
	}
	switch {
	case rec.State == Done:
		return Grant{Record: rec}, nil
	case rec.State == Open && !unknown:
		return Grant{Record: rec, Wait: rec.Until.Sub(now)}, nil
	case unknown && rec.Class != Keyed && now.Before(rec.Started.Add(rec.Settle)):
		return Grant{Record: rec, Wait: rec.Started.Add(rec.Settle).Sub(now)}, nil
	}
	g := Grant{Record: rec, Acquired: true, Probe: unknown}
	g.Record.State = Open
	g.Record.Token++
	g.Record.Attempts++
	g.Record.Generation = max(rec.Generation, r.Generation)
	g.Record.Until = now.Add(r.Lease)
	if unknown {
		g.Age = now.Sub(rec.Started)
		return g, nil
	}
	g.Record.Class, g.Record.Settle, g.Record.Started = r.Class, r.Settle, now
	if r.Fingerprint != "" {
		g.Record.Fingerprint = r.Fingerprint
	}
	return g, nil
}

func (g Grant) clone() Grant {
	g.Record.Result = bytes.Clone(g.Record.Result)
	return g
}
