package stripemock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// document checks answers against the OpenAPI document.
type document struct{ *spec.Spec }

// schema finds the schema of the 200 answer to a request: of several paths that fit,
// the one with the fewest names to fill in.
func (d document) schema(method, path string) *spec.Schema {
	var found *spec.Schema
	fewest := 99
	for p, verbs := range d.Paths {
		holes := strings.Count(string(p), "{")
		pattern := "^" + regexp.MustCompile(`\{[^}]+\}`).ReplaceAllString(string(p), "[^/]+") + "$"
		op := verbs[spec.HTTPVerb(strings.ToLower(method))]
		if op != nil && holes < fewest && regexp.MustCompile(pattern).MatchString(path) {
			found, fewest = op.Responses["200"].Content["application/json"].Schema, holes
		}
	}
	return found
}

// check returns what is wrong with a value: a wrong type, a word that is no enum's, an
// absent required member, a member that the document does not have.
func (d document) check(path string, s *spec.Schema, v any) error {
	if s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	if v == nil && s.Nullable {
		return nil
	}
	if len(s.AnyOf) > 0 {
		var last error
		for _, one := range s.AnyOf {
			if last = d.check(path, one, v); last == nil {
				return nil
			}
		}
		return last
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) && s.Type == "string" {
		return fmt.Errorf("%s: %v is none of the words", path, v)
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type != "object" {
			return fmt.Errorf("%s: an object, wanted %s", path, s.Type)
		}
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return fmt.Errorf("%s.%s is absent", path, name)
			}
		}
		for name, member := range v {
			below := s.Properties[name]
			if below == nil {
				below = s.AdditionalProperties
			}
			if below == nil && len(s.Properties) > 0 {
				return fmt.Errorf("%s.%s is not in the document", path, name)
			}
			if below != nil {
				if err := d.check(path+"."+name, below, member); err != nil {
					return err
				}
			}
		}
	case []any:
		if s.Type != "array" {
			return fmt.Errorf("%s: a list, wanted %s", path, s.Type)
		}
		for i, element := range v {
			if err := d.check(fmt.Sprintf("%s[%d]", path, i), s.Items, element); err != nil {
				return err
			}
		}
	default:
		got := map[bool]string{true: "null"}[v == nil]
		switch v := v.(type) {
		case string:
			got = "string"
		case bool:
			got = "boolean"
		case json.Number:
			if got = "integer"; strings.ContainsAny(v.String(), ".eE") || s.Type == "number" {
				got = "number"
			}
		}
		if s.Type != got && s.Type != "" {
			return fmt.Errorf("%s: a %s, wanted %s", path, got, s.Type)
		}
	}
	return nil
}

// judge is a transport that checks every good answer on its way.
type judge struct {
	t    *testing.T
	next http.RoundTripper
	doc  document
	seen map[string]int
}

func (j *judge) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := j.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var v any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	where := r.Method + " " + r.URL.Path
	if s := j.doc.schema(r.Method, r.URL.Path); s == nil {
		j.t.Errorf("%s is not in the document", where)
	} else if err := j.doc.check(where, s, v); err != nil {
		j.t.Error(err)
	}
	j.seen[strings.Join(strings.Split(r.URL.Path, "/")[:3], "/")]++
	return resp, nil
}

func keyedAs[P interface{ SetIdempotencyKey(string) }](key string, p P) P {
	p.SetIdempotencyKey(key)
	return p
}

func TestEveryAnswerOfTheFakeValidates(t *testing.T) {
	sheet, err := server.LoadSpec(embedded.OpenAPISpec, "")
	require.NoError(t, err)
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	fake, err := stripetest.New(stripetest.Config{Now: func() time.Time { return now }})
	require.NoError(t, err)
	seen := map[string]int{}
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk")),
		Transport: &judge{t, fake.Transport(), document{sheet}, seen}})
	require.NoError(t, err)
	ctx := t.Context()

	for _, m := range []stripetest.Method{stripetest.Card, stripetest.CardDisputed, stripetest.CardInquiry, stripetest.CardRefundPending,
		stripetest.CardRefundFails, stripetest.Debit, stripetest.DebitFails, stripetest.DebitReturned, stripetest.CardDeclined, stripetest.CardAuthentication} {
		_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: m, Email: "a@shop.example"})
		require.NoError(t, err)
	}
	held, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Authorise: true})
	require.NoError(t, err)
	require.NoError(t, one(c.PaymentIntents.Capture(ctx, held.ID, keyedAs("capture", &stripe.PaymentIntentCaptureParams{AmountToCapture: new(int64(600))}))))
	require.NoError(t, one(c.CheckoutSessions.Create(ctx, keyedAs("session", &stripe.CheckoutSessionParams{Mode: new("payment"), SuccessURL: new("https://shop.example"),
		LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(2)), PriceData: &stripe.CheckoutSessionPrice{Currency: new("eur"), UnitAmount: new(int64(500)),
			ProductData: &stripe.CheckoutSessionProduct{Name: new("Tulip")}}}}}))))
	require.NoError(t, one(c.Refunds.Create(ctx, keyedAs("refund", &stripe.RefundParams{Charge: &fake.Charges()[0].ID, Amount: new(int64(1))}))))
	_, _, err = c.WebhookEndpoints.Ensure(ctx, stripe.EndpointConfig{URL: "https://shop.example/hooks", Events: []string{"charge.succeeded"}})
	require.NoError(t, err)
	for range 4 {
		now = now.Add(3 * 24 * time.Hour)
		fake.FailPayouts(1)
		fake.PayOut()
		for name, err := range map[string]error{
			"intents": each(c.PaymentIntents.List(ctx, nil)), "charges": each(c.Charges.List(ctx, nil)), "refunds": each(c.Refunds.List(ctx, nil)),
			"disputes": each(c.Disputes.List(ctx, nil)), "payouts": each(c.Payouts.List(ctx, nil)), "events": each(c.Events.List(ctx, nil)),
			"sessions": each(c.CheckoutSessions.List(ctx, nil)), "hooks": each(c.WebhookEndpoints.List(ctx, nil)),
			"transactions": each(c.BalanceTransactions.List(ctx, &stripe.BalanceTransactionListParams{Expand: refs("data.source")})),
			"balance":      one(c.Balance.Get(ctx)),
		} {
			require.NoError(t, err, name)
		}
	}
	require.GreaterOrEqual(t, len(seen), 10)
}

// A check that finds nothing proves something only where it finds what is wrong.
func TestWhatIsWrongInAnAnswerIsFound(t *testing.T) {
	sheet, err := server.LoadSpec(embedded.OpenAPISpec, "")
	require.NoError(t, err)
	doc := document{sheet}
	good := func() map[string]any {
		return map[string]any{"object": "fee_refund", "id": "fr_1", "amount": json.Number("1"), "created": json.Number("1"),
			"currency": "eur", "fee": "fee_1", "balance_transaction": nil, "metadata": map[string]any{}}
	}
	s := sheet.Components.Schemas["fee_refund"]
	require.NoError(t, doc.check("x", s, good()))
	for name, change := range map[string]func(map[string]any){
		"an absent member":   func(m map[string]any) { delete(m, "fee") },
		"an unknown member":  func(m map[string]any) { m["tulips"] = "many" },
		"a wrong type":       func(m map[string]any) { m["amount"] = "1" },
		"a fraction":         func(m map[string]any) { m["amount"] = json.Number("1.5") },
		"a null that is not": func(m map[string]any) { m["currency"] = nil },
		"an unknown word":    func(m map[string]any) { m["object"] = "tulip" },
	} {
		m := good()
		change(m)
		require.Error(t, doc.check("x", s, m), name)
	}
}
