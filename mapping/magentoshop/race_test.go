package magentoshop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
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

// quicker ships everything in the moment before our own request arrives.
type quicker struct {
	http.RoundTripper
	once *sync.Once
	ship func()
}

func (q quicker) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/ship") {
		q.once.Do(q.ship)
	}
	return q.RoundTripper.RoundTrip(r)
}

// Somebody ships one of two cups at the shop in the moment between our look and our
// request: Magento cuts ours without a word, and the document says so.
func TestAShipmentThatTheShopCutShortSaysSo(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	ours := quicker{RoundTripper: w.far.Transport(), once: &sync.Once{}, ship: func() {
		theirs := sent(line("CUP", "1"))
		theirs.Ref.ID = "shipment/99"
		_, err := w.shop.Ship(w.o, theirs).Act(t.Context())
		require.NoError(t, err)
	}}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(w.far.Keys()), Transport: ours})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{})
	require.NoError(t, err)
	doc, err := run(t.Context(), idempotency.NewMemory(nil), "ship", shop.Ship(w.o, sent(line("CUP", "2"))))
	require.NoError(t, err)
	require.Equal(t, mapping.ShortShipment, doc.State)
	require.Len(t, w.far.Shipments(w.id), 2)
}
