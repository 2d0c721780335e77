package stripepay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// evidenceText is how long each text of a dispute's evidence may be.
// Source: docs.stripe.com/api/disputes/evidence_object, read 2026-11.
const evidenceText = 20_000

// Answer writes evidence onto a dispute, for a person to complete and hand in at Stripe:
// buyer, addresses, goods, tracking, and in free text the order's history and what was said
// with the buyer. With handIn it is handed in, which can be done once and is for a person to
// decide. Keyed for 24 hours by what it says; after that it is found where evidence is there,
// or was handed in. The document's State is the dispute's, in Stripe's word.
//
// Errors of Act, not sent: kind conflict, code "evidence_closed", where the dispute takes no
// evidence any more.
func (p *Pay) Answer(e mapping.Evidence, handIn bool) idempotency.Effect[commerce.Document] {
	ref := e.Dispute.Ref
	op := "answer dispute " + ref.ID
	document := func(d *stripe.Dispute) commerce.Document { return commerce.Document{Ref: ref, State: d.Status} }
	return idempotency.Effect[commerce.Document]{Class: idempotency.Keyed, Settle: p.c.Settle, Retention: retention,
		Find: func(ctx context.Context) (commerce.Document, error) {
			if err := p.check(op, ref); err != nil {
				return commerce.Document{}, err
			}
			d, err := p.client.Disputes.Get(ctx, ref.ID)
			if err != nil {
				return commerce.Document{}, err
			}
			if there := d.EvidenceDetails.SubmissionCount > 0 || !handIn && d.EvidenceDetails.HasEvidence; !there {
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "it has no such evidence"}
			}
			return document(d), nil
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			if err := p.check(op, ref); err != nil {
				return commerce.Document{}, err
			}
			if err := p.keyMode(ctx, op); err != nil {
				return commerce.Document{}, refused(op, err)
			}
			params := &stripe.DisputeParams{Evidence: evidence(e), Submit: &handIn}
			said, err := json.Marshal(params.Evidence)
			if err != nil {
				return commerce.Document{}, refused(op, commerce.Errorf(commerce.KindInternal, System, op, "%w", err))
			}
			sum := sha256.Sum256(said)
			params.SetIdempotencyKey(fmt.Sprintf("answer/%s/%s/%t", ref.ID, hex.EncodeToString(sum[:8]), handIn))
			d, err := p.client.Disputes.Update(ctx, ref.ID, params)
			if err != nil {
				if api, ok := errors.AsType[*stripe.APIError](err); ok && commerce.SafeToRetry(err) && api.Type == "invalid_request_error" && api.Code != "resource_missing" {
					err = &commerce.Error{Kind: commerce.KindConflict, System: System, Op: op, Code: "evidence_closed", Outcome: commerce.NotSent, Err: err}
				}
				return commerce.Document{}, err
			}
			return document(d), nil
		}}
}

// evidence says what is known of an order in Stripe's fields. Files are none of it.
func evidence(e mapping.Evidence) *stripe.DisputeEvidenceParams {
	o, out := e.Order, &stripe.DisputeEvidenceParams{}
	set := func(into **string, text string) {
		if text = strings.TrimSpace(text); text != "" {
			if r := []rune(text); len(r) > evidenceText {
				text = string(r[:evidenceText])
			}
			*into = &text
		}
	}
	set(&out.CustomerName, o.Customer.Name)
	set(&out.CustomerEmailAddress, o.Customer.Email)
	set(&out.BillingAddress, onOneLine(o.BillingAddress))
	if o.ShippingAddress != nil {
		set(&out.ShippingAddress, onOneLine(*o.ShippingAddress))
	}
	var goods, carriers, tracking []string
	for _, l := range o.Lines {
		goods = append(goods, l.Quantity.Trim(0).String()+" x "+l.Name+" ("+l.SKU+")")
	}
	set(&out.ProductDescription, strings.Join(goods, "\n"))
	for _, s := range e.Shipments {
		for _, parcel := range s.Parcels {
			if !slices.Contains(carriers, parcel.Carrier) {
				carriers = append(carriers, parcel.Carrier)
			}
			tracking = append(tracking, parcel.Tracking)
		}
	}
	set(&out.ShippingCarrier, strings.Join(carriers, ", "))
	set(&out.ShippingTrackingNumber, strings.Join(tracking, ", "))
	if len(e.Shipments) > 0 {
		set(&out.ShippingDate, e.Shipments[0].Sent.UTC().Format(time.DateOnly))
	}
	set(&out.UncategorizedText, history(e))
	return out
}

func onOneLine(a commerce.Address) string {
	parts := []string{a.Name, a.Company, strings.ReplaceAll(a.Street, "\n", ", "), strings.TrimSpace(a.PostalCode + " " + a.City), a.Region, a.Country}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// history tells what happened, a line each, and then what was said.
func history(e mapping.Evidence) string {
	var b strings.Builder
	line := func(at time.Time, format string, args ...any) {
		fmt.Fprintf(&b, "%s UTC: %s\n", at.UTC().Format("2006-01-02 15:04"), fmt.Sprintf(format, args...))
	}
	line(e.Order.Placed, "order %s over %s", e.Order.Number, e.Order.Totals.Gross)
	for _, p := range e.Payments {
		line(p.Created, "payment %s of %s, %s", p.Ref.ID, p.Amount, p.Status)
	}
	for _, s := range e.Shipments {
		line(s.Sent, "shipment %s", s.Number)
	}
	for _, r := range e.Refunds {
		line(r.Created, "refund %s of %s, %s", r.Ref.ID, r.Amount, r.Status)
	}
	for _, l := range e.Letters {
		line(l.Sent, "%s wrote: %s", l.From, l.Text)
	}
	return b.String()
}
