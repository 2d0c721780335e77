package connection

import (
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// Area is what kind of trouble a failure belongs to.
type Area string

// The areas, in the order in which trouble is looked for.
const (
	Outage         Area = "outage"
	Redirect       Area = "redirect"
	Authentication Area = "authentication"
	Scope          Area = "scope"
	Signature      Area = "signature"
	Data           Area = "data"
)

// Remedy is one known failure with its cause and what mends it. The texts are those of
// docs/troubleshooting.md.
type Remedy struct {
	Code     string // of the finding that is made of it; stable
	Area     Area
	Severity commerce.Severity
	Shows    string // how it shows itself
	Cause    string
	Mend     string

	is match
}

// match says which errors a remedy is for; what is empty matches everything.
type match struct {
	systems []string
	kind    commerce.Kind
	status  []int
	codes   []string
	texts   []string // any of them is part of the text
	because func(error) bool
}

func (m match) fits(e *commerce.Error, err error) bool {
	return (len(m.systems) == 0 || slices.Contains(m.systems, e.System)) &&
		(m.kind == "" || e.Kind == m.kind) &&
		(len(m.status) == 0 || slices.Contains(m.status, e.Status)) &&
		(len(m.codes) == 0 || slices.Contains(m.codes, e.Code)) &&
		(len(m.texts) == 0 || slices.ContainsFunc(m.texts, func(t string) bool { return strings.Contains(e.Text, t) })) &&
		(m.because == nil || m.because(err))
}

// Remedies returns the table, the particular before the general.
func Remedies() []Remedy { return slices.Clone(remedies) }

// outages are the codes that keep a check from seeing the rest.
var outages = func() map[string]bool {
	codes := map[string]bool{CodeHangs: true, CodeNotRun: true, CodePanicked: true}
	for _, r := range remedies {
		if r.Area == Outage {
			codes[r.Code] = true
		}
	}
	return codes
}()

// Diagnose names the cause of an error and its remedy: the first row of [Remedies] that
// fits, for any branch of the error's tree. Every error of this module has one; of other
// errors ok is false.
func Diagnose(err error) (r Remedy, ok bool) {
	chain := ours(err)
	for _, r := range remedies {
		for _, e := range chain {
			if r.is.fits(e, err) {
				return r, true
			}
		}
	}
	if len(chain) == 0 { // an error of the network, or a bare sentinel
		e := &commerce.Error{}
		if k := commerce.KindOf(err); err != nil && k != commerce.KindInternal {
			e.Kind = k
		}
		for _, r := range remedies {
			if (r.is.because != nil || e.Kind != "" && r.is.kind == e.Kind) && r.is.fits(e, err) {
				return r, true
			}
		}
	}
	return Remedy{}, false
}

// ours returns the errors of this module in a tree, the outermost first.
func ours(err error) (all []*commerce.Error) {
	for err != nil {
		if e, ok := err.(*commerce.Error); ok {
			all = append(all, e)
		}
		if m, ok := err.(interface{ Unwrap() []error }); ok {
			for _, branch := range m.Unwrap() {
				all = append(all, ours(branch)...)
			}
			return all
		}
		err = errors.Unwrap(err)
	}
	return all
}

// Found makes a finding of an error that a check met.
func Found(of commerce.Ref, err error) commerce.Finding {
	f := commerce.Finding{Connection: of, Code: "failed", Severity: commerce.Broken, Seen: err.Error(),
		Expected: "an answer", Mend: "read the error; if it stays, report it with the time and the far side's id of the request"}
	if r, ok := Diagnose(err); ok {
		f.Code, f.Severity, f.Expected, f.Mend = r.Code, r.Severity, "", r.Mend
		f.Seen = r.Cause + " (" + err.Error() + ")"
	}
	return f
}
