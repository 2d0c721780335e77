package vault

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// JSONLines writes the lines that keep accepts, one JSON object each; nil accepts all.
func (l *AccessLog) JSONLines(ctx context.Context, w io.Writer, keep func(Access) bool) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for a, err := range l.Lines(ctx, keep) {
		if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// CSV writes the lines that keep accepts as a table with a heading; nil accepts all. A text
// that a spreadsheet would read as a formula has ' before it.
func (l *AccessLog) CSV(ctx context.Context, w io.Writer, keep func(Access) bool) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"seq", "at", "actor", "purpose", "verb", "owner", "name", "version", "outcome", "sum"}); err != nil {
		return err
	}
	for a, err := range l.Lines(ctx, keep) {
		if err != nil {
			return err
		}
		row := []string{strconv.FormatInt(a.Seq, 10), a.At.Format(time.RFC3339Nano), a.Actor, a.Purpose, string(a.Verb),
			a.Owner.String(), a.Name, strconv.FormatInt(a.Version, 10), a.Outcome, a.Sum}
		for i, s := range row {
			if s != "" && (strings.ContainsRune("=+-@'", rune(s[0])) || s[0] < ' ') {
				row[i] = "'" + s
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
