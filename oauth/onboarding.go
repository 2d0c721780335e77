package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Accounts makes and reads the accounts that a platform makes for its tenants, Express and
// Custom ones. stripe.HostedAccounts has these methods.
type Accounts interface {
	// Create makes a tenant's account, the same one however often it is called.
	Create(ctx context.Context, tenant string) (account string, err error)
	// Link returns an address that lets whoever opens it fill in the account, once and for
	// minutes.
	Link(ctx context.Context, account, returnURL, refreshURL string) (string, error)
	// Status reads where an account stands.
	Status(ctx context.Context, account string) (AccountStatus, error)
}

// AccountStatus is where an account stands.
type AccountStatus struct {
	Account   string
	Charges   bool     // it may be charged
	Payouts   bool     // it is paid out
	Submitted bool     // the forms were sent off
	Due       []string // what has to be filled in yet, in Stripe's words
	Deadline  time.Time
	Disabled  string // why it may not be charged or paid out: "requirements.past_due"
}

// Ready reports whether nothing is left to do.
func (s AccountStatus) Ready() bool { return s.Charges && s.Payouts && len(s.Due) == 0 }

// OnboardingConfig configures an [Onboarding]. Accounts, Mode, ReturnURL, RefreshURL, Keeper
// and Session are required.
type OnboardingConfig struct {
	Accounts Accounts
	Mode     commerce.Mode
	// ReturnURL and RefreshURL are where Return and Refresh are. They must be https, unless
	// they are on this machine.
	ReturnURL, RefreshURL string
	// Keeper keeps which account is whose: a vault.
	Keeper Keeper
	// Session says who a request is from.
	Session func(*http.Request) (Session, error)
	// Page answers a person. Defaults to [WritePage].
	Page func(w http.ResponseWriter, r *http.Request, p Page)
	// Home is where pages lead back to, a path of the host. Defaults to "/".
	Home string
	// Notify hears of accounts that are ready, once each. Nil = nobody.
	Notify Notify
	// Logger hears of what goes wrong. Defaults to none.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Onboarding takes a tenant through the forms of an account that the platform makes for
// it. There is no OAuth in it: the account is the platform's from the beginning. Begin,
// Return and Refresh are plain http.Handlers.
type Onboarding struct{ c OnboardingConfig }

// Codes of an onboarding's pages.
const (
	CodeFormsOpen   = "forms_open"   // something has to be filled in yet
	CodeUnderReview = "under_review" // everything is there, and is looked at
)

// hosted is the record of a tenant's account.
type hosted struct {
	Account string    `json:"account"`
	Ready   time.Time `json:"ready,omitzero"` // when it was told
}

// NewOnboarding checks the config. An error is of kind invalid and names the field.
func NewOnboarding(c OnboardingConfig) (*Onboarding, error) {
	if c.Home == "" {
		c.Home = "/"
	}
	for name, bad := range map[string]bool{"Accounts": c.Accounts == nil, "Mode": c.Mode != commerce.Live && c.Mode != commerce.Test,
		"ReturnURL": !secure(c.ReturnURL), "RefreshURL": !secure(c.RefreshURL), "Keeper": c.Keeper == nil, "Session": c.Session == nil, "Home": !local(c.Home)} {
		if bad {
			return nil, invalid("new onboarding", "OnboardingConfig.%s is missing or can not be used", name)
		}
	}
	if c.Page == nil {
		c.Page = func(w http.ResponseWriter, _ *http.Request, p Page) { WritePage(w, p) }
	}
	if c.Notify == nil {
		c.Notify = func(context.Context, Notice) error { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Onboarding{c}, nil
}

func (o *Onboarding) owner(tenant string) commerce.Ref {
	return commerce.Ref{Tenant: tenant, System: "stripe", Mode: o.c.Mode, ID: "hosted"}
}

// Account returns a tenant's account. Where it has none the error is of kind not found.
func (o *Onboarding) Account(ctx context.Context, tenant string) (string, error) {
	h, version, err := open[hosted](ctx, o.c.Keeper, o.owner(tenant), hostedName)
	if err == nil && version == 0 {
		return "", notConnected(o.owner(tenant))
	}
	return h.Account, err
}

// Status reads where a tenant's account stands, and tells of it once it is ready. The event
// account.updated is a good moment; so is a page of connections.
func (o *Onboarding) Status(ctx context.Context, tenant string) (AccountStatus, error) {
	account, err := o.Account(ctx, tenant)
	if err != nil {
		return AccountStatus{}, err
	}
	status, err := o.c.Accounts.Status(ctx, account)
	if err != nil || !status.Ready() {
		return status, err
	}
	now, tell := o.c.Now(), false
	err = change(ctx, o.c.Keeper, o.owner(tenant), hostedName, func(h *hosted, there bool) (bool, error) {
		tell = there && h.Ready.IsZero()
		h.Ready = now
		return tell, nil
	})
	if err != nil || !tell {
		return status, err
	}
	n := Notice{Kind: Connected, Connection: commerce.Ref{Tenant: tenant, System: "stripe", Account: account, Mode: o.c.Mode}, At: now}
	if err := o.c.Notify(ctx, n); err != nil {
		o.c.Logger.ErrorContext(ctx, "oauth: nobody was told", "connection", n.Connection.String(), "error", err)
	}
	return status, nil
}

// Begin makes the tenant's account, if it has none, and sends the person to its forms. A
// person who comes again goes on where they stopped.
func (o *Onboarding) Begin() http.Handler {
	return o.handler(func(w http.ResponseWriter, r *http.Request, s Session) error {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			return refused(CodeCrossSite, "another site wanted to begin")
		}
		account, err := o.Account(r.Context(), s.Tenant)
		if commerce.KindOf(err) == commerce.KindNotFound {
			if account, err = o.c.Accounts.Create(r.Context(), s.Tenant); err == nil {
				account, err = o.own(r.Context(), s.Tenant, account)
			}
		}
		if err != nil {
			return err
		}
		return o.send(w, r, account)
	})
}

// own notes a new account; of two who made one the first is kept.
func (o *Onboarding) own(ctx context.Context, tenant, account string) (string, error) {
	owner := commerce.Ref{Tenant: tenant, System: "stripe", Account: account, Mode: o.c.Mode}
	if err := bind(ctx, o.c.Keeper, owner, GrantName, o.c.Now()); err != nil {
		return "", err
	}
	err := change(ctx, o.c.Keeper, o.owner(tenant), hostedName, func(h *hosted, there bool) (bool, error) {
		if there {
			account = h.Account
		}
		*h = hosted{Account: account, Ready: h.Ready}
		return !there, nil
	})
	if err != nil {
		return "", err
	}
	return account, change(ctx, o.c.Keeper, owner, GrantName, func(g *grant, there bool) (bool, error) {
		*g = grant{Account: account, Connected: o.c.Now()}
		return !there, nil
	})
}

// Refresh makes a new link where the one that a browser had is used up or too old.
func (o *Onboarding) Refresh() http.Handler {
	return o.handler(func(w http.ResponseWriter, r *http.Request, s Session) error {
		account, err := o.Account(r.Context(), s.Tenant)
		if err != nil {
			return err
		}
		return o.send(w, r, account)
	})
}

func (o *Onboarding) send(w http.ResponseWriter, r *http.Request, account string) error {
	to, err := o.c.Accounts.Link(r.Context(), account, o.c.ReturnURL, o.c.RefreshURL)
	if err != nil {
		return err
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// Return is where people come back to. That they did says nothing of the account, so its
// status is read, and the page says what is left to do.
func (o *Onboarding) Return() http.Handler {
	return o.handler(func(w http.ResponseWriter, r *http.Request, s Session) error {
		status, err := o.Status(r.Context(), s.Tenant)
		if err != nil {
			return err
		}
		p := success(status.Account)
		switch {
		case status.Ready():
		case len(status.Due) > 0:
			p = failure(CodeFormsOpen)
			p.Text += " Missing: " + strings.Join(status.Due, ", ") + "."
		default:
			p = failure(CodeUnderReview)
		}
		p.Account = status.Account
		o.answer(w, r, p)
		return nil
	})
}

func (o *Onboarding) answer(w http.ResponseWriter, r *http.Request, p Page) {
	p.Home, p.System = o.c.Home, "stripe"
	o.c.Page(w, r, p)
}

func (o *Onboarding) handler(f func(http.ResponseWriter, *http.Request, Session) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private(w)
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		s, err := o.c.Session(r)
		if err != nil || s.ID == "" {
			o.answer(w, r, failure(CodeNoSession))
			return
		}
		if err := f(w, r, s); err != nil {
			p := failureOf(err, "stripe")
			o.c.Logger.WarnContext(r.Context(), "oauth: onboarding", "tenant", s.Tenant, "code", p.Code, "error", err)
			o.answer(w, r, p)
		}
	})
}
