package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
)

// WebhookEndpoint is a URL that Stripe sends events to.
type WebhookEndpoint struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	URL           string   `json:"url"`
	EnabledEvents []string `json:"enabled_events"` // "*" is nearly all
	APIVersion    string   `json:"api_version"`    // of its events; empty = the account's default, which moves
	Status        string   `json:"status"`         // "enabled", "disabled"
	// Application is set on an endpoint that a platform made for a connected account.
	Application string            `json:"application"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`

	// Secret signs the deliveries. Stripe says it once, in the answer to Create: a
	// program that loses it has to make a new endpoint. Raw has "[sealed]" in its place.
	Secret commerce.Secret `json:"-"`

	Raw json.RawMessage `json:"-"` // the object as received, secret sealed
}

// UnmarshalJSON reads an endpoint of any API version. A missing id, created,
// livemode, url, status or list of events is a [*GapError].
func (w *WebhookEndpoint) UnmarshalJSON(b []byte) error {
	type plain WebhookEndpoint
	var more struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal(b, &more); err != nil {
		return err
	}
	w.Raw, w.Secret = seal(b, signingSecret), commerce.NewSecret(more.Secret)
	return read(b, (*plain)(w), "webhook_endpoint", "id", "created", "livemode", "url", "status", "enabled_events")
}

var signingSecret = []byte(`"secret"`)

// Parameters of webhook endpoints.
type (
	WebhookEndpointParams     = stripego.WebhookEndpointParams
	WebhookEndpointListParams = stripego.WebhookEndpointListParams
)

// WebhookEndpointService reads and writes webhook endpoints. Every write needs
// params with an idempotency key.
type WebhookEndpointService struct{ c *Client }

const webhookEndpoints = "/v1/webhook_endpoints"

// Get reads an endpoint; its Secret is empty.
func (s *WebhookEndpointService) Get(ctx context.Context, id string) (*WebhookEndpoint, error) {
	return get[WebhookEndpoint](ctx, s.c, "webhook endpoint", webhookEndpoints, id, nil)
}

// List reads endpoints, newest first. A nil params lists all.
func (s *WebhookEndpointService) List(ctx context.Context, params *WebhookEndpointListParams) iter.Seq2[WebhookEndpoint, error] {
	return pages[WebhookEndpoint](ctx, s.c, "list webhook endpoints", webhookEndpoints, params)
}

// Create makes an endpoint. Set APIVersion to [APIVersion]: it can not be changed
// later, and without one the account's default moves under the program.
func (s *WebhookEndpointService) Create(ctx context.Context, params *WebhookEndpointParams) (*WebhookEndpoint, error) {
	return post[WebhookEndpoint](ctx, s.c, "create webhook endpoint", webhookEndpoints, orEmpty(params))
}

// Update changes URL, events, description or whether the endpoint is Disabled.
func (s *WebhookEndpointService) Update(ctx context.Context, id string, params *WebhookEndpointParams) (*WebhookEndpoint, error) {
	return act[WebhookEndpoint](ctx, s.c, "update webhook endpoint", webhookEndpoints+"/%s", id, orEmpty(params))
}

// Delete ends an endpoint. Events that it has not acknowledged are not sent again.
func (s *WebhookEndpointService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete webhook endpoint", webhookEndpoints+"/%s", id, orEmpty(params))
}
