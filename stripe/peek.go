package stripe

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/commercesync/commerce"
)

// origin is what the receiver knows about an event and its bytes do not say.
type origin struct {
	tenant, account string
	mode            commerce.Mode // empty = any
}

// peeked are the values of an event that storing it needs, still inside its bytes.
type peeked struct {
	id, object, kind, version, created, account, context, livemode []byte

	subject struct{ id, object, intent, charge, customer []byte }
}

// envelope reads the few facts that are needed to store and route an event, in one
// pass over its bytes and without decoding it.
func envelope(raw []byte, from origin) (commerce.Event, error) {
	s := scanner{b: raw}
	p, ok := s.event()
	if !ok {
		return commerce.Event{}, refused(commerce.KindInvalid, "malformed", "the body is no JSON object")
	}
	created, dated := p.time()
	switch {
	case len(p.id) == 0:
		return commerce.Event{}, refused(commerce.KindInvalid, "no_id", "the event has no id")
	case len(p.kind) == 0:
		return commerce.Event{}, refused(commerce.KindInvalid, "no_type", "the event has no type")
	case !dated:
		return commerce.Event{}, refused(commerce.KindInvalid, "no_created", "the event has no time")
	case string(p.livemode) != "true" && string(p.livemode) != "false":
		return commerce.Event{}, refused(commerce.KindInvalid, "no_livemode", "the event does not say whether it is live")
	}
	mode := commerce.ModeOf(string(p.livemode) == "true")
	if from.mode != "" && mode != from.mode {
		return commerce.Event{}, refused(commerce.KindInvalid, "mode_mismatch", "a "+string(mode)+" event where only "+string(from.mode)+" ones are accepted")
	}

	o := &p.subject
	person := o.customer
	if string(o.object) == "customer" {
		person = o.id
	}
	subject := o.intent
	for _, next := range [][]byte{o.charge, o.id, p.id} {
		if len(subject) == 0 {
			subject = next
		}
	}
	account := p.account
	if len(account) == 0 && string(p.object) == thinObject {
		account = p.context[bytes.LastIndexByte(p.context, '/')+1:]
		if !bytes.HasPrefix(account, []byte("acct_")) {
			account = nil
		}
	}

	// All texts share one string, so that they cost one allocation.
	var scratch [512]byte
	all := scratch[:0]
	for _, part := range [...][]byte{p.id, p.kind, p.version, account, o.id, subject, person} {
		if !utf8.Valid(part) || bytes.IndexByte(part, 0) >= 0 {
			return commerce.Event{}, refused(commerce.KindInvalid, "malformed", "an id in the event is no text")
		}
		all = append(all, part...)
	}
	text := string(all)
	take := func(part []byte) (out string) {
		out, text = text[:len(part)], text[len(part):]
		return out
	}
	e := commerce.Event{
		Ref:  commerce.Ref{Tenant: from.tenant, System: system, Account: from.account, Mode: mode, ID: take(p.id)},
		Type: take(p.kind), APIVersion: take(p.version), Created: created, Raw: raw,
	}
	if len(account) > 0 {
		e.Ref.Account = take(account)
	}
	e.Object, e.Subject, e.Person = take(o.id), take(subject), take(person)
	return e, nil
}

// time reads seconds since 1970, or RFC 3339 as thin events have it.
func (p *peeked) time() (time.Time, bool) {
	if len(p.created) == 0 || len(p.created) > 40 {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(string(p.created), 10, 64); err == nil {
		return time.Unix(n, 0).UTC(), true
	}
	t, err := time.Parse(time.RFC3339, string(p.created))
	return t.UTC(), err == nil
}

// scanner walks JSON and stops only at the names it was sent for. It trusts that a
// signed body is JSON: where that is wrong it fails or reads nothing, and never
// reads past the end.
type scanner struct {
	b []byte
	i int
}

// event reads the envelope of an event.
func (s *scanner) event() (p peeked, ok bool) {
	if !s.eat('{') {
		return p, false
	}
	for first := true; ; first = false {
		name, more, good := s.name(first)
		if !good {
			return p, false
		}
		if !more {
			s.space()
			return p, s.i == len(s.b)
		}
		switch string(name) {
		case "id":
			p.id, ok = s.text()
		case "object":
			p.object, ok = s.text()
		case "type":
			p.kind, ok = s.text()
		case "api_version":
			p.version, ok = s.text()
		case "account":
			p.account, ok = s.text()
		case "context":
			p.context, ok = s.text()
		case "livemode":
			p.livemode, ok = s.plain()
		case "created":
			p.created, ok = s.plain()
		case "data":
			ok = s.inside("object", &p)
		case "related_object":
			ok = s.snapshot(&p)
		default:
			ok = s.skip()
		}
		if !ok {
			return p, false
		}
	}
}

// inside looks for one member of an object and reads it as the snapshot.
func (s *scanner) inside(member string, p *peeked) bool {
	if !s.eat('{') {
		return s.skip()
	}
	for first := true; ; first = false {
		name, more, ok := s.name(first)
		if !ok || !more {
			return ok
		}
		if string(name) == member {
			ok = s.snapshot(p)
		} else {
			ok = s.skip()
		}
		if !ok {
			return false
		}
	}
}

// snapshot reads the ids in the object that the event is about.
func (s *scanner) snapshot(p *peeked) bool {
	if !s.eat('{') {
		return s.skip()
	}
	o := &p.subject
	for first := true; ; first = false {
		name, more, ok := s.name(first)
		if !ok {
			return false
		}
		if !more {
			break
		}
		switch string(name) {
		case "id":
			o.id, ok = s.text()
		case "object", "type":
			// A snapshot has "object"; a related object has "type".
			if string(name) == "object" || len(o.object) == 0 {
				o.object, ok = s.text()
			} else {
				ok = s.skip()
			}
		case "payment_intent":
			o.intent, ok = s.link()
		case "charge":
			o.charge, ok = s.link()
		case "customer":
			o.customer, ok = s.link()
		default:
			ok = s.skip()
		}
		if !ok {
			return false
		}
	}
	switch string(o.object) {
	case "payment_intent":
		o.intent = o.id
	case "charge":
		o.charge = o.id
	}
	return true
}

// link reads the id of another object, whether it was expanded or not.
func (s *scanner) link() ([]byte, bool) {
	if !s.eat('{') {
		return s.text()
	}
	var id []byte
	for first := true; ; first = false {
		name, more, ok := s.name(first)
		if !ok || !more {
			return id, ok
		}
		if string(name) == "id" {
			id, ok = s.text()
		} else {
			ok = s.skip()
		}
		if !ok {
			return nil, false
		}
	}
}

// name reads the next member's name and its colon; more is false at the end of the
// object.
func (s *scanner) name(first bool) (name []byte, more, ok bool) {
	if s.eat('}') {
		return nil, false, true
	}
	if !first && !s.eat(',') {
		return nil, false, false
	}
	s.space()
	if name, ok = s.str(); !ok || !s.eat(':') {
		return nil, false, false
	}
	return name, true, true
}

// text reads a string; of anything else it reads nothing.
func (s *scanner) text() ([]byte, bool) {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '"' {
		return s.str()
	}
	return nil, s.skip()
}

// plain reads a number, a string, true or false; of anything else it reads nothing.
func (s *scanner) plain() ([]byte, bool) {
	s.space()
	from := s.i
	if from < len(s.b) {
		switch s.b[from] {
		case '"':
			return s.str()
		case '{', '[', 'n':
			return nil, s.skip()
		}
	}
	ok := s.skip()
	return s.b[from:s.i], ok
}

// str reads a string at the cursor. The bytes are those of the body unless there
// are escapes in them.
func (s *scanner) str() ([]byte, bool) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, false
	}
	from, end := s.i+1, closing(s.b, s.i)
	if end < 0 {
		return nil, false
	}
	s.i = end + 1
	if bytes.IndexByte(s.b[from:end], '\\') < 0 {
		return s.b[from:end], true
	}
	var plain string
	if json.Unmarshal(s.b[from-1:end+1], &plain) != nil {
		return nil, false
	}
	return []byte(plain), true
}

// closing returns where the string that opens at a place is closed; -1 where it is not.
func closing(b []byte, open int) int {
	for i := open + 1; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		back := i
		for b[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 { // the quote is not escaped
			return i
		}
	}
}

// skip passes over one value.
func (s *scanner) skip() bool {
	s.space()
	if s.i >= len(s.b) {
		return false
	}
	switch s.b[s.i] {
	case '"':
		end := closing(s.b, s.i)
		if end < 0 {
			return false
		}
		s.i = end + 1
		return true
	case '{', '[':
		depth := 0
		for i := s.i; i < len(s.b); i++ {
			switch s.b[i] {
			case '"':
				if i = closing(s.b, i); i < 0 {
					return false
				}
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					s.i = i + 1
					return true
				}
			}
		}
		return false
	}
	from := s.i
	for s.i < len(s.b) && strings.IndexByte(",}] \t\r\n", s.b[s.i]) < 0 {
		s.i++
	}
	return s.i > from
}

func (s *scanner) eat(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}
