package idempotency

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Memory keeps operations in this process: for tests and for trying things out.
// What it remembers ends with the process, and with it promise 3.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	records map[string]*memoryRecord
}

type memoryRecord struct {
	Record
	changed time.Time
}

// NewMemory returns an empty store with the clock now; nil = time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, records: map[string]*memoryRecord{}}
}

var _ Store = (*Memory)(nil)

// Begin implements Store.
func (m *Memory) Begin(_ context.Context, r BeginRequest) (Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	rec, ok := m.records[r.Key]
	if !ok {
		rec = &memoryRecord{Record: Record{Key: r.Key, State: NotSent, Created: now, Fingerprint: r.Fingerprint}}
		m.records[r.Key] = rec
	}
	g, err := Decide(rec.Record, r, now)
	if err == nil && g.Acquired {
		rec.Record, rec.changed = g.Record, now
	}
	return g.clone(), err
}

// Restart implements Store.
func (m *Memory) Restart(_ context.Context, key string, token int64, r BeginRequest) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, err := m.held(key, token)
	if err != nil {
		return Record{}, err
	}
	rec.changed = m.now()
	rec.Started, rec.Settle, rec.Class = rec.changed, r.Settle, r.Class
	if r.Fingerprint != "" {
		rec.Fingerprint = r.Fingerprint
	}
	return rec.Record, nil
}

// End implements Store.
func (m *Memory) End(_ context.Context, key string, token int64, state State, result []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec, ok := m.records[key]; ok && rec.State == Done && rec.Token == token && state == Done {
		return nil
	}
	rec, err := m.held(key, token)
	if err != nil {
		return err
	}
	rec.changed = m.now()
	rec.State = state
	if state == Done {
		rec.Result, rec.Finished = bytes.Clone(result), rec.changed
	}
	return nil
}

// held returns the open record of a key, or a lost right.
func (m *Memory) held(key string, token int64) (*memoryRecord, error) {
	rec, ok := m.records[key]
	if !ok || rec.Token != token || rec.State != Open {
		return nil, LostRight(key)
	}
	return rec, nil
}

// Settle implements Store.
func (m *Memory) Settle(_ context.Context, key string, result []byte) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.records[key]
	if !ok {
		return Record{}, NeverBegun(key)
	}
	if rec.State != Done {
		rec.changed = m.now()
		rec.State, rec.Result, rec.Finished = Done, bytes.Clone(result), rec.changed
		rec.Token++
	}
	return rec.Record, nil
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, key string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.records[key]
	if !ok {
		return Record{}, NeverBegun(key)
	}
	return rec.Record, nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, prefix string, since time.Time) iter.Seq2[Record, error] {
	m.mu.Lock()
	var found []memoryRecord
	for k, rec := range m.records {
		if strings.HasPrefix(k, prefix) && !rec.changed.Before(since) {
			found = append(found, *rec)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(found, func(a, b memoryRecord) int {
		if c := a.changed.Compare(b.changed); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return func(yield func(Record, error) bool) {
		for _, rec := range found {
			if !yield(rec.Record, nil) {
				return
			}
		}
	}
}

// LostRight is the error of Restart and End under a token that is not the record's
// any more, for implementers of Store.
func LostRight(key string) error {
	return &commerce.Error{Kind: commerce.KindConflict, System: "idempotency", Op: "write " + key, Code: "lost_right",
		Outcome: commerce.NotSent, Text: "the right to act on the key has gone to somebody else"}
}

// NeverBegun is the error of Get and Settle for a key that is not there, for
// implementers of Store.
func NeverBegun(key string) error {
	return &commerce.Error{Kind: commerce.KindNotFound, System: "idempotency", Op: "read " + key,
		Outcome: commerce.NotSent, Text: "the key was never begun"}
}
