// Package pgserver starts a PostgreSQL server of its own for tests: from the
// programs of this machine, on a random port of loopback, with a data directory
// that goes away at the end. Durability is on, as in production.
//
//	var server *pgserver.Server
//
//	func TestMain(m *testing.M) {
//		var stop func()
//		server, stop = pgserver.Main()
//		code := m.Run()
//		stop()
//		os.Exit(code)
//	}
//
//	func TestIt(t *testing.T) {
//		dsn := server.Database(t) // skips where there is no PostgreSQL; fails where CI=true
//	}
package pgserver

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
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Server is one running server. Its methods may be called by several tests at once.
type Server struct {
	mu      sync.Mutex
	missing error // why there is none
	bin     string
	dir     string
	port    int
	owner   *syscall.Credential // nil = this user
	process *exec.Cmd
	log     *os.File
	next    atomic.Int64
}

// ErrMissing says that this machine has no PostgreSQL.
var ErrMissing = errors.New("pgserver: no PostgreSQL programs in /usr/lib/postgresql/*/bin")

// Main starts a server for a test binary. Where it can not be started the server's
// methods skip the test that asks, or fail it where the environment says CI=true.
// stop must be called at the end.
func Main() (s *Server, stop func()) {
	s, err := Start()
	if err != nil {
		return &Server{missing: err}, func() {}
	}
	return s, s.Close
}

// Start starts a server. The caller closes it.
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.owner, err = owner(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "commerce-pg-"); err != nil {
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

// programs returns the newest directory with PostgreSQL's programs.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", ErrMissing
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// owner is who the server runs as: PostgreSQL refuses root.
func owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("pgserver: root can not run a server, and there is no user postgres: %w", err)
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

// command runs a program of PostgreSQL as the server's owner.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = os.TempDir()
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	endWithParent(c.SysProcAttr)
	return c
}

// prepare makes the data directory, from a template that the first run leaves in
// the temporary directory: initdb takes seconds.
func (s *Server) prepare() error {
	version, err := s.command("postgres", "--version").Output()
	if err != nil {
		return fmt.Errorf("pgserver: postgres --version: %w", err)
	}
	name := "commerce-pgtemplate-" + strconv.Itoa(os.Geteuid()) + "-" + strings.ReplaceAll(strings.Fields(string(version))[2], "/", "")
	template := filepath.Join(os.TempDir(), name)
	if _, err := os.Stat(template); err != nil {
		if err := s.initdb(template); err != nil {
			return err
		}
	}
	if err := s.give(s.dir); err != nil {
		return err
	}
	out, err := s.run("/bin/cp", "-a", template, s.data())
	if err != nil {
		return fmt.Errorf("pgserver: copy template: %w: %s", err, out)
	}
	return nil
}

func (s *Server) initdb(template string) error {
	fresh, err := os.MkdirTemp("", "commerce-pginit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := s.give(fresh); err != nil {
		return err
	}
	data := filepath.Join(fresh, "data")
	var out bytes.Buffer
	c := s.command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("pgserver: initdb: %w: %s", err, out.String())
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

func (s *Server) run(name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Dir = os.TempDir()
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	return c.CombinedOutput()
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
	c := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB")
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		log.Close()
		return fmt.Errorf("pgserver: start: %w", err)
	}
	s.process = c
	return s.ready()
}

// ready waits for the first answer.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pool, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := pool.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("pgserver: no answer: %w: %s", err, log)
		case <-tick.C:
		}
	}
}

// Down stops the server at once, as a power cut of its process would: connections
// break and the next start recovers from the log.
func (s *Server) Down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(syscall.SIGQUIT)
}

// stop ends the server by its process id. SIGQUIT is PostgreSQL's immediate
// shutdown, SIGINT its fast one.
func (s *Server) stop(how syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait() // an immediate shutdown ends with a status of its own
	s.process = nil
	return s.log.Close()
}

// Close stops the server and removes its data.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stop(syscall.SIGINT)
	_ = os.RemoveAll(s.dir)
}

// DSN returns the data source name of a database, for pgx.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Need skips the test where there is no server, and fails it where CI=true.
func (s *Server) Need(t testing.TB) {
	t.Helper()
	if s.missing == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("PostgreSQL is needed where CI=true: %v", s.missing)
	}
	t.Skipf("skipped without PostgreSQL: %v", s.missing)
}

// Database makes an empty database for one test and returns its DSN. It is dropped
// with the server.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.Need(t)
	pool, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	name := "test_" + strconv.FormatInt(s.next.Add(1), 10)
	if _, err := pool.ExecContext(t.Context(), "CREATE DATABASE "+name+""); err != nil {
		t.Fatalf("pgserver: create database: %v", err)
	}
	return s.DSN(name)
}
