package tryton

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// sale is what is read of a sale.
type sale struct {
	ID            int64  `json:"id"`
	Number        string `json:"number"`
	Reference     string `json:"reference"`
	Description   string `json:"description"`
	State         string `json:"state"`
	ShipmentState string `json:"shipment_state"`
	Net           number `json:"untaxed_amount"`
	Tax           number `json:"tax_amount"`
	Total         number `json:"total_amount"`
	Date          date   `json:"sale_date"`
	Created       moment `json:"create_date"`
	Written       moment `json:"write_date"`
	Timestamp     string `json:"_timestamp"`
	Currency      struct {
		Code string `json:"code"`
	} `json:"currency."`
}

// unchanged is the context under which the server refuses a write once somebody
// else has written the sale.
func (s sale) unchanged() values {
	return values{"_timestamp": map[string]string{"sale.sale," + formatID(s.ID): s.Timestamp}}
}

var saleFields = []string{"id", "number", "reference", "description", "state", "shipment_state", "untaxed_amount", "tax_amount",
	"total_amount", "sale_date", "create_date", "write_date", "_timestamp", "currency.code"}

// maxTwins bounds how many sales under one key are looked at.
const maxTwins = 50

var orderStates = map[string]erp.OrderState{
	"draft": erp.Draft, "quotation": erp.Draft, "confirmed": erp.Confirmed, "processing": erp.Confirmed,
	"done": erp.Done, "cancelled": erp.Cancelled,
}

var deliveryStates = map[string]erp.DeliveryState{
	"none": erp.NothingToDeliver, "waiting": erp.DeliveryPending, "sent": erp.DeliveryFull, "exception": erp.DeliveryFailed,
}

// order says a sale in the port's words.
func (t *Client) order(s sale) (erp.Order, error) {
	o := erp.Order{Ref: t.c.Origin.With("order/" + formatID(s.ID)), Number: s.Number, Key: strings.TrimSuffix(s.Reference, voided), Name: s.Description,
		State: s.state(), Delivery: deliveryStates[s.ShipmentState], Date: s.Date.Date, Changed: s.Written.Time}
	if o.State == erp.Cancelled {
		o.Delivery = erp.NothingToDeliver
	}
	if o.Changed.IsZero() {
		o.Changed = s.Created.Time
	}
	c, err := commerce.ParseCurrency(s.Currency.Code)
	if err != nil {
		return o, err
	}
	o.Currency = c
	if o.State == "" {
		return o, commerce.Errorf(commerce.KindInternal, system, "read "+o.Ref.ID, "unknown state %q", s.State)
	}
	for _, f := range []struct {
		to   *commerce.Money
		from number
	}{{&o.Totals.Net, s.Net}, {&o.Totals.Tax, s.Tax}, {&o.Totals.Gross, s.Total}} {
		if *f.to, err = f.from.money(c); err != nil {
			return o, err
		}
	}
	return o, nil
}

// FindOrders returns every sale under the reference; returns, which copy it, are left out.
func (t *Client) FindOrders(ctx context.Context, key string) ([]erp.Order, error) {
	sales, err := t.sales(ctx, "find orders "+key, key)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Order, len(sales))
	for i, s := range sales {
		if out[i], err = t.order(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sales reads all sales under a key, the one that counts first.
func (t *Client) sales(ctx context.Context, op, key string) ([]sale, error) {
	id, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var sales []sale
	err = t.searchRead(ctx, op, "sale.sale", []any{clause("reference", "in", []string{key, key + voided}), clause("company", "=", id), clause("origin", "=", nil)},
		maxTwins+1, byID, saleFields, &sales)
	if err != nil {
		return nil, err
	}
	if len(sales) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d sales under this key", maxTwins)
	}
	rank := map[erp.OrderState]int{erp.Confirmed: 0, erp.Done: 0, erp.Draft: 1, erp.Cancelled: 2}
	slices.SortStableFunc(sales, func(a, b sale) int { return rank[a.state()] - rank[b.state()] })
	return sales, nil
}

// FindOrder returns the sale under the reference that counts.
func (t *Client) FindOrder(ctx context.Context, key string) (erp.Order, error) {
	s, err := t.counting(ctx, "find order "+key, key)
	if err != nil {
		return erp.Order{}, err
	}
	if s == nil {
		return erp.Order{}, commerce.Errorf(commerce.KindNotFound, system, "find order "+key, "no sale has this reference")
	}
	return t.order(*s)
}

// counting returns the first sale under the key that is not cancelled, or nil.
func (t *Client) counting(ctx context.Context, op, key string) (*sale, error) {
	sales, err := t.sales(ctx, op, key)
	if err != nil || len(sales) == 0 || sales[0].state() == erp.Cancelled {
		return nil, err
	}
	return &sales[0], nil
}

// saleByID reads one sale of the company.
func (t *Client) saleByID(ctx context.Context, op string, id int64) (sale, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return sale{}, err
	}
	var sales []sale
	if err := t.searchRead(ctx, op, "sale.sale", []any{clause("id", "=", id), clause("company", "=", company)}, 1, byID, saleFields, &sales); err != nil {
		return sale{}, err
	}
	if len(sales) == 0 {
		return sale{}, commerce.Errorf(commerce.KindNotFound, system, op, "the sale does not exist in this company")
	}
	return sales[0], nil
}

// idOf returns the record id of a ref of this ERP: "order/17" is 17.
func (t *Client) idOf(ref commerce.Ref, what string) (int64, error) {
	text, ok := strings.CutPrefix(ref.ID, what+"/")
	id, err := parseID(text)
	if !ok || err != nil || ref.With("") != t.c.Origin {
		return 0, notSent(commerce.Errorf(commerce.KindInvalid, system, "read "+what, "%s is no %s of %s", ref, what, t.c.Origin.With(what)))
	}
	return id, nil
}

// step calls a transition of a sale. Called in a state that does not allow it,
// Tryton does nothing and says nothing; the caller reads the state afterwards.
func (t *Client) step(ctx context.Context, op, method string, id int64) error {
	return t.do(ctx, call{op: op, method: "model.sale.sale." + method, params: []any{[]int64{id}}, write: true})
}

// ConfirmOrder quotes and confirms; the server goes on to process by itself, unless
// it has a queue of its own. Each step does nothing where it is done already.
func (t *Client) ConfirmOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "confirm " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	for _, method := range map[string][]string{"draft": {"quote", "confirm"}, "quotation": {"confirm"}, "confirmed": {"process"}}[s.State] {
		if err := t.step(ctx, op, method, id); err != nil {
			return erp.Order{}, err
		}
	}
	return t.after(ctx, op, s, erp.Confirmed, erp.Done)
}

// after reads the sale again after a step and checks that it took.
func (t *Client) after(ctx context.Context, op string, before sale, want ...erp.OrderState) (erp.Order, error) {
	s, err := t.saleByID(ctx, op, before.ID)
	if err != nil {
		return erp.Order{}, outcome(err, commerce.Unknown)
	}
	o, err := t.order(s)
	if err != nil {
		return o, outcome(err, commerce.Unknown)
	}
	if !slices.Contains(want, o.State) {
		return o, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale is "+s.State+" and does not take this step")
	}
	return o, nil
}

// WithdrawOrder deletes a draft. The server would cancel and delete a quotation
// too, so the state is read first, and the timestamp guards the moment between.
func (t *Client) WithdrawOrder(ctx context.Context, ref commerce.Ref) error {
	op := "withdraw " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return err
	}
	s, err := t.saleByID(ctx, op, id)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return nil
	case err != nil:
		return notSent(err)
	case s.State != "draft":
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale is "+s.State+", no draft")
	}
	return t.do(ctx, call{op: op, method: "model.sale.sale.delete", params: []any{[]int64{id}}, write: true,
		context: s.unchanged()})
}

// outcome states what the write as a whole did where one of its reads failed.
func outcome(err error, o commerce.Outcome) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok && e.Outcome == "" {
		e.Outcome = o
		return err
	}
	if _, ok := errors.AsType[*commerce.Error](err); ok {
		return err
	}
	return &commerce.Error{Kind: commerce.KindOf(err), System: system, Outcome: o, Err: err}
}

func notSent(err error) error { return outcome(err, commerce.NotSent) }
