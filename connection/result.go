package connection

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// Result is what the last check of a connection found.
type Result struct {
	Connection commerce.Ref      `json:"connection"`
	At         time.Time         `json:"at"` // when the check ended
	Took       time.Duration     `json:"took"`
	Findings   commerce.Findings `json:"findings"` // what is broken first
	// Fingerprint is of the key that the check used; see [Fingerprint].
	Fingerprint string `json:"fingerprint,omitempty"`
	// LastSuccess is the end of the last check that found nothing broken, with the
	// fingerprint of the key that it used; zero where there was none.
	LastSuccess     time.Time `json:"last_success,omitzero"`
	LastFingerprint string    `json:"last_fingerprint,omitempty"`
}

// OK reports whether nothing is broken.
func (r Result) OK() bool { return r.Findings.Err() == nil }

// KeyChanged reports whether the key is another one than at the last success: what is
// broken since may be its fault.
func (r Result) KeyChanged() bool {
	return r.Fingerprint != "" && r.LastFingerprint != "" && r.Fingerprint != r.LastFingerprint
}

// Change is what is different at a connection since the check before.
type Change struct {
	Connection commerce.Ref
	New        commerce.Findings // found now and not before, or worse than before
	Mended     commerce.Findings // found before and not now
	Result     Result
}

// Any reports whether anything changed.
func (c Change) Any() bool { return len(c.New)+len(c.Mended) > 0 }

// same reports whether two findings are one, whatever their words and figures.
func same(a commerce.Finding) func(commerce.Finding) bool {
	return func(b commerce.Finding) bool {
		return a.Code == b.Code && a.About == b.About && a.Severity == b.Severity
	}
}

// compare completes a result with what is known of the connection from before. A check
// that met an outage saw little, so that what it did not see again is not mended.
func compare(last, now Result) (Result, Change) {
	now.LastSuccess, now.LastFingerprint = last.LastSuccess, last.LastFingerprint
	if now.OK() {
		now.LastSuccess, now.LastFingerprint = now.At, now.Fingerprint
	}
	change := Change{Connection: now.Connection}
	blind := slices.ContainsFunc(now.Findings, func(f commerce.Finding) bool { return outages[f.Code] })
	for _, f := range now.Findings {
		if !slices.ContainsFunc(last.Findings, same(f)) {
			change.New = append(change.New, f)
		}
	}
	for _, f := range last.Findings {
		switch {
		case slices.ContainsFunc(now.Findings, same(f)):
		case blind && !outages[f.Code]:
			now.Findings = append(now.Findings, f)
		default:
			change.Mended = append(change.Mended, f)
		}
	}
	slices.SortStableFunc(now.Findings, func(a, b commerce.Finding) int { return weight[a.Severity] - weight[b.Severity] })
	change.Result = now
	return now, change
}

// weight puts what is broken first.
var weight = map[commerce.Severity]int{commerce.Broken: 0, commerce.Warning: 1, commerce.Notice: 2}

// Fingerprint tells one key of a connection from the next: six hex digits, or nothing for
// no key. They are too few to confirm a guess of the key by.
func Fingerprint(of commerce.Ref, key commerce.Secret) string {
	if key.Empty() {
		return ""
	}
	h := sha256.Sum256([]byte(of.String() + "\x00" + key.Reveal()))
	return hex.EncodeToString(h[:3])
}
