package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// An order is worked once, whatever happens in between: the event and the memory
// of what was done for it are in one file.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "my shop.db")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	db, err := sqlstore.Open(ctx, pool, sqlstore.SQLite, sqlstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}

	paid := inbox.Batch{ID: "delivery 1", Events: []commerce.Event{{
		Ref:  commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "evt_1"},
		Type: "charge.succeeded", Object: "ch_1", Subject: "pi_1", Created: time.Now(),
	}}}
	for range 2 { // Stripe delivers twice
		stored, err := db.Inbox().Append(ctx, paid)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("duplicate:", stored[0].Duplicate)
		paid.ID = "delivery 2"
	}
	for range 2 { // and the handler runs twice
		id, err := idempotency.Do(ctx, db.Steps(), "sales-order/17", func(context.Context) (string, error) {
			fmt.Println("made a sales order")
			return "SO-17", nil
		})
		fmt.Println(id, err)
	}
	// Output:
	// duplicate: false
	// duplicate: true
	// made a sales order
	// SO-17 <nil>
	// SO-17 <nil>
}

// CompleteTx ends the event together with the caller's own rows.
func ExampleDB_InTx() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "shop.db")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	db, err := sqlstore.Open(ctx, pool, sqlstore.SQLite, sqlstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := pool.ExecContext(ctx, "CREATE TABLE points (customer TEXT, points INTEGER)"); err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(db.Inbox(), inbox.Config{Handlers: inbox.Handlers{
		"stripe charge.succeeded": {{Name: "points", Handle: func(ctx context.Context, e commerce.Event) error {
			return db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, "INSERT INTO points VALUES (?, 10)", e.Subject); err != nil {
					return err
				}
				return db.Inbox().CompleteTx(ctx, tx)
			})
		}}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = db.Inbox().Append(ctx, inbox.Batch{ID: "1", Events: []commerce.Event{{
		Ref:  commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "evt_1"},
		Type: "charge.succeeded", Object: "ch_1", Subject: "pi_1", Created: time.Now(),
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	worked, err := in.Work(ctx)
	fmt.Println(worked, err)
	var points int
	err = pool.QueryRowContext(ctx, "SELECT points FROM points WHERE customer = 'pi_1'").Scan(&points)
	fmt.Println(points, err)
	// Output:
	// 1 <nil>
	// 10 <nil>
}
