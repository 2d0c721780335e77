package magento

import (
	"encoding/json"
	"strings"
)

// reader goes over a JSON text once.
type reader struct {
	b     []byte
	at    int
	depth int
}

// maxDepth bounds how deep lists and objects nest.
const maxDepth = 10_000

func (r *reader) fail(what string) error {
	if r.at >= len(r.b) {
		what = "the text ends too early"
	}
	return &unreadable{at: r.at, what: what}
}

// peek steps over white space and returns the byte that follows; 0 at the end.
func (r *reader) peek() byte {
	for ; r.at < len(r.b); r.at++ {
		switch c := r.b[r.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// enter steps into a list or an object.
func (r *reader) enter() error {
	if r.depth++; r.depth > maxDepth {
		return r.fail("nested too deep")
	}
	r.at++
	return nil
}

// more steps to the next member of a list or an object, or over its end.
func (r *reader) more(first bool, end byte) (bool, error) {
	switch c := r.peek(); {
	case c == end:
		r.depth--
		r.at++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	}
	return false, r.fail("no comma")
}

// name reads the name of a member, up to its value.
func (r *reader) name() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.fail("no name")
	}
	start := r.at
	escaped, err := r.quoted()
	if err != nil {
		return nil, err
	}
	name := r.b[start+1 : r.at-1]
	if escaped {
		name = []byte(unquote(r.b[start:r.at]))
	}
	if r.peek() != ':' {
		return nil, r.fail("no colon")
	}
	r.at++
	return name, nil
}

// text reads a text.
func (r *reader) text() (string, error) {
	start := r.at
	escaped, err := r.quoted()
	if err != nil {
		return "", err
	}
	if escaped {
		return unquote(r.b[start:r.at]), nil
	}
	return string(r.b[start+1 : r.at-1]), nil
}

// unquote reads a text that is known to be well formed.
func unquote(quoted []byte) string {
	var s string
	_ = json.Unmarshal(quoted, &s)
	return s
}

// literal marks the bytes of a text that stand for themselves.
var literal = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// quoted steps over a text and reports whether it holds escapes.
func (r *reader) quoted() (escaped bool, err error) {
	for r.at++; ; r.at++ {
		b, i := r.b, r.at // in registers, since every byte goes through here
		for i < len(b) && literal[b[i]] {
			i++
		}
		if r.at = i; i == len(b) {
			return false, r.fail("")
		}
		switch b[i] {
		case '"':
			r.at++
			return escaped, nil
		case '\\':
			escaped = true
			if r.at++; r.at == len(r.b) {
				return false, r.fail("")
			}
			switch r.b[r.at] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if r.at++; r.at == len(r.b) || strings.IndexByte("0123456789abcdefABCDEF", r.b[r.at]) < 0 {
						return false, r.fail("no hex digit")
					}
				}
			default:
				return false, r.fail("no such escape")
			}
		default:
			return false, r.fail("a control character in a text")
		}
	}
}

// number steps over a number.
func (r *reader) number() error {
	if r.next() == '-' {
		r.at++
	}
	if r.next() == '0' {
		r.at++
	} else if !r.digits() {
		return r.fail("no digit")
	}
	if r.next() == '.' {
		if r.at++; !r.digits() {
			return r.fail("no digit")
		}
	}
	if c := r.next(); c == 'e' || c == 'E' {
		r.at++
		if c := r.next(); c == '+' || c == '-' {
			r.at++
		}
		if !r.digits() {
			return r.fail("no digit")
		}
	}
	return nil
}

// next returns the byte at the reader; 0 at the end.
func (r *reader) next() byte {
	if r.at < len(r.b) {
		return r.b[r.at]
	}
	return 0
}

// digits steps over digits and reports whether there was one.
func (r *reader) digits() bool {
	start := r.at
	for r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '9' {
		r.at++
	}
	return r.at > start
}

// word steps over null, true or false.
func (r *reader) word(w string) error {
	if !strings.HasPrefix(string(r.b[r.at:min(len(r.b), r.at+len(w))]), w) {
		return r.fail("no value")
	}
	r.at += len(w)
	return nil
}

// scalar reads a number, a text, true or false as text without white space around it;
// null is empty.
func (r *reader) scalar() (string, error) {
	switch c := r.peek(); c {
	case '"':
		s, err := r.text()
		return strings.TrimSpace(s), err
	case 'n':
		return "", r.word("null")
	case 't':
		return "true", r.word("true")
	case 'f':
		return "false", r.word("false")
	case '{', '[':
		return "", r.fail("no plain value")
	}
	start := r.at
	err := r.number()
	return string(r.b[start:r.at]), err
}

// skip steps over a value of any kind.
func (r *reader) skip() error {
	switch r.peek() {
	case '"':
		_, err := r.quoted()
		return err
	case 'n':
		return r.word("null")
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case '[':
		if err := r.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			if more, err := r.more(first, ']'); err != nil || !more {
				return err
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
	case '{':
		if err := r.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			if more, err := r.more(first, '}'); err != nil || !more {
				return err
			}
			if _, err := r.name(); err != nil {
				return err
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
	}
	return r.number()
}
