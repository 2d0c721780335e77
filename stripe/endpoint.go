package stripe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// EndpointConfig says what a webhook endpoint should be. URL and Events must be set.
type EndpointConfig struct {
	// URL is where Stripe delivers, https. It identifies the endpoint.
	URL string

	// Events are the types that the workflows in use need: what they handle says so,
	// inbox.Merge(…).Types("stripe"). What feeds tell of a balance and its payouts is left
	// out: Stripe has no events for it.
	Events []string

	// Connect asks for the events of connected accounts, which a platform's own
	// endpoint does not get. It can not be changed later.
	Connect bool

	// APIVersion pins the version that events are written in. It can not be changed
	// later. Defaults to the constant APIVersion.
	APIVersion string

	// Description is for people. Empty leaves it as it is.
	Description string
}

// Drift is what differs between an endpoint as it is and as it should be. The zero
// value is none.
type Drift struct {
	Missing  bool     // there is no endpoint for the URL
	Disabled bool     // Stripe disables one whose deliveries failed for days
	Lacking  []string // events that are needed and not delivered
	Surplus  []string // events that are delivered and not needed
	// Version is the API version that it has instead; "account default" where it has
	// none of its own. Only a new endpoint can have another.
	Version string
	// Twins are ids of other endpoints for the same URL: every event comes twice. The
	// two of a rotation are none.
	Twins []string
}

// None reports whether everything is as it should be.
func (d Drift) None() bool {
	return !d.Missing && !d.Disabled && len(d.Lacking) == 0 && len(d.Surplus) == 0 && d.Version == "" && len(d.Twins) == 0
}

const connectMark = "connect"

// Check compares the account's endpoint for the URL with what it should be, and
// changes nothing. The endpoint is nil where there is none. Whether one is a Connect
// endpoint Stripe does not say: it is told by the metadata that Ensure leaves, and
// endpoints without it count as the account's own.
func (s *WebhookEndpointService) Check(ctx context.Context, config EndpointConfig) (*WebhookEndpoint, Drift, error) {
	config, err := config.checked()
	if err != nil {
		return nil, Drift{}, err
	}
	all, err := s.at(ctx, config)
	if err != nil {
		return nil, Drift{}, err
	}
	var found *WebhookEndpoint
	var drift Drift
	old, next := rotating(all)
	for _, e := range all {
		switch {
		case next != nil && (e == next) == stored(next).IsZero() && (e == next || e == old):
			// The one of the two that does not count: the new one until its secret is stored.
		case found == nil:
			found = e
		case found.APIVersion != config.APIVersion && e.APIVersion == config.APIVersion:
			drift.Twins = append(drift.Twins, found.ID)
			found = e // one that needs no replacement
		default:
			drift.Twins = append(drift.Twins, e.ID)
		}
	}
	if found == nil {
		drift.Missing, drift.Lacking = true, config.Events
		return nil, drift, nil
	}
	drift.Disabled = found.Status != "enabled"
	if found.APIVersion != config.APIVersion {
		if drift.Version = found.APIVersion; drift.Version == "" {
			drift.Version = "account default"
		}
	}
	any := slices.Contains(found.EnabledEvents, "*")
	for _, want := range config.Events {
		if !any && !slices.Contains(found.EnabledEvents, want) {
			drift.Lacking = append(drift.Lacking, want)
		}
	}
	for _, have := range found.EnabledEvents {
		if !slices.Contains(config.Events, have) {
			drift.Surplus = append(drift.Surplus, have)
		}
	}
	return found, drift, nil
}

// at returns the endpoints for the config's URL, newest first.
func (s *WebhookEndpointService) at(ctx context.Context, config EndpointConfig) (all []*WebhookEndpoint, err error) {
	for e, err := range s.List(ctx, nil) {
		switch {
		case err != nil:
			return nil, err
		case e.URL == config.URL && config.Connect == (e.Metadata[connectMark] == "true"):
			all = append(all, &e)
		}
	}
	return all, nil
}

// Ensure makes the endpoint where there is none, enables it and sets its events where
// they differ, and returns it with the drift that it found. What it made has its
// Secret set: store it before anything else, Stripe says it once.
//
// It replaces and deletes nothing: an endpoint of another version goes on delivering,
// and twins stay. [WebhookEndpointService.Rotate] changes the secret, and the version.
func (s *WebhookEndpointService) Ensure(ctx context.Context, config EndpointConfig) (*WebhookEndpoint, Drift, error) {
	found, drift, err := s.Check(ctx, config)
	if err != nil {
		return nil, drift, err
	}
	config, err = config.checked()
	if err != nil {
		return nil, drift, err
	}
	switch params := config.params(); {
	case found == nil:
		found, err = s.make(ctx, config, "create", nil)
	case drift.Disabled || len(drift.Lacking) > 0 || len(drift.Surplus) > 0:
		if drift.Disabled {
			params.Disabled = new(false)
		}
		// It says what the endpoint should be and may be said twice. The moment makes the
		// key: an endpoint that breaks the same way again is repaired again, not replayed.
		params.SetIdempotencyKey(config.key("update", found.ID+" "+s.c.config.Now().Format(time.RFC3339Nano)))
		found, err = s.Update(ctx, found.ID, params)
	}
	return found, drift, err
}

// params are what can be changed.
func (c EndpointConfig) params() *WebhookEndpointParams {
	params := &WebhookEndpointParams{}
	for _, e := range c.Events {
		params.EnabledEvents = append(params.EnabledEvents, &e)
	}
	if c.Description != "" {
		params.Description = &c.Description
	}
	return params
}

// make creates the endpoint. One that was deleted a moment ago is still answered under
// its key, so the answer is looked up; its id then makes another key.
func (s *WebhookEndpointService) make(ctx context.Context, config EndpointConfig, act string, metadata map[string]string) (*WebhookEndpoint, error) {
	params := config.params()
	params.URL, params.APIVersion, params.Connect, params.Metadata = &config.URL, &config.APIVersion, &config.Connect, metadata
	if config.Connect {
		params.AddMetadata(connectMark, "true")
	}
	before := ""
	for range 8 {
		params.SetIdempotencyKey(config.key(act, before))
		made, err := s.Create(ctx, params)
		if err != nil {
			return nil, err
		}
		if _, err := s.Get(ctx, made.ID); !errors.Is(err, commerce.ErrNotFound) {
			return made, err
		}
		before = made.ID
	}
	return nil, &commerce.Error{Kind: commerce.KindConflict, System: system, Op: "create webhook endpoint",
		Text: "it was deleted eight times within a day"}
}

// key is the same for the same change of the same endpoint, so that two programs that
// start together make one.
func (c EndpointConfig) key(act, before string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{c.URL, c.APIVersion, c.Description, before, map[bool]string{true: connectMark}[c.Connect]}, c.Events...), "\n")))
	return "endpoint/" + act + "/" + hex.EncodeToString(sum[:16])
}

// checked fills in defaults and puts the events in order.
func (c EndpointConfig) checked() (EndpointConfig, error) {
	const op = "check webhook endpoint"
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https":
		return c, invalid(op, "EndpointConfig.URL is no https URL without user and password")
	case len(c.Events) == 0:
		return c, invalid(op, "EndpointConfig.Events is empty")
	case slices.Contains(c.Events, "*"):
		return c, invalid(op, "EndpointConfig.Events must name the events; * would deliver what nobody reads")
	}
	if c.APIVersion == "" {
		c.APIVersion = APIVersion
	}
	c.Events = slices.Compact(slices.Sorted(slices.Values(c.Events)))
	if c.Events = slices.DeleteFunc(c.Events, ofFeeds); len(c.Events) == 0 {
		return c, invalid(op, "EndpointConfig.Events has no type that Stripe delivers")
	}
	return c, nil
}

// ofFeeds reports whether events of a type come by a feed alone: see package stripepay.
func ofFeeds(kind string) bool {
	return kind == "balance.movement" || kind == "balance.day" || kind == "payout.changed"
}
