package vault

import (
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

// invalid refuses an argument or a setting; the text names it.
func invalid(op, format string, args ...any) error {
	e := commerce.Errorf(commerce.KindInvalid, system, op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}
