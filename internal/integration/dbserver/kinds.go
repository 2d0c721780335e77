package dbserver

import (
	"crypto/sha256"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// PostgreSQL is the newest one below /usr/lib/postgresql.
var PostgreSQL = &Kind{
	Driver: "pgx", name: "PostgreSQL", account: "postgres", version: "postgres", first: "postgres",
	programs: func() (map[string]string, error) {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return nil, ErrMissing
		}
		version := func(p string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p))))
			return n
		}
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return map[string]string{"initdb": newest, "postgres": filepath.Join(filepath.Dir(newest), "postgres")}, nil
	},
	initial: func(data string) []string {
		return []string{"initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"}
	},
	serve: func(data string, port int) []string {
		return []string{"postgres", "-D", data, "-p", strconv.Itoa(port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
			"-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB"}
	},
	at: func(port int, database string) string {
		return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", port, database)
	},
	cut: syscall.SIGQUIT, // its immediate shutdown
	end: syscall.SIGINT,  // its fast one
}

// MariaDB is the one in the search path, or in /usr/sbin.
var MariaDB = &Kind{
	Driver: "mysql", name: "MariaDB", account: "nobody", version: "mariadbd", first: "mysql",
	programs: func() (map[string]string, error) {
		found := map[string]string{}
		for _, name := range []string{"mariadbd", "mariadb-install-db"} {
			path, err := exec.LookPath(name)
			if err != nil {
				if path, err = exec.LookPath(filepath.Join("/usr/sbin", name)); err != nil {
					return nil, ErrMissing
				}
			}
			found[name] = path
		}
		return found, nil
	},
	initial: func(data string) []string {
		return []string{"mariadb-install-db", "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal",
			"--skip-test-db", "--innodb-log-file-size=16M"}
	},
	serve: func(data string, port int) []string {
		return []string{"mariadbd", "--no-defaults", "--datadir=" + data, "--port=" + strconv.Itoa(port),
			"--bind-address=127.0.0.1", "--socket=" + filepath.Join(data, "s"), "--pid-file=" + filepath.Join(data, "pid"),
			"--tmpdir=" + filepath.Dir(data), // one that starts deletes what it finds in a shared one
			"--max-connections=200", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=512M", "--skip-name-resolve"}
	},
	at: func(port int, database string) string {
		return fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s?clientFoundRows=true&interpolateParams=true", port, database)
	},
	cut: syscall.SIGKILL, // it has no signal of its own for that
	end: syscall.SIGTERM,
}

// Redis is the one in the search path, kept as safe as it can be.
var Redis = &Kind{
	name: "Redis", account: "nobody", version: "redis-server",
	programs: func() (map[string]string, error) {
		path, err := exec.LookPath("redis-server")
		if err != nil {
			return nil, ErrMissing
		}
		return map[string]string{"redis-server": path}, nil
	},
	serve: func(data string, port int) []string {
		return []string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", data,
			"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", ""}
	},
	at:  func(port int, _ string) string { return fmt.Sprintf("127.0.0.1:%d", port) },
	cut: syscall.SIGKILL,
	end: syscall.SIGKILL, // asked in order it stays where a first log is still to be written
}

// short is a name for any text.
func short(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:4]
}
