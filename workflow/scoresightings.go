package workflow

import (
	"context"
	"encoding/json"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Sighting is what is remembered of an order that was judged. It holds no personal data.
type Sighting struct {
	Order    commerce.Ref   `json:"order"`
	Customer string         `json:"customer"` // a hash; empty = not known
	Amount   commerce.Money `json:"amount"`
	At       time.Time      `json:"at"` // when it was placed
}

// Sightings remembers orders by traits: a customer, a card, a store. [SightingsIn] is one; a
// host with many orders may keep them where they are cheap to forget.
type Sightings interface {
	// See remembers an order under each of the traits. The same order under the same trait
	// again changes nothing.
	See(ctx context.Context, s Sighting, traits ...string) error
	// Seen returns what was remembered under a trait since, at most limit of them, in any
	// order.
	Seen(ctx context.Context, trait string, since time.Time, limit int) ([]Sighting, error)
}

// SightingsIn keeps sightings where the steps of the workflows are kept, for ever, under
// "fraud.seen/<trait>/<order>".
func SightingsIn(steps idempotency.Store) Sightings { return stepSightings{steps} }

type stepSightings struct{ steps idempotency.Store }

func (s stepSightings) See(ctx context.Context, seen Sighting, traits ...string) error {
	for _, trait := range traits {
		key := "fraud.seen/" + trait + "/" + seen.Order.String()
		rec, err := s.steps.Get(ctx, key)
		if err == nil && rec.State == idempotency.Done {
			continue
		}
		if _, err = idempotency.Run(ctx, s.steps, key, idempotency.Effect[Sighting]{
			Class: idempotency.Keyed, // a note of ours
			Act:   func(context.Context) (Sighting, error) { return seen, nil },
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s stepSightings) Seen(ctx context.Context, trait string, since time.Time, limit int) ([]Sighting, error) {
	var out []Sighting
	for rec, err := range s.steps.List(ctx, "fraud.seen/"+trait+"/", since) {
		if err != nil {
			return nil, err
		}
		if rec.State != idempotency.Done {
			continue
		}
		var v Sighting
		if err := json.Unmarshal(rec.Result, &v); err != nil {
			return nil, commerce.Errorf(commerce.KindInternal, system, "read "+rec.Key, "the stored sighting does not fit: %w", err)
		}
		if out = append(out, v); len(out) >= limit {
			break
		}
	}
	return out, nil
}
