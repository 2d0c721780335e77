package magento

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// endless is a shop with a long list of orders: each request gets the next 100.
type endless struct{ sent, total int }

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	left := e.total - e.sent
	for n := range min(100, left) {
		if n > 0 {
			b.WriteByte(',')
		}
		e.sent++
		at := time.Unix(int64(1_700_000_000+e.sent), 0).UTC().Format(timeLayout)
		fmt.Fprintf(&b, `{"entity_id":%d,"increment_id":"%09d","updated_at":%q,"grand_total":12.5,"items":[{"item_id":%d,"sku":"CUP"}]}`, e.sent, e.sent, at, e.sent)
	}
	fmt.Fprintf(&b, `],"total_count":%d}`, left)
	return &http.Response{StatusCode: 200, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(&b)}, nil
}

// TestALongListTakesNoMoreMemoryThanAShortOne walks over 100,000 orders.
func TestALongListTakesNoMoreMemoryThanAShortOne(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 orders")
	}
	cl, err := NewClient(Config{BaseURL: "https://shop.example", Transport: &endless{total: 100_000},
		Credentials: commerce.Static(Keys{Bearer: commerce.NewSecret("x")})})
	require.NoError(t, err)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	seen := 0
	for o, err := range cl.Orders.List(t.Context(), ListParams{}) {
		require.NoError(t, err)
		if seen++; seen == 1_000 {
			early = heap()
		}
		if seen == 99_000 {
			require.Less(t, heap(), early+4<<20, "bytes of heap at order %d", o.EntityID)
		}
	}
	require.Equal(t, 100_000, seen)
}
