package smtpnotify

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"text/template"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/workflow"
)

// Template makes one kind of mail, in the language of text/template with [Data].
type Template struct {
	Subject string // one line
	Text    string // plain text
}

// Data is what a template knows.
type Data struct {
	Order commerce.Order
	Due   commerce.Money // prints as "66.00 EUR"
	URL   string         // where to pay; empty = nowhere
	// Return is what mails about goods that come back are of.
	Return commerce.Return
}

// Templates returns the default templates, for changing.
func Templates() map[workflow.MessageKind]Template {
	return map[workflow.MessageKind]Template{
		workflow.MessagePaymentFailed: {
			Subject: "Order {{.Order.Number}}: your payment did not go through",
			Text: `Your payment for order {{.Order.Number}} did not go through. {{.Due}} are still to be paid.
{{with .URL}}
You can pay here, also by another method:
{{.}}
{{end}}`,
		},
		workflow.MessagePaymentReturned: {
			Subject: "Order {{.Order.Number}}: your payment was returned",
			Text: `Your bank has taken back the payment for order {{.Order.Number}}. {{.Due}} are to be paid, and the order waits until they are.
{{with .URL}}
You can pay here, also by another method:
{{.}}
{{end}}`,
		},
		workflow.MessageReturnAuthorised: {
			Subject: "Order {{.Order.Number}}: you may send your goods back",
			Text:    "Your return {{.Return.Number}} of order {{.Order.Number}} is accepted. Please send the goods back.\n",
		},
		workflow.MessageReturnReceived: {
			Subject: "Order {{.Order.Number}}: your return is here",
			Text:    "The goods of your return {{.Return.Number}} of order {{.Order.Number}} have arrived.\n",
		},
		workflow.MessageReturnRefunded: {
			Subject: "Order {{.Order.Number}}: your money is on its way",
			Text:    "The money for your return {{.Return.Number}} of order {{.Order.Number}} was sent back to the means by which you paid. It can take some days to arrive.\n",
		},
		workflow.MessageReturnRejected: {
			Subject: "Order {{.Order.Number}}: your return",
			Text:    "Your return {{.Return.Number}} of order {{.Order.Number}} can not be accepted.\n",
		},
	}
}

type compiled struct{ subject, text *template.Template }

func (t Template) compile() (c compiled, err error) {
	if strings.TrimSpace(t.Subject) == "" || strings.TrimSpace(t.Text) == "" {
		return c, fmt.Errorf("Subject or Text is empty")
	}
	if c.subject, err = template.New("Subject").Parse(t.Subject); err != nil {
		return c, err
	}
	c.text, err = template.New("Text").Parse(t.Text)
	return c, err
}

// limited refuses what is longer than it should be.
type limited struct {
	bytes.Buffer
	max int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.max {
		return 0, fmt.Errorf("it is longer than %d bytes", l.max)
	}
	return l.Buffer.Write(p)
}

// maxSubject in bytes keeps the line below the 998 characters of RFC 5322, section 2.1.1.
const maxSubject = 300

// compose makes the whole mail. What comes from the order can not break out of its
// header line or of the body.
func (n *Notifier) compose(to mail.Address, m workflow.Message) ([]byte, error) {
	c, ok := n.compilers[m.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no template of the kind %q", m.Kind)
	}
	data := Data{Order: m.Order, Due: m.Due, URL: m.URL, Return: m.Return}
	subject, text := limited{max: maxSubject}, limited{max: n.c.MaxText}
	if err := c.subject.Execute(&subject, data); err != nil {
		return nil, fmt.Errorf("Subject: %w", err)
	}
	if err := c.text.Execute(&text, data); err != nil {
		return nil, fmt.Errorf("Text: %w", err)
	}
	to.Name = m.Order.Customer.Name
	_, domain, _ := strings.Cut(n.from.Address, "@")

	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", n.from.String())
	header("To", to.String())
	if n.reply != nil {
		header("Reply-To", n.reply.String())
	}
	header("Subject", mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(subject.String()), " ")))
	header("Date", n.c.Now().Format(time.RFC1123Z))
	header("Message-ID", "<"+n.c.ID()+"@"+domain+">")
	header("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers, please
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write(text.Bytes()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
