package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// demo is a Stripe that is only a fake, with a platform that has two keys.
type demo struct {
	fake   *stripetest.Fake
	client string
	keys   []string
	url    string
	close  func()

	mu   sync.Mutex
	dead map[string]bool
}

func newDemo(callback string) (*demo, error) {
	fake, err := stripetest.New(stripetest.Config{Account: "acct_platform"})
	if err != nil {
		return nil, err
	}
	d := &demo{fake: fake, client: "ca_demo", keys: []string{"sk_test_demo_one", "sk_test_demo_two"}, dead: map[string]bool{}}
	if err := fake.RegisterOAuth(stripetest.OAuthClient{ID: d.client, RedirectURIs: []string{callback}}); err != nil {
		return nil, err
	}
	for _, country := range []string{"DE", "US"} {
		fake.Merchant(country)
	}
	server := httptest.NewServer(d)
	d.url, d.close = server.URL, server.Close
	return d, nil
}

// ServeHTTP is the fake behind a door that knows the two keys.
func (d *demo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && !d.takes(key) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}`))
		return
	}
	d.fake.ServeHTTP(w, r)
}

func (d *demo) takes(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.dead[key] && (key == d.keys[0] || key == d.keys[1])
}

// retire ends a key, as a person does in Stripe's Dashboard.
func (d *demo) retire(_ context.Context, key commerce.Secret) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead[key.Reveal()] = true
	return nil
}
