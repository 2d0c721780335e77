// Package odooserver starts a throw-away Odoo 19 from Debian packages: on loopback, on
// ports of its own, with a fresh copy of one seeded database. Odoo is in Debian sid, and
// what it needs in trixie, so both live in a root directory of their own (2 GB in the
// user's cache directory), and nothing of them touches the running system. Making the
// root directory takes two to three minutes and happens once; making the seed takes a
// minute and happens once a month and for each version of it, as its API key expires; a
// start takes some seconds.
//
// In a test, which runs only where ODOO=1 (make test-odoo) asks for it:
//
//	server := odooserver.For(t)
//	client, err := odoo.NewClient(odoo.Config{URL: server.URL, Database: server.Database, …})
//
// On a terminal, until interrupted:
//
//	go run ./internal/odooserver/serve
package odooserver

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
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

// modules are installed with all they depend on.
const modules = "base,rpc,sale_management,account,stock,sale_stock,stock_delivery"

// ErrNotAsked is returned by Start where the environment does not say ODOO=1.
var ErrNotAsked = errors.New("odooserver: a real Odoo 19 takes 2 GB and minutes the first time, and starts only where ODOO=1; run make test-odoo")

// Server is a running Odoo with a PostgreSQL of its own.
type Server struct {
	URL      string // "http://127.0.0.1:41234/"
	Database string
	// User is an ordinary user who may sell, ship and post. Key is the API key.
	User, Key string
	// Admin may do everything.
	Admin, AdminPassword string

	root, dir      string // the root directory, and what is this server's own
	postgres, odoo *program
}

// For starts a server that ends with the test. It skips the test where nobody asked
// for one.
func For(t testing.TB) *Server {
	t.Helper()
	s, err := Start(t.Context())
	if errors.Is(err, ErrNotAsked) {
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
	if os.Getenv("ODOO") != "1" {
		return nil, ErrNotAsked
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, "commerce-odoo")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	root, err := rootDirectory(ctx, cache)
	if err != nil {
		return nil, err
	}
	master, err := seeded(ctx, cache, root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "commerce-odoo-run-")
	if err != nil {
		return nil, err
	}
	s := &Server{Database: "erp", User: "sync", Admin: "admin", AdminPassword: "admin", root: root, dir: dir}
	if err := s.copyAndRun(ctx, master); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) copyAndRun(ctx context.Context, master string) error {
	if err := run(ctx, "cp", "-a", "--reflink=auto", master+"/.", s.dir); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "data", "apikey"))
	if err != nil {
		return err
	}
	s.Key = strings.TrimSpace(string(key))
	if err := s.startPostgres(ctx); err != nil {
		return err
	}
	return s.startOdoo(ctx)
}

// Stop ends the server and removes its database.
func (s *Server) Stop() error {
	s.odoo.end()
	s.postgres.end()
	return os.RemoveAll(s.dir)
}

func (s *Server) startPostgres(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.postgres, err = s.start("postgres", syscall.SIGINT, "sh", "-c",
		`exec /usr/lib/postgresql/*/bin/postgres -D /srv/pg "$@"`, "postgres", "-p", fmt.Sprint(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
		"-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "jit=off")
	if err != nil {
		return err
	}
	web, err := freePort()
	if err != nil {
		return err
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d/", web)
	conf := fmt.Sprintf("[options]\ndb_host = 127.0.0.1\ndb_port = %d\ndb_user = odoo\ndb_password = odoo\ndb_name = %s\n"+
		"http_interface = 127.0.0.1\nhttp_port = %d\nworkers = 0\nmax_cron_threads = 0\nlist_db = False\ndata_dir = /srv/data\n", port, s.Database, web)
	if err := os.WriteFile(filepath.Join(s.dir, "odoo.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	return s.postgres.ready(ctx, func(ctx context.Context) bool {
		return s.psql(ctx, "SELECT 1") == nil
	})
}

func (s *Server) startOdoo(ctx context.Context) (err error) {
	if s.odoo, err = s.start("odoo", syscall.SIGTERM, "odoo", "-c", "/srv/odoo.conf"); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return s.odoo.ready(ctx, func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"web/version", nil)
		if err != nil {
			return false
		}
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// psql runs a command in the database "postgres".
func (s *Server) psql(ctx context.Context, command string) error {
	return s.run(ctx, "postgres", nil, "sh", "-c", `psql -h 127.0.0.1 -p "$(sed -n 4p /srv/pg/postmaster.pid)" -d postgres -qAt -c "$1"`, "psql", command)
}

// rootDirectory returns the directory with Odoo's programs, which it makes once for
// each version of the recipe.
func rootDirectory(ctx context.Context, cache string) (string, error) {
	recipe := []string{"--variant=apt", `--aptopt=Apt::Install-Recommends "false"`, `--aptopt=APT::Default-Release "trixie"`,
		`--aptopt=Acquire::Check-Valid-Until "false"`, // a mirror that lags behind still serves
		`--setup-hook=mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"`,
		"--include=odoo-19,postgresql,ca-certificates,tzdata,tzdata-legacy"}
	dir := filepath.Join(cache, "root-"+short(recipe))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	making := dir + ".making"
	// One that was broken off may have left this system's /dev mounted there.
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), making) {
		return "", errors.Join(err, fmt.Errorf("odooserver: unmount what is mounted below %s, and remove it", making))
	}
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	sites, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").Output()
	mirror, _, _ := strings.Cut(string(sites), "\n")
	if err != nil || mirror == "" {
		return "", errors.Join(err, errors.New("odooserver: apt names no mirror to take Debian's packages from"))
	}
	recipe = append(recipe, "trixie", making, "deb "+mirror+" trixie main", "deb "+mirror+" sid main")
	if err := run(ctx, "mmdebstrap", recipe...); err != nil {
		return "", fmt.Errorf("odooserver: make the root directory, as root and with mmdebstrap: %w", err)
	}
	return dir, os.Rename(making, dir)
}

// seeded returns the directory of the seeded database, which it makes once for each
// content of the seed, root directory and month: its API key lives for 80 days.
func seeded(ctx context.Context, cache, root string) (string, error) {
	dir := filepath.Join(cache, "seed-"+short([]string{seed, modules, root, time.Now().Format("2006-01")}))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	work, err := os.MkdirTemp("", "commerce-odoo-make-")
	if err != nil {
		return "", err
	}
	s := &Server{Database: "erp", root: root, dir: work}
	err = s.makeSeed(ctx)
	s.postgres.end()
	if err == nil {
		err = run(ctx, "cp", "-a", work, dir+".making")
	}
	if err == nil {
		err = os.Rename(dir+".making", dir)
	}
	return dir, errors.Join(err, os.RemoveAll(work))
}

func (s *Server) makeSeed(ctx context.Context) error {
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	for sub, owner := range map[string]string{"pg": "postgres", "data": "odoo"} {
		path := filepath.Join(s.dir, sub)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := run(ctx, "chown", s.id(owner), path); err != nil {
			return err
		}
	}
	if err := s.run(ctx, "postgres", nil, "sh", "-c", "/usr/lib/postgresql/*/bin/initdb -D /srv/pg -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N"); err != nil {
		return err
	}
	if err := s.startPostgres(ctx); err != nil {
		return err
	}
	if err := s.psql(ctx, "CREATE ROLE odoo CREATEDB LOGIN"); err != nil {
		return err
	}
	if err := s.run(ctx, "odoo", nil, "odoo", "-c", "/srv/odoo.conf", "-i", modules, "--without-demo=True", "--stop-after-init"); err != nil {
		return err
	}
	if err := s.run(ctx, "odoo", strings.NewReader(seed), "odoo", "shell", "-c", "/srv/odoo.conf", "--no-http"); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.dir, "data", "apikey")); err != nil {
		return errors.New("odooserver: the seed did not come to its end; see log in " + s.dir)
	}
	return nil
}

func short(of []string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return fmt.Sprintf("%x", sum[:6])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
