package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

func TestHoweverLittleMemoryThereIsTheResultIsTheSame(t *testing.T) {
	t.Parallel()
	const n = 9_000
	lines := func(yield func(Line, error) bool) {
		for i := range n {
			amount := commerce.MustMoney(int64(100+i%50), "EUR")
			l := Line{ID: fmt.Sprint("txn_", i), Category: "charge", Amount: amount, Fee: commerce.Zero("EUR"), Net: amount,
				Created: time.Unix(int64(1_800_000_000+i), 0).UTC(), Intent: fmt.Sprint("pi_", i)}
			if !yield(l, nil) {
				return
			}
		}
	}
	var docs iter.Seq2[Document, error] = func(yield func(Document, error) bool) {
		for i := range n {
			d := Document{System: "shop", ID: fmt.Sprint("order/", i), Intent: fmt.Sprint("pi_", i), Date: time.Unix(int64(1_800_000_000+i), 0).UTC(),
				Amount: commerce.MustMoney(int64(100+i%50+i%3/2), "EUR")}
			if !yield(d, nil) {
				return
			}
		}
	}
	explained := func(memory int64) (all []Discrepancy) {
		config, err := Config{}.withDefaults()
		require.NoError(t, err)
		config.Memory = memory
		r, err := explain(t.Context(), Input{Lines: lines, Shop: docs, Payout: commerce.Payout{Ref: commerce.Ref{ID: "po_1"},
			Amount: commerce.MustMoney(1, "EUR"), Automatic: true, Reconciled: true}}, config)
		require.NoError(t, err)
		defer r.Close()
		for d, err := range r.Discrepancies() {
			require.NoError(t, err)
			all = append(all, d)
		}
		return all
	}
	want := explained(32 << 20)
	require.Len(t, want, n/3)
	require.Equal(t, want, explained(8<<10), "partitions are spread again, discrepancies sorted in runs")
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0).UTC()
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	two, err := commerce.ParseDecimal("2.5")
	require.NoError(t, err)
	l := &Line{"txn_1", "charge", "charge", 7, eur(-1000), eur(50), eur(-1050), []FeeDetail{{"tax", eur(50)}}, commerce.MustMoney(-5, "JPY"), now, now,
		"a", "b", "c", "d", "e", "f", "g", "h", "i"}
	require.Equal(t, l, lineOf(l.put(nil)))
	for _, d := range []*Document{
		{"magento", "eu", "order/1", "100", 3, true, eur(1000), now, eur(1500), true, commerce.MustMoney(1, "USD"), "pi_1-capture", "ch_1", "pi_1", "re_1",
			[]DocumentLine{{"SKU-1", two, eur(800)}, {"shipping", two, eur(40)}}, []TaxSum{{"DE", "19", eur(840), eur(160)}}},
		{System: "a", Amount: eur(1000), Total: eur(0)},
		{System: "a", Payment: "\x01", Intent: "pi_1", Amount: eur(0)},
		{System: "a", Payment: "\x03", Intent: "pi_1", Amount: eur(0)},
		{System: "a", Payment: "pi_1", Intent: "pi_1", Amount: eur(0)},
		{System: "a", Payment: "ch_1", Charge: "ch_1", Amount: eur(1)},
	} {
		require.Equal(t, d, documentOf(d.put(nil)))
	}
}

// many are lines and the documents of both sides, so many that they do not stay in
// memory; after cut documents the shop fails.
func many(n, cut int, fails error) Input {
	eur := func(i int) commerce.Money { return commerce.MustMoney(int64(100+i%50), "EUR") }
	at := time.Unix(1_800_000_000, 0).UTC()
	document := func(system string) iter.Seq2[Document, error] {
		return func(yield func(Document, error) bool) {
			for i := range n {
				if i == cut && fails != nil {
					yield(Document{}, fails)
					return
				}
				if !yield(Document{System: system, ID: fmt.Sprint(system, i), Number: fmt.Sprint(i), Intent: fmt.Sprint("pi_", i), Amount: eur(i), Date: at}, nil) {
					return
				}
			}
		}
	}
	return Input{Shop: document("shop"), ERP: document("erp"), Payout: commerce.Payout{Ref: commerce.Ref{ID: "po_1"}, Amount: eur(0), Automatic: true, Reconciled: true},
		Lines: func(yield func(Line, error) bool) {
			for i := range n {
				if !yield(Line{ID: fmt.Sprint("txn_", i), Category: "charge", Amount: eur(i), Fee: commerce.Zero("EUR"), Net: eur(i), Created: at, Intent: fmt.Sprint("pi_", i)}, nil) {
					return
				}
			}
		}}
}

func TestFilesHaveNoNameWhileTheyAreInUseAndAreClosedWithTheReport(t *testing.T) {
	t.Parallel()
	const n = 20_000
	dir := t.TempDir()
	names := func() int {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(left)
	}
	config, err := Config{Dir: dir}.withDefaults()
	require.NoError(t, err)
	config.Memory = 64 << 10
	r, err := explain(t.Context(), many(n, 0, nil), config)
	require.NoError(t, err)
	open := len(r.scratch.files)
	require.Greater(t, open, 3, "there are some")
	require.Zero(t, names(), "whatever ends the process, none is left")
	walked := 0
	for m, err := range r.Matches() {
		require.NoError(t, err)
		require.Equal(t, m.Line.Intent[3:], m.ERP.ID[3:])
		if walked++; walked == n/2 {
			break
		}
	}
	require.Len(t, r.scratch.files, open, "what a walk made is closed where it ends")
	require.Equal(t, Matched{ByID: n}, r.Matched)
	require.NoError(t, r.Close())
	require.Empty(t, r.scratch.files)

	_, err = explain(t.Context(), many(n, n-1, errors.New("lost")), config)
	require.ErrorContains(t, err, "lost")
	require.Zero(t, names())

	ctx, cancel := context.WithCancelCause(t.Context())
	in := many(n, 0, nil)
	in.ERP = func(yield func(Document, error) bool) { cancel(errors.New("enough")) }
	_, err = explain(ctx, in, config)
	require.ErrorContains(t, err, "enough")
	require.Zero(t, names())
}

func TestEntriesAreSortedWhateverTheirKeysAre(t *testing.T) {
	t.Parallel()
	const shift = 56
	for name, key := range map[string]func(i int) uint64{
		"hashes":           func(i int) uint64 { return mix(int64(i)) },
		"one and the same": func(int) uint64 { return 7 << shift },
		"few":              func(i int) uint64 { return uint64(i % 3) },
		"falling":          func(i int) uint64 { return uint64(10_000 - i) },
		"the lowest bits":  func(i int) uint64 { return mix(int64(i)) >> 60 },
	} {
		for _, n := range []int{0, 1, 2, 63, 64, 1000, 10_000} {
			var from []entry
			for i := range n {
				from = append(from, entry{key: key(i), place: int64(i)})
			}
			to := make([]entry, n)
			byKey(from, to, shift)
			require.True(t, slices.IsSortedFunc(to, func(a, b entry) int { return cmp.Compare(a.key, b.key) }), "%s: %d", name, n)
			slices.SortFunc(to, func(a, b entry) int { return cmp.Compare(a.place, b.place) })
			require.Equal(t, from, append([]entry(nil), to...), "%s: %d", name, n)
		}
	}
}

func TestEachOfManyDiscrepanciesIsFollowedToTheThirdSide(t *testing.T) {
	t.Parallel()
	const n = batch + 1000
	in := many(n, 0, nil)
	lines := in.Lines
	in.Lines = func(yield func(Line, error) bool) {
		for l, err := range lines {
			l.Amount, l.Fee, l.Net = commerce.MustMoney(1, "EUR"), commerce.Zero("EUR"), commerce.MustMoney(1, "EUR")
			if !yield(l, err) {
				return
			}
		}
	}
	r, err := Payout(t.Context(), in, Config{Memory: 8 << 20})
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, map[Reason]int{AmountDiffers: n}, r.Counts)
	walked := 0
	for d, err := range r.Discrepancies() {
		require.NoError(t, err)
		id := d.Line.ID[len("txn_"):]
		require.Equal(t, Keys{Payout: "po_1", Transaction: "txn_" + id, Intent: "pi_" + id, Number: id, Document: "shop" + id, ERP: "erp" + id}, d.Keys)
		walked++
	}
	require.Equal(t, n, walked)
}
