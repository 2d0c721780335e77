package magentotest

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// recordedKeys are the throw-away keys that every recorded signature was made with.
type recordedKeys map[string]struct {
	ConsumerKey       string `json:"consumer_key"`
	ConsumerSecret    string `json:"consumer_secret"`
	AccessToken       string `json:"access_token"`
	AccessTokenSecret string `json:"access_token_secret"`
	Verifier          string `json:"oauth_verifier"`
}

func readKeys() recordedKeys {
	var file struct{ Integrations recordedKeys }
	b, err := os.ReadFile(filepath.Join("..", "testdata", "recorded", "oauth-credentials.json"))
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		panic(err)
	}
	return file.Integrations
}

func (k recordedKeys) of(name string) magento.Keys {
	i := k[name]
	return magento.Keys{ConsumerKey: i.ConsumerKey, ConsumerSecret: commerce.NewSecret(i.ConsumerSecret),
		AccessToken: commerce.NewSecret(i.AccessToken), AccessTokenSecret: commerce.NewSecret(i.AccessTokenSecret)}
}

// historyOfLogins sends every recorded request with the header it had, signature
// included, to shops with the same keys; and to one with limits and one that is shut.
func historyOfLogins() []history {
	keys := readKeys()
	integrations := func(c *Config) {
		single(c)
		c.Integrations = []Integration{{Keys: keys.of("sync")}, {Keys: keys.of("narrow"), Rights: []string{rightProducts}}}
	}
	none := regexp.MustCompile(`^$`) // their tokens differ: every number is named
	return []history{
		{name: "logins", of: none, shop: integrations, steps: calls(
			"001 002 003 004 005 006 007 008 009 010 011 012 013 014 015 016 017 018 019 020",
			byHand(func(r *replayed) {
				form := r.shop.Activate("http://127.0.0.1:38080")
				recorded, err := url.ParseQuery(*r.all[236].Request.BodyText)
				require.NoError(r.t, err)
				for name := range recorded {
					require.Len(r.t, form.Get(name), len(recorded.Get(name)), name)
				}
				require.Len(r.t, form, len(recorded))
				r.same[236] = true
				a := r.shop.activations[0]
				a.keys, a.verifier = keys.of("handshake"), keys["handshake"].Verifier
			}),
			"021 022", adopt(22), "023 024", adopt(24),
			byHand(func(r *replayed) {
				if r.all[24] != nil && r.all[25] != nil {
					r.replay(25)
				}
			}),
			next(map[string]int64{"customer": 4}), byHand(func(r *replayed) { r.now = r.now.Add(20 * time.Minute) }), "237 238 239 240 279",
		)},
		{name: "an access token as bearer", of: none, shop: func(c *Config) { integrations(c); c.IntegrationAsBearer = true }, steps: calls("280")},
		{name: "two factors", of: none, shop: func(c *Config) { c.TwoFactor = true }, steps: calls("309")},
		{name: "input limits", of: regexp.MustCompile(`/V1/(products|customers)`), shop: func(c *Config) {
			c.MaxPageSize, c.DefaultPageSize, c.MaxArray = 300, 20, 20
		}, steps: calls("281-285")}, // those of orders are in the history of orders
		{name: "maintenance", of: none, steps: calls(byHand(func(r *replayed) { r.shop.Fail(Maintenance()) }), "286")},
	}
}

// adopt gives the shop the token that the real one answered, so that what was signed
// with it can be checked.
func adopt(number int) step {
	return byHand(func(r *replayed) {
		rec := r.all[number]
		if rec == nil {
			return
		}
		form, err := url.ParseQuery(*rec.Response.BodyText)
		require.NoError(r.t, err)
		a := r.shop.activations[0]
		a.keys.AccessToken, a.keys.AccessTokenSecret = commerce.NewSecret(form.Get("oauth_token")), commerce.NewSecret(form.Get("oauth_token_secret"))
		if last := len(r.shop.c.Integrations) - 1; r.shop.c.Integrations[last].Keys.ConsumerKey == a.keys.ConsumerKey {
			r.shop.c.Integrations[last].Keys = a.keys
		}
	})
}
