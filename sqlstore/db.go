package sqlstore

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Config configures a DB. The zero value works.
type Config struct {
	// Prefix begins the name of every table, so that they can live beside the
	// program's own: lower-case letters, digits and "_". Defaults to "commerce_".
	Prefix string
	// Now replaces the database's clock, for simulators and tests. Leave it nil
	// where several machines share a database: leases and settling times are
	// reckoned by one clock. Defaults to the server's clock, and for SQLite, a file of
	// this machine, to time.Now.
	Now func() time.Time
	// TxTimeout bounds a transaction, here and at the server. Defaults to 10 seconds.
	TxTimeout time.Duration
	// LockTimeout bounds how long a statement waits for another transaction's row; on
	// MySQL it is rounded up to seconds. On an SQLite file another program's write is
	// waited for until TxTimeout, which is looked at whenever the connection's
	// busy_timeout ends. Defaults to a fifth of TxTimeout.
	LockTimeout time.Duration
	// AllowUnsafe names the settings that may be unsafe, in so many words: "fsync",
	// "full_page_writes", "synchronous_commit", "journal_mode", "synchronous",
	// "innodb_flush_log_at_trx_commit", "innodb_doublewrite", "sync_binlog". With any of them a power cut loses events that were acknowledged and keys of
	// effects that were made.
	AllowUnsafe []string
}

// DB keeps inbox, operations and credentials in one SQL database. It is safe for
// concurrent use and needs no closing; the pool stays the caller's.
type DB struct {
	*pieces
	pool        *sql.DB
	prefix      string
	names       *strings.Replacer
	clockNow    func() time.Time // nil = the database's
	txTimeout   time.Duration
	lockTimeout time.Duration
	allowUnsafe []string
	turn        chan struct{}       // the one writer, where writers take turns
	errands     waiting[*errand]    // what waits for it
	finishing   chan struct{}       // the statements that end events, where they are shared
	finishes    waiting[*finishing] // what waits for them
	turns       turns
}

var (
	prefixForm     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)
	unsafeSettings = []string{"fsync", "full_page_writes", "synchronous_commit", "journal_mode", "synchronous",
		"innodb_flush_log_at_trx_commit", "innodb_doublewrite", "sync_binlog"}
)

// Open checks the database's settings, brings its tables to the newest version
// and returns a DB. It refuses settings that would lose acknowledged writes, and a
// schema newer than this program. Several programs may open one database at once.
func Open(ctx context.Context, pool *sql.DB, dialect Dialect, c Config) (*DB, error) {
	invalid := func(format string, args ...any) (*DB, error) {
		e := commerce.Errorf(commerce.KindInvalid, "sqlstore", "open", format, args...)
		e.Outcome = commerce.NotSent
		return nil, e
	}
	if pool == nil {
		return invalid("pool is nil")
	}
	p, ok := dialects[dialect]
	if !ok {
		return invalid("dialect %q is not known", dialect)
	}
	if c.Prefix == "" {
		c.Prefix = "commerce_"
	}
	if !prefixForm.MatchString(c.Prefix) {
		return invalid("Config.Prefix %q must be lower-case letters, digits and _, at most 31", c.Prefix)
	}
	if c.TxTimeout < 0 || c.LockTimeout < 0 {
		return invalid("Config.TxTimeout and LockTimeout must not be negative")
	}
	if c.TxTimeout == 0 {
		c.TxTimeout = 10 * time.Second
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = c.TxTimeout / 5
	}
	for _, s := range c.AllowUnsafe {
		if !slices.Contains(unsafeSettings, s) {
			return invalid("Config.AllowUnsafe names %q, which is none of %s", s, strings.Join(unsafeSettings, ", "))
		}
	}
	d := &DB{
		pieces: p, pool: pool, prefix: c.Prefix, names: p.names(c.Prefix),
		clockNow: c.Now, txTimeout: c.TxTimeout, lockTimeout: c.LockTimeout,
		allowUnsafe: slices.Clone(c.AllowUnsafe), turn: make(chan struct{}, 1), finishing: make(chan struct{}, finishesAtOnce),
	}
	if err := d.migrate(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// at is the store's clock in a statement outside a transaction, with its arguments
// for n uses. The database's own is asked once a statement, so that an index can be
// used with it.
func (d *DB) at(n int) (string, []any) {
	if d.clockNow == nil && d.clock != "" {
		return "(SELECT " + d.clock + ")", nil
	}
	return "CAST(? AS {number})", slices.Repeat([]any{d.here()}, n)
}

// here is the store's clock where it is not the database's.
func (d *DB) here() int64 {
	if d.clockNow != nil {
		return d.clockNow().UnixMicro()
	}
	return time.Now().UnixMicro()
}

// micros and moment turn times into what the tables hold and back; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// atLeast is a wait in microseconds, rounded up: one of a nanosecond that became nought
// would be over at once, again and again, for a clock that stands still meanwhile.
func atLeast(d time.Duration) int64 { return (d + time.Microsecond - 1).Microseconds() }

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
