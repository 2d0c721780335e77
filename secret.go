package commerce

import (
	"context"
	"fmt"
	"log/slog"
	"unique"
)

const sealed = "[sealed]"

// Secret is a text that never prints: fmt, slog, JSON and text encoders all see
// "[sealed]". Reveal is the one way out. Two secrets are == when their texts are.
//
// The text is held behind a handle, since fmt calls no methods on unexported
// fields: of a Secret in one it prints an address.
type Secret struct{ v unique.Handle[string] }

// NewSecret seals a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.v.Value()
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s == Secret{} }

// String returns "[sealed]".
func (s Secret) String() string { return sealed }

// GoString returns "[sealed]", for %#v.
func (s Secret) GoString() string { return sealed }

// Format writes "[sealed]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(sealed)) }

// MarshalText writes "[sealed]"; JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(sealed), nil }

// LogValue returns "[sealed]" for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(sealed) }

// Credentials hands out what a client signs or logs in with. A client asks for
// each attempt, so that a rotation needs no restart.
type Credentials[T any] interface {
	// Current returns the credentials to use now.
	Current(ctx context.Context) (T, error)
	// Rejected tells that the far side refused these. It returns nil when Current
	// now has others, so that one more attempt makes sense; an error of kind
	// [KindAuth] when there are none. A client calls it once per request, so a
	// storm of 401 can not become a storm of renewals.
	Rejected(ctx context.Context, refused T) error
}

// Static hands out the same credentials for ever.
func Static[T any](v T) Credentials[T] { return static[T]{v} }

type static[T any] struct{ v T }

func (s static[T]) Current(context.Context) (T, error) { return s.v, nil }

func (s static[T]) Rejected(context.Context, T) error {
	return &Error{Kind: KindAuth, Op: "renew credentials", Outcome: NotSent,
		Text: "the credentials were refused and are static; put in new ones"}
}
