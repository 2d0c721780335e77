package commerce_test

import (
	"encoding/json"
	"testing"
	"time"

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

func TestADayBeginsWhereTheDayBeforeEnds(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "Atlantic/Azores", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Pacific/Auckland", "Australia/Lord_Howe"} {
		l, err := time.LoadLocation(zone)
		require.NoError(t, err)
		for n := range 366 {
			d := commerce.Date{Year: 2026, Month: time.January, Day: 1 + n}
			begins, want := d.In(l), commerce.DateOf(time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC))
			require.Equal(t, want, commerce.DateOf(begins), "%s in %s", want, zone)
			require.NotEqual(t, want, commerce.DateOf(begins.Add(-1)), "%s in %s", want, zone)
		}
	}
	l, err := time.LoadLocation("Atlantic/Azores")
	require.NoError(t, err)
	require.Equal(t, "2026-03-29T01:00:00Z", commerce.Date{Year: 2026, Month: time.March, Day: 29}.In(l).Format(time.RFC3339))
}
