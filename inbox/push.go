package inbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/signed"
)

// PushHeader carries the signature of a [Push].
const PushHeader = "Commerce-Signature"

const (
	// maxPush bounds a push, which names an object and says nothing about it.
	maxPush = 4 << 10
	// maxPushID bounds each id in it.
	maxPushID = 200
)

// PushConfig says whose pushes are accepted. Secrets and Origin must be set.
type PushConfig struct {
	// Secrets hands out the secrets that are active: two while one is replaced. It is
	// asked for each push, so that a rotation needs no restart. None of them may be empty.
	Secrets commerce.Credentials[[]commerce.Secret]
	// Origin is the shop: tenant, system ("magento"), account and mode of its refs. Its
	// ID is empty.
	Origin commerce.Ref
	// Tolerance is how old a signature may be, and how far in the future.
	// Defaults to 5 minutes.
	Tolerance time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Push is a [Verifier] for what a shop's own plugin sends when an order or a return has
// changed, so that nobody waits for the next poll. A push says only where to look:
//
//	POST /hooks/shop
//	Commerce-Signature: t=1793610000,v1=<hex>
//
//	{"object":"order/17"}
//	{"object":"return/5","order":"order/17","id":"5f6c…"}
//
// v1 is the HMAC-SHA256 of "<t>.<body>" under the secret, in PHP:
//
//	hash_hmac('sha256', $t . '.' . $body, $secret)
//
// id is the push's own and may be left out: pushes with one id are one event, however
// often and however signed they come. Without it those with the same bytes and the same t
// are, so two changes of one second may be one event. There are no other members; a push with any is refused, because
// what nobody asked for may be about a person.
//
// The events are of type "order.changed" or "return.changed", as those of the shop's
// [Feed], but carry no revision. A lost push is found by the feed.
type Push struct {
	origin commerce.Ref
	signed *signed.Verifier
}

// NewPush checks the config and returns a verifier. It asks for the secrets once, so that
// an empty one is refused at the start. An error is of kind invalid and names the field.
func NewPush(c PushConfig) (*Push, error) {
	switch {
	case c.Origin.System == "":
		return nil, invalid("new push", "PushConfig.Origin has no System")
	case c.Origin.ID != "":
		return nil, invalid("new push", "PushConfig.Origin has an ID; it is the shop's, not an object's")
	}
	v, err := signed.New(signed.Config{System: system, What: "push", Name: "PushConfig", Header: PushHeader,
		Secrets: c.Secrets, Tolerance: c.Tolerance, Now: c.Now})
	if err != nil {
		return nil, err
	}
	return &Push{c.Origin, v}, nil
}

// Verify implements [Verifier]. Errors:
//
//   - kind auth: "unsigned", "malformed_header", "bad_signature", "stale", "future";
//   - kind invalid: "too_long", "malformed", "no_object", "no_order";
//   - kind unavailable: "no_secrets", "empty_secret".
func (p *Push) Verify(ctx context.Context, header http.Header, body []byte) (commerce.Event, error) {
	refused := func(code, text string) (commerce.Event, error) {
		e := invalid("verify push", "%s", text)
		e.Code = code
		return commerce.Event{}, e
	}
	if len(body) > maxPush {
		return refused("too_long", "a push names an object and is not longer than "+strconv.Itoa(maxPush)+" bytes")
	}
	at, err := p.signed.Verify(ctx, header, body)
	if err != nil {
		return commerce.Event{}, err
	}
	var said struct {
		ID     string `json:"id"`
		Object string `json:"object"`
		Order  string `json:"order"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&said) != nil {
		return refused("malformed", "the body is no JSON object of texts object, order and id")
	}
	if _, err := d.Token(); err != io.EOF {
		return refused("malformed", "there is more behind the JSON object")
	}
	e := commerce.Event{Object: said.Object, Subject: said.Object, Created: time.Unix(at, 0).UTC(), Raw: body}
	switch {
	case isNumber("order/", said.Object) && (said.Order == "" || said.Order == said.Object):
		e.Type = "order.changed"
	case isNumber("return/", said.Object):
		e.Type, e.Subject = "return.changed", said.Order
		if !isNumber("order/", said.Order) {
			return refused("no_order", `a return's push names its order: "order/" and its number`)
		}
	default:
		return refused("no_object", `object is "order/" or "return/" and the object's number in the shop`)
	}
	id := said.ID
	switch {
	case id == "":
		sum := sha256.Sum256(append(strconv.AppendInt(nil, at, 10), body...))
		id = hex.EncodeToString(sum[:16])
	case len(id) > maxPushID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refused("malformed", "id is at most "+strconv.Itoa(maxPushID)+" letters, digits and signs of ASCII")
	}
	e.Ref = p.origin.With("push/" + id)
	return e, nil
}

// isNumber reports that an id is of a kind, with a number behind it, written as the feeds
// write it: order/017 would be worked under another lease than order/17.
func isNumber(kind, id string) bool {
	number, ok := strings.CutPrefix(id, kind)
	return ok && number != "" && number[0] != '0' && len(id) <= maxPushID && strings.Trim(number, "0123456789") == ""
}
