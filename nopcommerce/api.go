package nopcommerce

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// API is one of the two ways in which a shop can be talked to.
type API int

const (
	// Official is the vendor's paid "Web API Backend", below /api-backend.
	Official API = iota
	// Community is the open-source plugin, below /api. It is read from only: orders with
	// their items, customers, products, countries, stores and the primary currency.
	// Anything else is an error of kind invalid with code [CodeNotOffered].
	Community
)

// String returns "official" or "community".
func (a API) String() string {
	if a == Community {
		return "community"
	}
	return "official"
}

func (a API) prefix() string {
	if a == Community {
		return "/api"
	}
	return "/api-backend"
}

// API returns which API the client talks to.
func (cl *Client) API() API { return cl.c.API }

// offers refuses what the other API alone can do.
func (cl *Client) offers(op string, only API, write bool) error {
	if cl.c.API == only {
		return nil
	}
	e := refuse(op, CodeNotOffered, "the %s API does not offer it", cl.c.API)
	if !write {
		e.Outcome = ""
	}
	return e
}

// Detect finds out which API a shop has, without logging in: an API that is there refuses
// a stranger in its own way. Where both are, it is the official one; where none is, the
// error is of kind not found with code [CodeNoRoute]. Of the config only BaseURL, Transport,
// MaxBody and Nonce are used.
func Detect(ctx context.Context, c Config) (API, error) {
	const op = "detect the API"
	base, err := address(c.BaseURL)
	if err != nil {
		return 0, refuse("detect the API", "", "Config.BaseURL %w", err)
	}
	c = c.withDefaults()
	for _, probe := range []struct {
		api  API
		path string
	}{{Official, "/Store/GetAll"}, {Community, "/orders/count"}} {
		u := *base
		u.Path += probe.api.prefix() + probe.path
		u.RawQuery = freshParam + "=" + c.Nonce()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return 0, refuse(op, "", "no request can be made: %w", err)
		}
		req.Header.Set("Accept", "application/json")
		resp, err := c.Transport.RoundTrip(req)
		if err != nil {
			return 0, roundTripError(op, false, err)
		}
		_, err = httpx.ReadAll(resp.Body, c.MaxBody)
		resp.Body.Close()
		var large *httpx.TooLargeError
		if err != nil && !errors.As(err, &large) {
			return 0, bodyError(op, false, resp.StatusCode, err)
		}
		switch {
		case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
			return 0, answerError(call{op: op}, resp, nil, c.Now())
		case known(resp):
			return probe.api, nil
		}
	}
	return 0, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Code: CodeNoRoute,
		Text: "neither the official nor the community API answers below Config.BaseURL"}
}

// known reports whether an answer to a stranger is an API's: a refusal in JSON or with a
// challenge for a bearer, or, with the developer mode on, the answer itself.
func known(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusOK:
		return httpx.IsJSON(resp.Header)
	case http.StatusUnauthorized, http.StatusForbidden:
		return httpx.IsJSON(resp.Header) || strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer")
	}
	return false
}
