// Package dbserver starts a database server of its own for tests: from the programs
// of this machine, on a random port of loopback, with a data directory that goes away
// at the end. Durability is on, as in production.
//
//	var server *dbserver.Server
//
//	func TestMain(m *testing.M) {
//		var stop func()
//		server, stop = dbserver.Main(dbserver.PostgreSQL)
//		code := m.Run()
//		stop()
//		os.Exit(code)
//	}
//
//	func TestIt(t *testing.T) {
//		dsn := server.Database(t) // skips where there is no PostgreSQL; fails where CI=true
//	}
package dbserver

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Kind is a kind of server.
type Kind struct {
	// Driver is the name under which database/sql knows its driver; Redis has none.
	Driver string

	name     string
	account  string                            // who runs it where the tests run as root
	programs func() (map[string]string, error) // the paths of its programs
	version  string                            // the program that tells its version
	initial  func(data string) []string        // the command that makes a data directory
	serve    func(data string, port int) []string
	at       func(port int, database string) string // the data source name
	first    string                                 // a database that is always there
	cut      syscall.Signal                         // ends it as a power cut of its process would
	end      syscall.Signal                         // ends it in order
}

// ErrMissing says that this machine has no such server.
var ErrMissing = errors.New("dbserver: its programs are not installed")

// Server is one running server. Its methods may be called by several tests at once.
type Server struct {
	kind     *Kind
	mu       sync.Mutex
	missing  error // why there is none
	programs map[string]string
	dir      string
	port     int
	owner    *syscall.Credential // nil = this user
	process  *exec.Cmd
	log      *os.File
	next     atomic.Int64
}

// Main starts a server for a test binary. Where it can not be started the server's
// methods skip the test that asks, or fail it where the environment says CI=true.
// stop must be called at the end.
func Main(k *Kind) (s *Server, stop func()) {
	s, err := Start(k)
	if err != nil {
		return &Server{kind: k, missing: err}, func() {}
	}
	return s, s.Close
}

// Start starts a server. The caller closes it.
func Start(k *Kind) (*Server, error) {
	programs, err := k.programs()
	if err != nil {
		return nil, err
	}
	s := &Server{kind: k, programs: programs}
	if s.owner, err = k.owner(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "commerce-db-"); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Up(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// owner is who the server runs as: it refuses root.
func (k *Kind) owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(k.account)
	if err != nil {
		return nil, fmt.Errorf("dbserver: root can not run %s, and there is no user %s: %w", k.name, k.account, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// command runs a program as the server's owner: one of the server's, or of the system's.
func (s *Server) command(line ...string) *exec.Cmd {
	name := line[0]
	if path, ok := s.programs[name]; ok {
		name = path
	}
	c := exec.Command(name, line[1:]...)
	c.Dir = os.TempDir()
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	endWithParent(c.SysProcAttr)
	return c
}

func (s *Server) run(line ...string) error {
	var out bytes.Buffer
	c := s.command(line...)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("dbserver: %s: %w: %s", line[0], err, out.String())
	}
	return nil
}

// prepare makes the data directory, from a template that the first run leaves in
// the temporary directory: making it takes seconds.
func (s *Server) prepare() error {
	version, err := s.command(s.kind.version, "--version").Output()
	if err != nil {
		return fmt.Errorf("dbserver: %s --version: %w", s.kind.version, err)
	}
	template := filepath.Join(os.TempDir(), fmt.Sprintf("commerce-%s-%d-%x", s.kind.name, os.Geteuid(), short(version)))
	if _, err := os.Stat(template); err != nil {
		if err := s.initialise(template); err != nil {
			return err
		}
	}
	if err := s.give(s.dir); err != nil {
		return err
	}
	return s.run("/bin/cp", "-a", template, s.data())
}

func (s *Server) initialise(template string) error {
	fresh, err := os.MkdirTemp("", "commerce-dbinit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := s.give(fresh); err != nil {
		return err
	}
	data := filepath.Join(fresh, "data")
	if s.kind.initial == nil {
		err = s.run("/bin/mkdir", data)
	} else {
		err = s.run(s.kind.initial(data)...)
	}
	if err != nil {
		return err
	}
	// Of two that make it at once the first wins; both are alike.
	if err := os.Rename(data, template); err != nil {
		if _, there := os.Stat(template); there != nil {
			return err
		}
	}
	return nil
}

func (s *Server) give(dir string) error {
	if s.owner == nil {
		return nil
	}
	return os.Chown(dir, int(s.owner.Uid), int(s.owner.Gid))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Up starts the server, on the same port as before, and waits until it answers.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return nil
	}
	if s.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.log = log
	c := s.command(s.kind.serve(s.data(), s.port)...)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		log.Close()
		return fmt.Errorf("dbserver: start: %w", err)
	}
	s.process = c
	return s.ready()
}

// ready waits for the first answer.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("dbserver: no answer: %w: %s", err, log)
		case <-tick.C:
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	if s.kind.Driver == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.DSN(s.kind.first))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	pool, err := sql.Open(s.kind.Driver, s.DSN(s.kind.first))
	if err != nil {
		return err
	}
	defer pool.Close()
	return pool.PingContext(ctx)
}

// Down stops the server at once, as a power cut of its process would: connections
// break and the next start recovers from the log.
func (s *Server) Down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(s.kind.cut)
}

// stop ends the server by its process id.
func (s *Server) stop(how syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait() // one that was cut off ends with a status of its own
	s.process = nil
	return s.log.Close()
}

// Close stops the server and removes its data.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stop(s.kind.end)
	_ = os.RemoveAll(s.dir)
}

// DSN returns the data source name of a database.
func (s *Server) DSN(database string) string { return s.kind.at(s.port, database) }

// Need skips the test where there is no server, and fails it where CI=true.
func (s *Server) Need(t testing.TB) {
	t.Helper()
	if s.missing == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is needed where CI=true: %v", s.kind.name, s.missing)
	}
	t.Skipf("skipped without %s: %v", s.kind.name, s.missing)
}

// Database makes an empty database for one test and returns its DSN. It is dropped
// with the server.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.Need(t)
	pool, err := sql.Open(s.kind.Driver, s.DSN(s.kind.first))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	name := "test_" + strconv.FormatInt(s.next.Add(1), 10)
	if _, err := pool.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("dbserver: create database: %v", err)
	}
	return s.DSN(name)
}
