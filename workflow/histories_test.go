package workflow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Histories of money that people and far sides make together.

// onFirst is a fault of the first write whose name begins so.
func onFirst(prefix string, f fault) func(string) fault {
	times := 1
	return func(op string) fault {
		if times == 0 || !strings.HasPrefix(op, prefix) {
			return well
		}
		times--
		return f
	}
}

// The second of two payments is worked first, and the shop names it late: its
// recording lost the answer. The news of the first comes meanwhile.
func TestOneOfTwoPaymentsIsProposedForRefundWhateverTheShopNamesLater(t *testing.T) {
	t.Parallel()
	for f, name := range everyFault {
		for _, second := range []time.Duration{0, time.Second, 20 * time.Second, time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s, after %s", name, second), func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				o.order("1")
				o.payment("1", []string{"1"})
				o.payment("2", []string{"1"})
				o.fault = onFirst("invoice ", f)
				o.news("evt_2", "charge.succeeded", "pi_2")
				o.wait(second)
				o.news("evt_1", "charge.succeeded", "pi_1")
				o.work()
				o.news("evt_3", "charge.updated", "pi_1")
				o.work()
				require.Empty(t, o.dead(), o.reason())
				require.Equal(t, []string{Overpaid}, o.exceptions(), "%v", o.alerts)
			})
		}
	}
}

// A plugin of the shop writes the id of the later payment on the order, after the
// earlier was worked.
func TestWhatAPluginNamesLaterMovesNoProposal(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Acts = func(string) Actor { return Plugin } })
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.payment("2", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.news("evt_2", "charge.succeeded", "pi_2")
	o.wait(time.Minute)
	o.orders[ref].PaymentID = "pi_2"
	o.work()
	require.Equal(t, []string{Overpaid}, o.exceptions(), "%v", o.alerts)
}
