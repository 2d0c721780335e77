package stripe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

const system = "stripe"

// APIVersion is the version that every request asks for, so that answers have one
// shape. Events keep the version of their endpoint.
const APIVersion = stripego.APIVersion

// Config says which account a client speaks for, and how. Credentials is the one
// field that must be set.
type Config struct {
	// Credentials hands out the secret or restricted key; asked for each attempt.
	Credentials commerce.Credentials[commerce.Secret]

	// Account is the connected account to act for, sent as Stripe-Account. Empty is
	// the key's own account.
	Account string

	// Tenant is the host program's customer, for refs and for the circuit breaker.
	Tenant string

	// BaseURL is where the API is. Defaults to https://api.stripe.com.
	BaseURL string

	// Transport carries single attempts. Defaults to a pool of its own with up to
	// 64 idle connections.
	Transport http.RoundTripper

	// Resilience protects the calls. Its Retry.Classify defaults to [Classify] and
	// its Breaker.Ping to this client's Ping. For a Quota see [Limits].
	Resilience resilience.Config

	// MaxBody bounds the body of one answer in bytes; a longer one is an error of
	// kind limit. Defaults to 8 MiB.
	MaxBody int64

	// FilesURL is where the files of reports are. The key goes nowhere else. Defaults
	// to https://files.stripe.com.
	FilesURL string

	// MaxReport bounds the bytes of one report; reading on is an error of kind limit.
	// Defaults to 1 GiB.
	MaxReport int64

	// MaxPages bounds the pages that one list reads; reaching it is an error of kind
	// limit. Defaults to 10,000, which is a million objects.
	MaxPages int

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Client talks to one Stripe account, a service for each resource. It is safe for
// concurrent use.
type Client struct {
	AccountLinks        *AccountLinkService
	Accounts            *AccountService
	ApplicationFees     *ApplicationFeeService
	Balance             *BalanceService
	BalanceTransactions *BalanceTransactionService
	Charges             *ChargeService
	CheckoutSessions    *CheckoutSessionService
	CreditNotes         *CreditNoteService
	Customers           *CustomerService
	Disputes            *DisputeService
	EarlyFraudWarnings  *EarlyFraudWarningService
	Events              *EventService
	ExternalAccounts    *ExternalAccountService
	InvoiceItems        *InvoiceItemService
	Invoices            *InvoiceService
	PaymentIntents      *PaymentIntentService
	PaymentLinks        *PaymentLinkService
	PaymentMethods      *PaymentMethodService
	Payouts             *PayoutService
	Prices              *PriceService
	Products            *ProductService
	Refunds             *RefundService
	Reports             *ReportService
	Reviews             *ReviewService
	SetupIntents        *SetupIntentService
	Subscriptions       *SubscriptionService
	TaxCalculations     *TaxCalculationService
	TaxTransactions     *TaxTransactionService
	TopUps              *TopUpService
	Transfers           *TransferService
	WebhookEndpoints    *WebhookEndpointService

	config   Config
	requests *stripego.BackendImplementation
	http     *http.Client
	files    *http.Client // where reports are, streamed
}

// NewClient checks the config and returns a client. It makes no call. An error is
// of kind invalid and names the field.
func NewClient(config Config) (*Client, error) {
	if config.Credentials == nil {
		return nil, invalid("new client", "Config.Credentials is not set")
	}
	for _, at := range []struct {
		name  string
		field *string
		std   string
	}{{"BaseURL", &config.BaseURL, stripego.APIURL}, {"FilesURL", &config.FilesURL, stripego.UploadsURL}} {
		if *at.field == "" {
			*at.field = at.std
		}
		u, err := url.Parse(*at.field)
		if err != nil || u.Hostname() == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") || strings.ContainsAny(*at.field, "?#") {
			return nil, invalid("new client", "Config.%s is no http or https URL without user, password, query and fragment", at.name)
		}
		*at.field = strings.TrimSuffix(*at.field, "/")
	}
	if config.Account != "" && !strings.HasPrefix(config.Account, "acct_") {
		return nil, invalid("new client", "Config.Account %q is no account id like acct_1", config.Account)
	}
	if config.MaxBody < 0 || config.MaxReport < 0 || config.MaxPages < 0 {
		return nil, invalid("new client", "Config.MaxBody, Config.MaxReport and Config.MaxPages must not be negative")
	}
	if config.MaxBody == 0 {
		config.MaxBody = 8 << 20
	}
	if config.MaxReport == 0 {
		config.MaxReport = 1 << 30
	}
	if config.MaxPages == 0 {
		config.MaxPages = 10_000
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 64
		config.Transport = own
	}

	c := &Client{config: config}
	r := config.Resilience
	if r.Now == nil {
		r.Now = config.Now
	}
	if r.Retry.Classify == nil {
		r.Retry.Classify = Classify
	}
	if r.Breaker.Ping == nil {
		r.Breaker.Ping = c.Ping
	}
	policy, err := resilience.New(policyName(config), r)
	if err != nil {
		return nil, err
	}
	once := &attempts{next: httpx.Traced(config.Transport), credentials: config.Credentials, maxBody: config.MaxBody}
	c.requests = requests(config.BaseURL)
	c.http = &http.Client{Transport: policy.Transport(once), CheckRedirect: httpx.NoRedirect}
	// Files are at a host of their own, which may be ill while the API is well, and
	// take longer than any other answer.
	r.Breaker.Ping, r.Timeout = nil, max(r.Timeout, reportTimeout)
	policy, err = resilience.New(policyName(config)+" files", r)
	if err != nil {
		return nil, err
	}
	c.files = &http.Client{Transport: policy.Transport(once), CheckRedirect: httpx.NoRedirect}

	c.AccountLinks = &AccountLinkService{c}
	c.Accounts = &AccountService{c}
	c.ApplicationFees = &ApplicationFeeService{c}
	c.Balance = &BalanceService{c}
	c.BalanceTransactions = &BalanceTransactionService{c}
	c.Charges = &ChargeService{c}
	c.CheckoutSessions = &CheckoutSessionService{c}
	c.CreditNotes = &CreditNoteService{c}
	c.Customers = &CustomerService{c}
	c.Disputes = &DisputeService{c}
	c.EarlyFraudWarnings = &EarlyFraudWarningService{c}
	c.Events = &EventService{c}
	c.ExternalAccounts = &ExternalAccountService{c}
	c.InvoiceItems = &InvoiceItemService{c}
	c.Invoices = &InvoiceService{c}
	c.PaymentIntents = &PaymentIntentService{c}
	c.PaymentLinks = &PaymentLinkService{c}
	c.PaymentMethods = &PaymentMethodService{c}
	c.Payouts = &PayoutService{c}
	c.Prices = &PriceService{c}
	c.Products = &ProductService{c}
	c.Refunds = &RefundService{c}
	c.Reports = &ReportService{c}
	c.Reviews = &ReviewService{c}
	c.SetupIntents = &SetupIntentService{c}
	c.Subscriptions = &SubscriptionService{c}
	c.TaxCalculations = &TaxCalculationService{c}
	c.TaxTransactions = &TaxTransactionService{c}
	c.TopUps = &TopUpService{c}
	c.Transfers = &TransferService{c}
	c.WebhookEndpoints = &WebhookEndpointService{c}
	return c, nil
}

// policyName tells breakers of different tenants and far sides apart.
func policyName(c Config) string {
	name := system
	if c.BaseURL != stripego.APIURL {
		name += " at " + c.BaseURL
	}
	if c.Tenant != "" {
		name += " for " + c.Tenant
	}
	return name
}

// requests returns what writes requests as stripe-go does: version, account, key and
// parameters. Nothing of it is global, and it sends nothing.
func requests(base string) *stripego.BackendImplementation {
	return stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL:           &base,
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	}).(*stripego.BackendImplementation)
}

// Account returns the connected account that the client acts for; empty for the
// key's own.
func (c *Client) Account() string { return c.config.Account }

// Tenant returns the tenant that the client acts for.
func (c *Client) Tenant() string { return c.config.Tenant }

// Ping is a cheap read (the balance) that succeeds when Stripe answers and accepts
// the key. It is what closes the circuit breaker.
func (c *Client) Ping(ctx context.Context) error {
	var balance struct {
		Object string `json:"object"`
	}
	if err := c.do(ctx, call{op: "ping", method: http.MethodGet, path: "/v1/balance"}, &balance); err != nil {
		return err
	}
	if balance.Object != "balance" {
		return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "ping",
			Text: "the answer is no balance; is Config.BaseURL Stripe's?"}
	}
	return nil
}

// call is one request in Stripe's terms.
type call struct {
	op     string // for errors: "get charge ch_1"
	method string
	path   string
	params stripego.ParamsContainer // nil = none
	date   *time.Time               // where the far side's time of the answer goes; nil = nowhere
}

func (c call) write() bool { return c.method != http.MethodGet }

// do sends a call under the policy and decodes the answer. stripe-go writes the
// request; what comes back is read here alone, and once.
func (c *Client) do(ctx context.Context, k call, into any) error {
	var common stripego.Params
	path, body := k.path, ""
	if k.params != nil {
		common = *k.params.GetParams()
		var values form.Values
		form.AppendTo(&values, k.params)
		body = values.Encode()
	}
	if k.write() {
		if err := checkKey(k.op, common.IdempotencyKey); err != nil {
			return err
		}
	} else if body != "" {
		path, body = path+"?"+body, ""
	}
	f := &flight{}
	common.Context = context.WithValue(ctx, flightKey{}, f)
	if common.StripeAccount == nil && c.config.Account != "" {
		common.StripeAccount = &c.config.Account
	}
	req, err := c.requests.NewRequest(k.method, path, "", "application/x-www-form-urlencoded", &common)
	if err != nil {
		return invalid(k.op, "no request can be made of it")
	}
	if body != "" {
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
		req.ContentLength = int64(len(body))
	}
	resp, err := c.http.Do(req)
	if err == nil {
		err = resp.Body.Close() // it was read into the flight
	}
	if err != nil || f.status/100 != 2 {
		return f.fail(k, err, c.config.Now())
	}
	if err := f.decode(into); err != nil {
		return f.unreadable(k, err)
	}
	if k.date != nil {
		*k.date, _ = http.ParseTime(f.header.Get("Date"))
	}
	return nil
}

// checkKey refuses a write without a key of the caller's: stripe-go would make up a
// random one, which protects nothing once this process is gone.
func checkKey(op string, key *string) error {
	if key == nil || strings.TrimSpace(*key) == "" {
		e := invalid(op, "a write needs an idempotency key; call SetIdempotencyKey on the params")
		e.Code = "idempotency_key_missing"
		return e
	}
	if len(*key) > 255 {
		e := invalid(op, "the idempotency key has %d characters; Stripe takes 255", len(*key))
		e.Code = "idempotency_key_too_long"
		return e
	}
	return nil
}

// get reads one object by its id.
func get[T any](ctx context.Context, c *Client, what, path, id string, expand []string) (*T, error) {
	k := call{op: "get " + what + " " + id, method: http.MethodGet}
	if id == "" {
		return nil, invalid(k.op, "the id is empty")
	}
	k.path = stripego.FormatURLPath(path+"/%s", id)
	if len(expand) > 0 {
		p := &stripego.Params{}
		for _, e := range expand {
			p.Expand = append(p.Expand, &e)
		}
		k.params = p
	}
	out := new(T)
	if err := c.do(ctx, k, out); err != nil {
		return nil, err
	}
	return out, nil
}

// post sends a write and decodes the object that it answers with.
func post[T any](ctx context.Context, c *Client, op, path string, params stripego.ParamsContainer) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call{op: op, method: http.MethodPost, path: path, params: params}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// act writes to an existing object; path has one %s for each id.
func act[T any](ctx context.Context, c *Client, op, path, id string, params stripego.ParamsContainer, below ...string) (*T, error) {
	op, path, err := place(op, path, append([]string{id}, below...))
	if err != nil {
		return nil, err
	}
	return post[T](ctx, c, op, path, params)
}

// remove deletes an object; path has one %s for each id. Stripe keeps no answers for
// deletions under their keys, so one that was repeated may be answered not found.
func remove(ctx context.Context, c *Client, op, path, id string, params stripego.ParamsContainer, below ...string) error {
	op, path, err := place(op, path, append([]string{id}, below...))
	if err != nil {
		return err
	}
	var gone struct {
		Deleted bool `json:"deleted"`
	}
	k := call{op: op, method: http.MethodDelete, path: path, params: params}
	if err := c.do(ctx, k, &gone); err != nil {
		return err
	}
	if !gone.Deleted {
		return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op, Outcome: commerce.Unknown,
			Code: "unreadable", Text: "the answer does not say that it is deleted"}
	}
	return nil
}

// place puts ids into a path and the op; an empty one would name another resource.
func place(op, path string, ids []string) (string, string, error) {
	in := make([]any, len(ids))
	for i, id := range ids {
		if id == "" {
			return "", "", invalid(op, "the id is empty")
		}
		in[i] = url.PathEscape(id)
		op += " " + id
	}
	return op, fmt.Sprintf(path, in...), nil
}
