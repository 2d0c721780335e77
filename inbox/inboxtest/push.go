package inboxtest

import (
	"time"

	"github.com/commercesync/commerce/internal/signed"
)

// SignPush makes the value of an [inbox.PushHeader], as a shop's plugin does: one
// signature for each secret.
func SignPush(at time.Time, body []byte, secrets ...string) string {
	return signed.Sign(at, body, secrets...)
}
