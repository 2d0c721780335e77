package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// ReportRun is a report being made, in minutes or hours; the event
// reporting.report_run.succeeded says when it is ready.
type ReportRun struct {
	ID          string    `json:"id"`
	Created     Timestamp `json:"created"`
	SucceededAt Timestamp `json:"succeeded_at"`
	Livemode    bool      `json:"livemode"`

	ReportType string      `json:"report_type"` // "payout_reconciliation.itemized.7"
	Status     string      `json:"status"`      // "pending", "succeeded", "failed"
	Error      string      `json:"error"`       // why it failed; empty otherwise
	Result     *ReportFile `json:"result"`      // nil until it succeeded

	Raw json.RawMessage `json:"-"` // the object as received
}

// ReportFile is a finished report at Stripe.
type ReportFile struct {
	ID        string    `json:"id"`
	Filename  string    `json:"filename"`
	Size      int64     `json:"size"` // in bytes
	URL       string    `json:"url"`  // asks for the key; empty where the file is gone
	ExpiresAt Timestamp `json:"expires_at"`
}

// UnmarshalJSON reads a report run of any API version. A missing id, created,
// livemode, report type or status is a [*GapError], and so is success without a result.
func (r *ReportRun) UnmarshalJSON(b []byte) error {
	type plain ReportRun
	r.Raw = keep(b)
	if err := read(b, (*plain)(r), "reporting.report_run", "id", "created", "livemode", "report_type", "status"); err != nil {
		return err
	}
	if r.Status == "succeeded" && r.Result == nil {
		return &GapError{Object: "reporting.report_run", ID: r.ID, Field: "result"}
	}
	return nil
}

// UnmarshalJSON reads a file. A missing id or size is a [*GapError].
func (f *ReportFile) UnmarshalJSON(b []byte) error {
	type plain ReportFile
	return read(b, (*plain)(f), "file", "id", "size")
}

// ReportType says which reports there are and for which days they have data: a run
// outside them is refused.
type ReportType struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	Version        int64     `json:"version"`
	Updated        Timestamp `json:"updated"`
	AvailableStart Timestamp `json:"data_available_start"`
	AvailableEnd   Timestamp `json:"data_available_end"`
	DefaultColumns []string  `json:"default_columns"`
}

// UnmarshalJSON reads a report type. A missing id, version, start or end is a [*GapError].
func (t *ReportType) UnmarshalJSON(b []byte) error {
	type plain ReportType
	return read(b, (*plain)(t), "reporting.report_type", "id", "version", "data_available_start", "data_available_end")
}

// Parameters of reports. Name the columns in Parameters: the defaults differ between
// versions of a report type.
type (
	ReportRunParams           = stripego.ReportingReportRunParams
	ReportRunParametersParams = stripego.ReportingReportRunParametersParams
	ReportRunListParams       = stripego.ReportingReportRunListParams
)

// ReportService makes and reads reports. Every write needs params with an
// idempotency key.
type ReportService struct{ c *Client }

const (
	reportRuns  = "/v1/reporting/report_runs"
	reportTypes = "/v1/reporting/report_types"
)

// Type reads what is known of a report type ("payout_reconciliation.itemized.7").
func (s *ReportService) Type(ctx context.Context, id string) (*ReportType, error) {
	return get[ReportType](ctx, s.c, "report type", reportTypes, id, nil)
}

// Types reads what reports there are; Stripe answers with all of them at once.
func (s *ReportService) Types(ctx context.Context) ([]ReportType, error) {
	var all List[ReportType]
	if err := s.c.do(ctx, call{op: "list report types", method: http.MethodGet, path: reportTypes}, &all); err != nil {
		return nil, err
	}
	return all.Data, nil
}

// Get reads a report run.
func (s *ReportService) Get(ctx context.Context, id string) (*ReportRun, error) {
	return get[ReportRun](ctx, s.c, "report run", reportRuns, id, nil)
}

// List reads report runs, newest first. A nil params lists all.
func (s *ReportService) List(ctx context.Context, params *ReportRunListParams) iter.Seq2[ReportRun, error] {
	return pages[ReportRun](ctx, s.c, "list report runs", reportRuns, params)
}

// Create begins a report run.
func (s *ReportService) Create(ctx context.Context, params *ReportRunParams) (*ReportRun, error) {
	return post[ReportRun](ctx, s.c, "create report run", reportRuns, orEmpty(params))
}

// reportTimeout bounds the reading of one report, beside the caller's context.
const reportTimeout = time.Hour

// Download opens the report of a run that succeeded: CSV with amounts as decimal
// text in major units. It streams; the caller closes it. Reading ends in io.EOF only
// after as many bytes as the run promised: a report that is cut or grew is an error
// of kind unavailable, and one above Config.MaxReport of kind limit. Nothing is
// resumed: after an error begin anew.
//
// The key is sent only to Config.FilesURL and Config.BaseURL.
func (s *ReportService) Download(ctx context.Context, run *ReportRun) (io.ReadCloser, error) {
	if run == nil || run.Result == nil {
		return nil, invalid("download report", "the run has no result yet")
	}
	k := call{op: "download report " + run.ID, method: http.MethodGet}
	if !s.c.ours(run.Result.URL) {
		return nil, invalid(k.op, "the file is neither at Config.FilesURL nor at Config.BaseURL")
	}
	if run.Result.Size > s.c.config.MaxReport {
		return nil, tooLong(k.op, s.c.config.MaxReport)
	}
	f := &flight{stream: true}
	req, err := http.NewRequestWithContext(context.WithValue(ctx, flightKey{}, f), http.MethodGet, run.Result.URL, http.NoBody)
	if err != nil {
		return nil, invalid(k.op, "the file has no usable address")
	}
	if s.c.config.Account != "" {
		req.Header.Set("Stripe-Account", s.c.config.Account)
	}
	resp, err := s.c.files.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		err = errors.New("not found")
	}
	if err != nil {
		return nil, f.fail(k, err, s.c.config.Now())
	}
	return &report{body: resp.Body, op: k.op, left: run.Result.Size}, nil
}

// ours reports whether the key may be sent to an address.
func (c *Client) ours(address string) bool {
	to, err := url.Parse(address)
	if err != nil || to.User != nil {
		return false
	}
	for _, base := range []string{c.config.FilesURL, c.config.BaseURL} {
		if at, err := url.Parse(base); err == nil && at.Scheme == to.Scheme && at.Host == to.Host {
			return true
		}
	}
	return false
}

func tooLong(op string, most int64) error {
	return &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op, Err: &httpx.TooLargeError{Max: most},
		Text: fmt.Sprintf("the report has more than Config.MaxReport = %d bytes", most)}
}

// report counts what is read, so that a cut file is never taken for a whole one.
type report struct {
	body io.ReadCloser
	op   string
	left int64
}

func (r *report) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.left -= int64(n)
	switch {
	case r.left < 0:
		return n, r.broken("the report is longer than the run said", nil)
	case errors.Is(err, io.EOF) && r.left > 0:
		return n, r.broken("the report ended early", io.ErrUnexpectedEOF)
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.broken("the connection was lost within the report", err)
	}
	return n, err
}

func (r *report) broken(text string, err error) error {
	return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: r.op, Text: text, Err: err}
}

func (r *report) Close() error { return r.body.Close() }
