package connection

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Delivery is a webhook delivery that a check makes itself, to see that one arrives:
// through name, certificate and proxies, with its body as it was, at a receiver that has
// the secrets.
type Delivery struct {
	// URL is where the far side delivers.
	URL string
	// Transport carries the delivery. Defaults to http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds each delivery. Defaults to 10 seconds: whoever takes longer to answer
	// is sent the same again.
	Timeout time.Duration
	// Secrets are those that the receiver should take; each is tried.
	Secrets []commerce.Secret
	// Body is an event of a type that nothing handles.
	Body []byte
	// Sign puts the signature with a secret on a request.
	Sign func(r *http.Request, body []byte, secret commerce.Secret)
}

// Deliver makes the delivery once for each secret and expects it to be taken, and once
// with a secret that nobody has and expects it to be refused.
func Deliver(ctx context.Context, of commerce.Ref, d Delivery) (found commerce.Findings) {
	if d.Transport == nil {
		d.Transport = http.DefaultTransport
	}
	if d.Timeout == 0 {
		d.Timeout = 10 * time.Second
	}
	tell := func(code, seen, expected, mend string) {
		found = append(found, commerce.Finding{Connection: of, Code: code, Severity: commerce.Broken, Seen: seen, Expected: expected, Mend: mend})
	}
	u, err := url.Parse(d.URL)
	if err != nil || u.Host == "" {
		tell("webhook_unreachable", "the endpoint's address is no URL", "an https address", "correct the address of the endpoint")
		return found
	}
	where := u.Scheme + "://" + u.Host + u.Path
	for i, secret := range d.Secrets {
		status, err := d.send(ctx, secret)
		switch {
		case err != nil:
			f := Found(of, &commerce.Error{Kind: commerce.KindUnavailable, System: of.System, Op: "deliver to " + where, Err: err})
			f.Code, f.Severity = "webhook_unreachable", commerce.Broken
			return append(found, f)
		case status/100 == 2:
			continue
		case status >= 300 && status < 400:
			tell("webhook_redirected", fmt.Sprintf("%s answers a delivery with %d", where, status), "2xx: redirects count as failures",
				"give the endpoint the address at which the receiver answers")
		case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
			tell("webhook_secret", fmt.Sprintf("%s refuses a delivery that is signed with secret %d of %d: %d", where, i+1, len(d.Secrets), status),
				"a delivery with each of the secrets is taken",
				"give the receiver the signing secret of the endpoint that stands for this address; see that no proxy changes body or headers")
		case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
			tell("webhook_path", fmt.Sprintf("%s answers a delivery with %d", where, status), "2xx", "correct the path of the endpoint, or of the receiver")
		default:
			tell("webhook_fails", fmt.Sprintf("%s answers a delivery with %d", where, status), "2xx", "look into the receiver's log: its store may be down")
		}
		return found
	}
	if status, err := d.send(ctx, commerce.NewSecret("whsec_of_nobody")); err == nil && status/100 == 2 {
		tell("webhook_takes_anything", where+" takes a delivery that is signed with a secret which nobody has", "it is refused",
			"let the receiver verify signatures: anybody may forge payments now")
	}
	return found
}

func (d Delivery) send(ctx context.Context, secret commerce.Secret) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	d.Sign(r, d.Body, secret)
	resp, err := d.Transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_, _ = httpx.ReadAll(resp.Body, 64<<10)
	return resp.StatusCode, resp.Body.Close()
}
