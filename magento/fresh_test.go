package magento_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

// cache stands before a shop and keeps what GET was answered, whatever the shop and the
// request say, as some networks are set up to do.
type cache struct {
	next   http.RoundTripper
	silent bool // it does not tell the age
	now    func() time.Time

	mu   sync.Mutex
	kept map[string]*kept
	hits int
}

type kept struct {
	at   time.Time
	resp *http.Response
	body []byte
}

func (c *cache) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return c.next.RoundTrip(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kept[r.URL.String()]
	if k == nil {
		resp, err := c.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		k = &kept{c.now(), resp, body}
		c.kept[r.URL.String()] = k
	} else {
		c.hits++
	}
	resp := *k.resp
	resp.Header, resp.Body = resp.Header.Clone(), io.NopCloser(bytes.NewReader(k.body))
	if !c.silent {
		resp.Header.Set("Age", strconv.Itoa(int(c.now().Sub(k.at)/time.Second)))
	}
	return &resp, nil
}

func TestAnAnswerFromACacheIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"that tells its age": false, "whose date alone is old": true} {
		now := shopTime
		shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
		id := placeOne(t, shop)
		between := &cache{next: shop.Transport(), silent: silent, now: func() time.Time { return now }, kept: map[string]*kept{}}
		config := magento.Config{Now: func() time.Time { return now }, Credentials: commerce.Static(shop.Keys())}
		c := newClient(t, config, between)
		o, err := c.Orders.Get(t.Context(), id)
		require.NoError(t, err, name)
		require.Equal(t, "new", o.State)
		require.NoError(t, c.Orders.Hold(t.Context(), id))
		now = now.Add(2 * time.Minute)
		if silent {
			at, err := c.ServerTime(t.Context())
			require.NoError(t, err)
			require.Equal(t, now, at, "the time is never a cache's")
		}
		_, err = c.Orders.Get(t.Context(), id)
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, magento.CodeStale, e.Code, name)
		require.Equal(t, commerce.KindUnavailable, e.Kind)
		require.ErrorContains(t, err, "Config.Fresh")

		config.Fresh = true
		o, err = newClient(t, config, between).Orders.Get(t.Context(), id)
		require.NoError(t, err, name)
		require.Equal(t, "holded", o.State, name)
	}
}

func TestAShopWhoseClockIsSetBackIsNoCache(t *testing.T) {
	t.Parallel()
	now := shopTime
	shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
	id := placeOne(t, shop)
	c := newClient(t, magento.Config{Now: func() time.Time { return shopTime }, Credentials: commerce.Static(shop.Keys())}, shop.Transport())
	_, err := c.Orders.Get(t.Context(), id)
	require.NoError(t, err)
	now = now.Add(-time.Hour)
	for range 2 {
		_, err = c.Orders.Get(t.Context(), id)
		require.NoError(t, err)
	}
	require.Len(t, shop.Calls(), 5, "it was asked for the time once, and one signature was from the future")
}

func TestAShopWhoseClockIsBehindIsSignedForAsItSees(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]time.Duration{"behind": time.Hour, "ahead": -time.Hour, "right": 0} {
		shop := newShop(t, magentotest.Config{Now: func() time.Time { return shopTime.Add(-behind) }})
		id := placeOne(t, shop)
		c := newClient(t, magento.Config{Now: func() time.Time { return shopTime }, Credentials: commerce.Static(shop.Keys())}, shop.Transport())
		require.NoError(t, c.Orders.Hold(t.Context(), id), name)
		require.NoError(t, c.Orders.Unhold(t.Context(), id), name)
		refused := 0
		for _, call := range shop.Calls() {
			if call.Status == http.StatusUnauthorized {
				refused++
			}
		}
		require.Equal(t, map[string]int{"behind": 1}[name], refused, name)
	}
}

func TestThatThereIsNoneIsNotTakenFromACache(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"that tells its age": false, "whose date alone is old": true} {
		now := shopTime
		shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
		next := placeOne(t, shop) + 1
		between := &cache{next: shop.Transport(), silent: silent, now: func() time.Time { return now }, kept: map[string]*kept{}}
		c := newClient(t, magento.Config{Now: func() time.Time { return now }, Credentials: commerce.Static(shop.Keys())}, between)
		_, err := c.Orders.Get(t.Context(), next)
		require.ErrorIs(t, err, commerce.ErrNotFound, name)
		require.Equal(t, next, placeOne(t, shop))
		now = now.Add(2 * time.Minute)
		_, err = c.ServerTime(t.Context())
		require.NoError(t, err)
		_, err = c.Orders.Get(t.Context(), next)
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, magento.CodeStale, e.Code, name)
	}
}
