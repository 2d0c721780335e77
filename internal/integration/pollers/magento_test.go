package pollers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// magentoSide is a Magento whose clock may be an hour off.
type magentoSide struct {
	far    *magentotest.Shop
	rt     http.RoundTripper
	client *magento.Client
	shop   *magentoshop.Shop
	busy   map[int64]bool // within a transaction
	street int
}

func newMagento(w *world) *magentoSide {
	off := []time.Duration{0, time.Hour, -time.Hour}[w.rng.IntN(3)]
	far, err := magentotest.New(magentotest.Config{Seed: 1, Now: func() time.Time { return time.Now().Add(off) }, IntegrationAsBearer: true,
		DatabaseAhead: time.Duration(w.rng.IntN(9)-4) * time.Second})
	require.NoError(w.t, err)
	return &magentoSide{far: far, busy: map[int64]bool{}}
}

func (m *magentoSide) open(w *world, rt http.RoundTripper) {
	rt.(*road).next = m.far.Transport()
	m.rt = rt
	c := magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(m.keys()), Transport: rt, PageSize: 4}
	c.Resilience.Retry.Attempts = 1
	var err error
	m.client, err = magento.NewClient(c)
	require.NoError(w.t, err)
	m.shop, err = magentoshop.New(m.client, magentoshop.Config{Account: "main"})
	require.NoError(w.t, err)
}

// keys are a token: a shop that is an hour behind refuses what is signed by our clock.
func (m *magentoSide) keys() magento.Keys { return magento.Keys{Bearer: m.far.Keys().AccessToken} }

func (m *magentoSide) changes(w *world) (inbox.Feed, error) {
	switch w.control {
	case pageNumbers:
		return &paged{m}, nil
	case noLag:
		return m.shop.Changes(magentoshop.ChangesConfig{Lag: time.Nanosecond})
	}
	return m.shop.Changes(magentoshop.ChangesConfig{Lag: lag})
}

func (m *magentoSide) sweep(w *world) (inbox.Feed, error) {
	return m.shop.Sweep(magentoshop.SweepConfig{Told: w.store})
}

func (m *magentoSide) orders() (out []string) {
	for _, id := range m.far.OrderIDs() {
		out = append(out, fmt.Sprintf("order/%d", id))
	}
	return out
}

func (m *magentoSide) read(ctx context.Context, w *world, object string) (string, error) {
	o, err := m.shop.Order(ctx, m.shop.Ref(magento.ID(number(w, object))))
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(o)
	return string(b), err
}

// write does our part; what the shop refuses, somebody else was quicker with.
func (m *magentoSide) write(ctx context.Context, w *world, object string) error {
	n := number(w, object)
	if m.busy[n] {
		return nil // the database would make us wait
	}
	err := m.takeUp(ctx, w, magento.ID(n))
	if kind := commerce.KindOf(err); kind == commerce.KindInvalid || kind == commerce.KindNotFound {
		return nil
	}
	return err
}

// takeUp gives every order the number that it has in the books, which moves its date, and
// pays every third.
func (m *magentoSide) takeUp(ctx context.Context, w *world, id magento.ID) error {
	o, err := m.client.Orders.Get(ctx, id)
	if err != nil {
		return err
	}
	if o.ExtOrderID == "" {
		w.wrote++
		if err := m.client.Orders.SetExtOrderID(ctx, id, "S"+id.String()); err != nil {
			return err
		}
		if err := m.client.Orders.Comment(ctx, id, magento.Comment{Text: "taken up"}); err != nil {
			return err
		}
	}
	if id%3 == 0 && o.State == "new" {
		w.wrote++
		_, err = m.client.Orders.Invoice(ctx, id, magento.InvoiceParams{})
	}
	return err
}

var open = []string{"new", "pending_payment", "payment_review", "holded", "processing"}

func (m *magentoSide) act(w *world) {
	a := m.far.Admin()
	cups := magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "9.99"}}}
	ids := slices.DeleteFunc(m.far.OrderIDs(), func(id int64) bool { return m.busy[id] })
	if len(ids) == 0 || w.chance(3) {
		if w.chance(4) {
			id, commit, err := m.far.BeginPlace(cups)
			require.NoError(w.t, err)
			m.begin(w, id, commit)
			return
		}
		_, err := m.far.Place(cups)
		require.NoError(w.t, err)
		return
	}
	id := ids[w.rng.IntN(len(ids))]
	object := fmt.Sprintf("order/%d", id)
	o, _ := m.far.Order(id)
	if w.chance(12) {
		w.excuse(object, "deleted")
		require.NoError(w.t, a.Delete(id))
		return
	}
	if w.chance(5) {
		m.begin(w, id, m.far.Begin(id))
	}
	one := map[int64]string{int64(o.Items[0].ItemID): "1"}
	switch w.rng.IntN(9) { // what the shop refuses is refused
	case 0, 1:
		_, _ = a.Invoice(id, nil)
	case 2:
		m.ship(w, o, one)
	case 3, 4:
		m.ship(w, o, nil)
	case 5:
		_, _ = a.Refund(id, one)
	case 6:
		_ = a.Cancel(id)
	case 7:
		if m.street++; a.Address(id, "billing", magentotest.Address{Street: []string{fmt.Sprintf("%d Low St", m.street)}, City: "Austin", Country: "US"}) == nil &&
			!slices.Contains(open, o.State) {
			w.excuse(object, "no date was moved")
		}
	case 8: // there and back within a second
		_ = a.Hold(id)
		if !w.chance(3) {
			_ = a.Unhold(id)
		}
	}
}

// ship sends some rows, or all that is left. An order that is complete because the rest was
// refunded can be sent all the same, and no date moves.
func (m *magentoSide) ship(w *world, o magento.Order, rows map[int64]string) {
	_, err := m.far.Admin().Ship(int64(o.EntityID), rows)
	if err == nil && !slices.Contains(open, o.State) {
		w.excuse(fmt.Sprintf("order/%d", o.EntityID), "no date was moved")
	}
}

func (m *magentoSide) begin(w *world, id int64, commit func()) {
	m.busy[id] = true
	w.later(fmt.Sprintf("order/%d", id), func() { commit(); delete(m.busy, id) })
}

// paged is a feed that walks by page numbers.
type paged struct{ *magentoSide }

func (p *paged) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		now, err := p.client.ServerTime(ctx)
		if err != nil {
			yield(inbox.Change{}, err)
			return
		}
		tell := func(o magento.Order, cursor string) bool {
			hash, _ := json.Marshal([]any{o.State, o.UpdatedAt, o.BillingAddress, o.Items, o.TotalPaid})
			id := p.shop.Ref(o.EntityID)
			return yield(inbox.Change{Hash: string(hash), Cursor: cursor, Event: commerce.Event{Ref: id, Type: "order.changed", Object: id.ID, Subject: id.ID,
				Created: o.UpdatedAt.Time}}, nil)
		}
		bound := now.Add(-lag).UTC().Format(time.DateTime)
		for page := 1; bound > cursor; page++ {
			rows, err := p.page(ctx, cursor, bound, page)
			if err != nil {
				yield(inbox.Change{}, err)
				return
			}
			for _, o := range rows {
				if !tell(o, cursor) {
					return
				}
			}
			if len(rows) < 4 {
				break
			}
		}
		cursor = max(cursor, bound)
		for o, err := range p.client.Orders.List(ctx, magento.ListParams{ByID: true,
			Filters: magento.Where(magento.Filter{Field: "state", Is: magento.In, Value: strings.Join(open, ",")})}) {
			if err != nil {
				yield(inbox.Change{}, err)
				return
			}
			if !tell(o, cursor) {
				return
			}
		}
		yield(inbox.Change{Cursor: cursor}, nil)
	}
}

func (p *paged) page(ctx context.Context, from, to string, page int) ([]magento.Order, error) {
	q := url.Values{}
	const c = "searchCriteria"
	for i, f := range [][3]string{{"updated_at", "gteq", from}, {"updated_at", "lt", to}} {
		if f[2] == "" {
			f[2] = "2000-01-01 00:00:00"
		}
		at := fmt.Sprintf("%s[filter_groups][%d][filters][0]", c, i)
		q.Set(at+"[field]", f[0])
		q.Set(at+"[condition_type]", f[1])
		q.Set(at+"[value]", f[2])
	}
	q.Set(c+"[sortOrders][0][field]", "updated_at")
	q.Set(c+"[sortOrders][0][direction]", "ASC")
	q.Set(c+"[pageSize]", "4")
	q.Set(c+"[currentPage]", fmt.Sprint(page))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://shop.example/rest/V1/orders?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.far.Keys().AccessToken.Reveal())
	resp, err := p.rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var got struct {
		Items []magento.Order `json:"items"`
		Total int             `json:"total_count"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return nil, err
	}
	if (page-1)*4 >= got.Total { // the shop repeats its last page
		return nil, nil
	}
	return got.Items, nil
}
