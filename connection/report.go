package connection

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
)

// Report collects what a check finds at one connection.
type Report struct {
	Of       commerce.Ref
	Findings commerce.Findings
}

// Tell adds a finding. About is which one, where there can be several of a code.
func (r *Report) Tell(s commerce.Severity, code, about, seen, expected, mend string) {
	r.Findings = append(r.Findings, commerce.Finding{Connection: r.Of, Code: code, About: about, Severity: s, Seen: seen, Expected: expected, Mend: mend})
}

// Fail adds what [Found] makes of an error, once where several reads end in the same.
func (r *Report) Fail(err error) {
	f := Found(r.Of, err)
	if !slices.ContainsFunc(r.Findings, same(f)) {
		r.Findings = append(r.Findings, f)
	}
}

// Knock adds what a stranger sees of a door; see [Knock].
func (r *Report) Knock(ctx context.Context, d Door) (open bool) {
	found, open := Knock(ctx, r.Of, d)
	r.Findings = append(r.Findings, found...)
	return open
}
