package workflow

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// counter is where customers bring goods back.
type counter struct {
	*till
	returns *Returns
	all     []*commerce.Return
}

func newCounter(t fataler, change ...func(*counter)) *counter {
	t.Helper()
	c := &counter{}
	newTill(t, func(w *till) {
		c.till = w
		c.returns = &Returns{Refunds: w.refunds, Shop: returnSide{c}}
		w.before = func() inbox.Handlers { return c.returns.Handlers() }
		for _, f := range change {
			f(c)
		}
	})
	return c
}

type returnSide struct{ *counter }

func (s returnSide) find(ref commerce.Ref) *commerce.Return {
	for _, r := range s.all {
		if r.Ref == ref {
			return r
		}
	}
	return nil
}

func (s returnSide) Return(_ context.Context, ref commerce.Ref) (out commerce.Return, err error) {
	return out, s.far.read(func() error {
		r := s.find(ref)
		if r == nil {
			return absent("read " + ref.ID)
		}
		out = *r
		return nil
	})
}

func (s returnSide) ReturnsOf(_ context.Context, o commerce.Order) (out []commerce.Return, err error) {
	return out, s.far.read(func() error {
		for _, r := range s.all {
			if r.Order == o.Ref {
				one := *r
				one.Lines = slices.Clone(r.Lines)
				out = append(out, one)
			}
		}
		return nil
	})
}

func (s returnSide) Advance(r commerce.Return, to commerce.ReturnStatus) idempotency.Effect[commerce.Document] {
	stored := s.find(r.Ref)
	return s.far.guarded(string(to)+" "+r.Ref.ID, commerce.Document{Ref: r.Ref, State: string(to)},
		func() bool { return stored.Status.Rank() >= to.Rank() }, func() { stored.Status = to })
}

// shelfSide is a shop that puts goods back by a call of its own.
type shelfSide struct{ returnSide }

func (s shelfSide) Restock(_ commerce.Order, r commerce.Return) idempotency.Effect[commerce.Document] {
	return s.far.marked(idempotency.Marked, "restock "+r.Ref.ID, commerce.Document{Ref: r.Ref}, nil)
}

// brings adds a return of lamps.
func (c *counter) brings(id string, order commerce.Ref, status commerce.ReturnStatus, lamps string) *commerce.Return {
	r := &commerce.Return{Ref: shopRef.With("return/" + id), Number: id, Order: order, Status: status, Requested: c.clock,
		Lines: []commerce.ReturnLine{{ID: id, OrderLine: "1", SKU: "LAMP", Requested: commerce.MustDecimal(lamps), Accepted: commerce.MustDecimal(lamps)}}}
	c.all = append(c.all, r)
	c.toldOf(r)
	return r
}

// toldOf brings news of a return.
func (c *counter) toldOf(r *commerce.Return) {
	c.t.Helper()
	c.txn++
	c.deliver(commerce.Event{Ref: shopRef.With(fmt.Sprintf("%s@%d", r.Ref.ID, c.txn)), Type: returnChanged, Object: r.Ref.ID, Subject: r.Order.ID, Created: c.clock, Raw: []byte(`{}`)})
}

// settle works all, with the news of refunds that we made.
func (c *counter) settle() {
	c.t.Helper()
	for range 4 {
		c.work()
		for _, r := range c.given {
			c.tells(r, "refund.updated")
		}
		c.feed()
	}
	c.work()
}

func TestAReturnIsLedFromTheWishToTheMoney(t *testing.T) {
	t.Parallel()
	c := newCounter(t, func(c *counter) {
		c.returns.Authorise = func(_ context.Context, f commerce.Facts, r commerce.Return) (bool, error) {
			return f.Order.Ref == r.Order, nil
		}
		c.returns.Restock = func(context.Context, commerce.Facts, commerce.Return) (bool, error) { return true, nil }
	})
	order := c.sells("1")
	r := c.brings("5", order, commerce.ReturnRequested, "1")
	c.settle()
	require.Equal(t, commerce.ReturnAuthorised, r.Status)
	require.Zero(t, c.moved, "no goods are here")
	r.Status = commerce.ReturnReceived
	c.toldOf(r)
	c.settle()
	require.Zero(t, c.moved, "nobody has approved them")
	r.Status = commerce.ReturnRefunded
	c.toldOf(r)
	c.toldOf(r)
	c.settle()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, 1, c.moved)
	c.agrees(order, 3000)
	require.Equal(t, commerce.MustDecimal("1"), c.memos[order][0].Content.Lines[0].Quantity)
	for _, kind := range []MessageKind{MessageReturnAuthorised, MessageReturnReceived, MessageReturnRefunded} {
		require.Equal(t, 1, c.made["mail order/1 "+string(kind)], kind)
	}
}

func TestWhichReturnsArePaidByDefault(t *testing.T) {
	t.Parallel()
	for status, want := range map[commerce.ReturnStatus][2]bool{ // Magento, nopCommerce
		commerce.ReturnRequested: {false, false}, commerce.ReturnAuthorised: {false, true}, commerce.ReturnReceived: {false, false},
		commerce.ReturnRefunded: {true, true}, commerce.ReturnRejected: {false, false}, commerce.ReturnClosed: {false, false},
	} {
		for i, system := range []string{"magento", "nopcommerce"} {
			got, err := ReturnPays(t.Context(), commerce.Facts{}, commerce.Return{Ref: commerce.Ref{System: system}, Status: status})
			require.NoError(t, err)
			require.Equal(t, want[i], got, "%s %s", system, status)
		}
	}
}

func TestAReturnThatIsPaidIsRefundedAtTheShop(t *testing.T) {
	t.Parallel()
	c := newCounter(t, func(c *counter) {
		c.returns.Pays = func(_ context.Context, _ commerce.Facts, r commerce.Return) (bool, error) {
			return r.Status == commerce.ReturnAuthorised, nil
		}
		c.returns.Shop = shelfSide{returnSide{c}}
		c.returns.Restock = func(context.Context, commerce.Facts, commerce.Return) (bool, error) { return true, nil }
	})
	order := c.sells("1")
	r := c.brings("5", order, commerce.ReturnAuthorised, "2")
	c.settle()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, commerce.ReturnRefunded, r.Status)
	require.Zero(t, c.made["restock return/5"], "that we refunded it says nothing of the goods")
	c.agrees(order, 6000)
}

func TestGoodsThatAreHereGoBackOnTheShelfOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t, func(c *counter) {
		c.returns.Shop = shelfSide{returnSide{c}}
		c.returns.Restock = func(context.Context, commerce.Facts, commerce.Return) (bool, error) { return true, nil }
	})
	order := c.sells("1")
	r := c.brings("5", order, commerce.ReturnReceived, "1")
	c.settle()
	r.Status = commerce.ReturnRefunded
	c.toldOf(r)
	c.settle()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, 1, c.made["restock return/5"])
	c.agrees(order, 3000)
}

func TestMoreOfAReturnThatIsAcceptedLaterIsPaidAsWell(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	order := c.sells("1")
	r := c.brings("5", order, commerce.ReturnRefunded, "1")
	c.settle()
	r.Lines[0].Accepted = commerce.MustDecimal("2")
	c.toldOf(r)
	c.settle()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, 2, c.moved)
	c.agrees(order, 6000)
}

// People make the credit memo of a return as well, with its money: it is one return.
func TestAPaperForTheSameGoodsMovesNoMoneyTwice(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]*mapping.Allocation{
		"it names the goods":         {Lines: []mapping.RefundLine{{Line: "1", Quantity: commerce.MustDecimal("1")}}, Total: eur(3000)},
		"it says nothing of any":     nil,
		"it is made with the return": {Lines: []mapping.RefundLine{{Line: "1", Quantity: commerce.MustDecimal("1")}}, Total: eur(3000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			order := c.sells("1")
			var r *commerce.Return
			c.all = nil
			if name == "it is made with the return" {
				c.clock = c.clock.Add(time.Second)
			}
			r = &commerce.Return{Ref: shopRef.With("return/5"), Number: "5", Order: order, Status: commerce.ReturnAuthorised, Requested: c.clock,
				Lines: []commerce.ReturnLine{{ID: "5", OrderLine: "1", Requested: commerce.MustDecimal("1"), Accepted: commerce.MustDecimal("1")}}}
			c.all = append(c.all, r)
			c.clock = c.clock.Add(time.Hour)
			refund := c.dashboard("pi_1", 3000, commerce.RefundSucceeded)
			c.memo(order, 3000, online(refund), func(d *mapping.RefundDocument) { d.Content = content })
			r.Status = commerce.ReturnRefunded
			c.toldOf(r)
			c.settle()
			require.Zero(t, c.moved)
			c.agrees(order, 3000)
			if content == nil {
				require.Contains(t, c.exceptions(), ReturnUnclear)
			} else {
				require.Empty(t, c.exceptions())
				require.Equal(t, 1, c.made["mail order/1 return_refunded"])
			}
		})
	}
}

// The process died between the decision and the event that was to tell of it.
func TestAWishThatWasDecidedAndNeverToldIsToldAgain(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	order := c.sells("1")
	need := []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}
	_, err := remember(t.Context(), c.o2c.desk(), keyReturn(order, "return/5/1"), need)
	require.NoError(t, err)
	r := c.brings("5", order, commerce.ReturnRefunded, "1")
	c.toldOf(r)
	c.settle()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, 1, c.moved)
	c.agrees(order, 3000)
}

func TestAReturnOfNoOrderIsDead(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.all = append(c.all, &commerce.Return{Ref: shopRef.With("return/5"), Status: commerce.ReturnAuthorised})
	c.deliver(commerce.Event{Ref: shopRef.With("return/5@1"), Type: returnChanged, Object: "return/5", Subject: "return/5", Created: c.clock, Raw: []byte(`{}`)},
		commerce.Event{Ref: shopRef.With("return/6@1"), Type: returnChanged, Object: "return/6", Subject: "return/6", Created: c.clock, Raw: []byte(`{}`)})
	c.work()
	require.Equal(t, []string{"no_order"}, c.dead())
}

// Cut off anywhere, in any order, with refunds of others between: each step once, and no
// more goes back than came.
func TestReturnsEndTheSameWhereverTheyAreCutOff(t *testing.T) {
	t.Parallel()
	broken := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		c := newCounter(t, func(c *counter) {
			c.returns.Pays = func(_ context.Context, _ commerce.Facts, r commerce.Return) (bool, error) {
				return r.Status == commerce.ReturnAuthorised || r.Status == commerce.ReturnRefunded, nil
			}
			c.returns.Shop = shelfSide{returnSide{c}}
			c.returns.Restock = func(context.Context, commerce.Facts, commerce.Return) (bool, error) { return true, nil }
		})
		order := c.sells("1")
		faults := []fault{well, well, well, refused, lost, tardy, nothing}
		c.far.fault = func(op string) fault {
			f := faults[r.IntN(len(faults))]
			if op[:4] == "mail" || op[:4] == "rest" {
				return well // at most once, and then a person decides
			}
			if f != well {
				broken++
			}
			return f
		}
		one := c.brings("5", order, commerce.ReturnReceived, "1")
		two := c.brings("6", order, commerce.ReturnAuthorised, "1")
		for range 6 {
			switch r.IntN(4) {
			case 0:
				one.Status = commerce.ReturnRefunded
				c.toldOf(one)
			case 1:
				c.toldOf(two)
			case 2:
				for _, g := range c.given {
					c.tells(g, "refund.created")
				}
			default:
				c.wait(time.Duration(r.IntN(400)) * time.Second)
			}
		}
		one.Status = commerce.ReturnRefunded
		c.toldOf(one)
		c.settle()
		c.far.fault = nil
		c.settle()
		require.Empty(t, c.dead(), "seed %d: %s", seed, c.reason())
		require.Empty(t, c.differs(order, 6000), "seed %d", seed)
		require.Equal(t, 2, c.moved, "seed %d", seed)
		require.Equal(t, commerce.ReturnRefunded, two.Status, "seed %d", seed)
		require.Equal(t, 1, c.made["mail order/1 return_refunded"]/2, "seed %d: each is told once", seed)
		require.LessOrEqual(t, c.made["restock return/5"], 1, "seed %d", seed)
		require.Zero(t, c.made["restock return/6"], "seed %d", seed)
	}
	require.Greater(t, broken, 100)
}
