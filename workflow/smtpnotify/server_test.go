package smtpnotify

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is an SMTP server in this process. answers replaces what it says at a
// stage ("helo", "starttls", "auth", "mail", "rcpt", "data", "body"); "drop" ends
// the connection there, "stall" says nothing until the client gives up.
type server struct {
	answers   map[string]string
	noTLS     bool
	directTLS bool

	cert  tls.Certificate
	roots *x509.CertPool

	mu       sync.Mutex
	mails    []string
	to       []string
	login    string
	password string
	wg       sync.WaitGroup
}

func newServer(t testing.TB) *server {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtp.example.com"},
		DNSNames: []string{"smtp.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s := &server{answers: map[string]string{}, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: x509.NewCertPool()}
	s.roots.AddCert(parsed)
	t.Cleanup(s.wg.Wait)
	return s
}

// dial connects to the server in memory.
func (s *server) dial(context.Context, string, string) (net.Conn, error) {
	client, far := net.Pipe()
	s.wg.Go(func() { s.serve(far) })
	return client, nil
}

func (s *server) serve(conn net.Conn) {
	raw := conn
	defer func() { _ = raw.Close() }() // no farewell of TLS: over a pipe both sides would wait for the other
	if s.directTLS {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}})
	}
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(stage, normal string) bool {
		answer := normal
		if a, ok := s.answers[stage]; ok {
			answer = a
		}
		switch answer {
		case "drop":
			return false
		case "stall":
			_, _ = r.ReadLine()
			return false
		}
		_, err := conn.Write([]byte(answer + "\r\n"))
		return err == nil
	}
	if !say("greet", "220 smtp.example.com") {
		return
	}
	encrypted := s.directTLS
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		var ok bool
		switch strings.ToUpper(verb) {
		case "EHLO":
			if encrypted || s.noTLS {
				ok = say("helo", "250-smtp.example.com\r\n250 AUTH PLAIN")
			} else {
				ok = say("helo", "250-smtp.example.com\r\n250 STARTTLS")
			}
		case "STARTTLS":
			if ok = say("starttls", "220 go"); ok {
				conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}})
				r = textproto.NewReader(bufio.NewReader(conn))
				encrypted = true
			}
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			parts := strings.Split(string(plain), "\x00")
			if len(parts) == 3 {
				s.mu.Lock()
				s.login, s.password = parts[1], parts[2]
				s.mu.Unlock()
			}
			ok = say("auth", "235 welcome")
		case "MAIL":
			ok = say("mail", "250 ok")
		case "RCPT":
			s.mu.Lock()
			s.to = append(s.to, rest)
			s.mu.Unlock()
			ok = say("rcpt", "250 ok")
		case "DATA":
			if ok = say("data", "354 go on"); ok && s.answers["data"] == "" {
				body, err := r.ReadDotBytes()
				if err != nil {
					return
				}
				if !strings.HasPrefix(s.answers["body"], "5") && !strings.HasPrefix(s.answers["body"], "4") {
					s.mu.Lock()
					s.mails = append(s.mails, string(body))
					s.mu.Unlock()
				}
				ok = say("body", "250 taken")
			}
		case "QUIT":
			say("quit", "221 bye")
			return
		default:
			ok = say("", "500 what?")
		}
		if !ok {
			return
		}
	}
}
