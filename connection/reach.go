package connection

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Door is where a system is reached: what a stranger sees of it.
type Door struct {
	// URL is an address below which the API answers, such as https://shop.example/rest.
	URL string
	// Transport carries requests there, without credentials. Defaults to
	// http.DefaultTransport.
	Transport http.RoundTripper
	// Expires is how long before its end a certificate is told of. Defaults to 21 days;
	// certificates of 90 days are renewed 30 before.
	Expires time.Duration
	// Skew is how far the clocks may differ. Defaults to 1 minute. From 5 minutes on
	// signatures and tokens are refused, and the finding says broken.
	Skew time.Duration
	// Timeout bounds each knock. Defaults to 10 seconds; the one at plain http, which many
	// firewalls drop, has a quarter of it.
	Timeout time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// strict is the difference of clocks from which signatures are refused: Stripe's default
// tolerance. Magento refuses 10 minutes, nopCommerce's tokens allow none.
const strict = 5 * time.Minute

// Knock looks at a door as a stranger: no credentials are sent, and no redirect is
// followed. It finds a door that is not there, plain http, certificates that are bad, not
// checked or about to end, redirects, and clocks that differ. Where the system can not be
// asked at all open is false, and a check need not go on.
func Knock(ctx context.Context, of commerce.Ref, d Door) (found commerce.Findings, open bool) {
	if d.Transport == nil {
		d.Transport = http.DefaultTransport
	}
	if d.Expires == 0 {
		d.Expires = 21 * 24 * time.Hour
	}
	if d.Skew == 0 {
		d.Skew = time.Minute
	}
	if d.Timeout == 0 {
		d.Timeout = 10 * time.Second
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	u, err := url.Parse(d.URL)
	if err != nil || u.Host == "" {
		return commerce.Findings{Found(of, commerce.Errorf(commerce.KindInvalid, room, "knock", "the address is no URL"))}, false
	}
	tell := func(code string, s commerce.Severity, seen, expected, mend string) {
		found = append(found, commerce.Finding{Connection: of, Code: code, Severity: s, Seen: seen, Expected: expected, Mend: mend})
	}
	local := Local(u.Hostname())
	if u.Scheme != "https" && !local {
		tell("https_missing", commerce.Broken, "the address is "+u.Scheme+"://"+u.Host+": credentials travel where anybody on the way can read them",
			"https://"+u.Host, "put the https address into the configuration; have a certificate made for the host if it has none")
	}
	asked := d.Now()
	resp, err := ask(ctx, d.Timeout, d.Transport, u)
	if err != nil {
		return append(found, Found(of, &commerce.Error{Kind: commerce.KindUnavailable, System: of.System, Op: "knock at " + u.Host, Err: err})), false
	}
	took := d.Now().Sub(asked)

	if to, err := resp.Location(); err == nil && resp.StatusCode >= 300 && resp.StatusCode < 400 {
		where := "its own " + to.Scheme + " address"
		if to.Host != u.Host {
			where = "the other host " + to.Host + ", which gets no credentials from us"
		}
		tell("redirected", commerce.Broken, u.Scheme+"://"+u.Host+" redirects to "+where, "the API answers at the configured address",
			"configure "+to.Scheme+"://"+to.Host+", if that is the system's; else see who redirects")
		return found, false
	}
	if resp.StatusCode >= 500 {
		found = append(found, Found(of, &commerce.Error{Kind: commerce.KindUnavailable, System: of.System, Op: "knock at " + u.Host, Status: resp.StatusCode}))
		return found, false
	}
	if s := resp.TLS; s != nil && len(s.PeerCertificates) > 0 {
		if len(s.VerifiedChains) == 0 && !local {
			tell("certificate_not_checked", commerce.Broken, "the transport takes any certificate: anybody on the way can be "+u.Host,
				"certificates are verified", "take InsecureSkipVerify out of the transport; put a CA of your own into RootCAs")
		}
		end := s.PeerCertificates[0].NotAfter
		for _, c := range s.PeerCertificates[1:] {
			if c.NotAfter.Before(end) && c.CheckSignatureFrom(c) != nil { // a root that is sent along does not count
				end = c.NotAfter
			}
		}
		if left := end.Sub(asked); left < d.Expires {
			tell("certificate_ends", commerce.Warning, fmt.Sprintf("the certificate of %s, or one of its chain, ends on %s, in %d days", u.Host, end.UTC().Format("2006-01-02"), int(left.Hours()/24)),
				fmt.Sprintf("more than %d days", int(d.Expires.Hours()/24)), "renew it where the system is hosted; see why that did not happen by itself")
		}
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := asked.Add(took / 2).Sub(date).Round(time.Second)
		if skew.Abs() > d.Skew+took/2+time.Second {
			s := commerce.Warning
			if skew.Abs() >= strict {
				s = commerce.Broken
			}
			word := "ahead of"
			if skew < 0 {
				word = "behind"
			}
			tell("clock_skew", s, fmt.Sprintf("this machine's clock is %s %s that of %s", skew.Abs(), word, u.Host),
				"less than "+d.Skew.String(), "let both machines take their time from NTP")
		}
	}
	if u.Scheme == "https" && u.Port() == "" && !local {
		plain := *u
		plain.Scheme = "http"
		if resp, err := ask(ctx, d.Timeout/4, d.Transport, &plain); err == nil && resp.StatusCode < 300 {
			tell("http_open", commerce.Warning, "http://"+u.Host+" answers without TLS, so that a client with a wrong address would be served",
				"http is refused or redirects to https", "redirect http to https at the web server")
		}
	}
	return found, true
}

// ask makes one request and reads nothing of the answer but its head.
func ask(ctx context.Context, timeout time.Duration, rt http.RoundTripper, u *url.URL) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	_, _ = httpx.ReadAll(resp.Body, 64<<10) // so that the connection can be used again
	return resp, resp.Body.Close()
}

// Local reports whether a host is this machine or, below .test, none of the Internet (RFC 6761).
func Local(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".test")
}
