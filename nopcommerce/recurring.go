package nopcommerce

import (
	"context"
	"iter"
	"net/http"

	"github.com/commercesync/commerce"
)

// Recurring reads and writes recurring payments. To run a cycle is not in the API: a program
// can flag one and record which order belongs to it.
type Recurring struct{ cl *Client }

// RecurringPayment is an order that comes again. The gateway's subscription is in
// Order.SubscriptionID of the initial order.
type RecurringPayment struct {
	ID                ID          `json:"id"`
	InitialOrderID    ID          `json:"initial_order_id"`
	CycleLength       int         `json:"cycle_length"`
	CyclePeriod       CyclePeriod `json:"cycle_period_id"`
	TotalCycles       int         `json:"total_cycles"`
	StartDate         Time        `json:"start_date_utc"`
	Active            bool        `json:"is_active"`
	LastPaymentFailed bool        `json:"last_payment_failed"`
	Deleted           bool        `json:"deleted"`
	CreatedOn         Time        `json:"created_on_utc"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (r *RecurringPayment) UnmarshalJSON(b []byte) error {
	type row RecurringPayment
	*r = RecurringPayment{}
	return r.Raw.keep(b, (*row)(r))
}

var recurring = table[RecurringPayment]{
	what: "recurring payment", get: "/RecurringPayment/GetById/", put: "/RecurringPayment/Update",
	raw: func(r *RecurringPayment) *Raw { return &r.Raw }, id: func(r *RecurringPayment) ID { return r.ID },
}

// Get reads a recurring payment by its id.
func (s *Recurring) Get(ctx context.Context, id ID) (RecurringPayment, error) {
	if err := s.cl.offers("get recurring payment "+id.String(), Official, false); err != nil {
		return RecurringPayment{}, err
	}
	return recurring.one(ctx, s.cl, id)
}

// RecurringParams says which recurring payments a list yields. Zero fields mean any.
type RecurringParams struct {
	StoreID        ID
	CustomerID     ID
	InitialOrderID ID
	InitialStatus  OrderStatus // of the initial order
	Inactive       bool        // those that ended too
}

// List yields recurring payments.
func (s *Recurring) List(ctx context.Context, p RecurringParams) iter.Seq2[RecurringPayment, error] {
	q := params{{"storeId", number(p.StoreID)}, {"customerId", number(p.CustomerID)}, {"initialOrderId", number(p.InitialOrderID)},
		{"showHidden", yes(p.Inactive)}}
	if p.InitialStatus != 0 {
		q = append(q, param{"initialOrderStatus", p.InitialStatus.String()})
	}
	return byPage[RecurringPayment](ctx, s.cl, "list recurring payments", "/RecurringPayment/Search", q)
}

// Update writes what the caller changed in a recurring payment, as [Orders.Update] does:
// LastPaymentFailed, say.
func (s *Recurring) Update(ctx context.Context, r RecurringPayment) (RecurringPayment, error) {
	return recurring.update(ctx, s.cl, r)
}

// Cycle says that an order was made by a cycle of a recurring payment.
type Cycle struct {
	ID                 ID   `json:"id"`
	RecurringPaymentID ID   `json:"recurring_payment_id"`
	OrderID            ID   `json:"order_id"`
	CreatedOn          Time `json:"created_on_utc"`
}

// Cycles returns the orders that a recurring payment made.
func (s *Recurring) Cycles(ctx context.Context, id ID) ([]Cycle, error) {
	op := "list cycles of recurring payment " + id.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []Cycle
	err := s.cl.get(ctx, op, "/RecurringPaymentHistory/GetByRecurringPaymentId/"+id.String(), nil, &got)
	return got, err
}

// AddCycle records that an order belongs to a recurring payment. One that is recorded
// already is left.
func (s *Recurring) AddCycle(ctx context.Context, id, order ID) error {
	op := "add cycle to recurring payment " + id.String()
	all, err := s.Cycles(ctx, id)
	if err != nil {
		return before(op, err)
	}
	for _, c := range all {
		if c.OrderID == order {
			return nil
		}
	}
	var made Cycle
	row := Cycle{RecurringPaymentID: id, OrderID: order, CreatedOn: At(s.cl.c.Now())}
	if err := s.cl.write(ctx, http.MethodPost, op, "/RecurringPaymentHistory/Create", nil, row, &made); err != nil {
		return err
	}
	if made.ID <= 0 {
		e := wrongRow(op)
		e.Outcome = commerce.Unknown
		return e
	}
	return nil
}
