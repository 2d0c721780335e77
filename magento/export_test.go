package magento

// Decode is how the client reads an answer.
var Decode = decode

// Unreadable is what it says of one that it can not read.
type Unreadable = unreadable

// Where returns the field and the byte that an error is about.
func (e *unreadable) Where() (string, int) { return e.path, e.at }

// Page is the answer of a list.
type Page[T any] = page[T]
