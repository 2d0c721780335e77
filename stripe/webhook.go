package stripe

import (
	"context"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/signed"
)

// SignatureHeader carries the signature of a webhook delivery.
const SignatureHeader = "Stripe-Signature"

// WebhookConfig says whose deliveries are accepted. Secrets is the one field that
// must be set.
type WebhookConfig struct {
	// Secrets hands out the signing secrets (whsec_…) of all endpoints that deliver
	// here, old ones too while they are rolled. It is asked for each delivery, so
	// that a rotation needs no restart. None of them may be empty.
	Secrets commerce.Credentials[[]commerce.Secret]

	// Tenant is the host program's customer that the events belong to.
	Tenant string

	// Account names the account itself in the refs of its events ("acct_1"). Events
	// of connected accounts name their own.
	Account string

	// Mode refuses events of the other mode. Empty accepts both.
	Mode commerce.Mode

	// Tolerance is how old a signature may be, and how far in the future. Defaults
	// to 5 minutes.
	Tolerance time.Duration

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// WebhookVerifier tells Stripe's deliveries from anybody else's and reads as much of
// them as is needed to store them. It is safe for concurrent use.
type WebhookVerifier struct {
	config WebhookConfig
	signed *signed.Verifier
}

// Webhook checks the config and returns a verifier. It asks for the secrets once, so
// that an empty one is refused at the start. An error is of kind invalid and names
// the field.
func Webhook(config WebhookConfig) (*WebhookVerifier, error) {
	const op = "new webhook"
	if config.Mode != "" && config.Mode != commerce.Live && config.Mode != commerce.Test {
		return nil, invalid(op, "WebhookConfig.Mode must be live, test or empty")
	}
	v, err := signed.New(signed.Config{System: system, What: "webhook", Name: "WebhookConfig", Header: SignatureHeader,
		Secrets: config.Secrets, Tolerance: config.Tolerance, Now: config.Now})
	if err != nil {
		return nil, err
	}
	return &WebhookVerifier{config, v}, nil
}

// Verify checks the signature over the body, byte for byte, and reads the envelope.
// The event keeps body as its Raw, so the caller must not use it again.
//
// Every API version is accepted, none at all too, and thin events. Errors:
//
//   - kind auth: "unsigned", "malformed_header", "bad_signature", "stale", "future";
//   - kind invalid: "malformed", "no_id", "no_type", "no_created", "no_livemode",
//     "mode_mismatch";
//   - kind unavailable: "no_secrets", where Secrets.Current fails, and
//     "empty_secret", where the secrets became unusable. Nobody can tell now whose
//     delivery it is, so it must be sent again.
func (v *WebhookVerifier) Verify(ctx context.Context, header http.Header, body []byte) (commerce.Event, error) {
	if _, err := v.signed.Verify(ctx, header, body); err != nil {
		return commerce.Event{}, err
	}
	return envelope(body, origin{v.config.Tenant, v.config.Account, v.config.Mode})
}

func refused(kind commerce.Kind, code, text string) *commerce.Error {
	return &commerce.Error{Kind: kind, System: system, Op: "verify webhook", Code: code, Text: text}
}
