package tryton

import "net/http"

// Door returns an address at which the API answers and what carries requests there,
// without credentials: a check looks at certificate, redirects and clock as a stranger does.
func (t *Client) Door() (address string, bare http.RoundTripper) {
	return t.root + t.c.Database + "/", t.c.Transport
}
