package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The suites of the stores, on real databases, are in internal/integration/sqlstore.

func TestAStatementIsSaidInTheDialectsWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		dialect Dialect
		text    string
		args    []any
		want    string
		flat    []any
	}{
		{"values are numbered", PostgreSQL, "a = ? AND b = ?", []any{1, "x"}, "a = $1 AND b = $2", []any{1, "x"}},
		{"values are question marks", SQLite, "a = ? AND b = ?", []any{1, "x"}, "a = ? AND b = ?", []any{1, "x"}},
		{"a list is one array", PostgreSQL, "a = ANY ? AND b = ?", []any{[]int64{7, 8}, 1}, "a = ANY ($1) AND b = $2", []any{[]int64{7, 8}, 1}},
		{"a list is many values", SQLite, "a = ANY ? AND b = ?", []any{[]int64{7, 8}, 1}, "a IN (?,?) AND b = ?", []any{int64(7), int64(8), 1}},
		{"an empty list matches nothing", SQLite, "a = ANY ?", []any{[]string{}}, "a IN ()", []any{}},
		{"names get the prefix", SQLite, "SELECT 1 FROM {queue}{lock}", nil, "SELECT 1 FROM p_queue", nil},
		{"rows are locked where writers share", PostgreSQL, "SELECT 1 FROM {queue}{skip}", nil, "SELECT 1 FROM p_queue FOR UPDATE SKIP LOCKED", nil},
		{"a list is many values in MySQL", MySQL, "a = ANY ?{latest}", []any{[]string{"x", "y"}}, "a IN (?,?) FOR UPDATE", []any{"x", "y"}},
		{"bytes are one value", SQLite, "a = ?", []any{[]byte("x")}, "a = ?", []any{[]byte("x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := dialects[c.dialect]
			d := &DB{pieces: p, names: p.names("p_")}
			text, flat := d.say(c.text, c.args)
			require.Equal(t, c.want, text)
			require.Equal(t, c.flat, flat)
		})
	}
}

// state is an error as PostgreSQL's drivers return it, code one of SQLite's.
type (
	state string
	code  int
)

// mysqlSays is an error as MySQL's driver writes it.
func mysqlSays(number int, state string) error {
	return fmt.Errorf("Error %d (%s): refused", number, state) //nolint:staticcheck // the driver's own words
}

func (s state) Error() string    { return "refused" }
func (s state) SQLState() string { return string(s) }
func (c code) Error() string     { return "refused" }
func (c code) Code() int         { return int(c) }

func TestDriverErrorsAreSaidInOurWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error
		kind   commerce.Kind
		commit commerce.Outcome // where COMMIT returns it
	}{
		{"a deadlock", state("40P01"), commerce.KindConflict, commerce.NotSent},
		{"a serialisation failure", state("40001"), commerce.KindConflict, commerce.NotSent},
		{"a row that another wrote", state("23505"), commerce.KindConflict, commerce.NotSent},
		{"a lock that was not free in time", state("55P03"), commerce.KindConflict, commerce.Unknown},
		{"a statement that took too long", state("57014"), commerce.KindUnavailable, commerce.Unknown},
		{"a server that shuts down", state("57P01"), commerce.KindUnavailable, commerce.Unknown},
		{"a full disk", state("53100"), commerce.KindUnavailable, commerce.Unknown},
		{"a wrong password", state("28P01"), commerce.KindAuth, commerce.Unknown},
		{"a missing right", state("42501"), commerce.KindForbidden, commerce.Unknown},
		{"a missing table", state("42P01"), commerce.KindInternal, commerce.Unknown},
		{"a file that another writes", code(5), commerce.KindUnavailable, commerce.NotSent},
		{"a file that another writes, extended", code(5 | 2<<8), commerce.KindUnavailable, commerce.NotSent},
		{"a disk that fails", code(10), commerce.KindUnavailable, commerce.Unknown},
		{"a damaged file", code(11), commerce.KindInternal, commerce.Unknown},
		{"a file that is read only", code(8), commerce.KindUnavailable, commerce.Unknown},
		{"a deadlock of MySQL's", mysqlSays(1213, "40001"), commerce.KindConflict, commerce.NotSent},
		{"a row that another wrote, in MySQL", mysqlSays(1062, "23000"), commerce.KindConflict, commerce.NotSent},
		{"a lock that was not free in time, in MySQL", mysqlSays(1205, "HY000"), commerce.KindConflict, commerce.Unknown},
		{"a text that is too long for MySQL", mysqlSays(1406, "22001"), commerce.KindInvalid, commerce.Unknown},
		{"a MySQL server that shuts down", mysqlSays(1053, "08S01"), commerce.KindUnavailable, commerce.Unknown},
		{"a MySQL server that is read only", mysqlSays(1290, "HY000"), commerce.KindUnavailable, commerce.Unknown},
		{"a full table of MySQL's", mysqlSays(1114, "HY000"), commerce.KindUnavailable, commerce.Unknown},
		{"a missing right in MySQL", mysqlSays(1142, "42000"), commerce.KindForbidden, commerce.Unknown},
		{"a missing table in MySQL", mysqlSays(1146, "42S02"), commerce.KindInternal, commerce.Unknown},
		{"a connection of MySQL's that broke", errors.New("invalid connection"), commerce.KindUnavailable, commerce.Unknown},
		{"a broken connection", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), commerce.KindUnavailable, commerce.Unknown},
		{"a bad connection", driver.ErrBadConn, commerce.KindUnavailable, commerce.Unknown},
		{"a network error", &net.OpError{Op: "dial", Err: errors.New("refused")}, commerce.KindUnavailable, commerce.Unknown},
		{"a time-out", context.DeadlineExceeded, commerce.KindUnavailable, commerce.Unknown},
		{"a closed pool", errors.New("sql: database is closed"), commerce.KindUnavailable, commerce.Unknown},
		{"anything else", errors.New("?"), commerce.KindInternal, commerce.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := fail("append", commerce.NotSent, fmt.Errorf("wrapped: %w", c.err))
			require.Equal(t, c.kind, commerce.KindOf(err))
			require.True(t, commerce.SafeToRetry(err))
			require.ErrorIs(t, err, c.err)
			require.True(t, strings.HasPrefix(err.Error(), "sqlstore: append: "), err.Error())
			require.Equal(t, c.commit, commitOutcome(c.err))
		})
	}
}

func TestAnErrorOfOursKeepsItsWords(t *testing.T) {
	t.Parallel()
	err := fail("finish", commerce.Unknown, lostLease())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.True(t, commerce.SafeToRetry(err))
	require.Equal(t, "sqlstore: finish: lost_lease the lease was lost", err.Error())
}

func TestARowThatIsLockedIsNoVersionThatStands(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, decided(fail("put credential", commerce.NotSent, written(0, nil))), commerce.ErrConflict)
	locked := decided(fail("put credential", commerce.NotSent, state("55P03")))
	require.ErrorIs(t, locked, commerce.ErrUnavailable)
	require.NotErrorIs(t, locked, commerce.ErrConflict)
	require.True(t, commerce.SafeToRetry(locked))
	require.NoError(t, decided(nil))
}

func TestMigrationsNameOnlyKnownWords(t *testing.T) {
	t.Parallel()
	for dialect, p := range dialects {
		for _, m := range migrations {
			require.NotContains(t, p.names("p_").Replace(m), "{", string(dialect))
		}
	}
}

func ExampleSQLiteDSN() {
	// On a real path every connection of sql.Open("sqlite", dsn) is as Open wants it.
	fmt.Println(SQLiteDSN("shop data.db"))
	// Output: file:shop%20data.db?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)
}
