package stripetest_test

import (
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func download(t *testing.T, c *stripe.Client, id string) [][]string {
	t.Helper()
	run, err := c.Reports.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "succeeded", run.Status)
	body, err := c.Reports.Download(t.Context(), run)
	require.NoError(t, err)
	defer func() { _ = body.Close() }()
	rows, err := csv.NewReader(body).ReadAll()
	require.NoError(t, err)
	return rows
}

func report(kind string, parameters map[string]string, columns ...string) *stripe.ReportRunParams {
	p := &stripe.ReportRunParams{ReportType: &kind}
	for name, v := range parameters {
		p.AddExtra("parameters["+name+"]", v)
	}
	for _, c := range columns {
		p.AddExtra("parameters[columns][]", c)
	}
	return p
}

func TestAReportOfAPayoutIsItsRowsInTheColumnsAskedFor(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	_, err := fake.Pay(stripetest.Purchase{Amount: 1250, Currency: "eur", Metadata: map[string]string{"order": "17"}})
	require.NoError(t, err)
	_, err = fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "jpy"})
	require.NoError(t, err)
	now.Advance(3 * day)
	out := fake.PayOut()
	require.Len(t, out, 2, "one for each currency")
	now.Advance(2 * day)

	run, err := c.Reports.Create(t.Context(), keyed("r", report("payout_reconciliation.by_id.itemized.4", map[string]string{"payout": out[0].ID},
		"net", "automatic_payout_id", "fee", "gross", "reporting_category", "payment_metadata[order]")))
	require.NoError(t, err)
	require.Equal(t, "pending", run.Status)
	_, err = c.Reports.Download(t.Context(), run)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	now.Advance(time.Hour)
	require.Equal(t, [][]string{
		{"net", "automatic_payout_id", "fee", "gross", "reporting_category", "payment_metadata[order]"},
		{"12.06", out[0].ID, "0.44", "12.50", "charge", "17"},
	}, download(t, c, run.ID))
	require.Contains(t, kinds(fake, 0), "reporting.report_run.succeeded")

	from, to := newClock().Now().Truncate(day), newClock().Now().Truncate(day).Add(day)
	interval := map[string]string{"interval_start": unix(from), "interval_end": unix(to), "currency": "jpy", "timezone": "Asia/Tokyo"}
	activity, err := c.Reports.Create(t.Context(), keyed("a", report("balance_change_from_activity.itemized.6", interval, "gross", "created", "created_utc")))
	require.NoError(t, err)
	now.Advance(time.Hour)
	require.Equal(t, [][]string{{"gross", "created", "created_utc"}, {"1000", "2026-11-02 18:00:00", "2026-11-02 09:00:00"}}, download(t, c, activity.ID))
}

// TestTheEndingBalanceIsWhatNoPayoutHasBrought: reports take a payout off the balance when it
// is to arrive, the API when it is made.
func TestTheEndingBalanceIsWhatNoPayoutHasBrought(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	pay(t, fake, 10_000, stripetest.Card)
	first := pay(t, fake, 2000, stripetest.Card)
	now.Advance(2 * day)
	require.Len(t, fake.PayOut(), 1) // 117.70 EUR, on its way until the 6th
	_, err := c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &first.ID, Amount: new(int64(500))}))
	require.NoError(t, err)
	pay(t, fake, 1000, stripetest.Card)
	run := func(kind string, from, to int, columns ...string) [][]string {
		at := func(d int) string { return unix(time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC)) }
		interval := map[string]string{"interval_end": at(to)}
		if from > 0 {
			interval["interval_start"] = at(from)
		}
		made, err := c.Reports.Create(t.Context(), keyed(kind+at(to), report(kind, interval, columns...)))
		require.NoError(t, err)
		now.Advance(time.Hour)
		return download(t, c, made.ID)[1:]
	}
	now.Advance(10 * day)
	require.Equal(t, [][]string{
		{"starting_balance", "Starting balance (2026-11-01)", "0.00", "eur"},
		{"activity", "Activity", "122.30", "eur"},
		{"payouts", "Total payouts", "0.00", "eur"},
		{"ending_balance", "Ending balance (2026-11-05)", "122.30", "eur"},
	}, run("balance.summary.1", 1, 6))
	require.Equal(t, [][]string{{"starting_balance", "122.30"}, {"activity", "0.00"}, {"payouts", "-117.70"}, {"ending_balance", "4.60"}},
		run("balance.summary.1", 6, 7, "category", "net_amount"))

	columns := []string{"net", "customer_facing_amount", "customer_facing_currency"}
	require.Equal(t, [][]string{{"98.25", "100.00", "eur"}, {"19.45", "20.00", "eur"}, {"-5.00", "-5.00", "eur"}, {"9.60", "10.00", "eur"}},
		run("ending_balance_reconciliation.itemized.4", 0, 6, columns...))
	require.Equal(t, [][]string{{"-5.00", "-5.00", "eur"}, {"9.60", "10.00", "eur"}},
		run("ending_balance_reconciliation.itemized.4", 0, 7, columns...))
}

func TestAReportNamesTheConnectedAccountAndItsPayment(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	merchant := fake.Connect("DE")
	id := merchant.ID()
	params := createParams("k", 10_000)
	params.Confirm, params.PaymentMethod, params.ApplicationFeeAmount = new(true), new(string(stripetest.Card)), new(int64(1000))
	params.TransferData = &stripe.TransferDataParams{Destination: &id}
	_, err := c.PaymentIntents.Create(t.Context(), params)
	require.NoError(t, err)
	now.Advance(3 * day)
	from := newClock().Now().Truncate(day)
	run, err := c.Reports.Create(t.Context(), keyed("a", report("balance_change_from_activity.itemized.6",
		map[string]string{"interval_start": unix(from), "interval_end": unix(from.Add(day))},
		"reporting_category", "connected_account_id", "destination_payment_id", "connected_account_direct_charge_id")))
	require.NoError(t, err)
	now.Advance(time.Hour)
	require.ElementsMatch(t, [][]string{
		{"reporting_category", "connected_account_id", "destination_payment_id", "connected_account_direct_charge_id"},
		{"charge", "", "", ""},
		{"transfer", id, merchant.Charges()[0].ID, ""},
		{"platform_earning", id, "", ""},
	}, download(t, c, run.ID))
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func TestAReportIsRefusedFailsOrIsKeptFromStrangers(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{Key: "sk_test_1"})
	today := now.Now().Truncate(day)
	span := func(from, to time.Time) map[string]string {
		return map[string]string{"interval_start": unix(from), "interval_end": unix(to)}
	}
	for name, p := range map[string]*stripe.ReportRunParams{
		"beyond the data":  report("payout_reconciliation.itemized.5", span(today.Add(-day), today.Add(day))),
		"before the data":  report("payout_reconciliation.itemized.5", span(time.Unix(1, 0), today.Add(-day))),
		"no interval":      report("payout_reconciliation.itemized.5", nil),
		"no such type":     report("tulips.1", span(today.Add(-3*day), today.Add(-2*day))),
		"no such column":   report("payout_reconciliation.itemized.7", span(today.Add(-3*day), today.Add(-2*day)), "tulips"),
		"no such payout":   report("payout_reconciliation.by_id.itemized.4", map[string]string{"payout": "po_none"}),
		"no such timezone": report("payout_reconciliation.itemized.7", map[string]string{"interval_start": unix(today.Add(-3 * day)), "interval_end": unix(today.Add(-2 * day)), "timezone": "Moon/Crater"}),
	} {
		_, err := c.Reports.Create(t.Context(), keyed(name, p))
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
	}
	fake.FailReports(1)
	good := report("payout_reconciliation.itemized.7", span(today.Add(-3*day), today.Add(-2*day)))
	run, err := c.Reports.Create(t.Context(), keyed("g", good))
	require.NoError(t, err)
	now.Advance(time.Hour)
	run, err = c.Reports.Get(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, "failed", run.Status)
	require.NotEmpty(t, run.Error)

	run, err = c.Reports.Create(t.Context(), keyed("h", good))
	require.NoError(t, err)
	now.Advance(time.Hour)
	run, err = c.Reports.Get(t.Context(), run.ID)
	require.NoError(t, err)
	stranger := httptest.NewRequestWithContext(t.Context(), http.MethodGet, run.Result.URL, http.NoBody)
	stranger.Header.Set("Authorization", "Bearer sk_other")
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, stranger)
	require.Equal(t, http.StatusUnauthorized, w.Code)

	// A connection that breaks within the file is an error, not a shorter file.
	fake.Faults().Add(stripetest.Fault{Kind: stripetest.Half, Match: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/files/") }})
	body, err := c.Reports.Download(t.Context(), run)
	if err == nil {
		_, err = io.ReadAll(body)
		_ = body.Close()
	}
	require.Error(t, err)
	require.False(t, errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "early"))
}
