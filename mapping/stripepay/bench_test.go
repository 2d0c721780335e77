package stripepay_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// payout is a far side that lists a payout of so many payments, each page the bytes of one
// that the fake wrote.
type payout struct {
	pages int
	page  []byte
	asked int
}

func (p *payout) RoundTrip(*http.Request) (*http.Response, error) {
	p.asked++
	page := p.page
	if p.asked == p.pages {
		page = bytes.Replace(page, []byte(`"has_more":true`), []byte(`"has_more":false`), 1)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(page))}, nil
}

// BenchmarkInside reads a payout of 100,000 payments with all that hangs below its rows,
// without the network's time.
func BenchmarkInside(b *testing.B) {
	w := newWorld(b, stripetest.Config{})
	for i := range 101 {
		_, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Metadata: map[string]string{"Order #": strconv.Itoa(i)}})
		require.NoError(b, err)
	}
	far := &payout{pages: 1000}
	record := transport(func(r *http.Request) (*http.Response, error) {
		resp, err := w.far.Transport().RoundTrip(r)
		if err == nil {
			far.page, err = io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(bytes.NewReader(far.page))
		}
		return resp, err
	})
	open := func(rt http.RoundTripper) *stripepay.Pay {
		c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: rt})
		require.NoError(b, err)
		pay, err := stripepay.New(c, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
		require.NoError(b, err)
		return pay
	}
	for _, err := range open(record).Activity(b.Context(), time.Time{}, time.Time{}) {
		require.NoError(b, err)
		break // the first page
	}
	b.SetBytes(int64(len(far.page) * far.pages))
	for b.Loop() {
		far.asked = 0
		pay, n := open(far), 0
		for _, err := range pay.Inside(b.Context(), pay.Ref("po_1")) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 100*far.pages, n)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
