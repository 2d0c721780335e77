package stripe

import "net/http"

// Door returns an address at which the API answers and what carries requests there,
// without credentials: a check looks at certificate, redirects and clock as a stranger does.
func (c *Client) Door() (address string, bare http.RoundTripper) {
	return c.config.BaseURL + "/v1/balance", c.config.Transport
}
