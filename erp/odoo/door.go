package odoo

import "net/http"

// Door returns an address at which the API answers and what carries requests there,
// without credentials: a check looks at certificate, redirects and clock as a stranger does.
func (o *Client) Door() (address string, bare http.RoundTripper) {
	return o.root + "web/version", o.c.Transport
}
