package vault

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/commercesync/commerce"
)

const system = "vault"

// Codes of the errors of [Vault.Open], in commerce.Error.Code. A record that is not what
// was written is of kind invalid, one under a key that is not to be used any more of kind
// forbidden; where a key is missing or away the error is of kind unavailable.
const (
	CodeRecordCut      = "record_cut"      // the sealed record is not whole
	CodeRecordAltered  = "record_altered"  // it was changed outside the vault
	CodeRecordMoved    = "record_moved"    // it was sealed for another owner or name
	CodeRecordReplayed = "record_replayed" // it is another version of the record, put in this one's place
	CodeRecordFormat   = "record_format"   // it is in a form that this program does not know
	CodeKeyRetired     = "key_retired"     // the key that wraps it is retired
	CodeKeyTooOld      = "key_too_old"     // the key that wraps it stands before Config.MinKey
	CodeKeyUnknown     = "key_unknown"     // the ring has no such key
	CodeKeyService     = "key_service"     // whoever holds the key did not wrap or unwrap with it
)

const again = "put the record back from a backup, or enter the credential anew"

// refusals say what is the matter with a record, and what to do. None tells content.
var refusals = map[string]struct {
	kind commerce.Kind
	text string
}{
	CodeRecordCut:      {commerce.KindInvalid, "the sealed record is not whole; " + again},
	CodeRecordAltered:  {commerce.KindInvalid, "the sealed record was changed outside the vault; " + again},
	CodeRecordMoved:    {commerce.KindInvalid, "the record was sealed for another owner or name; look at who writes the table, and " + again},
	CodeRecordReplayed: {commerce.KindInvalid, "the record was sealed as another version; look at who writes the table, and " + again},
	CodeRecordFormat:   {commerce.KindInvalid, "the sealed record is in a form that this program does not know; run a newer program, or " + again},
	CodeKeyRetired:     {commerce.KindForbidden, "the key that wraps the record is retired; enable it and rewrap, or enter the credential anew"},
	CodeKeyTooOld:      {commerce.KindForbidden, "the key that wraps the record stands before Config.MinKey; lower it and rewrap if the record can be trusted, or enter the credential anew"},
	CodeKeyUnknown:     {commerce.KindUnavailable, "the ring has no key of the record's; give this program the ring that has it"},
}

func refused(code string) error {
	r := refusals[code]
	return &commerce.Error{Kind: r.kind, System: system, Code: code, Text: r.text}
}

// unwrapError says why a data key did not unwrap. A key at hand fails for one reason
// only; a service may be away, or deny it.
func unwrapError(k Key, err error) error {
	if _, ok := k.AEAD.(local); ok {
		return refused(CodeRecordAltered)
	}
	return keyServiceError(k, err)
}

func keyServiceError(k Key, err error) error {
	kind := commerce.KindUnavailable
	if e, ok := errors.AsType[*commerce.Error](err); ok && !misleads(err) {
		kind = cmp.Or(e.Kind, kind)
	}
	text := "the holder of key " + k.ID + " did not wrap or unwrap a data key: it is away, denies access, or the record was changed"
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		text = "the holder of key " + k.ID + " can not be reached; try again"
	}
	return &commerce.Error{Kind: kind, System: system, Code: CodeKeyService, Text: text, Err: cause(err)}
}

// cause keeps an error's tree, unless a caller would read it as one about the record.
func cause(err error) error {
	if misleads(err) {
		return errors.New(err.Error())
	}
	return err
}

// misleads reports that an error about a key says what this package says of a record: that
// there is none, or that another version stands.
func misleads(err error) bool {
	return errors.Is(err, commerce.ErrNotFound) || errors.Is(err, commerce.ErrConflict)
}

// invalid refuses an argument or a setting; the text names it.
func invalid(op, format string, args ...any) error {
	e := commerce.Errorf(commerce.KindInvalid, system, op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}

// during says what was being done, with the outcome where a write was.
func during(op string, outcome commerce.Outcome, err error) error {
	if e, ok := err.(*commerce.Error); ok && e.System == system {
		c := *e
		c.Op = cmp.Or(c.Op, op)
		c.Outcome = cmp.Or(c.Outcome, outcome)
		return &c
	}
	e := &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: op, Outcome: outcome, Err: err}
	if inner, ok := errors.AsType[*commerce.Error](err); ok {
		e.Outcome = cmp.Or(inner.Outcome, outcome)
		e.RetryAfter = inner.RetryAfter
	}
	return e
}
