package workflow

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

func TestARefundAtTheProcessorIsAPaperAtTheShopAndACreditNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amounts []int64
		sum     int64
	}{
		"whole":                    {[]int64{6600}, 6600},
		"a part":                   {[]int64{1000}, 1000},
		"two that look alike":      {[]int64{1000, 1000}, 2000},
		"parts, and then the rest": {[]int64{1000, 1000, 4600}, 6600},
	} {
		for _, total := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newTill(t, func(w *till) { w.total = total })
				order := w.sells("1")
				for _, minor := range c.amounts {
					w.dashboard("pi_1", minor, commerce.RefundSucceeded)
					w.work()
					w.changes(order) // our own paper is news as well
					w.work()
				}
				w.agrees(order, c.sum)
				w.closes()
				require.Len(t, w.memos[order], len(c.amounts))
				require.Len(t, w.notes[order], len(c.amounts))
				require.Zero(t, w.moved, "the money had moved")
				if c.sum == 6600 {
					require.Equal(t, commerce.OrderClosed, w.orders[order].State)
				}
				for _, i := range w.invoices {
					require.True(t, i.Open.IsZero(), "the refund's payment pays the credit note: %v", w.ledger())
				}
			})
		}
	}
}

func TestARefundOfWhichNobodySaysWhatItIsForIsProposed(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	re := w.dashboard("pi_1", 1100, commerce.RefundSucceeded)
	w.work()
	said, err := recall[refundContent](context.Background(), w.steps, keyRefund(order, "content/"+re.Ref.ID))
	require.NoError(t, err)
	require.True(t, said.Content.Proposed)
	require.Equal(t, eur(840), said.Content.Lines[0].Net)
	require.Equal(t, eur(160), said.Content.Lines[0].Tax)
	require.Equal(t, eur(84), said.Content.Shipping.Net)
	require.Nil(t, w.memos[order][0].Content, "money alone at the shop")
}

func TestWhatTheHostSaysARefundWasForCounts(t *testing.T) {
	t.Parallel()
	w := newTill(t, func(w *till) {
		w.refunds.Goods = func(context.Context, commerce.Facts, commerce.Refund) (mapping.RefundAsk, error) {
			return mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}}, nil
		}
	})
	order := w.sells("1")
	w.dashboard("pi_1", 3000, commerce.RefundSucceeded)
	w.work()
	w.agrees(order, 3000)
	require.Equal(t, commerce.MustDecimal("1"), w.memos[order][0].Content.Lines[0].Quantity)
	require.Equal(t, eur(0), w.memos[order][0].Content.Adjustment)
}

func TestARefundThatIsPendingIsBookedWhenItSucceeds(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	re := w.dashboard("pi_1", 1000, commerce.RefundPending)
	w.work()
	w.agrees(order, 0)
	w.becomes(re, commerce.RefundSucceeded)
	w.work()
	w.agrees(order, 1000)
	re = w.dashboard("pi_1", 1000, commerce.RefundPending)
	w.becomes(re, commerce.RefundCanceled)
	w.work()
	w.agrees(order, 1000)
	w.closes()
	require.Empty(t, w.exceptions())
}

func TestARefundThatFailsAfterItsPaperHoldsTheOrderUntilAnotherPaysIt(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	re := w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
	w.work()
	w.becomes(re, commerce.RefundFailed)
	w.work()
	require.Equal(t, []string{MoneyOpen, RefundFailed}, w.exceptions(), "we owe it")
	require.Equal(t, commerce.OrderOnHold, w.orders[order].State)
	w.agrees(order, 1000) // no paper can be taken back
	w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
	w.work()
	w.agrees(order, 1000)
	require.Len(t, w.memos[order], 1, "the money of the second is that of the first paper")
	require.Equal(t, commerce.OrderProcessing, w.orders[order].State, "only our own hold is taken back")
	require.Zero(t, w.moved)
	w.closes()
	for _, i := range w.invoices {
		require.True(t, i.Open.IsZero(), "%v", w.ledger())
	}
}

func TestACreditNoteWaitsForThePaperThatWaitsForARelease(t *testing.T) {
	t.Parallel()
	for _, status := range []commerce.RefundStatus{commerce.RefundSucceeded, commerce.RefundFailed} {
		w := newTill(t)
		order := w.sells("1")
		w.orders[order].State = commerce.OrderOnHold
		re := w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
		w.work()
		require.Contains(t, w.codes(), "order_held")
		w.agrees(order, 0) // else it stands without a paper where the refund fails
		w.becomes(re, status)
		w.orders[order].State = commerce.OrderProcessing
		w.changes(order)
		w.work()
		w.agrees(order, w.standing("pi_1"))
	}
}

func TestAPaperOfTheShopIsProposedAndMovesMoneyOnceItIsApproved(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	doc := w.memo(order, 1500)
	w.work()
	require.Equal(t, []string{RefundProposed}, w.exceptions())
	require.Zero(t, w.moved)
	w.wish(order, RefundWish{ID: "a", Document: doc.Document.Ref.ID})
	w.wish(order, RefundWish{ID: "a", Document: doc.Document.Ref.ID})
	w.work()
	w.changes(order)
	w.news("evt_again", "charge.refunded", "pi_1")
	w.feed()
	w.work()
	require.Equal(t, 1, w.moved)
	w.agrees(order, 1500)
	require.EqualValues(t, 1500, w.standing("pi_1"))
	w.closes()
}

func TestAPaperMovesMoneyByItselfWhereTheRuleSaysSo(t *testing.T) {
	t.Parallel()
	all := func(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error) { return true, nil }
	t.Run("several charges, the newest first", func(t *testing.T) {
		t.Parallel()
		w := newTill(t, func(w *till) { w.refunds.Pays = all })
		ref := w.office.order("1")
		w.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
		w.payment("2", []string{"1"}, amount(eur(2600)), gets(eur(2600)))
		w.moves("charge", "1", "1", 4000, 0, w.clock)
		w.moves("charge", "2", "2", 2600, 0, w.clock)
		w.news("evt_1", "charge.succeeded", "pi_1")
		w.news("evt_2", "charge.succeeded", "pi_2")
		w.feed()
		w.work()
		w.memo(ref, 3000)
		w.feed()
		w.work()
		require.EqualValues(t, 2600, w.standing("pi_2"))
		require.EqualValues(t, 400, w.standing("pi_1"))
		w.feed()
		w.work()
		w.agrees(ref, 3000)
		w.closes()
	})
	t.Run("never what the shop's own gateway moved", func(t *testing.T) {
		t.Parallel()
		w := newTill(t, func(w *till) { w.refunds.Pays = all })
		order := w.sells("1")
		re := w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
		w.wait(time.Minute)
		w.memo(order, 1000, online(nil)) // it names no refund
		w.work()
		require.Zero(t, w.moved)
		w.agrees(order, 1000)
		require.Equal(t, "re_1", re.Ref.ID)
		w.memo(order, 500, online(nil)) // and of this the processor knows nothing
		w.work()
		require.Zero(t, w.moved)
	})
	t.Run("once for the same return, whoever was first", func(t *testing.T) {
		t.Parallel()
		for _, first := range []string{"dashboard", "paper"} {
			w := newTill(t, func(w *till) { w.refunds.Pays = all })
			order := w.sells("1")
			if first == "dashboard" {
				w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
				w.memo(order, 1000)
			} else {
				w.mu.Lock()
				w.writes(order, mapping.RefundDocument{Money: eur(1000)})
				w.mu.Unlock()
				w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
				w.changes(order)
			}
			w.work()
			require.Zero(t, w.moved, first)
			w.agrees(order, 1000)
		}
	})
	t.Run("all that is held for a canceled order", func(t *testing.T) {
		t.Parallel()
		w := newTill(t, func(w *till) { w.refunds.Pays = all })
		order := w.sells("1")
		w.orders[order].State = commerce.OrderCanceled
		w.changes(order)
		w.work()
		require.EqualValues(t, 6600, w.standing("pi_1"))
		w.changes(order)
		w.work()
		require.Equal(t, 1, w.moved)
	})
}

func TestMoneyThatIsGivenBackElsewhereDoesNotMove(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	doc := w.memo(order, 1500)
	w.wish(order, RefundWish{ID: "cash", Document: doc.Document.Ref.ID, Elsewhere: true})
	w.work()
	w.dashboard("pi_1", 1500, commerce.RefundSucceeded) // another one
	w.work()
	require.Len(t, w.memos[order], 2)
	require.Zero(t, w.moved)
}

func TestAWishIsGivenBackAndBookedEverywhere(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	w.wish(order, RefundWish{ID: "return 5", Ask: mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}}, Restock: []string{"1"}})
	w.work()
	w.feed()
	w.work()
	require.Equal(t, 1, w.moved)
	w.agrees(order, 3000)
	require.Equal(t, commerce.MustDecimal("1"), w.memos[order][0].Content.Lines[0].Quantity)
	w.wish(order, RefundWish{ID: "return 6", Ask: mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("2")}}}})
	w.work()
	require.Equal(t, []string{mapping.CodeRefundTooLarge}, w.codes())
	require.Equal(t, 1, w.moved)
}

// codes are those of dead events.
func (w *till) codes() (out []string) {
	for _, e := range w.deadEvents() {
		out = append(out, e.Code)
	}
	return out
}

func TestASecondPaymentThatIsGivenBackIsNoReturn(t *testing.T) {
	t.Parallel()
	w := newTill(t)
	order := w.sells("1")
	w.pays("2", "1")
	require.Equal(t, []string{Overpaid}, w.exceptions())
	w.dashboard("pi_2", 6600, commerce.RefundSucceeded)
	w.work()
	w.agrees(order, 0)
	w.dashboard("pi_1", 600, commerce.RefundSucceeded)
	w.work()
	w.agrees(order, 600)
	w.closes()
}

func TestWhatCanNotBeRefundedIsDeadWithAReasonAndReplaysOnceItIsMended(t *testing.T) {
	t.Parallel()
	approve := func(w *till, order commerce.Ref, doc *mapping.RefundDocument) {
		w.wish(order, RefundWish{ID: "a", Document: doc.Document.Ref.ID})
		w.work()
	}
	for name, c := range map[string]struct {
		code string
		play func(w *till, order commerce.Ref)
		mend func(w *till, order commerce.Ref)
		sum  int64
	}{
		"an order on hold takes no paper": {"order_held", func(w *till, order commerce.Ref) {
			w.orders[order].State = commerce.OrderOnHold
			w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
			w.work()
		}, func(w *till, order commerce.Ref) { w.orders[order].State = commerce.OrderProcessing }, 1000},
		"an order that was closed by hand": {"nothing_left", func(w *till, order commerce.Ref) {
			w.orders[order].State, w.orders[order].Refunded = commerce.OrderClosed, eur(6600)
			w.dashboard("pi_1", 1000, commerce.RefundSucceeded)
			w.work()
		}, func(w *till, order commerce.Ref) {
			w.orders[order].State, w.orders[order].Refunded = commerce.OrderProcessing, eur(0)
		}, 1000},
		"a charge that nobody knows": {"no_order", func(w *till, _ commerce.Ref) {
			w.payment("9", nil)
			w.dashboard("pi_9", 1000, commerce.RefundSucceeded)
			w.work()
		}, nil, 0},
		"more than the payments have": {mapping.CodeRefundTooLarge, func(w *till, order commerce.Ref) {
			w.dashboard("pi_1", 6000, commerce.RefundSucceeded)
			w.work()
			w.orders[order].Paid = eur(9900)
			approve(w, order, w.memo(order, 1500))
		}, nil, 0},
		"another currency": {"currency_mismatch", func(w *till, _ commerce.Ref) {
			w.mu.Lock()
			r := w.gives("pi_1", 1000, commerce.RefundSucceeded, "")
			r.Amount, w.lines = commerce.MustMoney(1000, "USD"), w.lines[:len(w.lines)-1]
			w.mu.Unlock()
			w.tells(r, "refund.created")
			w.work()
		}, nil, 0},
		"a charge in dispute": {"refund_disputed_payment", func(w *till, order commerce.Ref) {
			w.refunds.Payments = disputedSide{giveSide{w}}
			approve(w, order, w.memo(order, 1500))
		}, func(w *till, _ commerce.Ref) { w.refunds.Payments = giveSide{w} }, 1500},
		"refunds and papers that do not fit each other": {"refund_unclear", func(w *till, order commerce.Ref) {
			w.memo(order, 1500)
			w.dashboard("pi_1", 2000, commerce.RefundSucceeded)
			w.work()
		}, func(w *till, order commerce.Ref) {
			w.wish(order, RefundWish{ID: "cash", Document: w.memos[order][0].Document.Ref.ID, Elsewhere: true})
			w.work()
		}, 3500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTill(t)
			order := w.sells("1")
			c.play(w, order)
			require.Contains(t, w.codes(), c.code, w.reason())
			moved := w.moved
			if c.mend == nil {
				return
			}
			c.mend(w, order)
			for _, e := range w.deadEvents() {
				require.NoError(t, w.inbox.Replay(t.Context(), e.Seq, "ada", "mended", nil))
			}
			w.work()
			w.feed()
			w.work()
			require.Empty(t, w.codes(), w.reason())
			require.LessOrEqual(t, w.moved-moved, 1)
			if c.sum > 0 {
				papers := int64(0)
				for _, d := range w.memos[order] {
					papers += d.Money.Minor()
				}
				require.Equal(t, c.sum, papers)
			}
		})
	}
}

func TestARefundWhoseAnswerWasLostIsLookedUpOnceTheProcessorHasForgottenItsKey(t *testing.T) {
	t.Parallel()
	for f, name := range map[fault]string{lost: "it was made", nothing: "it was not made"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTill(t, func(w *till) { w.refunds.Pays = allPays })
			order := w.sells("1")
			var down time.Time // since when nothing answers, for 25 hours
			w.fault = func(op string) fault {
				if op == "money back order/1" && down.IsZero() {
					down = w.clock
					return f
				}
				return well
			}
			w.unread = func() error {
				if !down.IsZero() && w.clock.Before(down.Add(25*time.Hour)) {
					return &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: "read"}
				}
				return nil
			}
			w.memo(order, 1500)
			w.work()
			require.False(t, down.IsZero(), "the fault was never met")
			clear(w.keys)
			w.clock = down.Add(26 * time.Hour)
			w.changes(order)
			w.work()
			require.Equal(t, 1, w.moved)
			require.EqualValues(t, 1500, w.standing("pi_1"))
			w.agrees(order, 1500)
		})
	}
}
