package workflow

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// draftsSide is a ledger whose ERP drafts an invoice itself for each parcel.
type draftsSide struct{ ledgerSide }

func (t draftsSide) of(sale commerce.Ref, draft bool) (out []*sideInvoice) {
	return slices.DeleteFunc(slices.Clone(t.invoices), func(i *sideInvoice) bool {
		return i.sale != sale || i.Draft != draft || i.Document.Total.Sign() < 0
	})
}

func (t draftsSide) Invoice(_ mapping.Route, _ commerce.Order, sale commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document] {
	return t.dated(idempotency.Effect[commerce.Document]{Class: idempotency.Marked, Settle: time.Minute,
		Find: func(context.Context) (doc commerce.Document, err error) {
			return doc, t.far.read(func() error {
				posted := t.of(sale.Ref, false)
				if len(posted) == 0 || len(t.of(sale.Ref, true)) > 0 {
					return absent("find invoice")
				}
				doc = posted[len(posted)-1].Document
				return nil
			})
		},
		Act: func(context.Context) (doc commerce.Document, err error) {
			return doc, t.far.write("erp invoice", func() {
				for _, i := range t.of(sale.Ref, true) {
					t.far.made["erp invoice "+i.Document.Ref.ID]++
					i.Draft, i.Date, i.Open, doc = false, on, i.Document.Total, i.Document
				}
			})
		}}, on)
}

func (b *bank) drafted(id string, minor int64) {
	b.t.Helper()
	b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With(id), Total: eur(minor)}, Party: "party 1", Draft: true, Open: eur(0)}, erpRef.With("sale/1")})
}

func TestEveryInvoiceThatTheERPDraftsOfAParcelIsPostedOnTheDayOfTheParcel(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"the answer comes": well, "the answer is lost": lost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := sold(t, func(b *bank) { b.books.Ledger = draftsSide{ledgerSide{b.treasury}} })
			b.drafted("invoice/1", 600) // delivery, at once
			b.paid()
			b.feed()
			b.work()
			require.Equal(t, eur(6000), b.receipts["order/1 txn_1"].Left)
			at := b.clock
			for n, id := range []string{"1", "2"} {
				b.pass(anyDay)
				b.drafted("invoice/1"+id, 3000)
				b.shipments["shipment/"+id] = &commerce.Shipment{Ref: erpRef.With("shipment/" + id), Key: order1.String(), Sent: b.clock,
					Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}}}
				b.pass(anyDay) // the news comes late
				failed := false
				b.fault = func(op string) fault {
					if op != "erp invoice" || failed {
						return well
					}
					failed = true
					return f
				}
				b.deliver(commerce.Event{Ref: erpRef.With("shipment/" + id + "@1"), Type: "shipment.sent", Object: "shipment/" + id, Created: b.clock, Raw: []byte(`{}`)})
				b.work()
				require.True(t, failed)
				require.Equal(t, commerce.DateOf(at.Add(time.Duration(2*n+1)*anyDay)), b.invoices[n+1].Date)
				rec, err := b.steps.Get(t.Context(), "erp.invoice/"+order1.String()+"/invoice/1"+id)
				require.NoError(t, err)
				require.Equal(t, idempotency.Done, rec.State)
			}
			b.drafted("invoice/20", -3000) // a credit note is for people,
			b.drafted("invoice/21", 100)   // and so is more than was ordered
			b.news("evt_9", "charge.updated", "pi_1")
			b.work()
			b.closes()
			ledger := slices.DeleteFunc(b.ledger(), func(s string) bool { return s[:5] == "entry" })
			require.Equal(t, []string{"invoice -30.00 EUR open 0.00 EUR", "invoice 1.00 EUR open 0.00 EUR", "invoice 30.00 EUR open 0.00 EUR", "invoice 30.00 EUR open 0.00 EUR", "invoice 6.00 EUR open 0.00 EUR",
				"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, ledger)
			require.Len(t, draftsSide{ledgerSide{b.treasury}}.of(erpRef.With("sale/1"), true), 1)
			made := b.inventory()
			b.again()
			b.work()
			require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
		})
	}
}

// onRequest is a ledger whose ERP makes an invoice of what has left when it is asked.
type onRequest struct {
	ledgerSide
	left *int64 // and is on no invoice
}

func (t onRequest) Invoice(_ mapping.Route, _ commerce.Order, sale commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document] {
	last := func() (doc commerce.Document, ok bool) {
		for _, i := range t.invoices {
			if i.sale == sale.Ref {
				doc, ok = i.Document, true
			}
		}
		return doc, ok
	}
	return t.dated(idempotency.Effect[commerce.Document]{Class: idempotency.Marked, Settle: time.Minute,
		Find: func(context.Context) (doc commerce.Document, err error) {
			return doc, t.far.read(func() (err error) {
				var ok bool
				if doc, ok = last(); !ok || *t.left > 0 {
					err = absent("find invoice")
				}
				return err
			})
		},
		Act: func(context.Context) (doc commerce.Document, err error) {
			if doc, ok := last(); *t.left == 0 && ok {
				return doc, nil
			} else if *t.left == 0 {
				return doc, refusal("invoice")
			}
			return doc, t.far.write("erp invoice", func() {
				doc = commerce.Document{Ref: erpRef.With(fmt.Sprint("invoice/", len(t.invoices)+1)), State: "posted", Total: eur(*t.left)}
				t.post(&sideInvoice{mapping.Invoice{Document: doc, Party: "party 1", Date: on, Open: doc.Total}, sale.Ref})
				*t.left = 0
			})
		}}, on)
}

func TestAnERPThatInvoicesWhatHasLeftIsAskedWithEachParcel(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"the answer comes": well, "the answer is lost": lost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := new(int64)
			b := sold(t, func(b *bank) { b.books.Ledger = onRequest{ledgerSide{b.treasury}, left} })
			b.paid()
			b.feed()
			b.work()
			require.Empty(t, b.invoices, "nothing has left, and nothing is dead")
			require.Empty(t, b.dead())
			for n, minor := range []int64{3000, 3600} {
				b.pass(anyDay)
				*left = minor
				id := fmt.Sprint("shipment/", n+1)
				b.shipments[id] = &commerce.Shipment{Ref: erpRef.With(id), Key: order1.String(), Sent: b.clock,
					Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}}}
				failed := false
				b.fault = func(op string) fault {
					if op != "erp invoice" || failed {
						return well
					}
					failed = true
					return f
				}
				b.deliver(commerce.Event{Ref: erpRef.With(id + "@1"), Type: "shipment.sent", Object: id, Created: b.clock, Raw: []byte(`{}`)})
				b.work()
				require.True(t, failed)
				require.Len(t, b.invoices, n+1)
				require.Equal(t, commerce.DateOf(b.shipments[id].Sent), b.invoices[n].Date)
				require.Equal(t, eur(0), b.invoices[n].Open)
			}
			b.closes()
			made := b.inventory()
			b.again()
			b.work()
			require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
		})
	}
}
