// Package smtpnotify tells customers by mail: it is the [workflow.Notifier] that
// speaks SMTP.
//
//	mail, err := smtpnotify.New(smtpnotify.Config{
//		Addr: "smtp.example.com:587",
//		From: "Lamp Shop <orders@lamps.example>",
//		Credentials: commerce.Static(smtpnotify.Login{User: "orders", Password: password}),
//	})
//	failed := &workflow.PaymentFailed{Notifier: mail, …}
//
// The connection is encrypted before anything is said (STARTTLS, or TLS from the
// first byte on port 465); a server that offers neither is refused. The text comes
// from [Config.Templates]; the default is short, in English, and says only what the
// order says.
//
// # What became of a mail
//
// A mail can not be looked up or taken back, so every error says how far it got:
// up to the last line of the body nothing was sent, nor where the server refuses the
// body (outcome not sent, and it may be tried again); where the answer to the last
// line is lost the outcome is unknown, and a workflow does not send again but asks a
// person. What the server refuses for good (an address that does not exist) is of
// kind invalid.
//
// Errors carry the server's code and no address.
package smtpnotify

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/workflow"
)

const system = "smtp"

// Config says how mail is sent.
type Config struct {
	// Addr is host and port of the server: "smtp.example.com:587". Required. On port
	// 465 the connection is TLS from the first byte.
	Addr string
	// From is the sender: "orders@lamps.example", or with a name. Required.
	From string
	// ReplyTo is where answers go; empty = From.
	ReplyTo string
	// Credentials log in, over an encrypted connection only. Nil: no login.
	Credentials commerce.Credentials[Login]

	// Templates make subject and text by kind of message; what is not in it comes
	// from [Templates]. See [Data] for what a template knows.
	Templates map[workflow.MessageKind]Template

	// Timeout bounds one mail, from connecting to the end. Defaults to 30 seconds.
	Timeout time.Duration
	// MaxText bounds the text that a template makes, in bytes. Defaults to 64 KiB.
	MaxText int

	// TLS overrides how the server is verified; nil = by its name and the system's roots.
	TLS *tls.Config
	// Plain allows a server without encryption: for one on the same machine only. No
	// login is sent over it.
	Plain bool
	// Hello is the name we give; defaults to "localhost".
	Hello string

	// Dial connects; defaults to a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time // defaults to time.Now
	// ID returns a fresh text for the Message-ID, without spaces. Defaults to a random one.
	ID func() string
}

// Login is a user name and password.
type Login struct {
	User     string
	Password commerce.Secret
}

// Notifier sends mail. It is safe for concurrent use and keeps no connection.
type Notifier struct {
	c         Config
	host      string
	alwaysTLS bool
	from      mail.Address
	reply     *mail.Address
	compilers map[workflow.MessageKind]compiled
}

// New checks the config; an error is of kind invalid and names the field.
func New(c Config) (*Notifier, error) {
	bad := func(format string, args ...any) (*Notifier, error) {
		e := commerce.Errorf(commerce.KindInvalid, system, "new", format, args...)
		e.Outcome = commerce.NotSent
		return nil, e
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil || host == "" || port == "" {
		return bad("Addr %q is not host:port", c.Addr)
	}
	n := &Notifier{host: host, alwaysTLS: port == "465"}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return bad("From is no mail address")
	}
	n.from = *from
	if c.ReplyTo != "" {
		if n.reply, err = mail.ParseAddress(c.ReplyTo); err != nil {
			return bad("ReplyTo is no mail address")
		}
	}
	switch {
	case c.Timeout < 0:
		return bad("Timeout is %s, below nought", c.Timeout)
	case c.MaxText < 0:
		return bad("MaxText is %d, below nought", c.MaxText)
	case c.Plain && c.Credentials != nil:
		return bad("Plain and Credentials: no login is sent without encryption")
	}
	n.compilers = map[workflow.MessageKind]compiled{}
	all := Templates()
	for kind, t := range c.Templates {
		all[kind] = t
	}
	for kind, t := range all {
		if n.compilers[kind], err = t.compile(); err != nil {
			return bad("Templates[%q]: %w", kind, err)
		}
	}
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.MaxText = cmp.Or(c.MaxText, 64<<10)
	c.Hello = cmp.Or(c.Hello, "localhost")
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ID == nil {
		c.ID = rand.Text
	}
	n.c = c
	return n, nil
}

// Notify implements [workflow.Notifier].
//
// Errors: kind invalid for a customer without a mail address, a template that
// fails, and what the server refuses for good; unavailable for what may work later;
// auth where the login is refused. The outcome is NotSent up to the last line
// of the body, Unknown where the answer to that is lost. A mail that the server took is no error, whatever happens after.
func (n *Notifier) Notify(ctx context.Context, m workflow.Message) error {
	op := "send " + string(m.Kind) + " for " + m.Order.Ref.ID
	to, err := mail.ParseAddress(m.Order.Customer.Email)
	if err != nil {
		return fault(commerce.KindInvalid, op, commerce.NotSent, "the customer has no mail address", nil)
	}
	body, err := n.compose(*to, m)
	if err != nil {
		return fault(commerce.KindInvalid, op, commerce.NotSent, "the message can not be made", err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.c.Timeout)
	defer cancel()
	s, err := n.connect(ctx)
	if err != nil {
		return explain(op, commerce.NotSent, err)
	}
	defer s.close()
	if err := n.open(ctx, s, to.Address); err != nil {
		return explain(op, commerce.NotSent, err)
	}
	w, err := s.Data()
	if err != nil {
		return explain(op, commerce.NotSent, err)
	}
	if _, err := w.Write(body); err != nil {
		return explain(op, commerce.NotSent, err) // without its last line nothing is taken
	}
	if err := w.Close(); err != nil {
		// An answer that refuses the body is a clear word; silence is not.
		if said, ok := errors.AsType[*textproto.Error](err); ok && said.Code >= 400 {
			return explain(op, commerce.NotSent, err)
		}
		return explain(op, commerce.Unknown, err)
	}
	_ = s.Quit() // the mail is taken; how the talk ends is no matter
	return nil
}

// session is a client whose connection ends with the context.
type session struct {
	*smtp.Client
	stop func() bool
}

func (s *session) close() {
	s.stop()
	_ = s.Client.Close()
}

func (n *Notifier) connect(ctx context.Context) (*session, error) {
	conn, err := n.c.Dial(ctx, "tcp", n.c.Addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if n.alwaysTLS {
		conn = tls.Client(conn, n.tls())
	}
	c, err := smtp.NewClient(conn, n.host)
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	return &session{c, stop}, nil
}

func (n *Notifier) tls() *tls.Config {
	c := n.c.TLS.Clone()
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.ServerName == "" {
		c.ServerName = n.host
	}
	return c
}

// open says everything up to the body.
func (n *Notifier) open(ctx context.Context, s *session, to string) error {
	if err := s.Hello(n.c.Hello); err != nil {
		return err
	}
	_, encrypted := s.TLSConnectionState()
	if !encrypted {
		offered, _ := s.Extension("STARTTLS")
		switch {
		case offered:
			if err := s.StartTLS(n.tls()); err != nil {
				return err
			}
			encrypted = true
		case !n.c.Plain:
			return errNoTLS
		}
	}
	if n.c.Credentials != nil {
		if !encrypted {
			return errNoTLS
		}
		login, err := n.c.Credentials.Current(ctx)
		if err != nil {
			return err
		}
		if err := s.Auth(smtp.PlainAuth("", login.User, login.Password.Reveal(), n.host)); err != nil {
			if said, ok := errors.AsType[*textproto.Error](err); ok && refusesLogin(said.Code) {
				_ = n.c.Credentials.Rejected(ctx, login) // the next mail asks for them again
			}
			return err
		}
	}
	if err := s.Mail(n.from.Address); err != nil {
		return err
	}
	return s.Rcpt(to)
}

var errNoTLS = errors.New("the server offers no encryption")

// explain turns an error of the talk into one of ours. The server's words may hold
// the customer's address and stay out; its code says enough.
func explain(op string, outcome commerce.Outcome, err error) error {
	kind, text := commerce.KindUnavailable, "the connection failed"
	var code int
	said, ok := errors.AsType[*textproto.Error](err)
	switch {
	case err == errNoTLS:
		kind, text = commerce.KindInvalid, "the server offers no encryption; see Config.Plain"
	case ok && refusesLogin(said.Code):
		kind, text, code = commerce.KindAuth, "the login was refused", said.Code
	case ok && said.Code >= 500:
		kind, text, code = commerce.KindInvalid, "the server refused the mail for good", said.Code
	case ok:
		text, code = "the server refused the mail for now", said.Code
	case timeout(err):
		text = "it took longer than Timeout"
	}
	e := fault(kind, op, outcome, text, nil)
	e.Status = code
	return e
}

// refusesLogin: RFC 4954, sections 4 and 6.
func refusesLogin(code int) bool { return code == 530 || code == 534 || code == 535 }

func timeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func fault(kind commerce.Kind, op string, outcome commerce.Outcome, text string, err error) *commerce.Error {
	return &commerce.Error{Kind: kind, System: system, Op: op, Outcome: outcome, Text: text, Err: err}
}
