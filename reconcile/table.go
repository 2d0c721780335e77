package reconcile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	chunk  = 64 << 10
	maxRow = 1 << 20 // bytes; Stripe's metadata alone may be 25 kB a row
)

// table reads CSV by the names of its columns. Its texts are parts of one string a
// chunk, so that a row costs no allocation; whoever keeps a text for long clones it.
type table struct {
	name    string
	r       io.Reader
	columns []string
	fields  []string
	row     int // of the row last read, the header being 1

	buf     []byte
	text    string // what is not read yet
	quotes  bool   // there are some in text
	noughts bool   // there are some in text
	line    int    // the line that text begins at
	end     bool   // r has no more
}

func openTable(name string, r io.Reader) (*table, error) {
	t := &table{name: name, r: r, line: 1}
	if err := t.fill(); err != nil {
		return nil, err
	}
	t.text = strings.TrimPrefix(t.text, "\ufeff")
	err := t.next()
	if errors.Is(err, io.EOF) {
		return nil, t.fail(0, "", "is empty, not even a header")
	} else if err != nil {
		return nil, err
	}
	t.columns = make([]string, len(t.fields))
	seen := map[string]bool{}
	for i, c := range t.fields {
		c = strings.TrimSpace(c)
		if seen[c] && c != "" {
			return nil, t.fail(1, c, "is there twice")
		}
		seen[c] = true
		t.columns[i] = strings.Clone(c)
	}
	return t, nil
}

func (t *table) fail(row int, column, reason string) *RowError {
	return &RowError{Input: t.name, Row: row, Column: column, Reason: reason}
}

// index returns the place of the first of the columns that is there, or -1.
func (t *table) index(columns ...string) int {
	for _, c := range columns {
		for i, have := range t.columns {
			if have == c {
				return i
			}
		}
	}
	return -1
}

// need is index for columns without which nothing can be said.
func (t *table) need(columns ...string) (int, error) {
	i := t.index(columns...)
	if i < 0 {
		return 0, t.fail(1, columns[0], "is missing")
	}
	return i, nil
}

// at returns the field of a column in the current row; "" for index -1.
func (t *table) at(i int) string {
	if i < 0 {
		return ""
	}
	return t.fields[i]
}

// fill reads another chunk behind what is not read yet.
func (t *table) fill() error {
	rest := len(t.text)
	if rest > maxRow {
		return t.fail(t.line, "", fmt.Sprintf("has more than %d bytes", maxRow))
	}
	b := slices.Grow(append(t.buf[:0], t.text...), chunk)[:rest+chunk]
	n, err := io.ReadFull(t.r, b[rest:])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		t.end = true
	case err != nil:
		return &RowError{Input: t.name, Row: t.line, Reason: "can not be read", Err: err}
	}
	b = b[:rest+n]
	if t.row == 0 && (bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))) {
		return t.fail(0, "", "is UTF-16; save it as UTF-8")
	}
	t.quotes = bytes.IndexByte(b, '"') >= 0
	t.noughts = bytes.IndexByte(b, 0) >= 0
	t.text, t.buf = string(b), b
	return nil
}

// next reads the next row that is not empty into fields; io.EOF after the last.
func (t *table) next() error {
	for {
		raw, ok := t.cut()
		for !ok && !t.end {
			if err := t.fill(); err != nil {
				return err
			}
			raw, ok = t.cut()
		}
		if !ok {
			if raw = t.text; raw == "" {
				return io.EOF
			}
			t.text = ""
		}
		t.row = t.line
		if !utf8.ValidString(raw) {
			return t.fail(t.row, "", "is not UTF-8")
		}
		if t.noughts && strings.IndexByte(raw, 0) >= 0 {
			return t.fail(t.row, "", "holds a byte of value nought; is the file UTF-16?")
		}
		t.line++
		if t.quotes {
			t.line += strings.Count(raw, "\n")
		}
		raw = strings.TrimSuffix(raw, "\r")
		if raw == "" {
			continue
		}
		return t.split(raw)
	}
}

// cut takes one row off the text, without its line feed; not ok where the row's end
// has not been read yet.
func (t *table) cut() (string, bool) {
	quoted := false
	for at := 0; ; {
		n := strings.IndexByte(t.text[at:], '\n')
		if n < 0 {
			return "", false
		}
		if t.quotes {
			quoted = quoted != (strings.Count(t.text[at:at+n], `"`)%2 == 1)
		}
		at += n
		if !quoted {
			row := t.text[:at]
			t.text = t.text[at+1:]
			return row, true
		}
		at++
	}
}

// split puts a row into fields.
func (t *table) split(raw string) error {
	t.fields = t.fields[:0]
	for more := true; more; {
		var field string
		if raw != "" && raw[0] == '"' {
			end := 1
			for {
				n := strings.IndexByte(raw[end:], '"')
				if n < 0 {
					return t.fail(t.row, "", "ends within a quoted field: the file is cut")
				}
				end += n + 1
				if end >= len(raw) || raw[end] != '"' {
					break
				}
				end++
			}
			field = raw[1 : end-1]
			if strings.Contains(field, `""`) {
				field = strings.ReplaceAll(field, `""`, `"`)
			}
			if raw = raw[end:]; raw != "" && raw[0] != ',' {
				return t.fail(t.row, "", "has text behind a closing quote")
			}
			if more = raw != ""; more {
				raw = raw[1:]
			}
		} else {
			if n := strings.IndexByte(raw, ','); n >= 0 {
				field, raw = raw[:n], raw[n+1:]
			} else {
				field, more = raw, false
			}
		}
		t.fields = append(t.fields, field)
	}
	if t.columns != nil && len(t.fields) != len(t.columns) {
		reason := fmt.Sprintf("has %d fields, the header %d", len(t.fields), len(t.columns))
		if t.end && t.text == "" && len(t.fields) < len(t.columns) {
			reason += ": the file is cut"
		}
		return t.fail(t.row, "", reason)
	}
	return nil
}
