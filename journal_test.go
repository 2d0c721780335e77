package commerce_test

import (
	"encoding/json"
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func TestAnEntryBalancesOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	dr := func(m commerce.Money) commerce.JournalLine { return commerce.JournalLine{Account: "a", Debit: m} }
	cr := func(m commerce.Money) commerce.JournalLine { return commerce.JournalLine{Account: "b", Credit: m} }
	entry := func(l ...commerce.JournalLine) error { return commerce.JournalEntry{Key: "k", Lines: l}.Balance() }

	require.NoError(t, entry(dr(eur(100)), cr(eur(60)), cr(eur(40))))
	require.NoError(t, entry(cr(eur(100)), dr(eur(100))))
	var off *commerce.UnbalancedError
	require.ErrorAs(t, entry(dr(eur(100)), cr(eur(99))), &off)
	require.Equal(t, eur(1), off.Difference)
	var mixed *commerce.CurrencyMismatchError
	require.ErrorAs(t, entry(dr(eur(1)), cr(commerce.MustMoney(1, "USD"))), &mixed)
	for _, bad := range []error{
		entry(), entry(dr(eur(1))), entry(dr(eur(-1)), cr(eur(-1))), entry(dr(eur(0)), cr(eur(0))),
		entry(commerce.JournalLine{Debit: eur(1), Credit: eur(1)}, dr(eur(1))), entry(dr(commerce.Money{}), cr(commerce.Money{})),
	} {
		require.ErrorIs(t, bad, commerce.ErrInvalid)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	d, err := commerce.ParseDate("2024-02-29")
	require.NoError(t, err)
	b, err := json.Marshal(map[string]commerce.Date{"d": d, "none": {}})
	require.NoError(t, err)
	require.JSONEq(t, `{"d":"2024-02-29","none":""}`, string(b))
	var back map[string]commerce.Date
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, d, back["d"])
	require.True(t, back["none"].IsZero())
	for _, bad := range []string{"2023-02-29", "21.11.2026", "2026-11-21T00:00:00Z", ""} {
		_, err := commerce.ParseDate(bad)
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}
