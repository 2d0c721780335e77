package workflow

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/commercesync/commerce"
)

// Link returns a link to pay for the order that stays good, whatever becomes of
// the requests behind it: PageURL with the order in the query, sealed with LinkKey
// so that nobody can make one for another order. [Collect.ServeHTTP] answers at
// PageURL. It is empty where PageURL is not set.
func (c *Collect) Link(order commerce.Ref) string {
	if c.PageURL == "" {
		return ""
	}
	token := base64.RawURLEncoding.EncodeToString([]byte(order.String())) + "." +
		base64.RawURLEncoding.EncodeToString(c.mac(order.String()))
	sep := "?"
	if strings.Contains(c.PageURL, "?") {
		sep = "&"
	}
	return c.PageURL + sep + "order=" + url.QueryEscape(token)
}

func (c *Collect) mac(text string) []byte {
	m := hmac.New(sha256.New, []byte(c.LinkKey.Reveal()))
	m.Write([]byte("commerce retry link\n" + text))
	return m.Sum(nil)
}

// unseal reads what Link wrote.
func (c *Collect) unseal(token string) (commerce.Ref, error) {
	bad := refuse(commerce.KindInvalid, "read link", "", "the link is not one of ours")
	name, sum, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil {
		return commerce.Ref{}, bad
	}
	mac, err := base64.RawURLEncoding.DecodeString(sum)
	if err != nil || !hmac.Equal(mac, c.mac(string(text))) {
		return commerce.Ref{}, bad
	}
	return commerce.ParseRef(string(text))
}

// ServeHTTP leads the buyer who follows a link of [Collect.Link] to the open
// Checkout session, which is made now if there is none. An order that has nothing
// to pay answers 410, an opening under way 503 with Retry-After.
func (c *Collect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.PageURL == "" || c.LinkKey.Empty() {
		http.NotFound(w, r)
		return
	}
	order, err := c.unseal(r.URL.Query().Get("order"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	open, err := c.Open(r.Context(), order)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch {
	case err == nil && open.URL != "":
		http.Redirect(w, r, open.URL, http.StatusSeeOther)
	case errors.Is(err, commerce.ErrNotFound):
		http.NotFound(w, r)
	case errors.Is(err, commerce.ErrConflict):
		http.Error(w, "There is nothing to pay on this order.", http.StatusGone)
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
	}
}

// url returns where a message sends the buyer: the link that stays good, or the
// open Checkout session, or nowhere.
func (c *Collect) url(ctx context.Context, a account) (string, error) {
	if c.PageURL != "" {
		return c.Link(a.order.Ref), nil
	}
	open, err := c.open(ctx, a)
	if errors.Is(err, commerce.ErrConflict) || errors.Is(err, commerce.ErrLimit) {
		return "", nil
	}
	return open.URL, err
}
