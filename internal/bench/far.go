package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// far is a way to a server that takes longer: what goes there arrives later by a
// delay, so that a round trip is longer by that much.
type far struct {
	l     net.Listener
	to    string
	delay time.Duration
	mu    sync.Mutex
	conns []net.Conn
}

func newFar(to string, delay time.Duration) (*far, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &far{l: l, to: to, delay: delay}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f, nil
}

func (f *far) close() {
	f.l.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
}

// piece is what was sent at a moment.
type piece struct {
	bytes []byte
	due   time.Time
}

func (f *far) serve(near net.Conn) {
	defer near.Close()
	there, err := net.Dial("tcp", f.to)
	if err != nil {
		return
	}
	defer there.Close()
	f.mu.Lock()
	f.conns = append(f.conns, near, there)
	f.mu.Unlock()
	go func() {
		_, _ = io.Copy(near, there)
		near.Close()
	}()
	line := make(chan piece, 1024)
	go func() {
		defer close(line)
		for {
			b := make([]byte, 64<<10)
			n, err := near.Read(b)
			if err != nil {
				return
			}
			line <- piece{b[:n], time.Now().Add(f.delay)}
		}
	}()
	for p := range line {
		if wait := time.Until(p.due); wait > 0 {
			<-time.After(wait)
		}
		if _, err := there.Write(p.bytes); err != nil {
			near.Close() // so that the reader ends
		}
	}
}
