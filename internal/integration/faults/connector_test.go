package faults_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
)

// how says how a call of the driver fails.
type how int

const (
	refused how = iota // the database says no
	broken             // the connection is gone before the request
	unheard            // the request is on its way and never arrives
	unsaid             // carried out, and the connection goes before the answer
	skewed             // nothing fails; the store's clock jumps
)

// fault is one way to fail.
type fault struct {
	name string
	how  how
	// The database's words, where it says no.
	postgres string // SQLSTATE
	maria    int    // error number
	sqlite   int    // result code
	ends     bool   // the database ends the whole transaction with it
	loses    bool   // against another transaction: a conflict, where one can be told from a busy file
	minutes  int    // by which the clock jumps
}

var faults = []fault{
	{name: "serialisation failure", postgres: "40001", maria: 1020, sqlite: 5 | 2<<8, ends: true, loses: true},
	{name: "deadlock", postgres: "40P01", maria: 1213, sqlite: 6, ends: true, loses: true},
	{name: "lock time-out", postgres: "55P03", maria: 1205, sqlite: 5, loses: true},
	{name: "read only", postgres: "25006", maria: 1290, sqlite: 8},
	{name: "disk full", postgres: "53100", maria: 1021, sqlite: 13, ends: true},
	{name: "connection lost before", how: broken, sqlite: 10, ends: true},
	{name: "connection lost during", how: unheard, sqlite: 10, ends: true},
	{name: "connection lost after", how: unsaid, sqlite: 10, ends: true},
	{name: "clock five minutes on", how: skewed, minutes: 5},
	{name: "clock five minutes back", how: skewed, minutes: -5},
}

// connector makes connections whose calls are counted and fail when told.
type connector struct {
	kind sqlstore.Dialect
	base driver.Connector

	// The controls: connections without transactions, and without ears for what COMMIT says.
	loose, deaf bool

	mu     sync.Mutex
	calls  int // since arm
	at     int // the call that fails; 0 = none
	fault  fault
	jump   func(minutes int)
	struck string // the call that failed; "" = none has
}

// arm lets the call number at fail, counted from now.
func (c *connector) arm(f fault, at int, jump func(int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.at, c.fault, c.jump, c.struck = 0, at, f, jump, ""
}

// disarm returns what failed.
func (c *connector) disarm() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = 0
	return c.struck
}

// due reports that this call fails now.
func (c *connector) due(what string) (fault, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.calls != c.at {
		return fault{}, false
	}
	c.struck = strings.Join(strings.Fields(what), " ")
	if c.fault.how == skewed {
		c.jump(c.fault.minutes)
		return fault{}, false
	}
	return c.fault, true
}

// faulty opens a database through a connector.
func faulty(t testing.TB, d dbserver.Database, dsn string) (*sql.DB, *connector) {
	t.Helper()
	c := &connector{kind: d.Dialect}
	var err error
	switch d.Dialect {
	case sqlstore.PostgreSQL:
		config, bad := pgx.ParseConfig(dsn)
		require.NoError(t, bad)
		config.DialFunc = dial
		c.base = stdlib.GetConnector(*config)
	case sqlstore.MySQL:
		dialing.Do(func() {
			mysql.RegisterDialContext("faulty", func(ctx context.Context, addr string) (net.Conn, error) { return dial(ctx, "tcp", addr) })
		})
		config, bad := mysql.ParseDSN(dsn)
		require.NoError(t, bad)
		config.Net, config.Logger = "faulty", &mysql.NopLogger{}
		c.base, err = mysql.NewConnector(config)
	default:
		pool, bad := sql.Open(d.Driver, dsn)
		require.NoError(t, bad)
		defer pool.Close()
		c.base = plain{pool.Driver(), dsn}
	}
	require.NoError(t, err)
	pool := sql.OpenDB(c)
	pool.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = pool.Close() })
	return pool, c
}

var dialing sync.Once

// plain is a connector of a driver that has none.
type plain struct {
	driver driver.Driver
	dsn    string
}

func (p plain) Connect(context.Context) (driver.Conn, error) { return p.driver.Open(p.dsn) }
func (p plain) Driver() driver.Driver                        { return p.driver }

type wireKey struct{}

// dial also tells the connection that asked for it.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, postgres: true}
	if slot, ok := ctx.Value(wireKey{}).(**wire); ok {
		*slot = w
	}
	return w, nil
}

func (c *connector) Driver() driver.Driver { return c.base.Driver() }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var w *wire
	got, err := c.base.Connect(context.WithValue(ctx, wireKey{}, &w))
	if err != nil {
		return nil, err
	}
	if w != nil {
		w.postgres = c.kind == sqlstore.PostgreSQL
	}
	return &conn{full: got.(full), c: c, wire: w}, nil
}

// wire is the way to a server, which can break.
type wire struct {
	net.Conn
	postgres bool
	next     atomic.Int32 // how the next request fails; 0 = it does not
	failing  atomic.Int32 // how the one under way does
}

// Write loses a request, or lets it through.
func (w *wire) Write(b []byte) (int, error) {
	if n := w.next.Load(); n != 0 && w.carriesOut(b) {
		w.next.Store(0)
		w.failing.Store(n)
		if how(n) == unheard {
			return len(b), nil
		}
	}
	return w.Conn.Write(b)
}

// Read loses an answer that has come.
func (w *wire) Read(b []byte) (int, error) {
	n := w.failing.Load()
	if n == 0 {
		return w.Conn.Read(b)
	}
	if how(n) == unsaid {
		if _, err := w.Conn.Read(b); err != nil {
			return 0, err
		}
	}
	_ = w.Conn.Close()
	return 0, io.EOF
}

// carriesOut reports that what is sent makes the server do something, and does not only
// prepare it.
func (w *wire) carriesOut(b []byte) bool {
	if !w.postgres {
		return len(b) > 4 && (b[4] == 0x03 || b[4] == 0x17) // COM_QUERY, COM_STMT_EXECUTE
	}
	for len(b) >= 5 {
		if b[0] == 'Q' || b[0] == 'E' {
			return true
		}
		n := 1 + int(binary.BigEndian.Uint32(b[1:5]))
		b = b[min(n, len(b)):]
	}
	return false
}

// full is what the three drivers' connections can do.
type full interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type conn struct {
	full
	c    *connector
	wire *wire
}

// CheckNamedValue leaves it to the driver what it takes.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.full.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession leaves it to the driver whether a connection may be used again.
func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.full.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid does the same when it is given back.
func (c *conn) IsValid() bool {
	v, ok := c.full.(driver.Validator)
	return !ok || v.IsValid()
}

// code is an error of SQLite's, as far as anybody looks at it.
type code int

func (c code) Error() string { return fmt.Sprintf("planted (%d)", int(c)) }
func (c code) Code() int     { return int(c) }

// call makes a call of the driver, or lets it fail. rollback ends the transaction that the
// call is in, if there is one.
func (c *conn) call(ctx context.Context, what string, call func() error, rollback func()) error {
	f, due := c.c.due(what)
	if !due {
		return call()
	}
	switch {
	case c.wire != nil && f.how == broken:
		_ = c.wire.Close()
		return call()
	case c.wire != nil && f.how != refused:
		c.wire.next.Store(int32(f.how))
		return call()
	case f.how == unsaid:
		if err := call(); err != nil {
			return err
		}
	}
	if f.ends {
		rollback()
	}
	var words string
	switch c.c.kind {
	case sqlstore.SQLite:
		return code(f.sqlite)
	case sqlstore.PostgreSQL:
		words = fmt.Sprintf("DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '%s'; END $$", f.postgres)
	default:
		state := "HY000"
		if f.maria == 1213 {
			state = "40001"
		}
		words = fmt.Sprintf("SIGNAL SQLSTATE '%s' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'planted'", state, f.maria)
	}
	_, err := c.full.ExecContext(ctx, words, nil)
	return err
}

// rollback ends a transaction the way the database itself does. PostgreSQL does it when
// it raises an error; the client has to say ROLLBACK all the same.
func (c *conn) rollback() {
	if c.c.kind != sqlstore.PostgreSQL {
		_, _ = c.full.ExecContext(context.Background(), "ROLLBACK", nil)
	}
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (res driver.Result, err error) {
	switch query {
	case "ROLLBACK":
		if c.c.loose {
			return driver.ResultNoRows, nil
		}
		return c.full.ExecContext(ctx, query, args)
	case "BEGIN IMMEDIATE", "COMMIT":
		err = c.call(ctx, query, func() error {
			if c.c.loose {
				return nil
			}
			res, err = c.full.ExecContext(ctx, query, args)
			return err
		}, c.rollback)
		if query == "COMMIT" && c.c.deaf && err != nil {
			c.rollback()
			err = nil
		}
		return driver.ResultNoRows, err
	}
	err = c.call(ctx, query, func() error {
		res, err = c.full.ExecContext(ctx, query, args)
		return err
	}, c.rollback)
	return res, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.call(ctx, query, func() error {
		rows, err = c.full.QueryContext(ctx, query, args)
		return err
	}, c.rollback)
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	var t driver.Tx
	err := c.call(ctx, "BEGIN", func() (err error) {
		t, err = c.full.BeginTx(ctx, opts)
		return err
	}, func() {
		if t != nil {
			_ = t.Rollback()
		}
	})
	return tx{t, c}, err
}

type tx struct {
	driver.Tx
	c *conn
}

func (t tx) Commit() error {
	err := t.c.call(context.Background(), "COMMIT", t.Tx.Commit, t.c.rollback)
	if err != nil {
		_ = t.Tx.Rollback() // as the drivers do
	}
	return err
}
