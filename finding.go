package commerce

import (
	"errors"
	"strings"
)

// Severity says how much a finding hurts.
type Severity string

const (
	// Broken: work of this connection fails, or money goes wrong, until it is mended.
	Broken Severity = "broken"
	// Warning: it works today and will hurt: a certificate that ends, a right too many.
	Warning Severity = "warning"
	// Notice: worth knowing; nothing has to be done.
	Notice Severity = "notice"
)

// Finding is one thing that is not as it should be at one connection, in words for the
// person who set it up. It is safe to log and to show: no credentials, no personal data.
type Finding struct {
	// Connection is whose it is: tenant, system, account and mode, without an id.
	Connection Ref `json:"connection"`
	// Code names what is wrong for ever: "webhook_missing". With About it tells a
	// finding from the next, and one check from another.
	Code string `json:"code"`
	// About is which one, where a connection can have several findings of one code: a
	// right, an event type, a store.
	About    string   `json:"about,omitempty"`
	Severity Severity `json:"severity"`
	// Seen and Expected say what is there and what should be.
	Seen     string `json:"seen"`
	Expected string `json:"expected"`
	// Mend says what to do, and where.
	Mend string `json:"mend"`
}

// String says all of it in one line.
func (f Finding) String() string { return f.Code + ": " + f.text() }

func (f Finding) text() string {
	var b strings.Builder
	if f.About != "" {
		b.WriteString(f.About + ": ")
	}
	b.WriteString(f.Seen)
	if f.Expected != "" {
		b.WriteString("; expected: " + f.Expected)
	}
	if f.Mend != "" {
		b.WriteString("; to mend it: " + f.Mend)
	}
	return b.String()
}

// Findings are what a check found. None is what one hopes for.
type Findings []Finding

// Err is an error of kind invalid for each finding that is [Broken]; nil where none is.
// A program that should not start like this returns it.
func (fs Findings) Err() error {
	var all []error
	for _, f := range fs {
		if f.Severity == Broken {
			all = append(all, &Error{Kind: KindInvalid, System: f.Connection.System, Op: "check", Code: f.Code, Text: f.text()})
		}
	}
	return errors.Join(all...)
}
