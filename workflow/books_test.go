package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sold is a bank with order 1, paid by pi_1 with 66.00 less 2.00 of fee.
func sold(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := newBank(t, change...)
	b.world.order("1")
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 200, b.clock)
	return b
}

func (b *bank) paid() {
	b.t.Helper()
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.work()
}

func TestAPaidOrderIsInvoicedReceivedAndItsFeeBookedForTheDay(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.feed()
	b.work()
	b.closes()
	require.Equal(t, []string{"entry activity/eur/2026-11-21/1 of -2.00 EUR on 2026-11-21", "invoice 66.00 EUR open 0.00 EUR",
		"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, b.ledger())
	require.Equal(t, "party 1", b.receipts["order/1 txn_1"].Party)
	made := b.inventory()
	b.again()
	b.news("evt_9", "charge.updated", "pi_1")
	b.work()
	require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
}

func TestMoneyWhoseWebhookWasLostIsBookedByTheFeed(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.feed()
	b.wait(time.Hour)
	require.Empty(t, b.receipts, "it waits for the sales order")
	b.paid()
	b.closes()
	require.Len(t, b.receipts, 1)
}
