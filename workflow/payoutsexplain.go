package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/reconcile"
)

// explain takes a payout apart, hands the report over, tells what does not agree, and
// returns whether documents are missing that may still come. An error of code
// "payout_open" says that its rows do not make it.
func (p *Payouts) explain(ctx context.Context, d desk, f flow, last bool) (missing bool, err error) {
	in, rows, err := p.input(ctx, f)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	config := p.Config
	if config.CutOver.IsZero() {
		config.CutOver = f.chart.CutOver
	}
	config.OnShipment = config.OnShipment || p.Invoicing == OnShipment
	report, err := reconcile.Payout(ctx, in, config)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, report.Close()) }()
	s, err := summarise(report)
	if err != nil {
		return false, err
	}
	if p.Report != nil {
		_, err := d.step(ctx, "payout.report/"+f.Ref.String()+"/"+s.hash, idempotency.Effect[commerce.Document]{
			Class: idempotency.Keyed, // the host's own doing, told which content it is
			Act: func(ctx context.Context) (commerce.Document, error) {
				return commerce.Document{Ref: f.Ref, Total: f.Amount}, p.Report(ctx, report)
			},
		})
		if err != nil {
			return false, err
		}
	}
	for _, reason := range reconcile.Reasons() {
		g := s.reasons[reason]
		if g == nil || reason == reconcile.NotYetPaidOut || reason == reconcile.NotYetInvoiced || reason == reconcile.BeforeCutOver {
			continue
		}
		if slices.Contains(mayCome, reason) {
			if missing = true; !last && report.Proof.Closed() {
				continue // told when Wait is over
			}
		}
		if err := d.exception(ctx, Exception{Name: PayoutDiscrepancy, Balance: f.Ref, Mark: string(reason) + " " + g.hash(),
			Text: fmt.Sprintf("payout %s: %d × %s (%s). %s", f.Ref.ID, g.count, reason, strings.Join(g.first, "; "), reason.Advice())}); err != nil {
			return false, err
		}
	}
	if report.Proof.Closed() {
		return missing, nil
	}
	return false, refuse(commerce.KindNeedsDecision, "book "+f.Ref.ID, "payout_open", "%s", (&reconcile.OpenError{Proof: report.Proof}).Error())
}

// mayCome are the reasons of documents that may still be on their way.
var mayCome = []reconcile.Reason{reconcile.MissingInShop, reconcile.MissingInERP, reconcile.RefundWithoutCreditMemo}

// input says what a payout is explained from. Which documents are asked for follows from
// its rows: those before the oldest sale were paid out before, those after the newest
// will be, and the late ones are for rows that name them. The rows are on disk until the spool is closed.
func (p *Payouts) input(ctx context.Context, f flow) (in reconcile.Input, rows *spool, err error) {
	in.Payout = f.Payout
	in.Payout.Created = f.own.Created
	var oldest, newest time.Time
	rows, err = newSpool(p.Config.Dir, progressing(ctx, p.Balance.Inside(ctx, f.Ref)), func(l reconcile.Line) {
		if !slices.Contains(documents, l.Category) {
			return
		}
		if oldest.IsZero() || l.Created.Before(oldest) {
			oldest = l.Created
		}
		if l.Created.After(newest) {
			newest = l.Created
		}
		if l.Category == "charge" && (in.From.IsZero() || l.Created.Before(in.From)) {
			in.From = l.Created
		}
	})
	if err != nil {
		return in, nil, err
	}
	in.Lines = rows.lines
	if oldest.IsZero() {
		return in, rows, nil // no sale and no refund is in it
	}
	if in.From.IsZero() { // refunds only: no sale is missing
		in.From, in.To = newest, newest
	}
	in.Late = newest.Add(p.window())
	from, to := oldest.Add(-p.lookback()), newest.Add(max(p.window(), p.lookahead()))
	if len(p.Sales) > 0 {
		in.Shop = progressing(ctx, documentsOf(ctx, p.Sales, from, to))
	}
	if p.Mode != Summary {
		in.ERP = progressing(ctx, p.Ledger.Documents(ctx, f.route, dayOf(f.chart, from), dayOf(f.chart, to)))
	}
	return in, rows, nil
}

func (p *Payouts) window() time.Duration {
	if p.Config.Window == 0 {
		return 72 * time.Hour
	}
	return p.Config.Window
}

// documentsOf are the documents of all shops, one shop after the other.
func documentsOf(ctx context.Context, shops []Sales, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		for _, shop := range shops {
			for doc, err := range shop.Documents(ctx, from, to) {
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

// mostTold is how many discrepancies of a reason an exception names; the report has all.
const mostTold = 5

// summary is what a report says, in short.
type summary struct {
	hash    string
	reasons map[reconcile.Reason]*group
}

// group is the discrepancies of one reason.
type group struct {
	count   int
	first   []string
	content hash.Hash
}

func (g *group) hash() string { return hex.EncodeToString(g.content.Sum(nil))[:16] }

// summarise walks a report once. Two reports with one hash say the same, but for what is
// not yet paid out.
func summarise(r *reconcile.Report) (summary, error) {
	s := summary{reasons: map[reconcile.Reason]*group{}}
	all := sha256.New()
	write := func(to hash.Hash, v any) error {
		if err := json.NewEncoder(to).Encode(v); err != nil {
			return commerce.Errorf(commerce.KindInternal, system, "sum up the report of "+r.Proof.Payout, "%w", err)
		}
		return nil
	}
	if err := write(all, r.Proof); err != nil {
		return s, err
	}
	for d, err := range r.Discrepancies() {
		if err != nil {
			return s, err
		}
		g := s.reasons[d.Reason]
		if g == nil {
			g = &group{content: sha256.New()}
			s.reasons[d.Reason] = g
		}
		g.count++
		if len(g.first) < mostTold {
			g.first = append(g.first, named(d))
		}
		if d.Reason != reconcile.NotYetPaidOut { // it grows by the hour
			err = write(all, d)
		}
		if err := errors.Join(err, write(g.content, d)); err != nil {
			return s, err
		}
	}
	s.hash = hex.EncodeToString(all.Sum(nil))[:16]
	return s, nil
}

// named says which discrepancy it is: by order number and ids, with the difference.
func named(d reconcile.Discrepancy) string {
	var out []string
	if d.Line != nil {
		out = append(out, d.Line.ID, d.Line.Source)
	}
	for _, doc := range []*reconcile.Document{d.Document, d.ERP} {
		if doc != nil {
			out = append(out, doc.Number, doc.ID)
		}
	}
	if d.Difference != (commerce.Money{}) {
		out = append(out, d.Difference.String())
	}
	return strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == "" }), " ")
}
