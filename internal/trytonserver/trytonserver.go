// Package trytonserver starts a throw-away Tryton 6.0 from the packages that
// "make servers" installs: on loopback, on a port of its own, with a fresh copy of one
// seeded SQLite database. Making the seed takes half a minute and happens once for
// each version of it; a start takes two seconds.
//
// In a test:
//
//	server := trytonserver.For(t)
//	client, err := tryton.NewClient(tryton.Config{URL: server.URL, Database: server.Database, …})
//
// On a terminal, until interrupted:
//
//	go run ./internal/trytonserver/serve
package trytonserver

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

//go:embed seed.py
var seed string

// modules are activated with all they depend on.
var modules = []string{"sale", "account_invoice_stock", "stock_package_shipping"}

// ErrNotInstalled is returned by Start where the Debian packages are missing.
var ErrNotInstalled = errors.New("trytonserver: Tryton is not installed; run make servers")

// Server is a running Tryton.
type Server struct {
	URL      string // "http://127.0.0.1:41234/"
	Database string
	// User is an ordinary user who may sell, ship and post; Admin may do everything.
	User, Password       string
	Admin, AdminPassword string
	dir                  string
	command              *exec.Cmd
	ended                chan struct{}
}

// For starts a server that ends with the test. It skips the test where Tryton is
// not installed, and fails it where CI=true demands that it is.
func For(t testing.TB) *Server {
	t.Helper()
	s, err := Start(t.Context())
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Start starts a server with a fresh database. It returns when the server answers.
func Start(ctx context.Context) (*Server, error) {
	for _, program := range []string{"trytond", "trytond-admin", "/usr/bin/python3"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, ErrNotInstalled
		}
	}
	if err := exec.CommandContext(ctx, "/usr/bin/python3", "-c",
		"import proteus, trytond.modules.sale, trytond.modules.account_invoice_stock, trytond.modules.stock_package_shipping").Run(); err != nil {
		return nil, ErrNotInstalled
	}
	master, err := seeded(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "commerce-tryton-run-")
	if err != nil {
		return nil, err
	}
	s := &Server{Database: "erp", User: "sync", Password: password("user"), Admin: "admin", AdminPassword: password("admin"), dir: dir}
	if err := copyFile(filepath.Join(dir, "erp.sqlite"), filepath.Join(master, "erp.sqlite")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// The port may be taken between choosing and listening: then the program ends at
	// once, and another port is tried.
	for range 3 {
		if err = s.run(ctx); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

// password is no secret: the server lives on loopback for the length of a test.
func password(whose string) string { return "loopback-" + whose + "-7Ty" }

// Stop ends the server and removes its database.
func (s *Server) Stop() error {
	s.end()
	return os.RemoveAll(s.dir)
}

func (s *Server) end() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(5*time.Second, func() { _ = s.command.Process.Kill() })
	defer timer.Stop()
	<-s.ended
}

func (s *Server) run(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	conf, err := writeConfig(s.dir, port)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "trytond.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.URL = fmt.Sprintf("http://127.0.0.1:%d/", port)
	s.command = exec.Command("trytond", "-c", conf, "-d", s.Database)
	s.command.Stdout, s.command.Stderr = log, log
	s.command.Env = append(os.Environ(), "PYTHONWARNINGS=ignore")
	if err := s.command.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.command.Wait()
		close(s.ended)
	}()
	if err := s.ready(ctx); err != nil {
		s.end()
		tail, _ := os.ReadFile(log.Name())
		return fmt.Errorf("trytonserver: trytond did not come up: %w\n%s", err, tail[max(0, len(tail)-2000):])
	}
	return nil
}

// ready asks for the version until an answer comes.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return errors.New("the program ended")
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(`{"id":0,"method":"common.server.version","params":[]}`))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// writeConfig writes a configuration for the databases in dir.
func writeConfig(dir string, port int) (string, error) {
	path := filepath.Join(dir, "trytond.conf")
	text := fmt.Sprintf("[web]\nlisten = 127.0.0.1:%d\n[database]\nuri = sqlite:///\npath = %s\nlanguage = en\n[session]\ntimeout = 86400\n", port, dir)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// seeded returns the directory of the seeded database, which it makes once for each
// content of the seed, server version and year.
func seeded(ctx context.Context) (string, error) {
	version, err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", "import trytond; print(trytond.__version__)").Output()
	if err != nil {
		return "", fmt.Errorf("trytonserver: read the version: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%v\n%s\n%d\n%s", seed, modules, version, time.Now().Year(), password("user")))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("commerce-tryton-seed-%x", sum[:8]))
	if _, err := os.Stat(filepath.Join(dir, "erp.sqlite")); err == nil {
		return dir, nil
	}
	work, err := os.MkdirTemp("", "commerce-tryton-make-")
	if err != nil {
		return "", err
	}
	if err := makeSeed(ctx, work); err != nil {
		return "", errors.Join(err, os.RemoveAll(work))
	}
	// Another process may have been quicker; its seed is as good.
	if err := os.Rename(work, dir); err != nil {
		if _, found := os.Stat(filepath.Join(dir, "erp.sqlite")); found != nil {
			return "", err
		}
		return dir, os.RemoveAll(work)
	}
	return dir, nil
}

func makeSeed(ctx context.Context, dir string) error {
	conf, err := writeConfig(dir, 0)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "erp.sqlite"), nil, 0o600); err != nil {
		return err
	}
	pass := filepath.Join(dir, "pass")
	if err := os.WriteFile(pass, []byte(password("admin")+"\n"), 0o600); err != nil {
		return err
	}
	args := append([]string{"-c", conf, "-d", "erp", "--activate-dependencies", "--email", "admin@example.invalid", "-u"}, modules...)
	admin := exec.CommandContext(ctx, "trytond-admin", args...)
	admin.Env = append(os.Environ(), "PYTHONWARNINGS=ignore", "TRYTONPASSFILE="+pass)
	if out, err := admin.CombinedOutput(); err != nil {
		return fmt.Errorf("trytonserver: set up the database: %w\n%s", err, out[max(0, len(out)-2000):])
	}
	fill := exec.CommandContext(ctx, "/usr/bin/python3", "-")
	fill.Stdin = strings.NewReader(seed)
	fill.Env = append(os.Environ(), "PYTHONWARNINGS=ignore", "SEED_CONFIG="+conf, "SEED_DATABASE=erp", "SEED_USER=sync", "SEED_PASSWORD="+password("user"))
	if out, err := fill.CombinedOutput(); err != nil {
		return fmt.Errorf("trytonserver: fill the database: %w\n%s", err, out[max(0, len(out)-2000):])
	}
	return os.Remove(pass)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
