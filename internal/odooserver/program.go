package odooserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is one that runs inside the root directory.
type program struct {
	name    string
	log     string // path
	how     syscall.Signal
	command *exec.Cmd
	ended   chan struct{}
}

// signals are the names that setpriv knows.
var signals = map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL"}

// command runs a program inside the root directory as one of its users. The server's
// own directory is /srv there. The mounts are private and go with the process; the
// program has the process id of the command, and ends with this one.
func (s *Server) command(user string, how syscall.Signal, line ...string) *exec.Cmd {
	const script = `root=$1 dir=$2; shift 2
mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --bind "$dir" "$root/srv" || exit 1
exec chroot "$root" "$@"`
	args := []string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", s.root, s.dir,
		"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", signals[how],
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/srv/data", "LANG=C.UTF-8", "TZ=UTC"}
	return exec.Command("unshare", append(args, line...)...)
}

// run runs a program to its end.
func (s *Server) run(ctx context.Context, user string, input io.Reader, line ...string) error {
	c := s.command(user, syscall.SIGKILL, line...)
	c.Stdin = input
	return runCommand(ctx, c, line[0])
}

// start starts a program that goes on, and that the signal ends in order.
func (s *Server) start(user string, how syscall.Signal, line ...string) (*program, error) {
	p := &program{name: user, log: filepath.Join(s.dir, user+".log"), how: how, command: s.command(user, how, line...), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("odooserver: start %s: %w", user, err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// ready waits until the program answers.
func (p *program) ready(ctx context.Context, answers func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !answers(ctx) {
		select {
		case <-ctx.Done():
		case <-p.ended:
		case <-tick.C:
			continue
		}
		log, _ := os.ReadFile(p.log)
		return fmt.Errorf("odooserver: %s did not come up: %s", p.name, tail(log))
	}
	return nil
}

// end ends the program by its process id, and waits for it.
func (p *program) end() {
	if p == nil {
		return
	}
	_ = p.command.Process.Signal(p.how)
	timer := time.AfterFunc(20*time.Second, func() { _ = p.command.Process.Kill() })
	defer timer.Stop()
	<-p.ended
}

// id is "uid:gid" of a user of the root directory.
func (s *Server) id(user string) string {
	text, _ := os.ReadFile(filepath.Join(s.root, "etc", "passwd"))
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == user && len(f) > 3 {
			return f[2] + ":" + f[3]
		}
	}
	return user
}

func run(ctx context.Context, name string, args ...string) error {
	return runCommand(ctx, exec.Command(name, args...), name)
}

func runCommand(ctx context.Context, c *exec.Cmd, name string) error {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return fmt.Errorf("odooserver: %s: %w", name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Kill() })
	defer stop()
	if err := c.Wait(); err != nil {
		return fmt.Errorf("odooserver: %s: %w: %s", name, errors.Join(err, ctx.Err()), tail(out.Bytes()))
	}
	return nil
}

func tail(log []byte) []byte { return log[max(0, len(log)-2000):] }
