package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"

	"github.com/commercesync/commerce/internal/bench/ingest"
	"github.com/commercesync/commerce/internal/bench/payout"
)

// childVariable carries what a process of this program is to serve.
const childVariable = "COMMERCE_BENCH_CHILD"

// role is what a child serves.
type role struct {
	Plain  bool
	Config ingest.Config
	Job    payout.Job // with a Way it is this, and serves nothing
}

// serveChild serves until the parent closes standard input.
func serveChild(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	if r.Job.Way != "" {
		return workChild(r.Job)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, l.Addr())
	signal.Ignore(os.Interrupt) // the parent hears of it and ends in order
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if r.Plain {
		return servePlain(ctx, l, r.Config)
	}
	return ingest.Serve(ctx, l, r.Config)
}

// child is a server in a process of its own, so that what it takes is its own.
type child struct {
	addr    string
	process *exec.Cmd
	in      io.Closer
}

func start(r role) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c := &child{process: exec.Command(self)}
	c.process.Env = append(os.Environ(), childVariable+"="+string(text))
	c.process.Stderr = os.Stderr
	if c.in, err = c.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not start: %w", err), c.stop())
	}
	c.addr = strings.TrimSpace(line)
	return c, nil
}

func (c *child) stop() error {
	c.in.Close()
	return c.process.Wait()
}

// stats asks how far the server is.
func (c *child) stats() (s ingest.Stats, err error) {
	resp, err := http.Get("http://" + c.addr + "/stats")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

// resident returns how many bytes the process has in memory now, and had at most;
// 0 where the system has no /proc.
func (c *child) resident() (now, most int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		return 0, 0
	}
	read := func(name string) int {
		_, rest, _ := strings.Cut(string(text), name+":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), " kB"))
		return n << 10
	}
	return read("VmRSS"), read("VmHWM")
}
