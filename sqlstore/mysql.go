package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// mysql serves MySQL and MariaDB. Texts are kept as bytes: collations of either compare
// "a" and "a " as equal, and a key must not.
var mysql = &pieces{
	types: map[string]string{
		"key": "VARBINARY(1024)", "text": "LONGBLOB", "int": "BIGINT", "bytes": "LONGBLOB", "number": "SIGNED",
		"seq": "BIGINT AUTO_INCREMENT PRIMARY KEY", "engine": " ENGINE=InnoDB",
	},
	keys:   true,
	lock:   " FOR UPDATE",
	skip:   " FOR UPDATE SKIP LOCKED",
	latest: " FOR UPDATE",
	// It has a loose scan of an index for that, and none for the recursive form.
	tenants: "SELECT DISTINCT tenant FROM {queue}",
	clock:   clockMySQL,
	safe:    "@@innodb_flush_log_at_trx_commit = 1 AND " + binlogSafe + " AND " + doublewriteSafe,
	enter:   enterMySQL,
	serialise: func(ctx context.Context, d *DB, r runner) (func(), error) {
		name := "commerce " + d.prefix
		var got int
		err := r.QueryRowContext(ctx, "SELECT COALESCE(GET_LOCK(MD5(CONCAT(?, DATABASE())), ?), 0)", name, seconds(d.txTimeout)).Scan(&got)
		if err == nil && got == 0 {
			err = refusal(commerce.KindConflict, "migrating", "another program has been bringing the tables up to date for too long")
		}
		return func() {
			var freed any
			_ = r.QueryRowContext(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK(MD5(CONCAT(?, DATABASE())))", name).Scan(&freed)
		}, err
	},
}

const (
	// clockMySQL is that of the statement's begin, in UTC whatever the session's zone.
	clockMySQL = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
	// A binary log that is behind takes transactions back which InnoDB had kept.
	binlogSafe      = "(NOT @@log_bin OR @@sync_binlog = 1)"
	doublewriteSafe = "CONCAT(@@innodb_doublewrite) IN ('1', 'ON', 'DETECT_AND_RECOVER')"
)

func enterMySQL(ctx context.Context, d *DB, r runner, own bool) (int64, error) {
	var now, flush int64
	var binlog, doublewrite bool
	var mode, version, bounds string
	err := r.QueryRowContext(ctx, "SELECT "+clockMySQL+", @@innodb_flush_log_at_trx_commit, "+binlogSafe+", "+
		doublewriteSafe+", @@sql_mode, VERSION(), COALESCE(@commerce_bounds, '')").
		Scan(&now, &flush, &binlog, &doublewrite, &mode, &version, &bounds)
	if err != nil {
		return 0, err
	}
	if !strings.Contains(mode, "STRICT_TRANS_TABLES") && !strings.Contains(mode, "STRICT_ALL_TABLES") {
		return 0, refusal(commerce.KindInvalid, "unsafe_setting", "sql_mode = %q cuts texts that are too long; add STRICT_TRANS_TABLES", mode)
	}
	const advice = "; set it to %s, or name it in Config.AllowUnsafe"
	for _, s := range []struct {
		name, value, want string
		safe              bool
	}{
		{"innodb_flush_log_at_trx_commit", fmt.Sprint(flush), "1", flush == 1},
		{"innodb_doublewrite", "off", "on", doublewrite},
		{"sync_binlog", "not 1 beside a binary log", "1", binlog},
	} {
		if err := d.refuse(s.name, s.value, s.safe, fmt.Sprintf(advice, s.want)); err != nil {
			return 0, err
		}
	}
	// A connection keeps its bounds; only a fresh one is told.
	want := "SET SESSION innodb_lock_wait_timeout = " + seconds(d.lockTimeout)
	if strings.Contains(version, "MariaDB") {
		want += ", SESSION idle_transaction_timeout = " + seconds(d.txTimeout)
	}
	if own && bounds != want {
		_, err = r.ExecContext(ctx, want+", @commerce_bounds = '"+want+"'")
	}
	return now, err
}

// seconds rounds up, as the server counts in whole ones.
func seconds(t time.Duration) string {
	return fmt.Sprint(max(1, int64((t+time.Second-1)/time.Second)))
}

// mysqlText is how github.com/go-sql-driver/mysql writes the server's errors down. Its
// type has no methods that tell, and this package does without drivers.
var mysqlText = regexp.MustCompile(`^Error (\d+) \(([0-9A-Z]{5})\): `)

// mysqlError returns the server's error number and state; "" where it is none of its.
func mysqlError(err error) (number, state string) {
	for ; err != nil; err = errors.Unwrap(err) {
		if m := mysqlText.FindStringSubmatch(err.Error()); m != nil {
			return m[1], m[2]
		}
	}
	return "", ""
}

// isThere reports that what a statement makes is there already: a table, an index, or a
// row with its key.
func isThere(err error) bool {
	n, _ := mysqlError(err)
	return n == "1050" || n == "1061" || n == "1062"
}

// kindOfMySQL is for errors whose state says too little, after the reference of the
// server's error messages; "" leaves it to the state.
func kindOfMySQL(number string) commerce.Kind {
	switch number {
	case "1020", "1205": // changed since last read, lock wait timeout
		return commerce.KindConflict
	case "1044", "1142", "1143", "1227":
		return commerce.KindForbidden
	case "1021", "1030", "1040", "1041", "1053", "1114", "1180", "1203", "1290", "1317", "1836", "1969", "3024", "3100":
		return commerce.KindUnavailable
	}
	return ""
}
