package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

var update = flag.Bool("update", false, "write the golden files")

// ran is what a run left.
type ran struct {
	code     int
	out, err string
}

func run(t *testing.T, env map[string]string, args ...string) ran {
	t.Helper()
	var out, err bytes.Buffer
	p := program{stdout: &out, stderr: &err, env: func(name string) string { return env[name] }}
	code := p.main(t.Context(), args)
	return ran{code, out.String(), err.String()}
}

// write makes a file and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const header = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id,automatic_payout_id\n"

const itemised = header + `txn_1,2026-11-03 10:00:00,2026-11-10,eur,29.95,0.69,29.26,charge,ch_1,pi_1,po_1
txn_2,2026-11-03 11:00:00,2026-11-10,eur,15.00,0.47,14.53,charge,ch_2,pi_2,po_1
`

const orders = `number,currency,amount,date,payment
100,EUR,29.95,2026-11-03,pi_1
101,EUR,15.50,2026-11-03,pi_2
`

func TestADemoFindsWhatItPlanted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page, sheet, keep := filepath.Join(dir, "payout.html"), filepath.Join(dir, "discrepancies.csv"), filepath.Join(dir, "kept")
	require.NoError(t, os.Mkdir(keep, 0o700))
	got := run(t, nil, "-demo", "200", "-seed", "3", "-html", page, "-out", sheet, "-keep", keep)
	require.Zero(t, got.code, got.err)
	require.Empty(t, got.err)
	golden := filepath.Join("testdata", "demo.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.out), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.out)

	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "po_demo3")
	require.Contains(t, string(html), "discrepancies.csv")
	rows, err := os.ReadFile(sheet)
	require.NoError(t, err)
	require.Equal(t, 17, strings.Count(string(rows), "\n"))

	// Its files are files that a user may have.
	again := run(t, nil, "-csv", filepath.Join(keep, "report.csv"), "-orders", filepath.Join(keep, "orders.csv"), "-erp", filepath.Join(keep, "erp.csv"))
	require.Zero(t, again.code, again.err)
	require.Contains(t, again.out, "Payout po_demo3")
	require.Contains(t, again.err, "does not say what arrived at the bank")
}

func TestADemoAsJSONLines(t *testing.T) {
	t.Parallel()
	got := run(t, nil, "-demo", "200", "-jsonl")
	require.Zero(t, got.code, got.err)
	n := 0
	for line := range strings.Lines(got.out) {
		require.True(t, json.Valid([]byte(line)), line)
		n++
	}
	require.Greater(t, n, 16)
	require.Contains(t, got.err, "each of them once, and no other", "the check does not stand among the records")
}

func TestAReportIsComparedWithOrdersAndTheBank(t *testing.T) {
	t.Parallel()
	report, shop := write(t, "report.csv", itemised), write(t, "orders.csv", orders)
	got := run(t, nil, "-csv", report, "-orders", shop, "-bank", "43.79 EUR")
	require.Zero(t, got.code, got.err)
	require.Empty(t, got.err)
	require.Contains(t, got.out, "closed: 2 rows explain it")
	require.Contains(t, got.out, "Amounts differ · 1")
	require.Contains(t, got.out, "1370 Bank in transit")
	require.NotContains(t, got.out, "\x1b[")
	require.Contains(t, run(t, nil, "-csv", report, "-orders", shop, "-color").out, "\x1b[")

	open := run(t, nil, "-csv", report, "-orders", shop, "-bank", "40.00 EUR")
	require.Equal(t, 1, open.code)
	require.Contains(t, open.out, "open: nothing may be posted from it")
	require.NotContains(t, open.out, "Journal entry")
	require.Contains(t, open.err, "-3.79 EUR is unexplained")

	matches := filepath.Join(t.TempDir(), "matches.csv")
	require.Zero(t, run(t, nil, "-csv", report, "-orders", shop, "-matches", matches).code)
	pairs, err := os.ReadFile(matches)
	require.NoError(t, err)
	require.Contains(t, string(pairs), "po_1,txn_1,ch_1,pi_1,")

	erp := write(t, "erp.csv", "number,currency,amount,date\n100,EUR,29.95,2026-11-03\n")
	require.Contains(t, run(t, nil, "-csv", report, "-orders", shop, "-erp", erp).out, "Missing in the ERP · 1")
}

func TestAReportOfSeveralPayoutsIsTakenApart(t *testing.T) {
	t.Parallel()
	report := write(t, "report.csv", itemised+"txn_3,2026-11-04 10:00:00,2026-11-11,eur,7.00,0.00,7.00,charge,ch_3,pi_3,po_2\n")
	shop := write(t, "orders.csv", "number,currency,amount,date,payment\n102,EUR,7.00,2026-11-04,pi_3\n101,EUR,15.00,2026-11-03,pi_2\n")
	got := run(t, nil, "-csv", report, "-orders", shop)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "report.csv holds 2 payouts; say which: -payout po_1, po_2")
	got = run(t, nil, "-csv", report, "-orders", shop, "-payout", "po_2", "-from", "2026-11-04")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "Payout po_2")
	require.Contains(t, got.out, "0 discrepancies", "the other order is of an earlier payout")
	got = run(t, nil, "-csv", report, "-orders", shop, "-payout", "po_2")
	require.Contains(t, got.out, "Missing at Stripe · 1", "nobody said from when orders count")
	unnamed := write(t, "report.csv", strings.ReplaceAll(itemised, ",po_1", ","))
	got = run(t, nil, "-csv", unnamed, "-orders", shop)
	require.Contains(t, got.err, "does not say which payout it is of")
	require.Contains(t, run(t, nil, "-csv", unnamed, "-orders", shop, "-payout", "po_9").out, "Payout po_9")
}

func TestWhatIsWrongIsSaidToANewUser(t *testing.T) {
	t.Parallel()
	report, shop := write(t, "report.csv", itemised), write(t, "orders.csv", orders)
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no flags":                 {nil, 2, "say what to reconcile"},
		"a file without its flag":  {[]string{"report.csv"}, 2, `"report.csv" is no flag`},
		"an unknown flag":          {[]string{"-what"}, 2, "flag provided but not defined"},
		"no orders":                {[]string{"-csv", report}, 2, "-orders is missing"},
		"a demo with files":        {[]string{"-demo", "500", "-csv", report}, 2, "-demo makes its own files: leave -csv out"},
		"a demo of nothing":        {[]string{"-demo", "0"}, 2, "say how many rows"},
		"a demo too small":         {[]string{"-demo", "20"}, 1, "from 200 to 5000000 rows"},
		"a seed without a demo":    {[]string{"-seed", "2", "-csv", report, "-orders", shop}, 2, "-seed is for -demo"},
		"a bank without a report":  {[]string{"-payout", "po_1", "-bank", "1 EUR", "-orders", shop}, 2, "-bank is for -csv"},
		"no such report":           {[]string{"-csv", "none.csv", "-orders", shop}, 1, "-csv: open none.csv"},
		"no such orders":           {[]string{"-csv", report, "-orders", "none.csv"}, 1, "-orders: open none.csv"},
		"an empty report":          {[]string{"-csv", write(t, "report.csv", ""), "-orders", shop}, 1, "report.csv: is empty, not even a header"},
		"a report without rows":    {[]string{"-csv", write(t, "report.csv", header), "-orders", shop}, 1, "report.csv has a header and no rows"},
		"the files exchanged":      {[]string{"-csv", shop, "-orders", report}, 1, "-csv wants Stripe's report"},
		"a column missing":         {[]string{"-csv", write(t, "report.csv", strings.Replace(itemised, "gross", "brutto", 1)), "-orders", shop}, 1, "report.csv row 1 column gross: is missing"},
		"orders without a column":  {[]string{"-csv", report, "-orders", write(t, "orders.csv", "number,amount\n1,2\n")}, 1, "want the columns amount, currency, date"},
		"a report that is cut":     {[]string{"-csv", write(t, "report.csv", itemised[:len(itemised)-20]), "-orders", shop}, 1, "report.csv row 3: has 8 fields, the header 11: the file is cut"},
		"a row in dollars":         {[]string{"-csv", write(t, "report.csv", itemised+"txn_3,2026-11-03 11:00:00,2026-11-10,usd,15.00,0.47,14.53,charge,ch_3,pi_3,po_1\n"), "-orders", shop}, 1, "row 4 column currency: txn_3 is in USD, the payout in EUR"},
		"a bank in dollars":        {[]string{"-csv", report, "-orders", shop, "-bank", "43.79 USD"}, 1, "-bank is in USD, the rows of report.csv in EUR"},
		"a bank that is no amount": {[]string{"-csv", report, "-orders", shop, "-bank", "43,79 EUR"}, 1, "is no amount like"},
		"a bank without currency":  {[]string{"-csv", report, "-orders", shop, "-bank", "43.79"}, 1, "is no amount like"},
		"a day that is none":       {[]string{"-csv", report, "-orders", shop, "-from", "3.11.2026"}, 1, "is no day like"},
		"another payout":           {[]string{"-csv", report, "-orders", shop, "-payout", "po_7"}, 1, "report.csv is of payout po_1, not of po_7"},
		"orders in another format": {[]string{"-csv", report, "-orders", write(t, "orders.csv", "\xff\xfen\x00")}, 1, "UTF-16"},
		"a page nowhere":           {[]string{"-csv", report, "-orders", shop, "-html", filepath.Join(t.TempDir(), "no", "page.html")}, 1, "no such file or directory"},
		"no key":                   {[]string{"-payout", "po_1", "-orders", shop}, 1, "STRIPE_KEY is empty"},
	} {
		got := run(t, nil, c.args...)
		require.Equal(t, c.code, got.code, "%s: %s", name, got.err)
		require.Contains(t, got.err, c.want, name)
		require.NotContains(t, got.err, "panic", name)
	}
	help := run(t, nil, "-help")
	require.Zero(t, help.code)
	require.Contains(t, help.err, "-orders")
}

func TestAPayoutIsReadFromStripe(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	far, err := stripetest.New(stripetest.Config{Key: "sk_test_1", Now: func() time.Time { return now }})
	require.NoError(t, err)
	server := httptest.NewServer(far)
	defer server.Close()
	env := map[string]string{"STRIPE_KEY": "sk_test_1", "STRIPE_URL": server.URL}
	paid, err := far.Pay(stripetest.Purchase{Amount: 2995, Currency: "eur"})
	require.NoError(t, err)
	_, err = far.Pay(stripetest.Purchase{Amount: 1500, Currency: "eur"})
	require.NoError(t, err)
	now = now.Add(7 * 24 * time.Hour)
	made := far.PayOut()
	require.Len(t, made, 1)
	shop := write(t, "orders.csv", "number,currency,amount,date,payment\n100,EUR,29.95,2026-11-03,"+paid.ID+"\n")

	early := run(t, env, "-payout", made[0].ID, "-orders", shop)
	require.Equal(t, 1, early.code)
	require.Contains(t, early.err, "is not complete: Stripe is still listing what is in it")

	now = now.Add(3 * 24 * time.Hour)
	far.Tick()
	got := run(t, env, "-payout", made[0].ID, "-orders", shop)
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "closed: 2 rows explain it")
	require.Contains(t, got.out, "Missing in the shop · 1")
	require.Contains(t, got.out, "1370 Bank in transit")

	require.Contains(t, run(t, env, "-payout", "po_none", "-orders", shop).err, "po_none")
	env["STRIPE_KEY"] = "sk_test_wrong"
	wrong := run(t, env, "-payout", made[0].ID, "-orders", shop)
	require.Equal(t, 1, wrong.code)
	require.NotContains(t, wrong.err, "sk_test_wrong")
}

func TestARunThatIsInterruptedEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	p := program{stdout: &out, stderr: &err, env: os.Getenv}
	require.Equal(t, 1, p.main(ctx, []string{"-demo", "5000"}))
	require.Contains(t, err.String(), "context canceled")
}

func TestProgressIsShownWhereSomebodyLooks(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	p := program{stdout: &out, stderr: &err, env: os.Getenv, bars: true}
	require.Zero(t, p.main(t.Context(), []string{"-demo", "5000"}))
	require.Contains(t, err.String(), "making the payout")
	require.Contains(t, err.String(), "reading")
}
