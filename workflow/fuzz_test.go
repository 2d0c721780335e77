package workflow

import (
	"testing"

	"github.com/commercesync/commerce"
)

func FuzzRetryLink(f *testing.F) {
	c := &Collect{PageURL: "https://shop.example/pay", LinkKey: commerce.NewSecret("a key of our own")}
	genuine := c.Link(shopRef.With("order/1"))[len("https://shop.example/pay?order="):]
	for _, seed := range []string{genuine, genuine + "A", genuine[1:], "", ".", "bWFnZW50bw.AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		ref, err := c.unseal(token)
		if err == nil && ref != shopRef.With("order/1") {
			t.Fatalf("%q opens %s", token, ref)
		}
	})
}

func FuzzSubject(f *testing.F) {
	f.Add(stripeRef.With("pi_1").String() + " " + shopRef.With("order/1").String())
	f.Add("pi_1 order/1")
	f.Add(" ")
	f.Fuzz(func(t *testing.T, subject string) {
		payment, order, err := paymentOf(commerce.Ref{System: internal, Mode: commerce.Live, ID: subject})
		if err != nil {
			return
		}
		again, _, err := paymentOf(commerce.Ref{System: internal, ID: payment.String() + " " + order.String()})
		if err != nil || again != payment {
			t.Fatalf("%q reads as %s and then %s: %v", subject, payment, again, err)
		}
	})
}
