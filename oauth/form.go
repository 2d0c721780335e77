package oauth

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Field is a question of a [Form].
type Field struct {
	Name     string // of the value: "password"
	Label    string
	Help     string // one sentence on where to find it; empty = none
	Secret   bool   // it is not shown while it is typed, nor again
	Optional bool
	Address  bool // it must be an https address, without user, query and fragment
}

// Values are the answers to a form. They print as "[sealed]".
type Values map[string]commerce.Secret

// Text returns an answer that is no secret; "" where there is none.
func (v Values) Text(name string) string { return v[name].Reveal() }

// FormConfig configures a [Form]. System, Fields, Session and Put are required.
type FormConfig struct {
	// System is what is connected: "nopcommerce".
	System string
	// Title heads the form. Defaults to "Connect" and the system.
	Title string
	// Fields are asked for. [Fields] has those of the systems of this module.
	Fields []Field
	// Session says who a request is from.
	Session func(*http.Request) (Session, error)
	// Put proves the answers and keeps them, as the Put of a vault.Slot does, and returns
	// the connection. The kind of an error decides what the person is told: auth and
	// forbidden blame the credentials, invalid what was typed.
	Put func(ctx context.Context, s Session, v Values) (commerce.Ref, error)
	// Notify hears of connections made. Nil = nobody.
	Notify Notify
	// Page answers a person afterwards. Defaults to [WritePage].
	Page func(w http.ResponseWriter, r *http.Request, p Page)
	// Home is where pages lead back to, a path of the host. Defaults to "/".
	Home string
	// Timeout bounds Put. Defaults to 30 seconds.
	Timeout time.Duration
	// Logger hears of what goes wrong. Defaults to none.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Form is the page for a system that has no page of consent: a person puts in what it
// logs in with. It is a plain http.Handler: GET asks, POST keeps.
type Form struct{ c FormConfig }

// Codes of a form's pages.
const (
	CodeRefused    = "credentials_refused" // the far side does not take what was put in
	CodeRight      = "right_missing"       // it takes them, and they lack a right
	CodeIncomplete = "incomplete"          // an answer is missing or is no address
)

// maxForm bounds what is posted, in bytes.
const maxForm = 64 << 10

// NewForm checks the config. An error is of kind invalid and names the field.
func NewForm(c FormConfig) (*Form, error) {
	if c.Home == "" {
		c.Home = "/"
	}
	names := map[string]bool{}
	for _, f := range c.Fields {
		if f.Name == "" || f.Label == "" || names[f.Name] {
			return nil, invalid("new form", "FormConfig.Fields: each needs a label and a name of its own")
		}
		names[f.Name] = true
	}
	for name, bad := range map[string]bool{"System": c.System == "", "Fields": len(c.Fields) == 0, "Session": c.Session == nil,
		"Put": c.Put == nil, "Home": !local(c.Home), "Timeout": c.Timeout < 0} {
		if bad {
			return nil, invalid("new form", "FormConfig.%s is missing or can not be used", name)
		}
	}
	if c.Title == "" {
		c.Title = "Connect " + c.System
	}
	if c.Page == nil {
		c.Page = func(w http.ResponseWriter, _ *http.Request, p Page) { WritePage(w, p) }
	}
	if c.Notify == nil {
		c.Notify = func(context.Context, Notice) error { return nil }
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Form{c}, nil
}

// Fields are the questions of a system of this module: "magento" (the four keys of an
// integration), "nopcommerce", "tryton", "odoo" and "erpnext"; nil for others.
func Fields(system string) []Field {
	return slices.Clone(map[string][]Field{
		"magento": {
			{Name: "consumer_key", Label: "Consumer key", Help: "System, Extensions, Integrations shows all four after the activation."},
			{Name: "consumer_secret", Label: "Consumer secret", Secret: true},
			{Name: "access_token", Label: "Access token", Secret: true},
			{Name: "access_token_secret", Label: "Access token secret", Secret: true}},
		"nopcommerce": {
			{Name: "email", Label: "E-mail address", Optional: true, Help: "Of a customer of its own who has the right Access Web API Backend, and no other person uses."},
			{Name: "username", Label: "User name", Optional: true, Help: "Only where the shop uses user names."},
			{Name: "password", Label: "Password", Secret: true}},
		"tryton": {{Name: "user", Label: "User"}, {Name: "password", Label: "Password", Secret: true}},
		"odoo": {
			{Name: "user", Label: "Login name"},
			{Name: "key", Label: "API key", Secret: true, Help: "Preferences, Account Security, New API Key."}},
		"erpnext": {
			{Name: "key", Label: "API key", Help: "The user's settings, API Access."},
			{Name: "secret", Label: "API secret", Secret: true}},
	}[system])
}

// ServeHTTP implements http.Handler.
func (f *Form) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	private(w)
	s, err := f.c.Session(r)
	switch {
	case err != nil || s.ID == "":
		f.answer(w, r, failure(CodeNoSession))
	case r.Method == http.MethodGet:
		f.ask(w, http.StatusOK, "", nil)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case http.NewCrossOriginProtection().Check(r) != nil:
		f.answer(w, r, failure(CodeCrossSite))
	default:
		f.put(w, r, s)
	}
}

func (f *Form) answer(w http.ResponseWriter, r *http.Request, p Page) {
	p.Home, p.System = f.c.Home, f.c.System
	f.c.Page(w, r, p)
}

func (f *Form) put(w http.ResponseWriter, r *http.Request, s Session) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		f.answer(w, r, failure(CodeMalformed))
		return
	}
	v := Values{}
	for _, field := range f.c.Fields {
		text := r.PostForm.Get(field.Name)
		if !field.Secret {
			text = strings.TrimSpace(text)
		}
		if text == "" && !field.Optional || text != "" && field.Address && !address(text) {
			f.ask(w, http.StatusUnprocessableEntity, CodeIncomplete, v)
			return
		}
		v[field.Name] = commerce.NewSecret(text)
	}
	// A second click that ends the first request must not leave half of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), f.c.Timeout)
	defer cancel()
	connection, err := f.c.Put(ctx, s, v)
	if err != nil && !errors.Is(err, commerce.ErrDuplicate) { // a second click brings the same once more
		f.c.Logger.WarnContext(ctx, "oauth: credentials were not taken", "system", f.c.System, "tenant", s.Tenant, "error", err)
		switch commerce.KindOf(err) {
		case commerce.KindAuth:
			f.ask(w, http.StatusUnprocessableEntity, CodeRefused, v)
		case commerce.KindForbidden:
			f.ask(w, http.StatusUnprocessableEntity, CodeRight, v)
		case commerce.KindInvalid:
			f.ask(w, http.StatusUnprocessableEntity, CodeIncomplete, v)
		case commerce.KindUnavailable, commerce.KindRateLimited, commerce.KindParked:
			f.ask(w, http.StatusBadGateway, CodeNoAnswer, v)
		default:
			f.ask(w, http.StatusServiceUnavailable, CodeFault, v)
		}
		return
	}
	if err == nil {
		n := Notice{Kind: Connected, Connection: connection, At: f.c.Now(), Actor: s.Actor}
		if err := f.c.Notify(ctx, n); err != nil {
			f.c.Logger.ErrorContext(ctx, "oauth: nobody was told", "connection", connection.String(), "error", err)
		}
	}
	f.answer(w, r, success(connection.Account))
}

// address reports whether a text is one that a client can be pointed to. This machine is
// none: a customer of the program must not reach what listens here.
func address(text string) bool {
	u, err := url.Parse(text)
	return err == nil && secure(text) && u.Scheme == "https" && !loopback(u) && u.RawQuery == "" && !u.ForceQuery
}

// said are the words of a form that has to be filled in again.
var said = map[string]string{
	CodeIncomplete: "Something is missing, or is no address that begins with https.",
	CodeRefused:    "The other side does not take these. Mind that some systems lock an account after a few wrong passwords.",
	CodeRight:      "The other side takes these, and they lack a right. Give the account the rights that the instructions list.",
	CodeNoAnswer:   "The other side did not answer. Is the address right, and can it be reached from here?",
	CodeFault:      "They could not be kept here. Try again in a few minutes.",
}

// ask writes the form, with what was put in but secrets.
func (f *Form) ask(w http.ResponseWriter, status int, code string, v Values) {
	type question struct {
		Field
		Text string
	}
	d := struct {
		Title, Said, Code, Home string
		Questions               []question
	}{Title: f.c.Title, Said: said[code], Code: code, Home: f.c.Home}
	for _, field := range f.c.Fields {
		q := question{Field: field}
		if !field.Secret {
			q.Text = v.Text(field.Name)
		}
		d.Questions = append(d.Questions, q)
	}
	var b strings.Builder
	if err := formHTML.Execute(&b, d); err != nil {
		http.Error(w, f.c.Title, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

var formHTML = template.Must(template.New("form").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>` + style + `</style></head>
<body class="{{if not .Code}}wait{{end}}"><main>
<h1>{{.Title}}</h1>
{{with .Said}}<p role="alert"><strong>{{.}}</strong></p>
{{end}}<form method="post" autocomplete="off">
{{range .Questions}}<label>{{.Label}}{{if .Optional}} (optional){{end}}
<input name="{{.Name}}" type="{{if .Secret}}password{{else if .Address}}url{{else}}text{{end}}"{{with .Text}} value="{{.}}"{{end}}{{if not .Optional}} required{{end}} autocomplete="{{if .Secret}}new-password{{else}}off{{end}}" spellcheck="false">
{{with .Help}}<small style="margin-top:.2rem">{{.}}</small>{{end}}</label>
{{end}}<button>Connect</button> <a href="{{.Home}}">Back</a>
</form>{{with .Code}}<small>code <code>{{.}}</code></small>{{end}}
</main></body></html>
`))
