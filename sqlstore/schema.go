package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/commercesync/commerce"
)

// tables are the names that {…} stands for in statements.
var tables = []string{"schema", "events", "queue", "ended", "acts", "links", "leases", "cursors", "revisions", "operations"}

// migrations bring the schema from one version to the next; the version is their
// number. A released one never changes. {text}, {int}, {bytes} and {seq} are the
// dialect's types; times are microseconds since 1970 UTC, and 0 = none.
//
// What never changes lies apart from what changes all the time: events is only
// ever added to, and queue holds nothing but what is not ended (ready and parked)
// or asks for a person (dead), so that its indexes stay small however many events
// are done.
var migrations = []string{`
CREATE TABLE {events} (
	seq {seq},
	ref {text} NOT NULL,         -- identity: tenant/system/account/mode/id
	clash {text} NOT NULL,       -- empty; the object, where the identity came again with another one
	tenant {text} NOT NULL,
	type {text} NOT NULL,
	object {text} NOT NULL,
	subject {text} NOT NULL,     -- tenant/system/account/mode/id of the widest object
	person {text} NOT NULL,
	api_version {text} NOT NULL,
	created {int} NOT NULL,
	received {int} NOT NULL,
	batch {text} NOT NULL,       -- the batch that brought it: the truth about what was new
	overlay {text} NOT NULL,     -- JSON it came with; mostly empty
	raw {bytes} NOT NULL,
	UNIQUE (ref, clash)
);
CREATE INDEX {events}_subject ON {events} (subject);

CREATE TABLE {queue} (
	seq {int} PRIMARY KEY,
	tenant {text} NOT NULL,
	subject {text} NOT NULL,
	created {int} NOT NULL,
	state {text} NOT NULL,       -- ready, parked, dead
	due {int},                   -- null where dead
	attempts {int} NOT NULL,
	starts {int} NOT NULL,
	generation {int} NOT NULL,
	ended {int} NOT NULL,        -- 0 unless dead
	reason {text} NOT NULL,
	code {text} NOT NULL,
	handler {text} NOT NULL
);
CREATE INDEX {queue}_due ON {queue} (due);
CREATE INDEX {queue}_subject ON {queue} (subject);

CREATE TABLE {ended} (
	seq {int} PRIMARY KEY,
	state {text} NOT NULL,       -- done, ignored, discarded
	attempts {int} NOT NULL,
	generation {int} NOT NULL,
	ended {int} NOT NULL,
	reason {text} NOT NULL,
	code {text} NOT NULL,
	handler {text} NOT NULL
);

CREATE TABLE {acts} (
	seq {int} NOT NULL,
	generation {int} NOT NULL,   -- that the act began
	at {int} NOT NULL,
	actor {text} NOT NULL,
	verb {text} NOT NULL,
	reason {text} NOT NULL,
	overlay {text} NOT NULL,
	PRIMARY KEY (seq, generation)
);

CREATE TABLE {links} (
	subject {text} PRIMARY KEY,
	root {text} NOT NULL,
	ordinal {int} NOT NULL,
	UNIQUE (root, ordinal)
);

CREATE TABLE {leases} (
	root {text} PRIMARY KEY,
	token {int} NOT NULL,
	owner {text} NOT NULL,
	until {int} NOT NULL
);

CREATE TABLE {cursors} (
	feed {text} PRIMARY KEY,
	position {text} NOT NULL
);

CREATE TABLE {revisions} (
	ref {text} PRIMARY KEY,      -- tenant/system/account/mode/id of the polled object
	hash {text} NOT NULL,
	revision {int} NOT NULL,
	batch {text} NOT NULL,       -- that brought it here from
	prior_hash {text} NOT NULL,
	prior_revision {int} NOT NULL
);

CREATE TABLE {operations} (
	name {text} PRIMARY KEY,
	state {text} NOT NULL,
	class {text} NOT NULL,
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
);
CREATE INDEX {operations}_changed ON {operations} (changed, name);
`}

// migrate brings the schema to the newest version, one opener at a time. Running
// it again changes nothing.
func (d *DB) migrate(ctx context.Context) error {
	return d.write(ctx, "migrate", func(ctx context.Context, s *session) error {
		if d.serialise != nil {
			if err := d.serialise(ctx, d, s.runner); err != nil {
				return err
			}
		}
		if _, err := s.exec(ctx, "CREATE TABLE IF NOT EXISTS {schema} (version {int} PRIMARY KEY, applied {int} NOT NULL)"); err != nil {
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
				if _, err := s.exec(ctx, statement); err != nil {
					return fmt.Errorf("version %d: %w", v, err)
				}
			}
			if _, err := s.exec(ctx, "INSERT INTO {schema} (version, applied) VALUES (?, ?)", v, s.now); err != nil {
				return err
			}
		}
		if at == 0 && d.tune != nil {
			return d.tune(ctx, d, s.runner)
		}
		return nil
	})
}
