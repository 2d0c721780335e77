package stripe

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// Rotation says how the signing secret of a webhook endpoint is changed. Endpoint and
// Store must be set.
type Rotation struct {
	// Endpoint is what the endpoint should be, as for Ensure.
	Endpoint EndpointConfig

	// Store keeps the signing secret of a new endpoint. When it returns nil the secret
	// must be durable, and be handed out by the verifiers' Secrets beside the old one.
	// After a crash it is called again, with the same secret wherever Stripe still
	// remembers it.
	Store func(ctx context.Context, endpoint string, secret commerce.Secret) error

	// Age is how old an endpoint is when its secret is changed. Defaults to 90 days.
	Age time.Duration

	// Overlap is how long the old endpoint delivers on, counted from when the new secret
	// was stored. Defaults to 3 days: so long Stripe tries a delivery, and what the old
	// endpoint still owes is lost with it.
	Overlap time.Duration

	// Leaked is the id of an endpoint whose secret others know. It is replaced whatever
	// its age, and without an overlap. Empty = none.
	Leaked string
}

// Rotated says where a rotation stands.
type Rotated struct {
	// Endpoint is the one whose secret counts.
	Endpoint *WebhookEndpoint
	// Old still delivers beside it; nil while no rotation is under way. Drop its secret
	// when it is gone.
	Old *WebhookEndpoint
	// Due is when the next step is to be taken.
	Due time.Time
}

// Rotate takes the next step of changing the endpoint's signing secret, as far as it is
// due. Call it at every start, or once a day: it does nothing until the endpoint is of
// age or of another API version than it should be.
//
// Stripe's API can not change the secret of an endpoint: neither the API of 2023-10-16
// nor that of 2026-08-26 has a call for it (OpenAPI documents of stripe-mock v0.183.0
// and v0.203.0); only the Dashboard has. So there is a new endpoint for the same URL,
// with a secret of its own, beside the old one:
//
//  1. the new endpoint is made, Store keeps its secret, and the endpoint is marked;
//  2. for Overlap both deliver, each event twice and with one id, which an inbox stores
//     once;
//  3. the old endpoint is disabled, then deleted.
//
// Where it stands is in the endpoints' metadata at Stripe, so every step may be repeated
// after a crash, and by several processes. A new endpoint whose secret was never stored
// and that Stripe does not say again (it remembers for 24 hours) is replaced.
//
// An error of kind conflict says that the new endpoint is disabled: its deliveries were
// refused for days. The old one stays until that is repaired, see Ensure.
func (s *WebhookEndpointService) Rotate(ctx context.Context, r Rotation) (Rotated, error) {
	r, err := r.checked()
	if err != nil {
		return Rotated{}, err
	}
	all, err := s.at(ctx, r.Endpoint)
	if err != nil {
		return Rotated{}, err
	}
	if len(all) == 0 {
		return Rotated{}, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: opRotate,
			Text: "there is no endpoint for the URL; Ensure makes one"}
	}
	old, next := rotating(all)
	if next == nil {
		if old = all[0]; old.ID != r.Leaked && old.APIVersion == r.Endpoint.APIVersion && s.c.config.Now().Before(r.due(old)) {
			return Rotated{Endpoint: old, Due: r.due(old)}, nil
		}
	}
	if next == nil || stored(next).IsZero() || next.ID == r.Leaked {
		if next, err = s.succeed(ctx, r, old, next); err != nil {
			return Rotated{Endpoint: old}, err
		}
	}
	end := stored(next).Add(r.Overlap)
	if old.ID != r.Leaked && s.c.config.Now().Before(end) {
		return Rotated{Endpoint: next, Old: old, Due: end}, nil
	}
	if next.Status != "enabled" {
		return Rotated{Endpoint: next, Old: old}, &commerce.Error{Kind: commerce.KindConflict, System: system, Op: opRotate, Code: "endpoint_disabled",
			Text: "the new endpoint " + next.ID + " is disabled; do the verifiers know its secret?"}
	}
	if err := s.retire(ctx, r.Endpoint, old); err != nil {
		return Rotated{Endpoint: next, Old: old}, err
	}
	return Rotated{Endpoint: next, Due: r.due(next)}, nil
}

const opRotate = "rotate webhook endpoint"

// Marks in an endpoint's metadata.
const (
	rotatesMark = "rotates"       // the id of the endpoint that it replaces
	storedMark  = "secret_stored" // when its secret was stored, in seconds since 1970
)

// checked fills in defaults.
func (r Rotation) checked() (Rotation, error) {
	switch {
	case r.Store == nil:
		return r, invalid(opRotate, "Rotation.Store is not set")
	case r.Age < 0 || r.Overlap < 0:
		return r, invalid(opRotate, "Rotation.Age and Rotation.Overlap must not be negative")
	}
	if r.Age == 0 {
		r.Age = 90 * 24 * time.Hour
	}
	if r.Overlap == 0 {
		r.Overlap = 3 * 24 * time.Hour
	}
	var err error
	r.Endpoint, err = r.Endpoint.checked()
	return r, err
}

func (r Rotation) due(e *WebhookEndpoint) time.Time { return e.Created.Time().Add(r.Age) }

// rotating finds an endpoint and the newest that is to replace it; nil where no
// rotation is under way.
func rotating(all []*WebhookEndpoint) (old, next *WebhookEndpoint) {
	for _, next := range all {
		for _, old := range all {
			if next.Metadata[rotatesMark] == old.ID {
				return old, next
			}
		}
	}
	return nil, nil
}

// stored is when an endpoint's secret was stored; zero where it was not, or was made by
// no rotation.
func stored(e *WebhookEndpoint) time.Time {
	seconds, err := strconv.ParseInt(e.Metadata[storedMark], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// succeed makes the endpoint that replaces old, or learns its secret again, and has the
// secret stored. One that was begun goes where its secret is not known, or known to others.
func (s *WebhookEndpointService) succeed(ctx context.Context, r Rotation, old, begun *WebhookEndpoint) (*WebhookEndpoint, error) {
	next, err := s.make(ctx, r.Endpoint, "rotate "+old.ID+" without "+r.Leaked, map[string]string{rotatesMark: old.ID})
	if err != nil {
		return nil, err
	}
	if begun != nil && begun.ID != next.ID {
		if err := s.retire(ctx, r.Endpoint, begun); err != nil {
			return nil, err
		}
	}
	if err := r.Store(ctx, next.ID, next.Secret); err != nil {
		return nil, err
	}
	at := strconv.FormatInt(s.c.config.Now().Unix(), 10)
	params := &WebhookEndpointParams{}
	params.AddMetadata(storedMark, at)
	params.SetIdempotencyKey(r.Endpoint.key("stored", next.ID+" "+at))
	return s.Update(ctx, next.ID, params)
}

// retire ends an endpoint; one that is gone is no error.
func (s *WebhookEndpointService) retire(ctx context.Context, config EndpointConfig, e *WebhookEndpoint) error {
	if e.Status == "enabled" {
		params := &WebhookEndpointParams{Disabled: new(true)}
		params.SetIdempotencyKey(config.key("disable", e.ID))
		if _, err := s.Update(ctx, e.ID, params); err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
	}
	params := &DeleteParams{}
	params.SetIdempotencyKey(config.key("delete", e.ID))
	if err := s.Delete(ctx, e.ID, params); err != nil && !errors.Is(err, commerce.ErrNotFound) {
		return err
	}
	return nil
}
