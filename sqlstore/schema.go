package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/commercesync/commerce"
)

// tables are the names that {…} stands for in statements.
var tables = []string{"schema", "events", "queue", "ended", "acts", "links", "leases", "cursors", "revisions", "operations",
	"credentials", "accesses"}

// migrations bring the schema from one version to the next; the version is their
// number. A released one never changes. {key} (a text that is searched for), {text},
// {int}, {bytes} and {seq} are the dialect's types; times are microseconds since 1970
// UTC, and 0 = none.
//
// What never changes lies apart from what changes all the time: events is only
// added to, until it is pruned, and queue holds nothing but what is not ended (ready and parked)
// or asks for a person (dead), so that its indexes stay small however many events
// are done.
var migrations = []string{`
CREATE TABLE {events} (
	seq {seq},
	ref {key} NOT NULL,          -- identity: tenant/system/account/mode/id
	clash {key} NOT NULL,        -- empty; the object, where the identity came again with another one
	tenant {key} NOT NULL,
	type {key} NOT NULL,
	object {text} NOT NULL,
	subject {key} NOT NULL,      -- tenant/system/account/mode/id of the widest object
	person {text} NOT NULL,
	api_version {text} NOT NULL,
	created {int} NOT NULL,
	received {int} NOT NULL,
	batch {key} NOT NULL,        -- the batch that brought it: the truth about what was new
	overlay {text} NOT NULL,     -- JSON it came with; mostly empty
	raw {bytes} NOT NULL,
	blank {int} NOT NULL DEFAULT 0, -- 1 = raw and overlay are gone
	UNIQUE (ref, clash)
){engine};
CREATE INDEX {events}_subject ON {events} (subject);

CREATE TABLE {queue} (
	seq {int} PRIMARY KEY,
	tenant {key} NOT NULL,
	subject {key} NOT NULL,
	created {int} NOT NULL,
	repair {int} NOT NULL,       -- 1 = worked after what is 0
	state {key} NOT NULL,        -- ready, parked, dead
	due {int},                   -- null where dead
	attempts {int} NOT NULL,
	starts {int} NOT NULL,
	generation {int} NOT NULL,
	ended {int} NOT NULL,        -- 0 unless dead
	reason {text} NOT NULL,
	code {text} NOT NULL,
	handler {text} NOT NULL
){engine};
CREATE INDEX {queue}_due ON {queue} (tenant, repair, due);
CREATE INDEX {queue}_subject ON {queue} (subject, created, seq);

CREATE TABLE {ended} (
	seq {int} PRIMARY KEY,
	state {key} NOT NULL,        -- done, ignored, discarded
	attempts {int} NOT NULL,
	generation {int} NOT NULL,
	ended {int} NOT NULL,
	reason {text} NOT NULL,
	code {text} NOT NULL,
	handler {text} NOT NULL
){engine};

CREATE TABLE {acts} (
	seq {int} NOT NULL,
	generation {int} NOT NULL,   -- that the act began
	at {int} NOT NULL,
	actor {text} NOT NULL,
	verb {key} NOT NULL,
	reason {text} NOT NULL,
	overlay {text} NOT NULL,
	PRIMARY KEY (seq, generation)
){engine};

CREATE TABLE {links} (
	subject {key} PRIMARY KEY,
	root {key} NOT NULL,
	ordinal {int} NOT NULL,
	UNIQUE (root, ordinal)
){engine};

CREATE TABLE {leases} (
	root {key} PRIMARY KEY,
	token {int} NOT NULL,
	owner {key} NOT NULL,
	until {int} NOT NULL
){engine};

CREATE TABLE {cursors} (
	feed {key} PRIMARY KEY,
	position {text} NOT NULL,
	batch {key} NOT NULL         -- that moved it here
){engine};

CREATE TABLE {revisions} (
	ref {key} PRIMARY KEY,       -- the polled object, in the order of told.go
	hash {key} NOT NULL,
	revision {int} NOT NULL,
	batch {key} NOT NULL,        -- that brought it here from
	prior_hash {key} NOT NULL,
	prior_revision {int} NOT NULL
){engine};

CREATE TABLE {operations} (
	name {key} PRIMARY KEY,
	state {key} NOT NULL,
	class {key} NOT NULL,
	fingerprint {text} NOT NULL,
	generation {int} NOT NULL,
	token {int} NOT NULL,
	attempts {int} NOT NULL,
	created {int} NOT NULL,
	started {int} NOT NULL,
	until {int} NOT NULL,
	settle {int} NOT NULL,
	finished {int} NOT NULL,
	changed {int} NOT NULL,
	result {bytes}
){engine};
CREATE INDEX {operations}_changed ON {operations} (changed, name);
`, `
CREATE TABLE {credentials} (
	owner {key} NOT NULL,        -- tenant/system/account/mode/id
	name {key} NOT NULL,
	version {int} NOT NULL,      -- grows with every change, also by a deletion
	ring_key {key} NOT NULL,     -- that wraps the data key; empty where deleted
	sealed {bytes},              -- null where deleted
	changed {int} NOT NULL,
	PRIMARY KEY (owner, name)
){engine};

CREATE TABLE {accesses} (
	seq {int} PRIMARY KEY,
	at {int} NOT NULL,
	actor {text} NOT NULL,
	purpose {text} NOT NULL,
	verb {key} NOT NULL,
	owner {key} NOT NULL,
	name {key} NOT NULL,
	version {int} NOT NULL,
	outcome {key} NOT NULL,
	chain {key} NOT NULL         -- the line's sum over the one before
){engine};
`}

// migrate brings the schema to the newest version, one opener at a time. Running
// it again changes nothing. Where the database commits each table by itself (MySQL), one
// that was cut off goes on: what is there already is left as it is.
func (d *DB) migrate(ctx context.Context) error {
	return d.write(ctx, "migrate", func(ctx context.Context, s *session) error {
		if d.serialise != nil {
			release, err := d.serialise(ctx, d, s.runner)
			if err != nil {
				return err
			}
			defer release()
		}
		if _, err := s.exec(ctx, "CREATE TABLE IF NOT EXISTS {schema} (version {int} PRIMARY KEY, applied {int} NOT NULL){engine}"); err != nil {
			return err
		}
		var at int
		if err := s.row(ctx, "SELECT COALESCE(MAX(version), 0) FROM {schema}").Scan(&at); err != nil {
			return err
		}
		if at > len(migrations) {
			return &commerce.Error{Kind: commerce.KindInvalid, Code: "newer_schema", Text: fmt.Sprintf(
				"the database's schema is at version %d and this program knows %d; run a newer program", at, len(migrations))}
		}
		for v := at + 1; v <= len(migrations); v++ {
			for statement := range strings.SplitSeq(migrations[v-1], ";\n") {
				if strings.TrimSpace(statement) == "" {
					continue
				}
				if _, err := s.exec(ctx, statement); err != nil && !isThere(err) {
					return fmt.Errorf("version %d: %w", v, err)
				}
			}
			if _, err := s.exec(ctx, "INSERT INTO {schema} (version, applied) VALUES (?, ?)", v, s.now); err != nil {
				return err
			}
		}
		if n, err := s.exec(ctx, "UPDATE {schema} SET version = version"); err != nil || n == 0 {
			return cmp.Or(err, error(refusal(commerce.KindInvalid, "changed_rows", "the driver counts rows that changed, not rows that were found; add clientFoundRows=true to the data source name")))
		}
		if at == 0 && d.tune != nil {
			return d.tune(ctx, d, s.runner)
		}
		return nil
	})
}
