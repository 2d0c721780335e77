// Package sqlstore keeps the inbox, the memory of operations, sealed credentials and the
// log of who used them in the user's own SQL database: one SQLite file by default,
// PostgreSQL, MySQL or MariaDB where several machines work together. It is written on
// database/sql alone; the program brings the driver.
//
//	import _ "modernc.org/sqlite"
//
//	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN("shop.db"))
//	...
//	db, err := sqlstore.Open(ctx, pool, sqlstore.SQLite, sqlstore.Config{})
//	...
//	in, err := inbox.New(db.Inbox(), inbox.Config{Handlers: handlers})
//	receipt, err := idempotency.Do(ctx, db.Steps(), "refund/17", refund)
//	safe, err := vault.New(ctx, vault.Config{Store: db.Vault(), Ring: ring.Load})
//
// With PostgreSQL the pool is sql.Open("pgx", "postgres://…") with the driver
// github.com/jackc/pgx/v5/stdlib, and the dialect [PostgreSQL]. Everything else
// stays as it is. With MySQL or MariaDB it is sql.Open("mysql",
// "user:password@tcp(host)/shop?clientFoundRows=true&interpolateParams=true") with
// github.com/go-sql-driver/mysql, and [MySQL]; tables are InnoDB's, texts are bytes, and
// a text that is searched for, such as an id or a key, has at most 1024 of them. The
// connections of such a pool get Config.LockTimeout as their innodb_lock_wait_timeout, and
// on MariaDB Config.TxTimeout as idle_transaction_timeout: give the store a pool of its
// own where that does not suit the rest of the program. A pool keeps two idle connections unless told otherwise, and a new one
// costs more than a statement: pool.SetMaxIdleConns(8) suits an inbox of four workers.
//
// [Open] brings the tables to the newest version, which any number of programs may
// do at once, and refuses settings under which a power cut loses what was
// acknowledged; [Config.AllowUnsafe] names those that are accepted anyway. They are
// checked again in every transaction, since a pool has many connections.
//
// # What is promised
//
// A method that returns nil has committed. An error says what became of the write:
// commerce.NotSent where nothing was stored, commerce.Unknown where COMMIT was sent
// and its answer got lost. The same batch may then be sent again: rows that carry
// its ID are new, the others were there before. Every transaction is bounded in
// time, here and at the server.
//
// On an SQLite file, which has one writer, writes that wait at the same moment share
// one commit, as PostgreSQL's do by themselves. Each stands for itself until then: one
// that is refused leaves nothing behind and takes nobody with it; where the COMMIT gets
// no answer all of them are told so.
//
// Times are the database's, and for SQLite, which is a file of this machine, the clock
// of this machine.
//
// # The caller's transaction
//
// Appending, completing the event at hand, and recording a local effect can join a
// transaction of the caller's; they count when it commits:
//
//	err := db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
//		if _, err := tx.ExecContext(ctx, "UPDATE stock SET …"); err != nil {
//			return err
//		}
//		return db.Inbox().CompleteTx(ctx, tx)
//	})
//
// Beginning a far effect never can: its key is committed before the first byte
// leaves, so idempotency refuses the context that InTx hands out.
//
// # Tables
//
// Their names begin with [Config.Prefix]. events is only added to and holds the
// bytes as received, until they are pruned; queue holds what is not ended or asks for a person, and
// stays small; ended, acts, links, leases, cursors, revisions and operations hold
// what their names say, as do credentials, which are sealed, and accesses, which is only
// added to. Times are microseconds since 1970 UTC.
package sqlstore
