package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is what the auditor found. He counts at the far sides: what Stripe
// collected, what stands in the shop, in the ERP and in the mail.
type Report struct {
	Orders            int     `json:"orders"`
	PaymentsSucceeded int     `json:"payments_succeeded"`
	PaymentsFailed    int     `json:"payments_failed"`
	OrdersPaid        int     `json:"orders_paid"` // orders whose money arrived at Stripe
	Deliveries        int     `json:"deliveries"`
	Duplicates        int     `json:"duplicates"`
	Reordered         int     `json:"reordered"`
	ShopPaid          int     `json:"shop_paid"`
	SalesOrders       int     `json:"sales_orders"`
	Shipments         int     `json:"shipments"`
	Exceptions        int     `json:"exceptions"`
	Dead              int     `json:"dead"`
	Lost              int     `json:"lost"`           // effects that should be there and are not
	SecondEffects     int     `json:"second_effects"` // effects that are there twice
	Seconds           float64 `json:"seconds"`

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
		if s.ID != 0 && !s.rests && (!s.Pays() || len(w.shop.Shipments(s.ID)) > 0) {
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
	w.shop.Heal()
	w.stripe.Faults().Clear()
	if err := p.Sweep(ctx); err != nil {
		return Report{}, fmt.Errorf("sweep: %w", err)
	}
	r := Report{Orders: len(w.sales), Deliveries: w.deliveries, Duplicates: w.duplicates, Reordered: w.reordered}
	var err error
	if r.dead, err = p.Dead(ctx); err != nil {
		return r, err
	}
	r.Dead = len(r.dead)
	r.named = p.Exceptions()
	r.Exceptions = len(r.named)
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
	return r, nil
}

// find notes what is wrong with an order.
func (r *Report) find(s *Sale, format string, args ...any) {
	r.findings = append(r.findings, fmt.Sprintf("order %d (%s): ", s.ID, s.Story)+fmt.Sprintf(format, args...))
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
	if pays {
		r.OrdersPaid++
		line.paid++
	}
	// The shop.
	o, _ := w.shop.Order(s.ID)
	invoices := w.shop.Invoices(s.ID)
	settled := o.TotalPaid != "" && same(string(o.TotalPaid), string(o.GrandTotal))
	switch {
	case settled && len(invoices) > 0:
		r.ShopPaid++
		line.shop++
		if !pays {
			r.find(s, "paid in the shop without money")
			r.SecondEffects++
		}
	case pays:
		lost("%s was paid and the shop shows %q with %d invoices, %s of %s paid", s.Due, o.State, len(invoices), o.TotalPaid, o.GrandTotal)
	}
	if len(invoices) > 1 {
		second(len(invoices)-1, "%d invoices", len(invoices))
	}
	notes := map[string]int{}
	for _, c := range w.shop.Comments(s.ID) {
		if text := c.Comment; strings.Contains(text, "[") {
			notes[text]++
		}
	}
	for text, n := range notes {
		if n > 1 {
			second(n-1, "%d remarks %q", n, text)
		}
	}
	// The ERP.
	rows, err := w.people.sold(ctx, p.Reference(s.ID))
	if err != nil {
		return err
	}
	switch {
	case len(rows) > 0:
		r.SalesOrders++
		line.erp++
		if len(rows) > 1 {
			second(len(rows)-1, "%d sales orders", len(rows))
		}
		if !pays {
			r.find(s, "a sales order without money")
			r.SecondEffects++
		}
		if !same(rows[0].Total.Decimal, s.Total.Text()) {
			lost("the shop's total is %s, the ERP's %s", s.Total.Text(), rows[0].Total.Decimal)
		}
		if rows[0].State == "draft" || rows[0].State == "quotation" {
			lost("the sales order is a %s", rows[0].State)
		}
	case pays:
		lost("no sales order under %s", p.Reference(s.ID))
	}
	// The goods.
	shipments := w.shop.Shipments(s.ID)
	r.Shipments += len(shipments)
	if len(shipments) > 0 {
		line.shipped++
	}
	shipped := new(big.Rat)
	for _, sh := range shipments {
		if len(sh.Tracks) == 0 {
			lost("shipment %s without a tracking number", sh.IncrementID)
		}
		for _, item := range sh.Items {
			shipped.Add(shipped, rat(string(item.Qty)))
		}
	}
	if len(shipments) > len(rows) {
		second(len(shipments)-len(rows), "%d shipments for %d sales orders", len(shipments), len(rows))
	}
	held := s.Story == DebitBounced // stopped, or sent before the money was taken back
	if pays && len(rows) > 0 && len(shipments) == 0 && !held {
		lost("nothing was shipped, state %q", o.State)
	}
	// The mail.
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, n := range w.mail {
		if id, kind, _ := strings.Cut(key, " "); id == fmt.Sprintf("order/%d", s.ID) && n > 1 {
			second(n-1, "%d messages %q", n, kind)
		}
	}
	if s.Story == Declined && w.mail[fmt.Sprintf("order/%d payment_failed", s.ID)] == 0 {
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
	if r.ShopPaid != r.OrdersPaid || r.SalesOrders != r.OrdersPaid {
		bad("%d orders were paid; the shop shows %d paid, the ERP %d sales orders", r.OrdersPaid, r.ShopPaid, r.SalesOrders)
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
		if s.Pays() && s.Due.Sign() > 0 && w.erp != nil {
			return w.erp.Duplicate(p.Reference(s.ID))
		}
	}
	return errors.New("no order was paid")
}
