package workflow

import (
	"context"
	"encoding/json"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// recall returns what a step left, or ErrNotFound where it is not done.
func recall[T any](ctx context.Context, s idempotency.Store, key string) (T, error) {
	var v T
	rec, err := s.Get(ctx, key)
	if err != nil {
		return v, err
	}
	if rec.State != idempotency.Done {
		return v, refuse(commerce.KindNotFound, "recall "+key, "", "the step is not done")
	}
	if err := json.Unmarshal(rec.Result, &v); err != nil {
		return v, commerce.Errorf(commerce.KindInternal, system, "recall "+key, "the stored result does not fit: %w", err)
	}
	return v, nil
}
