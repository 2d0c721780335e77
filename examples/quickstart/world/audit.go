package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/commercesync/commerce"
)

// Report is what the auditor found. He counts at the far sides: what Stripe
// collected, what stands in the shop, in the ERP and in the mail.
type Report struct {
	Orders            int `json:"orders"`
	PaymentsSucceeded int `json:"payments_succeeded"`
	PaymentsFailed    int `json:"payments_failed"`
	OrdersPaid        int `json:"orders_paid"` // orders whose money arrived at Stripe
	Deliveries        int `json:"deliveries"`
	Duplicates        int `json:"duplicates"`
	Reordered         int `json:"reordered"`
	ShopPaid          int `json:"shop_paid"`
	SalesOrders       int `json:"sales_orders"`
	Shipments         int `json:"shipments"`
	Exceptions        int `json:"exceptions"`
	Dead              int `json:"dead"`
	Lost              int `json:"lost"`              // effects that should be there and are not
	SecondEffects     int `json:"second_effects"`    // effects that are there twice
	Covered           int `json:"covered,omitempty"` // orders without anything for Stripe to collect
	// Where the program keeps books: invoices that show what is left to pay, and by how many
	// cents the clearing account was ever off the balance at Stripe at the end of a day.
	Invoiced    int    `json:"invoiced,omitempty"`
	ClearingOff *int64 `json:"clearing_off,omitempty"`
	// Where money goes back: refunds that succeeded, what went back by currency, and of how
	// many orders Stripe, shop and ERP do not say what was meant.
	Refunds    int                         `json:"refunds,omitempty"`
	Refunded   map[commerce.Currency]Sides `json:"refunded,omitempty"`
	RefundsOff *int                        `json:"refunds_off,omitempty"`
	Seconds    float64                     `json:"seconds"`

	backs    map[Back]int
	revised  int // sales orders that were cancelled
	stories  []row
	findings []string
	dead     []string
	named    []string
}

type row struct {
	story                            Story
	orders, paid, shop, erp, shipped int
}

// atRest counts the orders that have come to rest, for the progress bar: those that
// are shipped, and those that nobody will pay.
func (w *World) atRest() int {
	n := 0
	for _, s := range w.sales {
		if s.ID != 0 && !s.rests && (!s.Pays() || s.shop.sent(s.ID)) {
			s.rests = true
		}
		if s.rests {
			n++
		}
	}
	return n
}

// Audit sweeps and counts.
func (w *World) Audit(ctx context.Context, p Program) (Report, error) {
	for _, shop := range w.sellers {
		shop.heal()
	}
	w.stripe.Faults().Clear()
	r := Report{Orders: len(w.sales), Deliveries: w.deliveries, Duplicates: w.duplicates, Reordered: w.reordered}
	if err := p.Sweep(ctx); err != nil {
		return Report{}, fmt.Errorf("sweep: %w", err)
	}
	var err error
	if r.dead, err = p.Dead(ctx); err != nil {
		return r, err
	}
	r.named = p.Exceptions()
	r.Dead, r.Exceptions = len(r.dead), len(r.named)
	for _, c := range w.stripe.Charges() {
		// A debit that was taken back had succeeded.
		if c.Status == "succeeded" && c.Captured || c.Status == "failed" && c.BalanceTransaction.ID != "" {
			r.PaymentsSucceeded++
		} else if c.Status == "failed" {
			r.PaymentsFailed++
		}
	}
	for _, s := range w.sales {
		if err := w.auditSale(ctx, p, s, &r); err != nil {
			return r, err
		}
	}
	if w.c.Refunds {
		if err := w.auditBacks(ctx, p, &r); err != nil {
			return r, err
		}
	}
	if account := p.Clearing(); account != "" {
		return r, w.auditLedger(ctx, account, &r)
	}
	return r, nil
}

// find notes what is wrong with an order.
func (r *Report) find(s *Sale, format string, args ...any) {
	r.findings = append(r.findings, fmt.Sprintf("%s (%s): ", s.ref(), s.Story)+fmt.Sprintf(format, args...))
}

func (w *World) auditSale(ctx context.Context, p Program, s *Sale, r *Report) error {
	i := slices.IndexFunc(r.stories, func(x row) bool { return x.story == s.Story })
	if i < 0 {
		i = len(r.stories)
		r.stories = append(r.stories, row{story: s.Story})
	}
	line := &r.stories[i]
	line.orders++
	lost := func(format string, args ...any) { r.Lost++; r.find(s, "lost: "+format, args...) }
	second := func(n int, format string, args ...any) { r.SecondEffects += n; r.find(s, "twice: "+format, args...) }

	pays := s.Pays() && s.Due.Sign() > 0
	covered := s.Pays() && s.Due.IsZero()
	switch {
	case pays:
		r.OrdersPaid++
		line.paid++
	case covered:
		r.Covered++
	}
	// The shop.
	o := s.shop.look(s.ID)
	switch {
	case o.paid != "" && same(o.paid, o.total) && o.recorded > 0:
		r.ShopPaid++
		line.shop++
		if !pays {
			r.find(s, "paid in the shop without money")
			r.SecondEffects++
		}
	case pays:
		lost("%s was paid and the shop shows %q with %d payments recorded, %s of %s", s.Due, o.state, o.recorded, o.paid, o.total)
	}
	if o.recorded > 1 {
		second(o.recorded-1, "recorded as paid %d times", o.recorded)
	}
	notes := map[string]int{}
	for _, text := range o.remarks {
		if strings.Contains(text, "[") {
			notes[text]++
		}
	}
	for text, n := range notes {
		if n > 1 {
			second(n-1, "%d remarks %q", n, text)
		}
	}
	// The ERP.
	rows, err := w.people.sold(ctx, p.Reference(s.shop.system(), s.ID))
	if err != nil {
		return err
	}
	all := len(rows)
	rows = slices.DeleteFunc(rows, func(r soldRow) bool { return !r.counts() })
	r.revised += all - len(rows)
	switch {
	case len(rows) > 0:
		r.SalesOrders++
		line.erp++
		if len(rows) > 1 {
			second(len(rows)-1, "%d sales orders", len(rows))
		}
		if !s.Pays() {
			r.find(s, "a sales order without money")
			r.SecondEffects++
		}
		if !same(rows[0].Total.Decimal, s.Total.Text()) {
			lost("the shop's total is %s, the ERP's %s", s.Total.Text(), rows[0].Total.Decimal)
		}
		if rows[0].State == "draft" || rows[0].State == "quotation" {
			lost("the sales order is a %s", rows[0].State)
		} else if pays && p.Clearing() != "" {
			if err := w.auditInvoice(ctx, s, rows[0], r); err != nil {
				return err
			}
		}
	case s.Pays():
		lost("no sales order under %s", p.Reference(s.shop.system(), s.ID))
	}
	// The goods.
	r.Shipments += len(o.parcels)
	if len(o.parcels) > 0 {
		line.shipped++
	}
	for _, sent := range o.parcels {
		if !sent.tracked {
			lost("shipment %s without a tracking number", sent.number)
		}
	}
	if len(o.parcels) > len(rows) {
		second(len(o.parcels)-len(rows), "%d shipments for %d sales orders", len(o.parcels), len(rows))
	}
	held := s.Story == DebitBounced // stopped, or sent before the money was taken back
	if s.Pays() && len(rows) > 0 && len(o.parcels) == 0 && !held {
		lost("nothing was shipped, state %q", o.state)
	}
	// The mail.
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, n := range w.mail {
		if kind, ok := strings.CutPrefix(key, s.ref()+" "); ok && n > 1 {
			second(n-1, "%d messages %q", n, kind)
		}
	}
	if s.Story == Declined && w.mail[s.ref()+" payment_failed"] == 0 {
		lost("the customer was not told")
	}
	return nil
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// same compares two decimal texts by value, to half a minor unit of the smallest
// currency in use: a shop keeps four decimals of a yen.
func same(a, b string) bool { return rat(a).Cmp(rat(b)) == 0 }

// Verdict says whether the far sides agree.
func (r Report) Verdict() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.Lost != 0 || r.SecondEffects != 0 {
		bad("%d effects lost, %d made twice", r.Lost, r.SecondEffects)
	}
	if r.ShopPaid != r.OrdersPaid || r.SalesOrders != r.OrdersPaid+r.Covered {
		bad("%d orders were paid and %d covered; the shop shows %d paid, the ERP %d sales orders", r.OrdersPaid, r.Covered, r.ShopPaid, r.SalesOrders)
	}
	if r.ClearingOff != nil && *r.ClearingOff != 0 {
		bad("the clearing account was off the balance at Stripe, by %d cents in all days", *r.ClearingOff)
	}
	if r.RefundsOff != nil && *r.RefundsOff != 0 {
		bad("of %d orders Stripe, shop and ERP do not say the same about what went back", *r.RefundsOff)
	}
	if r.Orders == 0 {
		bad("nothing was ordered")
	}
	for _, f := range r.findings[:min(len(r.findings), 20)] {
		bad("%s", f)
	}
	return errors.Join(errs...)
}

// Print writes the report as a table.
func (r Report) Print(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "how the payment went\torders\tmoney came\tpaid in the shop\tin the ERP\tshipped\t")
	sum := row{story: "all"}
	for _, l := range append(slices.Clone(r.stories), sum) {
		if l.story == "all" {
			l = sum
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t\n", l.story, l.orders, l.paid, l.shop, l.erp, l.shipped)
		sum.orders += l.orders
		sum.paid += l.paid
		sum.shop += l.shop
		sum.erp += l.erp
		sum.shipped += l.shipped
	}
	_ = t.Flush()
	fmt.Fprintf(out, "\n%d webhooks delivered, %d of them twice, %d out of order; %d payments succeeded, %d failed\n",
		r.Deliveries, r.Duplicates, r.Reordered, r.PaymentsSucceeded, r.PaymentsFailed)
	if r.ClearingOff != nil {
		fmt.Fprintf(out, "%d invoices are paid as they should be; the clearing account was off Stripe's balance by %d cents\n", r.Invoiced, *r.ClearingOff)
	}
	if r.RefundsOff != nil {
		fmt.Fprintf(out, "%d refunds; of %d orders Stripe, shop and ERP say different things\n", r.Refunds, *r.RefundsOff)
		for _, b := range backs {
			if n := r.backs[b]; n > 0 {
				fmt.Fprintf(out, "  %d × %s\n", n, b)
			}
		}
		for _, currency := range slices.Sorted(maps.Keys(r.Refunded)) {
			s := r.Refunded[currency]
			fmt.Fprintf(out, "  %s went back: %s at Stripe, %s in the shops, %s credited in the ERP\n", currency, s.Stripe, s.Shop, s.ERP)
		}
	}
	fmt.Fprintf(out, "%d lost, %d made twice, %.1f s\n", r.Lost, r.SecondEffects, r.Seconds)
	list := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(out, "\n%s (%d):\n", title, len(lines))
		for _, l := range lines[:min(len(lines), 8)] {
			fmt.Fprintln(out, "  "+l)
		}
		if len(lines) > 8 {
			fmt.Fprintf(out, "  and %d more\n", len(lines)-8)
		}
	}
	list("for a person to look at", r.named)
	list("dead letters", r.dead)
	list("findings", r.findings)
}

// Tamper makes a second sales order of the first paid order behind the program's
// back, as a request that outlives everything would: it shows that the auditor sees
// doubles, and the sweep too.
func (w *World) Tamper(p Program) error {
	for _, s := range w.sales {
		if s.Pays() && w.erp != nil {
			return w.erp.Duplicate(p.Reference(s.shop.system(), s.ID))
		}
	}
	return errors.New("no order was paid")
}

// Of returns how many orders went the way of a story.
func (r Report) Of(s Story) int {
	n := 0
	for _, l := range r.stories {
		if l.story == s {
			n += l.orders
		}
	}
	return n
}

// Revised returns how many sales orders were cancelled, most as another one took their place.
func (r Report) Revised() int { return r.revised }
