package vault_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

const childEnv = "COMMERCE_VAULT_CHILD"

// task is what a child is given.
type task struct {
	Driver, DSN string
	Dialect     sqlstore.Dialect
	Ring        string
	Batch       int
	Naive       bool // the control
}

// child rewraps, and says so after every batch and at the end.
func child(spec string) int {
	err := func() error {
		ctx := context.Background()
		var job task
		if err := json.Unmarshal([]byte(spec), &job); err != nil {
			return err
		}
		pool, err := sql.Open(job.Driver, job.DSN)
		if err != nil {
			return err
		}
		defer pool.Close()
		db, err := sqlstore.Open(ctx, pool, job.Dialect, sqlstore.Config{})
		if err != nil {
			return err
		}
		var store vault.Store = db.Vault()
		if job.Naive {
			store = naive{store, pool}
		}
		v, err := vault.New(ctx, vault.Config{Store: store, Ring: keyring.File{Path: job.Ring}.Load})
		if err != nil {
			return err
		}
		_, err = v.Rewrap(ctx, vault.RewrapConfig{Batch: job.Batch, Progress: func(at vault.Rewrap) { fmt.Println("at", at.Done) }})
		if err == nil {
			fmt.Println("done")
		}
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// naive takes a row away and puts the one that it made in its place.
type naive struct {
	vault.Store
	pool *sql.DB
}

func (n naive) Reseal(ctx context.Context, r vault.Record, _ string) error {
	if _, err := n.pool.ExecContext(ctx, "DELETE FROM commerce_credentials WHERE owner = ? AND name = ?", r.Owner.String(), r.Name); err != nil {
		return err
	}
	return n.Put(ctx, r, 0)
}
