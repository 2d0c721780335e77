package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

func (b *bank) payoutNews(id, kind string) {
	b.t.Helper()
	b.deliver(commerce.Event{Ref: stripeRef.With("evt_" + id + kind), Type: kind, Object: "po_" + id, Subject: "po_" + id, Created: b.clock, Raw: []byte(`{}`)})
}

func TestAPayoutIsExplainedReportedOnceAndBooked(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.feed()
	b.pass(24 * time.Hour)
	b.payout("1")
	b.payoutNews("1", "payout.paid")
	b.payoutNews("1", "payout.reconciliation_completed")
	b.feed()
	b.work()
	b.closes()
	require.Empty(t, b.exceptions(), "%v", b.alerts)
	require.Len(t, b.hears, 1)
	require.True(t, b.hears[0].Closed())
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-22")
	require.Equal(t, eur(6400), b.stands("1460", "EUR", commerce.DateOf(b.clock)))
}

func TestAPayoutThatFailedComesBackOnItsOwnDay(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	po := b.payout("1")
	b.feed()
	b.pass(48 * time.Hour)
	b.fails(po)
	b.payoutNews("1", "payout.failed")
	b.payoutNews("1", "payout.paid")
	b.work()
	b.closes()
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-21")
	require.Contains(t, b.ledger(), "entry payout-reversal/po_1/1 of 64.00 EUR on 2026-11-23")
	require.Equal(t, []string{PayoutFailed}, b.exceptions())
	require.Equal(t, eur(0), b.stands("1460", "EUR", commerce.DateOf(b.clock)))
}
