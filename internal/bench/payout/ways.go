package payout

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the third way

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func chart() reconcile.Chart {
	return reconcile.Chart{Company: "EUR", Journal: "STR",
		Clearing: map[commerce.Currency]string{"EUR": "1360"}, Transit: map[commerce.Currency]string{"EUR": "1370"},
		Categories: map[string]string{"charge": "1400"}, Fees: map[string]string{"": "6855"}}
}

// files opens both sides.
func files(dir string) (lines, shop *os.File, err error) {
	if lines, err = os.Open(report(dir)); err != nil {
		return nil, nil, err
	}
	if shop, err = os.Open(orders(dir)); err != nil {
		lines.Close()
	}
	return lines, shop, err
}

// partitions is package reconcile.
func partitions(ctx context.Context, dir string, m Month, found *csv.Writer) (e commerce.JournalEntry, err error) {
	lines, shop, err := files(dir)
	if err != nil {
		return e, err
	}
	defer lines.Close()
	defer shop.Close()
	got, err := reconcile.Payout(ctx, reconcile.Input{Payout: m.payout(),
		Lines: reconcile.Itemized(lines, reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(shop, reconcile.OrdersConfig{})}, reconcile.Config{Dir: dir})
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	for d, err := range got.Discrepancies() {
		if err != nil {
			return e, err
		}
		if err := found.Write([]string{string(d.Reason), d.Keys.Transaction, d.Keys.Document, d.Difference.String()}); err != nil {
			return e, err
		}
	}
	return got.Whole(chart())
}

// mapOfStructs keeps one side in a map and looks the other up in it.
func mapOfStructs(_ context.Context, dir string, m Month, found *csv.Writer) (e commerce.JournalEntry, err error) {
	type sale struct {
		reconcile.Document
		found bool
	}
	lines, shop, err := files(dir)
	if err != nil {
		return e, err
	}
	defer lines.Close()
	defer shop.Close()
	sales := map[string]*sale{}
	for d, err := range reconcile.Orders(shop, reconcile.OrdersConfig{}) {
		if err != nil {
			return e, err
		}
		sales[d.Intent] = &sale{Document: d}
	}
	sums := total{}
	seen := map[string]struct{}{} // a row may be there twice
	for l, err := range reconcile.Itemized(lines, reconcile.ItemizedConfig{}) {
		if err != nil {
			return e, err
		}
		sums.add(l.Amount.Minor(), l.Fee.Minor())
		reason := reconcile.Reason("")
		s := sales[l.Intent]
		_, twice := seen[l.ID]
		seen[l.ID] = struct{}{}
		switch {
		case twice:
			reason = reconcile.Duplicate
		case s == nil:
			reason = reconcile.MissingInShop
		case s.Amount.Currency() != l.Amount.Currency():
			reason = reconcile.CurrencyDiffers
		case s.Amount != l.Amount:
			reason = reconcile.AmountDiffers
		}
		document := ""
		if s != nil {
			s.found, document = true, s.ID
		}
		if reason != "" {
			if err := found.Write([]string{string(reason), l.ID, document, l.Amount.String()}); err != nil {
				return e, err
			}
		}
	}
	for _, s := range sales {
		if s.found {
			continue
		}
		if err := found.Write([]string{string(reconcile.MissingAtStripe), "", s.ID, s.Amount.String()}); err != nil {
			return e, err
		}
	}
	return sums.entry(m)
}

// total is what the rows add up to.
type total struct{ gross, fee int64 }

func (t *total) add(gross, fee int64) { t.gross, t.fee = t.gross+gross, t.fee+fee }

// entry is the journal entry of the month.
func (t total) entry(m Month) (e commerce.JournalEntry, err error) {
	if t.gross-t.fee != m.Net {
		return e, fmt.Errorf("the rows make %d, the payout is %d", t.gross-t.fee, m.Net)
	}
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	return commerce.JournalEntry{Key: "payout/po_1", Journal: "STR", Date: commerce.DateOf(m.payout().Created), Text: "Stripe payout/po_1", Lines: []commerce.JournalLine{
		{Account: "1370", Debit: eur(m.Net), Credit: eur(0)}, {Account: "6855", Debit: eur(t.fee), Credit: eur(0)},
		{Account: "1400", Debit: eur(0), Credit: eur(t.gross)}}}, nil
}

// sqlite loads both sides into tables, without a journal and without syncing, makes
// indexes and joins.
func sqlite(ctx context.Context, dir string, m Month, found *csv.Writer) (e commerce.JournalEntry, err error) {
	file, err := os.CreateTemp(dir, "*.db")
	if err != nil {
		return e, err
	}
	if err := file.Close(); err != nil {
		return e, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file.Name())+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-32000)")
	if err != nil {
		return e, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `
		CREATE TABLE lines (id TEXT, created INTEGER, currency TEXT, gross INTEGER, fee INTEGER, net INTEGER, category TEXT, charge TEXT, intent TEXT);
		CREATE TABLE orders (id TEXT, number TEXT, currency TEXT, amount INTEGER, date INTEGER, intent TEXT)`); err != nil {
		return e, err
	}
	if err := load(ctx, db, dir); err != nil {
		return e, err
	}
	if _, err := db.ExecContext(ctx, `CREATE INDEX lines_intent ON lines (intent); CREATE INDEX orders_intent ON orders (intent); CREATE INDEX lines_id ON lines (id)`); err != nil {
		return e, err
	}
	for _, query := range []string{
		`SELECT CASE WHEN o.id IS NULL THEN 'missing_in_shop' WHEN o.currency <> l.currency THEN 'currency' ELSE 'amount' END, l.id, coalesce(o.id, ''), l.gross
			FROM lines l LEFT JOIN orders o ON o.intent = l.intent WHERE o.id IS NULL OR o.currency <> l.currency OR o.amount <> l.gross`,
		`SELECT 'missing_at_stripe', '', o.id, o.amount FROM orders o LEFT JOIN lines l ON l.intent = o.intent WHERE l.id IS NULL`,
		`SELECT 'duplicate', id, '', gross FROM lines GROUP BY id HAVING count(*) > 1`,
	} {
		if err := tell(ctx, db, query, found); err != nil {
			return e, err
		}
	}
	var sums total
	if err := db.QueryRowContext(ctx, `SELECT sum(gross), sum(fee) FROM lines`).Scan(&sums.gross, &sums.fee); err != nil {
		return e, err
	}
	return sums.entry(m)
}

func load(ctx context.Context, db *sql.DB, dir string) error {
	lines, shop, err := files(dir)
	if err != nil {
		return err
	}
	defer lines.Close()
	defer shop.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()                                                        // does nothing after Commit
	line, err := tx.PrepareContext(ctx, `INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return err
	}
	for l, err := range reconcile.Itemized(lines, reconcile.ItemizedConfig{}) {
		if err != nil {
			return err
		}
		if _, err := line.ExecContext(ctx, l.ID, l.Created.Unix(), string(l.Amount.Currency()), l.Amount.Minor(), l.Fee.Minor(), l.Net.Minor(),
			l.Category, l.Charge, l.Intent); err != nil {
			return err
		}
	}
	order, err := tx.PrepareContext(ctx, `INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)`) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return err
	}
	for d, err := range reconcile.Orders(shop, reconcile.OrdersConfig{}) {
		if err != nil {
			return err
		}
		if _, err := order.ExecContext(ctx, d.ID, d.Number, string(d.Amount.Currency()), d.Amount.Minor(), d.Date.Unix(), d.Intent); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func tell(ctx context.Context, db *sql.DB, query string, found *csv.Writer) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		said := make([]string, 4)
		if err := rows.Scan(&said[0], &said[1], &said[2], &said[3]); err != nil {
			return err
		}
		if err := found.Write(said); err != nil {
			return err
		}
	}
	return rows.Err()
}
