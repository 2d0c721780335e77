package connection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
)

// certificate makes one for a host that ends at a time, and the pool that trusts it.
func certificate(t *testing.T, host string, end time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: end.Add(-100 * 24 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// house is a server under a name of its own: https is its port, http another.
type house struct {
	https, http http.Handler
	cert        tls.Certificate
	trust       *x509.CertPool
	unverified  bool
}

const host = "shop.example"

func (h house) transport(t *testing.T) http.RoundTripper {
	t.Helper()
	if h.https == nil {
		h.https = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	}
	if h.http == nil {
		h.http = http.RedirectHandler("https://"+host+"/", http.StatusMovedPermanently)
	}
	secure := httptest.NewUnstartedServer(h.https)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{h.cert}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(h.http)
	t.Cleanup(plain.Close)
	rt := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: h.trust, InsecureSkipVerify: h.unverified}, //nolint:gosec // one case is about it
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			to := plain.Listener.Addr().String()
			if strings.HasSuffix(addr, ":443") {
				to = secure.Listener.Addr().String()
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		},
	}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func TestAStrangerSeesWhatIsWrongWithADoor(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good, trust := certificate(t, host, now.Add(90*24*time.Hour))
	soon, trustSoon := certificate(t, host, now.Add(5*24*time.Hour))
	over, trustOver := certificate(t, host, now.Add(-24*time.Hour))
	other, trustOther := certificate(t, "other.example", now.Add(90*24*time.Hour))
	answer := func(head func(http.Header), status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			require.Empty(t, r.Header.Get("Authorization"))
			if head != nil {
				head(w.Header())
			}
			w.WriteHeader(status)
		})
	}
	date := func(d time.Duration) func(http.Header) {
		return func(h http.Header) { h.Set("Date", now.Add(d).UTC().Format(http.TimeFormat)) }
	}
	for name, c := range map[string]struct {
		house house
		url   string
		want  []string
		shut  bool
	}{
		"nothing":                 {house: house{cert: good, trust: trust}},
		"plain http":              {house: house{cert: good, trust: trust, http: answer(nil, 200)}, url: "http://" + host, want: []string{"https_missing"}},
		"http beside https":       {house: house{cert: good, trust: trust, http: answer(nil, 200)}, want: []string{"http_open"}},
		"a certificate that ends": {house: house{cert: soon, trust: trustSoon}, want: []string{"certificate_ends"}},
		"one that has ended":      {house: house{cert: over, trust: trustOver}, want: []string{"certificate_expired"}, shut: true},
		"one of another host":     {house: house{cert: other, trust: trustOther}, want: []string{"certificate_of_another"}, shut: true},
		"one of nobody known":     {house: house{cert: good, trust: trustOther}, want: []string{"certificate_unknown"}, shut: true},
		"one that is not checked": {house: house{cert: good, unverified: true}, want: []string{"certificate_not_checked"}},
		"a redirect elsewhere": {house: house{cert: good, trust: trust, https: http.RedirectHandler("https://evil.example/", http.StatusFound)},
			want: []string{"redirected"}, shut: true},
		"maintenance":                {house: house{cert: good, trust: trust, https: answer(nil, 503)}, want: []string{"maintenance"}, shut: true},
		"a clock 2 minutes off":      {house: house{cert: good, trust: trust, https: answer(date(-2*time.Minute), 401)}, want: []string{"clock_skew"}},
		"a clock 20 s off":           {house: house{cert: good, trust: trust, https: answer(date(20*time.Second), 401)}},
		"nobody at the port":         {house: house{cert: good, trust: trust}, url: "http://127.0.0.1:1", want: []string{"connection_refused"}, shut: true},
		"an address that is no URL":  {house: house{cert: good, trust: trust}, url: "shop", want: []string{"invalid"}, shut: true},
		"TLS where there is no TLS":  {house: house{cert: good, trust: trust}, url: "https://" + host + ":8443", want: []string{"tls_failed"}, shut: true},
		"http on this machine alone": {house: house{cert: good, trust: trust, http: answer(nil, 200)}, url: "http://localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := c.url
			if url == "" {
				url = "https://" + host
			}
			rt := c.house.transport(t)
			if name == "nobody at the port" {
				rt = http.DefaultTransport
			}
			found, open := connection.Knock(t.Context(), ref("a"), connection.Door{URL: url, Transport: rt})
			require.Equal(t, c.want, codes(found), "%v", found)
			require.Equal(t, !c.shut, open)
			for _, f := range found {
				require.NotEmpty(t, f.Mend)
			}
		})
	}
	t.Run("from five minutes on a clock breaks signatures", func(t *testing.T) {
		t.Parallel()
		rt := house{cert: good, trust: trust, https: answer(date(6*time.Minute), 401)}.transport(t)
		found, _ := connection.Knock(t.Context(), ref("a"), connection.Door{URL: "https://" + host, Transport: rt})
		require.Equal(t, commerce.Broken, found[0].Severity)
		require.Contains(t, found[0].Seen, "behind")
	})
}

func TestADoorThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	hangs := func(scheme string) http.RoundTripper {
		return trip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Scheme != scheme {
				return inside{status(401)}.RoundTrip(r)
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		found, open := connection.Knock(t.Context(), ref("a"), connection.Door{URL: "https://" + host, Transport: hangs("https")})
		require.Equal(t, []string{"timed_out"}, codes(found))
		require.False(t, open)
		require.Equal(t, 10*time.Second, time.Since(start))

		// A firewall that drops port 80 is none of our business.
		start = time.Now()
		found, open = connection.Knock(t.Context(), ref("a"), connection.Door{URL: "https://" + host, Transport: hangs("http")})
		require.Empty(t, found)
		require.True(t, open)
		require.Equal(t, 2500*time.Millisecond, time.Since(start))

		start = time.Now()
		found = connection.Deliver(t.Context(), ref("a"), connection.Delivery{URL: hook, Transport: hangs("https"), Secrets: []commerce.Secret{commerce.NewSecret("s")},
			Sign: func(*http.Request, []byte, commerce.Secret) {}})
		require.Equal(t, []string{"webhook_unreachable"}, codes(found))
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}
