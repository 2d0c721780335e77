package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/resilience"
	ours "github.com/commercesync/commerce/stripe"
)

// timed calls for a while and returns what one call took, in nanoseconds.
func timed(call func() error) func(d time.Duration) (float64, error) {
	return func(d time.Duration) (float64, error) {
		n, began := 0, time.Now()
		for time.Since(began) < d/4 { // a processor's work needs less time than a disk's
			for range 8 {
				if err := call(); err != nil {
					return 0, err
				}
			}
			n += 8
		}
		return float64(time.Since(began)) / float64(n), nil
	}
}

func nanoseconds(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%.1f ns", n)
	}
	return short(time.Duration(n))
}

// verify checks a delivery and reads its envelope, beside stripe-go's ConstructEvent.
func (b *bench) verify(ctx context.Context) error {
	hook, err := ours.Webhook(ours.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(secret)})})
	if err != nil {
		return err
	}
	var sign signer
	header := http.Header{ours.SignatureHeader: {sign.header(template)}}
	our := func() error { _, err := hook.Verify(ctx, header, template); return err }
	their := func() error {
		_, err := webhook.ConstructEvent(template, header.Get(ours.SignatureHeader), secret)
		return err
	}
	got, err := interleaved(ctx, b, timed(our), timed(their))
	if err != nil {
		return err
	}
	allocs := func(f func() error) float64 { return testing.AllocsPerRun(100, func() { _ = f() }) }
	n := allocs(our)
	b.found("verify and peek, an event of 4 kB", fmt.Sprintf("%s, %.0f allocations", nanoseconds(median(got[0])), n),
		fmt.Sprintf("ConstructEvent %s, %.0f allocations", nanoseconds(median(got[1])), allocs(their)), ratio(got[1], got[0]), 20)
	f := &b.figures[len(b.figures)-1]
	f.Goal += ", ≤ 2 allocations"
	f.Met = new(*f.Met && n <= 2)
	return nil
}

// recorded is an order as Magento 2.4.6-p1 sent it.
//
//go:embed testdata/magento-order.json
var recorded []byte

// order reads an order as the shop sends it, says it in canonical words and then in
// those of an ERP, as JSON; beside encoding/json, which reads the same bytes into
// structs with a field for each name, and writes those again.
func (b *bench) order(ctx context.Context) error {
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(magento.Keys{
		ConsumerKey: "k", ConsumerSecret: commerce.NewSecret("s"), AccessToken: commerce.NewSecret("t"), AccessTokenSecret: commerce.NewSecret("s")})})
	if err != nil {
		return err
	}
	shop, err := magentoshop.New(client, magentoshop.Config{Mode: commerce.Test, Account: "main"})
	if err != nil {
		return err
	}
	paper := &paper{}
	books, err := erpbooks.New(paper, erpbooks.Config{System: "paper",
		Routes: mapping.Routes{{Name: "all", Shop: "main", Mode: commerce.Test, Company: "1"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Rate: "8.25", IDs: []string{"t825"}}, {Rate: "0"}}}})
	if err != nil {
		return err
	}
	our := func() error {
		var o magento.Order
		if err := o.UnmarshalJSON(recorded); err != nil {
			return err
		}
		canonical, err := shop.Canonical(ctx, o)
		if err != nil {
			return err
		}
		route, err := books.Route(canonical, nil)
		if err != nil {
			return err
		}
		_, err = books.SalesOrder(route, canonical, nil).Act(ctx)
		return err
	}
	var sample any
	if err := json.Unmarshal(recorded, &sample); err != nil {
		return err
	}
	full := structOf(sample)
	their := func() error {
		v := reflect.New(full).Interface()
		if err := json.Unmarshal(recorded, v); err != nil {
			return err
		}
		_, err := json.Marshal(v)
		return err
	}
	got, err := interleaved(ctx, b, timed(our), timed(their))
	if err != nil {
		return err
	}
	b.found(fmt.Sprintf("Magento order of %.1f kB to canonical to ERP payload", float64(len(recorded))/1000), nanoseconds(median(got[0])),
		"encoding/json into full structs and back "+nanoseconds(median(got[1])), ratio(got[0], got[1]), -0.35)
	return nil
}

// structOf makes the type that one would write for a JSON value: a struct with a field
// for each name.
func structOf(v any) reflect.Type {
	switch v := v.(type) {
	case map[string]any:
		var fields []reflect.StructField
		for name, x := range v {
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", len(fields)), Type: structOf(x),
				Tag: reflect.StructTag(fmt.Sprintf("json:%q", name))})
		}
		return reflect.StructOf(fields)
	case []any:
		if len(v) == 0 {
			return reflect.TypeFor[[]string]()
		}
		return reflect.SliceOf(structOf(v[0]))
	case string:
		return reflect.TypeFor[string]()
	case float64:
		return reflect.TypeFor[float64]()
	case bool:
		return reflect.TypeFor[bool]()
	}
	return reflect.TypeFor[*string]()
}

// paper is an ERP that writes every order down as JSON and knows every product.
type paper struct {
	erp.ERP
	last []byte
}

func (p *paper) ForCompany(string) erp.ERP { return p }

func (p *paper) Capabilities(context.Context) (erp.Capabilities, error) {
	return erp.Capabilities{System: "paper", Mode: commerce.Test, Company: "1"}, nil
}

func (p *paper) ProductsBySKU(_ context.Context, skus []string) (map[string]erp.Product, error) {
	out := make(map[string]erp.Product, len(skus))
	for _, s := range skus {
		out[s] = erp.Product{ID: s, SKU: s}
	}
	return out, nil
}

func (p *paper) UpsertCustomer(context.Context, erp.Customer) (erp.CustomerRef, error) {
	return erp.CustomerRef{}, nil
}

func (p *paper) CreateOrder(_ context.Context, o erp.NewOrder) (_ erp.Order, err error) {
	p.last, err = json.Marshal(o)
	return erp.Order{Ref: commerce.Ref{System: "paper", Mode: commerce.Test, ID: "order/1"}, Key: o.Key, State: erp.Draft, Totals: o.Expected}, err
}

// policy runs a call that succeeds under a policy, beside an HTTP call over loopback.
func (b *bench) policy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	p, err := resilience.New("far", resilience.Config{Timeout: 2 * time.Hour})
	if err != nil {
		return err
	}
	succeeds := func(context.Context) error { return nil }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	client := server.Client()
	our := func() error { return p.Do(ctx, succeeds) }
	got, err := interleaved(ctx, b, timed(our), timed(func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return err
	}))
	if err != nil {
		return err
	}
	n := testing.AllocsPerRun(100, func() { _ = our() })
	share := ratio(got[0], got[1])
	b.found("policy around a call that succeeds", fmt.Sprintf("%s, %.0f allocations", nanoseconds(median(got[0])), n),
		"loopback HTTP call "+nanoseconds(median(got[1])), share, -0.01)
	f := &b.figures[len(b.figures)-1]
	f.Ratio = fmt.Sprintf("%.4f", share)
	f.Goal += ", 0 allocations"
	f.Met = new(*f.Met && n == 0)
	return nil
}
