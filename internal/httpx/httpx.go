// Package httpx is the plumbing that every client shares: bounded bodies,
// Retry-After, and telling a request that never left from one that may have.
package httpx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// TooLargeError is returned by ReadAll for a body above the bound.
type TooLargeError struct{ Max int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("body is longer than %d bytes", e.Max) }

// ReadAll reads a body to its end, at most limit bytes. A longer one is a
// *TooLargeError; a short or cut one io.ErrUnexpectedEOF.
func ReadAll(body io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return b, err
	}
	if int64(len(b)) > limit {
		return b[:limit], &TooLargeError{limit}
	}
	return b, nil
}

// NotSent reports whether a round trip ended before any byte of the request can
// have reached the far side: name lookup, connect, TLS handshake. Everything else,
// also a time-out, may have been received.
func NotSent(err error) bool {
	if err == nil {
		return false
	}
	var notSent interface{ NotSent() bool }
	if errors.As(err, &notSent) {
		return notSent.NotSent()
	}
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns), errors.As(err, &cert), errors.As(err, &authority),
		errors.As(err, &host), errors.As(err, &record):
		return true
	case errors.As(err, &op):
		return op.Op == "dial"
	}
	return strings.Contains(err.Error(), "TLS handshake timeout")
}

// RetryAfter reads the header of that name: seconds or an HTTP date, at most a day. 0 =
// absent, unreadable or in the past.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	const day = 24 * time.Hour
	if n, err := strconv.Atoi(v); err == nil {
		return max(0, time.Duration(min(n, int(day/time.Second)))*time.Second)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(t.Sub(now), day))
	}
	return 0
}

// IsJSON reports whether the content type is JSON.
func IsJSON(h http.Header) bool {
	return strings.Contains(h.Get("Content-Type"), "json")
}

// NoRedirect is a CheckRedirect for clients that sign or carry credentials: it follows
// no redirect at all; the 3xx answer is returned as it is.
func NoRedirect(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}

// Wait waits for d or until the context ends, whichever comes first.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
