package odoo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/commercesync/commerce"
)

// Odoo's import, the method load, makes a record under an external id or finds the
// one that is there: the only write that the database guards with a unique index. One
// load is one transaction, also with the lines of a record, and where the lines have
// external ids too a repeated load makes nothing twice. Of two at once one wins; the
// other is told so with status 200, and rolled back (recorded on 19.0, 2026-11).

// externalID is the external id of a key: the key itself may hold what an external
// id may not.
func (o *Client) externalID(what, company, key string) string {
	sum := sha256.Sum256([]byte(company + "\x00" + key))
	return fmt.Sprintf("%s.%s_%x", o.c.Module, what, sum[:16])
}

// sheet is what is loaded: one record, with its lines below one another.
type sheet struct {
	columns []string
	rows    [][]string
}

// set fills a cell of a row, and makes the column where it is new.
func (s *sheet) set(row int, column, value string) {
	at := -1
	for i, c := range s.columns {
		if c == column {
			at = i
		}
	}
	if at < 0 {
		at = len(s.columns)
		s.columns = append(s.columns, column)
		for i := range s.rows {
			s.rows[i] = append(s.rows[i], "")
		}
	}
	for len(s.rows) <= row {
		s.rows = append(s.rows, make([]string, len(s.columns)))
	}
	s.rows[row][at] = value
}

// load loads a sheet and returns the id of its record. One that lost against another
// at the same moment is repeated by the policy.
func (o *Client) load(ctx context.Context, op, model string, s sheet, with values) (int64, error) {
	c := call{op: op, model: model, method: "load", args: []arg{{"fields", s.columns}, {"data", s.rows}}, context: with, write: true}
	got := loaded{call: c}
	c.out = &got
	err := o.do(ctx, c)
	return got.id, err
}

// loaded is the answer to a load: ids, or false and messages.
type loaded struct {
	call call
	id   int64
}

func (l *loaded) UnmarshalJSON(b []byte) error {
	var answer struct {
		IDs      json.RawMessage `json:"ids"`
		Messages []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return err
	}
	for _, m := range answer.Messages {
		if m.Type == "error" || empty(answer.IDs) {
			e := l.call.fail(kindOfText(m.Message), commerce.NotSent, http.StatusOK, l.call.safe(m.Message))
			e.Code = "load"
			return e
		}
	}
	var ids []int64
	if err := json.Unmarshal(answer.IDs, &ids); err != nil {
		return err
	}
	if len(ids) != 1 {
		return fmt.Errorf("load answers %d ids", len(ids))
	}
	l.id = ids[0]
	return nil
}
