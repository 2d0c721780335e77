package stripetest

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// report is a run of a report.
type report struct {
	id, file   string
	created    time.Time
	ended      time.Time
	kind       string
	status     string
	from, to   time.Time
	zone       *time.Location
	columns    []string
	parameters object
	currency   string
	category   string
	payout     string
	at         *Fake // whose rows it is about
	host       string
	csv        []byte
}

func (r *report) key() string        { return r.id }
func (r *report) when() time.Time    { return r.created }
func (r *report) fact(string) string { return "" }

// reportTime is how long a run takes.
const reportTime = 5 * time.Minute

// reportTypes are the reports that the fake makes, with the columns of one that asks
// for none. Source: docs.stripe.com/reports/report-types, read 2026-11.
var reportTypes = map[string]string{
	"payout_reconciliation.itemized.5":         itemized + " automatic_payout_id automatic_payout_effective_at",
	"payout_reconciliation.itemized.7":         itemized + " automatic_payout_id automatic_payout_effective_at",
	"payout_reconciliation.by_id.itemized.4":   itemized + " automatic_payout_id automatic_payout_effective_at",
	"balance_change_from_activity.itemized.3":  itemized,
	"balance_change_from_activity.itemized.6":  itemized,
	"ending_balance_reconciliation.itemized.4": itemized + " automatic_payout_id automatic_payout_effective_at",
	balanceSummary: "category description net_amount currency",
}

const balanceSummary = "balance.summary.1"

func said(t time.Time, zone *time.Location) string { return t.In(zone).Format(time.DateTime) }

// major writes an amount in units of the currency.
func major(amount int64, currency string) string {
	m, err := commerce.FromStripe(amount, currency, commerce.StripeCharge)
	if err != nil {
		return strconv.FormatInt(amount, 10)
	}
	return m.Text()
}

// dataUntil is how far the data of reports reach: the whole days before yesterday's
// noon. That data lag by up to half a day is Stripe's; the hour is the fake's.
func dataUntil(now time.Time) time.Time {
	return now.UTC().Add(-12 * time.Hour).Truncate(24 * time.Hour)
}

// dataFrom is where the data of reports begin.
var dataFrom = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)

// FailReports lets the next n report runs fail.
func (f *Fake) FailReports(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.home.badReports = n
}

func (f *Fake) createReport(q *request) (object, *problem) {
	if p := q.form.only("report_type", "parameters[interval_start]", "parameters[interval_end]", "parameters[timezone]", "parameters[columns]",
		"parameters[currency]", "parameters[payout]", "parameters[reporting_category]="+reportingCategories, "parameters[connected_account]", "expand"); p != nil {
		return nil, p
	}
	parameter := func(name string) string { return q.form.get("parameters[" + name + "]") }
	r := &report{kind: q.form.get("report_type"), created: q.now, status: "pending", zone: time.UTC, at: f, host: q.host,
		currency: parameter("currency"), category: parameter("reporting_category"), payout: parameter("payout"), columns: q.form.array("parameters[columns]")}
	standard, ok := reportTypes[r.kind]
	if !ok {
		return nil, badParam("report_type", "", "No such report type: "+r.kind)
	}
	if len(r.columns) == 0 {
		r.columns = strings.Fields(standard)
	}
	for _, c := range r.columns {
		if r.kind == balanceSummary {
			if !slices.Contains(strings.Fields(standard), c) {
				return nil, badParam("parameters[columns]", "", "Invalid column: "+c)
			}
			continue
		}
		if reportColumns[c] == nil && !strings.HasPrefix(c, "payment_metadata[") && !strings.HasPrefix(c, "refund_metadata[") &&
			!strings.HasPrefix(c, "transfer_metadata[") {
			return nil, badParam("parameters[columns]", "", "Invalid column: "+c)
		}
	}
	if z := parameter("timezone"); z != "" {
		zone, err := time.LoadLocation(z)
		if err != nil {
			return nil, badParam("parameters[timezone]", "", "Invalid timezone: "+z)
		}
		r.zone = zone
	}
	if strings.Contains(r.kind, ".by_id.") {
		if p, ok := f.payouts.get(r.payout); !ok || !p.automatic {
			return nil, badParam("parameters[payout]", "resource_missing", "No such automatic payout: '"+r.payout+"'")
		}
		if parameter("interval_start")+parameter("interval_end") != "" {
			return nil, badParam("parameters[interval_start]", "", "This report is about one payout and takes no interval")
		}
	} else {
		for name, into := range map[string]*time.Time{"interval_start": &r.from, "interval_end": &r.to} {
			if name == "interval_start" && r.ending() {
				r.from = dataFrom
				continue
			}
			n, err := strconv.ParseInt(parameter(name), 10, 64)
			if err != nil {
				return nil, badParam("parameters["+name+"]", "parameter_missing", "Missing required param: parameters["+name+"].")
			}
			*into = time.Unix(n, 0)
		}
		if r.from.Before(dataFrom) || r.to.After(dataUntil(q.now)) || !r.from.Before(r.to) {
			return nil, badParam("parameters[interval_end]", "", "The interval is not within the data that are available, up to "+
				strconv.FormatInt(dataUntil(q.now).Unix(), 10))
		}
	}
	if a := parameter("connected_account"); a != "" {
		var p *problem
		if r.at, p = f.forAccount(a); p != nil {
			return nil, p
		}
	}
	r.parameters = object{}
	for _, name := range []string{"timezone", "currency", "payout", "reporting_category", "connected_account"} {
		if v := parameter(name); v != "" {
			r.parameters[name] = v
		}
	}
	if !r.from.IsZero() {
		r.parameters["interval_end"] = r.to.Unix()
		if !r.ending() {
			r.parameters["interval_start"] = r.from.Unix()
		}
	}
	if columns := q.form.array("parameters[columns]"); len(columns) > 0 {
		r.parameters["columns"] = columns
	}
	r.id = f.id("frr_")
	f.reports.add(r)
	f.later(q.now.Add(reportTime), func(now time.Time) { f.endReport(now, r) })
	return f.renderReport(r, q.version, q.expand("")), nil
}

func (f *Fake) endReport(now time.Time, r *report) {
	r.ended = now
	if f.home.badReports > 0 {
		f.home.badReports--
		r.status = "failed"
		f.emitReport(f.own(now), "failed", r)
		return
	}
	r.status, r.file = "succeeded", f.id("file_")
	r.write()
	f.home.files[r.file] = r.csv
	f.emitReport(f.own(now), "succeeded", r)
}

// ending reports whether the report is about what the balance is made of at one time.
func (r *report) ending() bool { return strings.HasPrefix(r.kind, "ending_balance") }

// holds reports whether a row is in the report.
func (r *report) holds(t *txn) bool {
	if r.currency != "" && t.currency != r.currency || r.category != "" && t.category != r.category {
		return false
	}
	if strings.HasPrefix(r.kind, "payout_reconciliation") {
		// What the payouts of the interval are made of; the payout's own row is no part of it.
		p := t.payout
		if p == nil || t == p.txn || !p.automatic || r.payout != "" && p.id != r.payout {
			return false
		}
		return r.from.IsZero() || !p.arrives.Before(r.from) && p.arrives.Before(r.to)
	}
	if r.ending() {
		// What no automatic payout that has arrived is made of.
		return t.created.Before(r.to) && (t.payout == nil || t != t.payout.txn && !t.payout.arrives.Before(r.to))
	}
	if paidOut(t.category) {
		return false // no activity
	}
	return !t.created.Before(r.from) && t.created.Before(r.to)
}

func (r *report) write() {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(r.columns) // a buffer takes everything
	if r.kind == balanceSummary {
		r.summarise(w)
	} else {
		r.itemise(w)
	}
	w.Flush()
	r.csv = b.Bytes()
}

func (r *report) itemise(w *csv.Writer) {
	for _, t := range r.at.txns.rows {
		if !r.holds(t) {
			continue
		}
		line := make([]string, len(r.columns))
		for i, name := range r.columns {
			if say := reportColumns[name]; say != nil {
				line[i] = say(r.at, r, t)
			} else {
				line[i] = r.metadata(name, t)
			}
		}
		_ = w.Write(line)
	}
}

func (f *Fake) emitReport(q *request, what string, r *report) {
	f.emit(q, "reporting.report_run."+what, func(v string) object { return f.renderReport(r, v, nil) }, nil)
}

func (f *Fake) renderReport(r *report, _ string, _ expansion) object {
	m := object{"id": r.id, "object": "reporting.report_run", "livemode": f.config.Livemode, "created": r.created.Unix(), "error": nil,
		"parameters": r.parameters, "report_type": r.kind, "result": nil, "status": r.status, "succeeded_at": nil}
	switch r.status {
	case "failed":
		m["error"] = "The report could not be generated."
	case "succeeded":
		m["succeeded_at"] = r.ended.Unix()
		m["result"] = object{"id": r.file, "object": "file", "created": r.ended.Unix(), "expires_at": r.ended.AddDate(1, 0, 0).Unix(),
			"filename": r.file + ".csv", "purpose": "finance_report_run", "size": len(r.csv), "title": "FinanceReportRun " + r.id, "type": "csv",
			"links": object{"object": "list", "data": []any{}, "has_more": false, "url": "/v1/file_links?file=" + r.file},
			"url":   r.host + "/v1/files/" + r.file + "/contents"}
	}
	return m
}

func (f *Fake) renderReportType(kind string, now time.Time) object {
	version, _ := strconv.Atoi(kind[strings.LastIndex(kind, ".")+1:])
	return object{"id": kind, "object": "reporting.report_type", "livemode": f.config.Livemode, "name": strings.ReplaceAll(kind, "_", " "),
		"version": version, "data_available_start": dataFrom.Unix(), "data_available_end": dataUntil(now).Unix(), "updated": dataUntil(now).Unix(),
		"default_columns": strings.Fields(reportTypes[kind])}
}

func (f *Fake) listReportTypes(q *request) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	data := []object{}
	for kind := range reportTypes {
		data = append(data, f.renderReportType(kind, q.now))
	}
	slices.SortFunc(data, func(a, b object) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	return object{"object": "list", "url": q.path, "has_more": false, "data": data}, nil
}

func (f *Fake) showReportType(q *request, kind string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if reportTypes[kind] == "" {
		return nil, missing("report type", kind)
	}
	return f.renderReportType(kind, q.now), nil
}

// serveFile answers with a report to whoever has the key. It reports false where the
// path is no file's.
func (f *Fake) serveFile(w http.ResponseWriter, r *http.Request) bool {
	id, ok := strings.CutPrefix(r.URL.Path, "/v1/files/")
	id, ok2 := strings.CutSuffix(id, "/contents")
	if !ok || !ok2 || r.Method != http.MethodGet {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	_, p := f.door(r)
	b, there := f.home.files[id]
	if p == nil && !there {
		p = missing("file", id)
	}
	if p != nil {
		status, out := answer(nil, p)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(out)
		return true
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
	return true
}

// filesHost is where the files of an account that was reached at a host are.
func filesHost(r *http.Request) string {
	switch {
	case r.Host == "api.stripe.com" || r.Host == "":
		return "https://files.stripe.com"
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// reportingCategories are the words that a report may be of.
// Source: stripe-mock's document of 2023-10-16.
const reportingCategories = "advance|advance_funding|anticipation_repayment|charge|charge_failure|climate_order_purchase|climate_order_refund|connect" +
	"_collection_transfer|connect_reserved_funds|contribution|dispute|dispute_reversal|fee|financing_paydown|financing_paydow" +
	"n_reversal|financing_payout|financing_payout_reversal|issuing_authorization_hold|issuing_authorization_release|issuing_d" +
	"ispute|issuing_transaction|network_cost|other_adjustment|partial_capture_reversal|payout|payout_reversal|platform_earnin" +
	"g|platform_earning_refund|refund|refund_failure|risk_reserved_funds|tax|topup|topup_reversal|transfer|transfer_reversal|" +
	"unreconciled_customer_funds"
