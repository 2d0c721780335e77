package nopcommerce

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Orders reads orders. What acts on them is in [Processing]; raw writes compute nothing.
type Orders struct{ cl *Client }

var orders = table[Order]{
	what: "order", get: "/Order/GetById/", put: "/Order/Update",
	raw: func(o *Order) *Raw { return &o.Raw }, id: func(o *Order) ID { return o.ID },
}

// Get reads an order by its id, which is not the number that people see. The official API
// also returns deleted orders.
func (s *Orders) Get(ctx context.Context, id ID) (Order, error) {
	if s.cl.c.API == Community {
		return single(ctx, s.cl, "get order "+id.String(), "/orders/", "orders", id, func(o Order) ID { return o.ID })
	}
	return orders.one(ctx, s.cl, id)
}

// GetMany reads orders by their ids. Those that do not exist are left out.
func (s *Orders) GetMany(ctx context.Context, ids ...ID) ([]Order, error) {
	if s.cl.c.API == Community {
		var got map[string][]Order
		if len(ids) > 250 {
			return nil, refuse("get orders", CodeNotOffered, "the community API gives at most 250 orders at once")
		}
		err := s.cl.get(ctx, "get orders", "/orders", params{{"ids", joined(ids, ",")}, {"limit", "250"}}, &got)
		return got["orders"], err
	}
	return many[Order](ctx, s.cl, "get orders", "/Order/GetByIds/", ids)
}

// many reads rows by a list of ids in the path.
func many[T any](ctx context.Context, cl *Client, op, path string, ids []ID) ([]T, error) {
	var rows []T
	for chunk := range slices.Chunk(ids, 100) {
		var got []T
		if err := cl.get(ctx, op, path+strings.ReplaceAll(joined(chunk, ";"), ";", "%3B"), nil, &got); err != nil {
			return nil, err
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

// ByNumber reads an order by the number that people see.
func (s *Orders) ByNumber(ctx context.Context, number string) (Order, error) {
	return s.by(ctx, "find order by number", "/Order/GetByCustomOrderNumber", params{{"customOrderNumber", number}},
		number, func(o Order) bool { return o.CustomOrderNumber == number })
}

// ByGUID reads an order by its GUID, which payment plugins put into metadata.
func (s *Orders) ByGUID(ctx context.Context, guid string) (Order, error) {
	return s.by(ctx, "find order by GUID", "/Order/GetByGuid", params{{"guid", guid}},
		guid, func(o Order) bool { return strings.EqualFold(o.OrderGUID, guid) })
}

// ByItem reads the order of an item: how a return request finds it.
func (s *Orders) ByItem(ctx context.Context, item ID) (Order, error) {
	return s.by(ctx, "find order of item "+item.String(), "/Order/GetByOrderItem/"+item.String(), nil,
		"item", func(o Order) bool { return o.ID > 0 })
}

func (s *Orders) by(ctx context.Context, op, path string, q params, key string, is func(Order) bool) (Order, error) {
	var o Order
	if err := s.cl.offers(op, Official, false); err != nil {
		return Order{}, err
	}
	if key == "" {
		return Order{}, &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Text: "nothing to look for is given"}
	}
	if err := s.cl.get(ctx, op, path, q, &o); err != nil {
		return Order{}, err
	}
	if !is(o) {
		return Order{}, wrongRow(op)
	}
	return o, nil
}

// OrderParams says which orders a list yields. Zero fields mean any. The community API
// knows CreatedFrom, CreatedTo, CustomerID and one status of each list.
type OrderParams struct {
	// CreatedFrom and CreatedTo bound created_on_utc by the shop's clock, both included.
	// An empty CreatedTo of the official API is the shop's time at the start.
	CreatedFrom, CreatedTo time.Time

	Statuses         []OrderStatus
	PaymentStatuses  []PaymentStatus
	ShippingStatuses []ShippingStatus

	StoreID       ID
	CustomerID    ID
	ProductID     ID
	PaymentMethod string // its whole system name
	Note          string // some words of an order note
	BillingEmail  string // some letters of it
}

func (p OrderParams) query() params {
	return params{{"storeId", number(p.StoreID)}, {"customerId", number(p.CustomerID)}, {"productId", number(p.ProductID)},
		{"paymentMethodSystemName", p.PaymentMethod}, {"createdFromUtc", moment(p.CreatedFrom)},
		{"osIds", joined(p.Statuses, ";")}, {"psIds", joined(p.PaymentStatuses, ";")}, {"ssIds", joined(p.ShippingStatuses, ";")},
		{"billingEmail", p.BillingEmail}, {"orderNotes", p.Note}}
}

// asks reports whether an order is of those whose statuses were asked for.
func (p OrderParams) asks(o Order) bool {
	return (len(p.Statuses) == 0 || slices.Contains(p.Statuses, o.Status)) &&
		(len(p.PaymentStatuses) == 0 || slices.Contains(p.PaymentStatuses, o.PaymentStatus)) &&
		(len(p.ShippingStatuses) == 0 || slices.Contains(p.ShippingStatuses, o.ShippingStatus))
}

// community writes the query of the community API. Its bounds are exclusive, and what it
// can not read it leaves out without a word, so that nothing else is sent.
func (p OrderParams) community(op string) (params, error) {
	if len(p.Statuses) > 1 || len(p.PaymentStatuses) > 1 || len(p.ShippingStatuses) > 1 || p.StoreID != 0 || p.ProductID != 0 ||
		p.PaymentMethod != "" || p.Note != "" || p.BillingEmail != "" {
		e := refuse(op, CodeNotOffered, "the community API filters by CreatedFrom, CreatedTo, CustomerID and one status of each list")
		e.Outcome = ""
		return nil, e
	}
	q := params{{"customer_id", number(p.CustomerID)}}
	if !p.CreatedFrom.IsZero() {
		q = append(q, param{"created_at_min", moment(p.CreatedFrom.Add(-time.Second))})
	}
	if !p.CreatedTo.IsZero() {
		q = append(q, param{"created_at_max", moment(p.CreatedTo.Add(time.Second))})
	}
	for _, s := range p.Statuses {
		q = append(q, param{"status", s.String()})
	}
	for _, s := range p.PaymentStatuses {
		q = append(q, param{"payment_status", s.String()})
	}
	for _, s := range p.ShippingStatuses {
		q = append(q, param{"shipping_status", s.String()})
	}
	return q, nil
}

// List yields orders that are not deleted, newest first; those of the community API in
// ascending order of ids, and of the store that answers at BaseURL only. There is no filter
// on when an order was changed or paid: the shop does not keep the former.
func (s *Orders) List(ctx context.Context, p OrderParams) iter.Seq2[Order, error] {
	const op = "list orders"
	if s.cl.c.API == Community {
		return s.listCommunity(ctx, op, p)
	}
	return func(yield func(Order, error) bool) {
		to := p.CreatedTo
		if to.IsZero() {
			now, err := s.cl.ServerTime(ctx)
			if err != nil {
				yield(Order{}, err)
				return
			}
			to = now.Add(time.Second) // the Date has whole seconds
		}
		for o, err := range newestFirst(ctx, s.cl, op, "/Order/Search", p.query(), "createdToUtc", to, func(o Order) (ID, time.Time) { return o.ID, o.CreatedOn.Time }) {
			if err == nil && !p.asks(o) {
				o, err = Order{}, unasked(op)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (s *Orders) listCommunity(ctx context.Context, op string, p OrderParams) iter.Seq2[Order, error] {
	return func(yield func(Order, error) bool) {
		q, err := p.community(op)
		if err != nil {
			yield(Order{}, err)
			return
		}
		for o, err := range ascending(ctx, s.cl, op, "/orders", "orders", q, func(o Order) ID { return o.ID }) {
			if err == nil && (o.CreatedOn.Before(p.CreatedFrom) || !p.CreatedTo.IsZero() && o.CreatedOn.After(p.CreatedTo)) {
				continue // the bounds that were sent are a second wider
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// Count returns how many orders a list has.
func (s *Orders) Count(ctx context.Context, p OrderParams) (int, error) {
	const op = "count orders"
	if s.cl.c.API == Community {
		q, err := p.community(op)
		if err != nil {
			return 0, err
		}
		var got struct{ Count int }
		err = s.cl.get(ctx, op, "/orders/count", q, &got)
		return got.Count, err
	}
	return count(ctx, s.cl, op, "/Order/Search", append(p.query(), param{"createdToUtc", moment(p.CreatedTo)}))
}

// Update writes what the caller changed in an order that Get returned, and leaves every
// other member as it is, byte for byte. The row is read again right before and after: a
// change by somebody else in the meantime is an error of kind conflict. One in the instant
// of writing is lost without a trace, as the shop has no lock, and no total, stock or mail
// follows; prefer [Processing], [Notes] and [Attributes].
func (s *Orders) Update(ctx context.Context, o Order) (Order, error) {
	return orders.update(ctx, s.cl, o)
}

// ParseTaxRates reads an order's TaxRates, "rate:amount;   rate:amount;   ". The shop
// rounds none of the amounts, unlike their sum: of prices that include tax they have up to
// 28 digits.
func ParseTaxRates(text string) ([]TaxRate, error) {
	var rates []TaxRate
	for one := range strings.SplitSeq(text, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		rate, amount, ok := strings.Cut(one, ":")
		r := TaxRate{Number(strings.TrimSpace(rate)), Number(strings.TrimSpace(amount))}
		_, wrong := r.Rate.Decimal()
		_, _, bad := r.Amount.Money("EUR") // of any currency: it has more digits than a Decimal
		if !ok || r.Rate == "" || r.Amount == "" || wrong != nil || bad != nil {
			return nil, commerce.Errorf(commerce.KindInvalid, system, "parse tax rates", "%.40q is no rate and amount", one)
		}
		rates = append(rates, r)
	}
	return rates, nil
}

// TaxRate is the tax of an order at one rate, in percent.
type TaxRate struct{ Rate, Amount Number }
