package magentoshop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/resilience"
)

// TestAPollCostsWhatChangedAndWhatIsOpen polls a shop of 100,000 orders.
func TestAPollCostsWhatChangedAndWhatIsOpen(t *testing.T) {
	t.Parallel()
	const changed, open, page = 50, 500, 100
	var s *street
	s = newStreet(t, streetConfig{changes: magentoshop.ChangesConfig{From: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}})
	done := cups()
	done.State, done.Status = "complete", "complete"
	_, err := s.far.Fill(99_500, done, s.now.AddDate(-1, 0, 0), 5*time.Minute)
	require.NoError(t, err)
	_, err = s.far.Fill(open, cups(), s.now.AddDate(0, 0, -10), 20*time.Minute)
	require.NoError(t, err)
	require.Len(t, s.news("changes"), open)
	for n := range changed {
		require.NoError(t, s.far.SetState(int64(1+1_990*n), "closed", "closed"))
	}
	require.Empty(t, s.later(time.Second), "control: they wait for Lag")
	before := len(s.far.Calls())
	require.Len(t, s.later(5*time.Minute), changed)
	calls := s.far.Calls()[before:]
	require.LessOrEqual(t, float64(len(calls)), 1.1*(changed/page+1+open/page+2))
	require.Len(t, calls, 1+1+open/page, "the time, the changes and the open ones")
	for _, c := range calls {
		require.Less(t, len(c.Query), 4_000, "it fits into a request line")
	}
}

// history is a shop of many orders of which each request gets the next page.
type history struct{ sent, total int }

func (h *history) RoundTrip(r *http.Request) (*http.Response, error) {
	var b bytes.Buffer
	head := http.Header{"Content-Type": {"application/json"}, "Date": {time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC).Format(http.TimeFormat)}}
	answer := func() (*http.Response, error) {
		return &http.Response{StatusCode: 200, Request: r, Header: head, Body: io.NopCloser(&b)}, nil
	}
	if !strings.HasSuffix(r.URL.Path, "/orders") {
		b.WriteString(`{}`)
		return answer()
	}
	left := h.total - h.sent
	b.WriteString(`{"items":[`)
	for n := range min(100, left) {
		if n > 0 {
			b.WriteByte(',')
		}
		h.sent++
		at := time.Unix(int64(1_700_000_000+h.sent), 0).UTC().Format(time.DateTime)
		fmt.Fprintf(&b, `{"entity_id":%d,"increment_id":"%09d","state":"complete","updated_at":%q,"grand_total":12.5,"items":[{"item_id":%d,"sku":"CUP","qty_ordered":1}]}`, h.sent, h.sent, at, h.sent)
	}
	fmt.Fprintf(&b, `],"total_count":%d}`, left)
	return answer()
}

// TestAFirstSynchronisationStreams reads a part of the 100,000 orders that FULL=1 reads.
func TestAFirstSynchronisationStreams(t *testing.T) {
	total := 20_000
	if os.Getenv("FULL") != "" {
		total = 100_000
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Transport: &history{total: total},
		Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{})
	require.NoError(t, err)
	feed, err := shop.Changes(magentoshop.ChangesConfig{})
	require.NoError(t, err)
	var early uint64
	seen := 0
	for c, err := range feed.Changes(t.Context(), "") {
		require.NoError(t, err)
		if c.Event.Ref.IsZero() {
			continue
		}
		require.True(t, c.Repair, "history is worked after what happens today")
		if seen++; seen == 1_000 {
			early = heap()
		}
		if seen == total-1_000 {
			require.Less(t, heap(), early+16<<20)
		}
	}
	require.Equal(t, total, seen)
}

// TestHistoryWaitsForWhatIsLive measures, at a shop that allows one page of history a
// second and many of today's, how long the feeds take.
func TestHistoryWaitsForWhatIsLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		quota, err := resilience.NewQuota(resilience.Limit{Requests: 100, Burst: 50, Backfill: 1})
		require.NoError(t, err)
		far, err := magentotest.New(magentotest.Config{})
		require.NoError(t, err)
		_, err = far.Fill(50, cups(), time.Now(), 0)
		require.NoError(t, err)
		client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: far.Transport(),
			PageSize: 5, Resilience: resilience.Config{Quota: quota}})
		require.NoError(t, err)
		shop, err := magentoshop.New(client, magentoshop.Config{})
		require.NoError(t, err)
		changes, err := shop.Changes(magentoshop.ChangesConfig{})
		require.NoError(t, err)
		sweep, err := shop.Sweep(magentoshop.SweepConfig{})
		require.NoError(t, err)
		took := func(feed inbox.Feed, cursor *string) time.Duration {
			time.Sleep(time.Hour)
			began := time.Now()
			for c, err := range feed.Changes(t.Context(), *cursor) {
				require.NoError(t, err)
				*cursor = c.Cursor
			}
			return time.Since(began)
		}
		var at, swept string
		first := took(changes, &at)
		require.Greater(t, first, 8*time.Second, "ten pages of history")
		require.Less(t, took(changes, &at), time.Second, "ten pages of what is open")
		require.Greater(t, took(sweep, &swept), 8*time.Second)
	})
}

// leaves calls f with each plain value of a JSON text, and a way to put another there.
func leaves(v any, path string, put func(any), f func(path string, v any, put func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			leaves(inner, path+"."+name, func(x any) { v[name] = x }, f)
		}
	case []any:
		for n, inner := range v {
			leaves(inner, path, func(x any) { v[n] = x }, f)
		}
	default:
		f(path, v, put)
	}
}

// TestWhatIsAskedForIsInTheHash changes each field that the feeds ask for.
func TestWhatIsAskedForIsInTheHash(t *testing.T) {
	t.Parallel()
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	n := cups()
	n.Coupon, n.DiscountPercent = "TEN", "10"
	n.Billing = magentotest.Address{FirstName: "Ann", LastName: "Smith", Company: "Cups", Street: []string{"1 High St", "Back"}, City: "Austin",
		Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "5125550100", VATID: "X1"}
	n.Customer = magentotest.Customer{ID: 3, Group: 2, TaxVAT: "X2"}
	n.Items[0].Type, n.Items[0].Children = "configurable", []magentotest.NewItem{{SKU: "CUP-RED"}}
	n.GiftCard, n.StoreCredit, n.Points = "1", "2", "1"
	id, err := far.Place(n)
	require.NoError(t, err)
	_, err = far.Admin().Invoice(id, nil)
	require.NoError(t, err)
	o, _ := far.Order(id)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: far.Transport()})
	require.NoError(t, err)
	asked, err := client.Orders.Get(t.Context(), o.EntityID, append([]string{"entity_id", "updated_at"}, magentoshop.Seen...)...)
	require.NoError(t, err)
	require.Less(t, len(asked.Raw)*3, len(o.Raw), "a page is small")
	require.Equal(t, magentoshop.OrderHash(o), magentoshop.OrderHash(asked), "the whole order has the same hash as what is asked for")

	var whole any
	d := json.NewDecoder(bytes.NewReader(asked.Raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&whole))
	found := map[string]bool{}
	leaves(whole, "", nil, func(path string, v any, put func(any)) {
		found[path] = true
		switch v := v.(type) {
		case string:
			if strings.HasSuffix(path, "_at") {
				put("2026-01-01 00:00:00")
			} else {
				put(v + "x")
			}
		case json.Number:
			put(json.Number("77"))
		}
		raw, err := json.Marshal(whole)
		require.NoError(t, err)
		changed := magentoshop.OrderHash(decode(t, raw))
		put(v)
		if strings.Contains(path, "payment_additional_info") {
			return // of these only the payment's id counts, below
		}
		require.NotEqual(t, magentoshop.OrderHash(asked), changed, "%s is not in the hash", path)
	})
	for _, path := range []string{".state", ".total_paid", ".items.qty_invoiced", ".items.parent_item_id", ".billing_address.street",
		".extension_attributes.shipping_assignments.shipping.address.city", ".extension_attributes.shipping_assignments.shipping.method",
		".extension_attributes.gift_cards_amount", ".payment.method", ".customer_taxvat", ".coupon_code"} {
		require.True(t, found[path], "%s was not asked for, of %v", path, slices.Sorted(func(yield func(string) bool) {
			for p := range found {
				if !yield(p) {
					return
				}
			}
		}))
	}
	paid := asked
	paid.Extension.PaymentAdditionalInfo = append(paid.Extension.PaymentAdditionalInfo, magento.KeyValue{Key: "payment_intent_id", Value: "pi_1"})
	require.NotEqual(t, magentoshop.OrderHash(asked), magentoshop.OrderHash(paid))
	said := asked
	said.StatusHistories = []magento.StatusHistory{{Comment: "a remark"}}
	said.ExtOrderID = "ERP-1"
	require.Equal(t, magentoshop.OrderHash(asked), magentoshop.OrderHash(said), "remarks are not in it")
	require.Len(t, magentoshop.OrderHash(asked), 64)
}

func TestNumbersCountByValue(t *testing.T) {
	t.Parallel()
	for n, want := range map[string]string{"": "", "0": "", "0.0000": "", "-0": "", "5": "5", "5.0000": "5", "5.5000": "5.5", "29.949999999999999": "29.95",
		"-18.75": "-18.75", "1e2": "100", "7.1e-15": "", "100": "100", "0.10": "0.1", "-0.10": "-0.1", "39.0241": "39.0241", "nonsense.12345": "nonsense.12345"} {
		require.Equal(t, want, magentoshop.Plain(n), n)
	}
}

func BenchmarkHash(b *testing.B) {
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(b, err)
	id, err := far.Place(cups())
	require.NoError(b, err)
	o, _ := far.Order(id)
	b.ReportAllocs()
	for b.Loop() {
		magentoshop.OrderHash(o)
	}
}

// BenchmarkPage reads a page of 100 orders and makes news of them, the shop's own work
// left out.
func BenchmarkPage(b *testing.B) {
	far, err := magentotest.New(magentotest.Config{})
	require.NoError(b, err)
	_, err = far.Fill(100, cups(), time.Now().Add(-time.Hour), time.Second)
	require.NoError(b, err)
	kept := map[string][]byte{}
	var size int
	shop := func(r *http.Request) (*http.Response, error) {
		key := r.URL.Query().Get("searchCriteria[filter_groups][0][filters][0][field]") + r.URL.Path
		if kept[key] == nil {
			resp, err := far.Transport().RoundTrip(r)
			if err != nil {
				return nil, err
			}
			kept[key], _ = io.ReadAll(resp.Body)
			size = max(size, len(kept[key]))
		}
		return &http.Response{StatusCode: 200, Request: r, Body: io.NopCloser(bytes.NewReader(kept[key])),
			Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}}, nil
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: transport(shop)})
	require.NoError(b, err)
	s, err := magentoshop.New(client, magentoshop.Config{})
	require.NoError(b, err)
	feed, err := s.Sweep(magentoshop.SweepConfig{})
	require.NoError(b, err)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, err := range feed.Changes(b.Context(), "") {
			require.NoError(b, err)
			n++
		}
	}
	require.Equal(b, 101*b.N, n)
	b.ReportMetric(float64(size), "bytes/page")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
