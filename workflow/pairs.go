package workflow

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
)

// Pair says which document at the ERP is an order's, as a person knows it. Of the order
// and of the document one of the two names is set.
type Pair struct {
	Row            int    // of the file, from 1
	OrderID        string // the shop's entity id
	OrderNumber    string // unique per store only
	Store          string // may be empty
	DocumentID     string // the ERP's id of the record
	DocumentNumber string // what people call it
}

// order is what tells the orders of two pairs apart.
func (p Pair) order() string { return p.OrderID + " " + p.OrderNumber + " " + p.Store }

func (p Pair) document() string { return p.DocumentID + " " + p.DocumentNumber }

// PairError is what is wrong at one place of a file of pairs.
type PairError struct {
	Row    int    // from 1, as an editor counts lines; 0 = the file as a whole
	Column string // its name; empty = the row as a whole
	Text   string // what is wrong, and what to do
}

func (e *PairError) Error() string {
	at := "workflow: read pairs"
	if e.Row > 0 {
		at += fmt.Sprintf(": row %d", e.Row)
	}
	if e.Column != "" {
		at += ", column " + e.Column
	}
	return at + ": " + e.Text
}

// ErrorKind is KindInvalid.
func (e *PairError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *PairError) Is(target error) bool { return target == commerce.ErrInvalid }

// The columns of a file of pairs.
const (
	columnOrderID     = "order_id"
	columnOrderNumber = "order_number"
	columnStore       = "store"
	columnERPID       = "erp_id"
	columnERPNumber   = "erp_number"
)

const (
	maxPairLine = 4 << 10   // bytes of one row
	maxPairs    = 1_000_000 // rows; their keys are kept to find duplicates
)

// ReadPairs reads a file of pairs: CSV with a row of names, separated by commas,
// semicolons or tabs, in UTF-8 with or without a byte order mark, as spreadsheets
// write it. The columns are order_id or order_number, erp_id or erp_number, and store
// where numbers are not unique; others are not known.
//
// What is wrong in one row (a value that is missing, an order or a document that an
// earlier row has) is a *[PairError] and the next row goes on. What makes the rest
// unreadable (another encoding, a quote that never ends, more than a million rows or 4
// KiB in one) is the last.
func ReadPairs(r io.Reader) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		lines := &pairLines{r: bufio.NewReaderSize(r, maxPairLine)}
		var columns []string
		var comma rune
		orders, documents := map[string]int{}, map[string]int{}
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				if columns == nil {
					yield(Pair{}, &PairError{Text: "the file is empty; its first row has the names of the columns"})
				}
				return
			}
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if columns == nil {
				comma = separator(line)
			}
			cells, err := cells(line, comma, lines.row)
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if columns == nil {
				if columns, err = header(cells, lines.row); err != nil {
					yield(Pair{}, err)
					return
				}
				continue
			}
			if lines.pairs++; lines.pairs > maxPairs {
				yield(Pair{}, &PairError{Row: lines.row, Text: fmt.Sprintf("more than %d rows; split the file", maxPairs)})
				return
			}
			p, err := pairOf(cells, columns, lines.row)
			if err == nil {
				err = errors.Join(twice(orders, p.order(), p.Row, "order"), twice(documents, p.document(), p.Row, "document"))
			}
			if err != nil {
				p = Pair{}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func twice(seen map[string]int, key string, row int, what string) error {
	if first, ok := seen[key]; ok {
		return &PairError{Row: row, Text: fmt.Sprintf("row %d has the same %s; keep one of the two", first, what)}
	}
	seen[key] = row
	return nil
}

// pairLines reads rows that are not empty.
type pairLines struct {
	r          *bufio.Reader
	row, pairs int
}

func (l *pairLines) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		l.row++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, &PairError{Row: l.row, Text: fmt.Sprintf("more than %d bytes; is this a file of rows?", maxPairLine)}
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, commerce.Errorf(commerce.KindOf(err), system, "read pairs", "row %d: %w", l.row, err)
		}
		if l.row == 1 {
			if bytes.HasPrefix(line, []byte{0xff, 0xfe}) || bytes.HasPrefix(line, []byte{0xfe, 0xff}) {
				return nil, &PairError{Text: "the file is UTF-16; save it as UTF-8"}
			}
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case !utf8.Valid(line):
			return nil, &PairError{Row: l.row, Text: "this is not UTF-8; save the file as UTF-8"}
		case bytes.IndexByte(line, 0) >= 0:
			return nil, &PairError{Row: l.row, Text: "there is a zero byte; save the file as UTF-8 text"}
		case bytes.IndexByte(line, '\r') >= 0:
			return nil, &PairError{Row: l.row, Text: "rows end with a carriage return alone; save the file with line feeds"}
		case len(bytes.Trim(line, " \t,;")) > 0:
			return line, nil
		}
	}
}

// separator is the one that the names are separated by.
func separator(line []byte) rune {
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// cells takes one row apart. A quote that does not end in its row is an error: no
// number or id holds a line break.
func cells(line []byte, comma rune, row int) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.Comma, r.FieldsPerRecord = comma, -1
	out, err := r.Read()
	if err != nil {
		text := "it can not be read"
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			text = fmt.Sprintf("a quote is wrong at character %d; double it inside of quotes", bad.Column)
		}
		return nil, &PairError{Row: row, Text: text}
	}
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out, nil
}

func header(cells []string, row int) ([]string, error) {
	known := []string{columnOrderID, columnOrderNumber, columnStore, columnERPID, columnERPNumber}
	for i, c := range cells {
		cells[i] = strings.ToLower(c)
		switch {
		case !slices.Contains(known, cells[i]):
			return nil, &PairError{Row: row, Column: fmt.Sprintf("%.40q", c), Text: "this column is not known; the columns are " + strings.Join(known, ", ")}
		case slices.Contains(cells[:i], cells[i]):
			return nil, &PairError{Row: row, Column: cells[i], Text: "this column is there twice"}
		}
	}
	for _, either := range [][2]string{{columnOrderID, columnOrderNumber}, {columnERPID, columnERPNumber}} {
		if slices.Contains(cells, either[0]) == slices.Contains(cells, either[1]) {
			return nil, &PairError{Row: row, Text: "one of the columns " + either[0] + " and " + either[1] + " has to be there, and not both"}
		}
	}
	return cells, nil
}

// rounded is how a spreadsheet writes a number that is too long for it.
var rounded = regexp.MustCompile(`^[0-9]([.,][0-9]+)?E\+[0-9]+$`)

func pairOf(cells, columns []string, row int) (Pair, error) {
	if len(cells) != len(columns) {
		return Pair{}, &PairError{Row: row, Text: fmt.Sprintf("it has %d columns, and the first row names %d", len(cells), len(columns))}
	}
	p := Pair{Row: row}
	for i, name := range columns {
		into := map[string]*string{columnOrderID: &p.OrderID, columnOrderNumber: &p.OrderNumber, columnStore: &p.Store,
			columnERPID: &p.DocumentID, columnERPNumber: &p.DocumentNumber}[name]
		if *into = cells[i]; cells[i] == "" && name != columnStore {
			return Pair{}, &PairError{Row: row, Column: name, Text: "it is empty"}
		}
		if rounded.MatchString(cells[i]) {
			return Pair{}, &PairError{Row: row, Column: name, Text: fmt.Sprintf("%q was rounded by a spreadsheet; make the column one of text and fill it again", cells[i])}
		}
	}
	return p, nil
}
