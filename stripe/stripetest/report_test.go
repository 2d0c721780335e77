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
