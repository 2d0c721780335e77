package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// insist calls f until it ends well, as a host does that is started again.
func (b *bank) insist(f func() error) {
	b.t.Helper()
	once := func() (err error) {
		defer func() {
			switch r := recover(); r {
			case nil:
			case died{}:
				err = commerce.ErrUnavailable
			default:
				panic(r)
			}
		}()
		return f()
	}
	var err error
	for range 10 {
		if err = once(); err == nil {
			return
		}
		b.clock = b.clock.Add(5 * time.Minute)
	}
	require.NoError(b.t, err)
}

// meets lets the first two writes of an operation go wrong.
func (b *bank) meets(f fault, op string) (times *int) {
	times = new(int)
	b.fault = func(at string) fault {
		if at == op && *times < 2 {
			*times++
			return f
		}
		return well
	}
	return times
}

func TestWhatAHostCallsMayFailInEveryWayAndIsPostedOnce(t *testing.T) {
	t.Parallel()
	for f, name := range everyFault {
		t.Run("an opening "+name, func(t *testing.T) {
			t.Parallel()
			b := takeover(t)
			times := b.meets(f, "entry opening/eur")
			var got []Opened
			b.insist(func() (err error) {
				got, err = b.books.Open(t.Context(), Opening{Account: "9000"})
				return err
			})
			require.Positive(t, *times, "the fault was never met")
			require.Equal(t, eur(13400), got[0].Balance)
			require.Empty(t, b.twice())
			b.stoodAt(on(11, 20))
		})
		t.Run("a revaluation "+name, func(t *testing.T) {
			t.Parallel()
			b := abroad(t)
			b.paid()
			b.feed()
			b.pass(12 * anyDay)
			times := b.meets(f, "entry revaluation/usd/2026-11-30/1")
			b.insist(func() error { return b.books.Revalue(t.Context(), on(11, 30)) })
			require.Positive(t, *times, "the fault was never met")
			require.Empty(t, b.twice())
			require.Equal(t, eur(5510), b.stands("1361", "EUR", on(11, 30)))
		})
		t.Run("a lost dispute "+name, func(t *testing.T) {
			t.Parallel()
			b := disputed(t)
			b.lost["dp_1"] = true
			times := b.meets(f, "entry dispute-lost/dp_1/1")
			b.closesDispute("evt_lost")
			require.Positive(t, *times, "the fault was never met")
			require.Empty(t, b.dead(), b.reason())
			require.Empty(t, b.twice())
			require.Equal(t, eur(1500), b.stands("6960", "EUR", commerce.DateOf(b.clock)))
		})
	}
}

func TestEveryCurrencyIsTakenOver(t *testing.T) {
	t.Parallel()
	b := abroad(t, func(b *bank) { b.o2c.StartAt, b.out.StartAt = b.clock.Add(anyDay), b.clock.Add(anyDay) })
	b.moves("fee", "2", "", -300, 0, b.clock)
	b.pass(anyDay)
	var first []Opened
	for range 2 {
		got, err := b.books.Open(t.Context(), Opening{Account: "9000"})
		require.NoError(t, err)
		require.Equal(t, []commerce.Money{eur(-300), usd(5800)}, []commerce.Money{got[0].Balance, got[1].Balance})
		require.Equal(t, []commerce.Money{eur(-300), usd(5800), eur(5220)},
			[]commerce.Money{b.stands("1360", "EUR", on(11, 21)), b.stands("1361", "USD", on(11, 21)), b.stands("1361", "EUR", on(11, 21))})
		require.Len(t, b.entries, 2)
		if first != nil {
			require.Equal(t, first, got)
		}
		first = got
	}
}
