package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// fail puts an error into this module's words. What is so already keeps them and
// gets the outcome where it states none.
func fail(op string, outcome commerce.Outcome, err error) error {
	if e, ok := err.(*commerce.Error); ok {
		c := *e
		if c.System == "" {
			c.System = "sqlstore"
		}
		if c.Op == "" {
			c.Op = op
		}
		if c.Outcome == "" {
			c.Outcome = outcome
		}
		return &c
	}
	if _, ok := errors.AsType[*idempotency.FingerprintError](err); ok {
		return err
	}
	kind, code := classify(err)
	return &commerce.Error{Kind: kind, System: "sqlstore", Op: op, Outcome: outcome, Code: code, Err: err}
}

// refusal is an error of ours inside a transaction, which thereby is not sent.
func refusal(kind commerce.Kind, code, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(kind, "sqlstore", "", format, args...)
	e.Code, e.Outcome = code, commerce.NotSent
	return e
}

// classify reads a driver's error without knowing the driver: PostgreSQL's state
// (pgx and lib/pq both tell it), MySQL's number, or SQLite's result code.
func classify(err error) (commerce.Kind, string) {
	if number, state := mysqlError(err); number != "" {
		return cmp.Or(kindOfMySQL(number), kindOfState(state)), "mysql_" + number
	}
	if state := sqlState(err); state != "" {
		return kindOfState(state), state
	}
	if coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return kindOfSQLite(coded.Code()), "sqlite_" + strconv.Itoa(coded.Code())
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return commerce.KindUnavailable, ""
	}
	// pgx: the connection was closed before anything was sent.
	if _, ok := errors.AsType[interface {
		error
		SafeToRetry() bool
	}](err); ok {
		return commerce.KindUnavailable, ""
	}
	for _, gone := range []error{context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, gone) {
			return commerce.KindUnavailable, ""
		}
	}
	if strings.Contains(err.Error(), closedPool) || strings.Contains(err.Error(), brokenMySQL) {
		return commerce.KindUnavailable, ""
	}
	return commerce.KindInternal, ""
}

func sqlState(err error) string {
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState()
	}
	_, state := mysqlError(err)
	return state
}

// isDeadlock reports that the database ended a whole transaction in favour of another.
func isDeadlock(err error) bool {
	e, ok := errors.AsType[*commerce.Error](err)
	return ok && e.Outcome == commerce.NotSent && slices.Contains([]string{"40001", "40P01", "mysql_1213"}, e.Code)
}

// kindOfState follows PostgreSQL's appendix A, "Error Codes".
func kindOfState(state string) commerce.Kind {
	switch {
	case state == "42501":
		return commerce.KindForbidden
	case state == "57014": // statement_timeout
		return commerce.KindUnavailable
	case state == "55P03": // lock_timeout
		return commerce.KindConflict
	}
	switch state[:min(2, len(state))] {
	case "40", "23": // deadlock and serialisation; a unique row that another wrote
		return commerce.KindConflict
	case "08", "53", "57", "58", "25": // connection, resources, shutdown, system; ended for idling
		return commerce.KindUnavailable
	case "28":
		return commerce.KindAuth
	case "22":
		return commerce.KindInvalid
	}
	return commerce.KindInternal
}

// kindOfSQLite follows sqlite.org/rescode.html; the low byte is the primary code.
func kindOfSQLite(code int) commerce.Kind {
	switch code & 0xff {
	case 5, 6, 8, 9, 10, 13, 14, 15: // busy, locked, read only, interrupted, I/O, full, can not open, protocol
		return commerce.KindUnavailable
	case 19: // constraint
		return commerce.KindConflict
	case 3, 23: // permission, not authorised
		return commerce.KindForbidden
	}
	return commerce.KindInternal
}

// commitOutcome tells a COMMIT that the database refused from one without an answer.
func commitOutcome(err error) commerce.Outcome {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "40"), strings.HasPrefix(state, "23"):
		return commerce.NotSent
	case state != "":
		return commerce.Unknown
	}
	if isBusy(err) {
		return commerce.NotSent // still open, and rolled back by us
	}
	return commerce.Unknown
}

// isBusy reports that SQLite found another writer.
func isBusy(err error) bool {
	coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	return ok && coded.Code()&0xff == 5
}

// statementOutcome says what became of a statement that is a transaction by
// itself: refused by the database, never sent, or, without an answer, unknown.
func statementOutcome(err error) commerce.Outcome {
	number, _ := mysqlError(err)
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), state == "57P01", state == "57P02", number == "1180": // error during COMMIT
		return commerce.Unknown
	case state != "":
		return commerce.NotSent
	}
	if unsent, ok := errors.AsType[interface {
		error
		SafeToRetry() bool
	}](err); ok && unsent.SafeToRetry() {
		return commerce.NotSent
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return commerce.NotSent
	}
	// database/sql returns ErrBadConn only where the driver knows that nothing was sent.
	if errors.Is(err, driver.ErrBadConn) || strings.Contains(err.Error(), closedPool) {
		return commerce.NotSent
	}
	return commerce.Unknown
}

// Both are known by their words only: database/sql keeps its error to itself, and this
// package does without MySQL's driver.
const (
	closedPool  = "sql: database is closed"
	brokenMySQL = "invalid connection" // after a statement was sent
)

// texts refuses what a text column can not hold, before anything is sent.
func texts(named ...string) error {
	for i := 0; i+1 < len(named); i += 2 {
		if v := named[i+1]; !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
			return refusal(commerce.KindInvalid, "text", "%s is no text: it holds a zero byte or is not UTF-8", named[i])
		}
	}
	return nil
}

// clean makes any text fit for a text column.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
