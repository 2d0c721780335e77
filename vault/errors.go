package vault

// Codes of the errors of this package, in commerce.Error.Code.
const (
	CodeCut         = "record_cut"      // the sealed record is not whole
	CodeAltered     = "record_altered"  // it was changed outside the vault
	CodeMoved       = "record_moved"    // it was sealed for another owner or name
	CodeReplayed    = "record_replayed" // it is an older version of the record, put back
	CodeFormat      = "record_format"   // it is in a form that this program does not know
	CodeRetiredKey  = "retired_key"     // the key that wraps it is retired
	CodeOldKey      = "old_key"         // the key that wraps it stands before Config.MinKey
	CodeUnknownKey  = "unknown_key"     // the ring has no such key
	CodeKeyService  = "key_service"     // the service that holds the key did not unwrap it
	CodeNotRecorded = "not_recorded"    // the access log could not be written
)
