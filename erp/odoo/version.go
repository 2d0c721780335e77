package odoo

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"

	"github.com/commercesync/commerce"
)

// version is what a server says of itself: "19.0", "saas~18.2", "17.0+e".
type version struct {
	text  string
	major int
}

var majorOf = regexp.MustCompile(`\d+`)

func parseVersion(text string) version {
	n, _ := strconv.Atoi(majorOf.FindString(text))
	return version{text, n}
}

// version asks the server for its version, once in a while, and without a login:
// GET /web/version, which 19 answers (recorded 2026-11), or where there is no such
// page common.version over JSON-RPC, which all versions before 20 do.
func (o *Client) version(ctx context.Context) (version, error) {
	if v, ok := o.shared.versions.Get(""); ok {
		return v, nil
	}
	c := call{op: "read version", model: "common", method: "version"}
	var v version
	err := o.repeat(ctx, false, func(ctx context.Context) error {
		text, err := o.askVersion(ctx, c)
		v = parseVersion(text)
		return err
	})
	if err != nil {
		return v, err
	}
	if v.major == 0 {
		return v, c.fail(commerce.KindInvalid, "", http.StatusOK, "the server says no version; is there an Odoo at this address?")
	}
	o.shared.versions.Put("", v)
	return v, nil
}

func (o *Client) askVersion(ctx context.Context, c call) (string, error) {
	a, err := o.post(ctx, c, "web/version", nil, nil)
	if err != nil {
		return "", err
	}
	var page struct {
		Version string `json:"version"`
	}
	if a.status == http.StatusOK && json.Unmarshal(a.body, &page) == nil && page.Version != "" {
		return page.Version, nil
	}
	if a.status != http.StatusOK && a.status != http.StatusNotFound {
		return "", c.statusError(a, o.c.Now())
	}
	raw, err := o.session.rpc.call(ctx, c, "common", "version")
	if err != nil {
		return "", err
	}
	var common struct {
		Version string `json:"server_version"`
	}
	_ = json.Unmarshal(raw, &common)
	return common.Version, nil
}

// protocol is the transport of the config, or the one that the version wants.
func (o *Client) protocol(ctx context.Context) (transport, error) {
	p := o.c.Protocol
	if p == Detect {
		v, err := o.version(ctx)
		if err != nil {
			return nil, err
		}
		if p = JSONRPC; v.major >= 19 {
			p = JSON2
		}
	}
	if p == JSON2 {
		return json2{o}, nil
	}
	return o.session.rpc, nil
}
