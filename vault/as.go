package vault

import "context"

type whoKey struct{}

type who struct{ actor, purpose string }

// As says on whose behalf, and what for, credentials are used under the context:
// As(ctx, "worker", "refund re_1"), As(ctx, "user 17", "show to a person"). A [Guard]
// writes both down. Neither may hold a secret or personal data, since both are kept.
func As(ctx context.Context, actor, purpose string) context.Context {
	return context.WithValue(ctx, whoKey{}, who{actor, purpose})
}

// actorOf returns what [As] said; both are empty where it did not.
func actorOf(ctx context.Context) (actor, purpose string) {
	w, _ := ctx.Value(whoKey{}).(who)
	return w.actor, w.purpose
}
