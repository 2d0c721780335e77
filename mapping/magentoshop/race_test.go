package magentoshop_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// The shop's own module hears of the payment at the same moment and is quicker by a
// breath: the shop refuses our invoice, and the order is paid all the same.
func TestAnInvoiceThatTheModuleMadeMeanwhileIsFound(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	ours := w.shop.RecordPayment(w.o, payment(w.o))
	find := ours.Find
	ours.Find = func(ctx context.Context) (commerce.Document, error) {
		doc, err := find(ctx)
		if errors.Is(err, commerce.ErrNotFound) {
			_, theirs := w.shop.RecordPayment(w.o, payment(w.o)).Act(ctx)
			require.NoError(t, theirs)
		}
		return doc, err
	}
	doc, err := run(t.Context(), idempotency.NewMemory(nil), "pay", ours)
	require.NoError(t, err)
	require.Equal(t, "paid", doc.State)
	require.Equal(t, w.o.Totals.Gross, doc.Total)
}

// The same for a hold that a person made between our look and our own.
func TestAHoldThatSomebodyMadeMeanwhileIsFound(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	ours := w.shop.Hold(w.o)
	find := ours.Find
	ours.Find = func(ctx context.Context) (commerce.Document, error) {
		doc, err := find(ctx)
		if errors.Is(err, commerce.ErrNotFound) {
			_, theirs := w.shop.Hold(w.o).Act(ctx)
			require.NoError(t, theirs)
		}
		return doc, err
	}
	_, err := run(t.Context(), idempotency.NewMemory(nil), "hold", ours)
	require.NoError(t, err)
}
