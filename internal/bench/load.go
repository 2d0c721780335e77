package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const secret = "whsec_4f1c9a27d03b58e6"

// template is an event of 4 kB as Stripe sends it; it differs in three ids each time.
//
//go:embed testdata/charge.succeeded.json
var template []byte

// ids are the ids in the template that every event has of its own.
var ids = []string{"evt_wJmZpW9sBib41XlK6rAsWISz", "ch_L9SIpgr1WFHAgbGBSeH4W4rl", "pi_qY3CaAlXqdIXFBaXvP5UzPxX"}

// events numbers events; the numbers are spread, so that ids come in no order.
var events atomic.Uint64

// eventBody writes event n over into, which is a copy of the template.
func eventBody(into []byte, n uint64) {
	digits := fmt.Sprintf("%016x%08x", n*0x9E3779B97F4A7C15, n&0xffffffff)
	for _, id := range ids {
		at := bytes.Index(template, []byte(id))
		i := strings.IndexByte(id, '_') + 1
		copy(into[at+i:], digits)
	}
}

// signer signs deliveries.
type signer struct {
	stamp []byte
	sum   []byte
}

func (s *signer) header(body []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	s.stamp = strconv.AppendInt(s.stamp[:0], time.Now().Unix(), 10)
	h.Write(s.stamp)
	h.Write([]byte{'.'})
	h.Write(body)
	s.sum = h.Sum(s.sum[:0])
	return "t=" + string(s.stamp) + ",v1=" + hex.EncodeToString(s.sum)
}

// taken is what a server took in.
type taken struct {
	requests, distinct int
	took               time.Duration
	p99                time.Duration
}

func (t taken) rate() float64 { return float64(t.requests) / t.took.Seconds() }

// repeatEvery is which request brings an event again that was brought before.
const repeatEvery = 10

// load sends events over so many connections, each as fast as it is answered, for a
// time or until there were enough (0 = no such bound). Every answer must be 200.
func load(ctx context.Context, addr string, connections int, d time.Duration, enough int) (taken, error) {
	// The first failure is the answer: the others are the connections that it closes.
	all, ctx := errgroup.WithContext(ctx)
	results := make([]sender, connections)
	began := time.Now()
	for i := range results {
		all.Go(func() error { return results[i].run(ctx, addr, began.Add(d), enough/connections) })
	}
	err := all.Wait()
	t := taken{took: time.Since(began)}
	if err != nil {
		return t, err
	}
	var latencies []time.Duration
	for i := range results {
		t.requests += results[i].requests
		t.distinct += results[i].distinct
		latencies = append(latencies, results[i].latencies...)
	}
	if len(latencies) == 0 {
		return t, errors.New("nothing was answered")
	}
	slices.Sort(latencies)
	t.p99 = latencies[len(latencies)*99/100]
	return t, nil
}

// sender is one connection.
type sender struct {
	requests, distinct int
	latencies          []time.Duration
}

func (s *sender) run(ctx context.Context, addr string, until time.Time, enough int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	in := bufio.NewReader(conn)
	body := bytes.Clone(template)
	var sign signer
	var out bytes.Buffer
	var last uint64
	for time.Now().Before(until) && (enough == 0 || s.distinct < enough) {
		if s.requests%repeatEvery != repeatEvery-1 {
			last = events.Add(1)
			s.distinct++
		}
		eventBody(body, last)
		out.Reset()
		fmt.Fprintf(&out, "POST /hooks/stripe HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n",
			addr, sign.header(body), len(body))
		out.Write(body)
		began := time.Now()
		if _, err := conn.Write(out.Bytes()); err != nil {
			return err
		}
		if err := answer(in); err != nil {
			return err
		}
		s.latencies = append(s.latencies, time.Since(began))
		s.requests++
	}
	return nil
}

// answer reads an answer and wants it to be 200.
func answer(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answered %q", bytes.TrimSpace(status))
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
	}
	_, err = in.Discard(length)
	return err
}
