package smtpnotify

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func message() workflow.Message {
	return workflow.Message{Kind: workflow.MessagePaymentFailed, Due: commerce.MustMoney(6600, "EUR"), URL: "https://pay.example/again?order=abc",
		Order: commerce.Order{Ref: commerce.Ref{System: "magento", Mode: commerce.Live, ID: "order/17"}, Number: "100000017",
			Customer: commerce.Customer{Name: "Ada Lövelace", Email: "ada@example.com"}}}
}

func (s *server) config() Config {
	return Config{Addr: "smtp.example.com:587", From: "Lamp Shop <orders@lamps.example>", Dial: s.dial,
		TLS: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
		Now: func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }, ID: func() string { return "1" }}
}

func read(t *testing.T, raw string) (*mail.Message, string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	require.NoError(t, err)
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	require.NoError(t, err)
	return m, string(text)
}

func TestAMailIsSentEncryptedAndSaysWhatTheOrderSays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.config()
	c.ReplyTo = "help@lamps.example"
	c.Credentials = commerce.Static(Login{User: "orders", Password: commerce.NewSecret("secret")})
	n, err := New(c)
	require.NoError(t, err)
	require.NoError(t, n.Notify(t.Context(), message()))
	require.Len(t, s.mails, 1)
	require.Equal(t, []string{"TO:<ada@example.com>"}, s.to)
	require.Equal(t, "orders", s.login)
	require.Equal(t, "secret", s.password)

	m, text := read(t, s.mails[0])
	for name, want := range map[string]string{
		"From": `"Lamp Shop" <orders@lamps.example>`, "Reply-To": "<help@lamps.example>",
		"Subject": "Order 100000017: your payment did not go through", "Date": "Sat, 21 Nov 2026 10:00:00 +0000",
		"Message-Id": "<1@lamps.example>", "Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=utf-8",
	} {
		require.Equal(t, want, m.Header.Get(name))
	}
	to, err := m.Header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, "Ada Lövelace", to[0].Name)
	require.Contains(t, text, "66.00 EUR are still to be paid")
	require.Contains(t, text, "https://pay.example/again?order=abc")
}

func TestTLSFromTheFirstByteOnPort465(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.directTLS = true
	c := s.config()
	c.Addr = "smtp.example.com:465"
	n, err := New(c)
	require.NoError(t, err)
	require.NoError(t, n.Notify(t.Context(), message()))
	require.Len(t, s.mails, 1)
}

func TestATemplateOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.config()
	c.Templates = map[workflow.MessageKind]Template{workflow.MessagePaymentFailed: {
		Subject: "Zahlung für {{.Order.Number}} fehlgeschlagen",
		Text:    "Guten Tag {{.Order.Customer.Name}},\n\n{{.Due}} sind offen: {{.URL}}\n.\nEnde\n",
	}}
	n, err := New(c)
	require.NoError(t, err)
	require.NoError(t, n.Notify(t.Context(), message()))
	m, text := read(t, s.mails[0])
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Zahlung für 100000017 fehlgeschlagen", subject)
	require.Contains(t, text, "Guten Tag Ada Lövelace,")
	require.Contains(t, text, "\n.\nEnde", "a lonely dot does not end the mail")

	returned := message()
	returned.Kind = workflow.MessagePaymentReturned
	require.NoError(t, n.Notify(t.Context(), returned), "the other kinds keep their default")
}

func TestNothingFromAnOrderBreaksOutOfItsHeader(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	n, err := New(s.config())
	require.NoError(t, err)
	m := message()
	m.Order.Customer.Name = "Ada\r\nBcc: all@example.com"
	m.Order.Number = "17\r\nX-Evil: yes\r\n\r\nbody"
	require.NoError(t, n.Notify(t.Context(), m))
	got, _ := read(t, s.mails[0])
	require.Empty(t, got.Header.Get("Bcc"))
	require.Empty(t, got.Header.Get("X-Evil"))
	require.Len(t, s.to, 1)

	for _, address := range []string{"", "ada", "ada@example.com\r\nRCPT TO:<all@example.com>", "a@b, c@d"} {
		m := message()
		m.Order.Customer.Email = address
		err := n.Notify(t.Context(), m)
		require.ErrorIs(t, err, commerce.ErrInvalid, address)
		require.True(t, commerce.SafeToRetry(err))
	}
	require.Len(t, s.to, 1)
}

func TestEveryEndSaysWhatBecameOfTheMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		arrange func(s *server, c *Config)
		kind    commerce.Kind
		outcome commerce.Outcome
		mails   int
		says    string
	}{
		{"nobody answers", func(_ *server, c *Config) {
			c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
		}, commerce.KindUnavailable, commerce.NotSent, 0, "connection"},
		{"the server is busy", at("greet", "421 come back"), commerce.KindUnavailable, commerce.NotSent, 0, "421"},
		{"the server hangs up", at("helo", "drop"), commerce.KindUnavailable, commerce.NotSent, 0, "connection"},
		{"no encryption is offered", func(s *server, _ *Config) { s.noTLS = true }, commerce.KindInvalid, commerce.NotSent, 0, "Config.Plain"},
		{"encryption is refused", at("starttls", "454 not now"), commerce.KindUnavailable, commerce.NotSent, 0, "454"},
		{"the certificate is not theirs", func(_ *server, c *Config) { c.TLS = nil }, commerce.KindUnavailable, commerce.NotSent, 0, ""},
		{"the login is refused", at("auth", "535 no"), commerce.KindAuth, commerce.NotSent, 0, "535"},
		{"the sender is refused", at("mail", "553 not you"), commerce.KindInvalid, commerce.NotSent, 0, "553"},
		{"the address does not exist", at("rcpt", "550 ada@example.com unknown"), commerce.KindInvalid, commerce.NotSent, 0, "550"},
		{"the mailbox is full", at("rcpt", "452 later"), commerce.KindUnavailable, commerce.NotSent, 0, "452"},
		{"no body is wanted", at("data", "554 no"), commerce.KindInvalid, commerce.NotSent, 0, "554"},
		{"the body is refused", at("body", "554 spam"), commerce.KindInvalid, commerce.NotSent, 0, "554"},
		{"the body is put off", at("body", "451 greylisted"), commerce.KindUnavailable, commerce.NotSent, 0, "451"},
		{"the last answer is lost", at("body", "drop"), commerce.KindUnavailable, commerce.Unknown, 1, "unknown"},
		{"the last answer never comes", at("body", "stall"), commerce.KindUnavailable, commerce.Unknown, 1, "Timeout"},
		{"the server stalls early", at("rcpt", "stall"), commerce.KindUnavailable, commerce.NotSent, 0, "Timeout"},
		{"the farewell fails", at("quit", "drop"), "", "", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			config := s.config()
			config.Timeout = 300 * time.Millisecond
			config.Credentials = commerce.Static(Login{User: "u", Password: commerce.NewSecret("hush")})
			c.arrange(s, &config)
			n, err := New(config)
			require.NoError(t, err)
			err = n.Notify(t.Context(), message())
			s.wg.Wait()
			require.Len(t, s.mails, c.mails)
			if c.kind == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.kind, commerce.KindOf(err), err)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.outcome == commerce.NotSent, commerce.SafeToRetry(err))
			require.Equal(t, c.outcome == commerce.Unknown, errors.Is(err, commerce.ErrUnknown))
			require.NotContains(t, err.Error(), "ada")
			require.NotContains(t, err.Error(), "hush")
		})
	}
}

func at(stage, answer string) func(*server, *Config) {
	return func(s *server, _ *Config) { s.answers[stage] = answer }
}

func TestTheCallersContextEndsIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.answers["greet"] = "stall"
	n, err := New(s.config())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.True(t, commerce.SafeToRetry(n.Notify(ctx, message())))
}

func TestPlainIsAskedForInSoManyWords(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.noTLS = true
	c := s.config()
	c.Plain = true
	n, err := New(c)
	require.NoError(t, err)
	require.NoError(t, n.Notify(t.Context(), message()))
	require.Len(t, s.mails, 1)
}

func TestASettingThatCanNotWorkIsNamed(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Config){
		"Addr": func(c *Config) { c.Addr = "smtp.example.com" }, "From": func(c *Config) { c.From = "shop" },
		"ReplyTo": func(c *Config) { c.ReplyTo = "help" }, "Timeout": func(c *Config) { c.Timeout = -1 },
		"MaxText": func(c *Config) { c.MaxText = -1 },
		"Plain":   func(c *Config) { c.Plain, c.Credentials = true, commerce.Static(Login{}) },
		`Templates["payment_failed"]`: func(c *Config) {
			c.Templates = map[workflow.MessageKind]Template{workflow.MessagePaymentFailed: {Subject: "{{", Text: "x"}}
		},
		`Templates["payment_returned"]`: func(c *Config) {
			c.Templates = map[workflow.MessageKind]Template{workflow.MessagePaymentReturned: {Subject: "x"}}
		},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			c := newServer(t).config()
			change(&c)
			_, err := New(c)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, field)
		})
	}
}

func TestAMessageThatCanNotBeMadeIsNotSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *Config, m *workflow.Message){
		"kind":    func(_ *Config, m *workflow.Message) { m.Kind = "birthday" },
		"Text":    func(c *Config, _ *workflow.Message) { c.MaxText = 10 },
		"Subject": func(_ *Config, m *workflow.Message) { m.Order.Number = strings.Repeat("9", 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			c, m := s.config(), message()
			change(&c, &m)
			n, err := New(c)
			require.NoError(t, err)
			err = n.Notify(t.Context(), m)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, name)
			require.True(t, commerce.SafeToRetry(err))
			require.Empty(t, s.mails)
		})
	}
}
