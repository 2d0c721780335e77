package smtpnotify_test

import (
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/workflow"
	"github.com/commercesync/commerce/workflow/smtpnotify"
)

func ExampleNew() {
	templates := smtpnotify.Templates()
	templates[workflow.MessagePaymentFailed] = smtpnotify.Template{
		Subject: "Bestellung {{.Order.Number}}: Zahlung fehlgeschlagen",
		Text:    "Es sind noch {{.Due}} offen: {{.URL}}\n",
	}
	mail, err := smtpnotify.New(smtpnotify.Config{
		Addr:        "smtp.example.com:587",
		From:        "Lamp Shop <orders@lamps.example>",
		Credentials: commerce.Static(smtpnotify.Login{User: "orders", Password: commerce.NewSecret("…")}),
		Templates:   templates,
	})
	failed := &workflow.PaymentFailed{Notifier: mail}
	fmt.Println(err, failed.Notifier != nil)

	_, err = smtpnotify.New(smtpnotify.Config{Addr: "smtp.example.com", From: "orders@lamps.example"})
	fmt.Println(err)
	// Output:
	// <nil> true
	// smtp: new: Addr "smtp.example.com" is not host:port
}
