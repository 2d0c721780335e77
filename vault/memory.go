package vault

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Memory keeps records in this process: for tests and for trying things out. The zero
// value is empty and ready.
type Memory struct {
	mu      sync.RWMutex
	records map[place]*Record
}

var _ Store = (*Memory)(nil)

// Get implements [Store].
func (m *Memory) Get(_ context.Context, owner commerce.Ref, name string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.records[place{owner, name}]
	if !ok {
		return Record{}, commerce.ErrNotFound
	}
	return *r, nil
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, r Record, stands int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, ok := m.records[place{r.Owner, r.Name}]
	if ok != (stands != 0) || ok && was.Version != stands {
		return commerce.ErrConflict
	}
	if m.records == nil {
		m.records = map[place]*Record{}
	}
	m.records[place{r.Owner, r.Name}] = &r
	return nil
}

// Reseal implements [Store].
func (m *Memory) Reseal(_ context.Context, r Record, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, ok := m.records[place{r.Owner, r.Name}]
	if !ok || was.Version != r.Version || was.Key != key || was.Deleted() {
		return commerce.ErrConflict
	}
	was.Key, was.Sealed = r.Key, r.Sealed
	return nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, f Filter, limit int) ([]Record, error) {
	type row struct {
		owner string
		*Record
	}
	inOrder := func(a, b row) int { return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.Name, b.Name)) }
	var after row
	if f.After != nil {
		after = row{f.After.Owner.String(), f.After}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var rows []row
	for p, r := range m.records {
		if r.Deleted() || f.Tenant != nil && p.owner.Tenant != *f.Tenant || f.NotKey != "" && r.Key == f.NotKey {
			continue
		}
		if at := (row{p.owner.String(), r}); f.After == nil || inOrder(at, after) > 0 {
			rows = append(rows, at)
		}
	}
	slices.SortFunc(rows, inOrder)
	page := make([]Record, min(limit, len(rows)))
	for i := range page {
		page[i] = *rows[i].Record
	}
	return page, nil
}

// Prune implements [Store].
func (m *Memory) Prune(_ context.Context, before time.Time) (n int64, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.records, func(_ place, r *Record) bool {
		old := r.Deleted() && r.Changed.Before(before)
		if old {
			n++
		}
		return old
	})
	return n, nil
}

// Count implements [Store].
func (m *Memory) Count(context.Context) (map[string]int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := map[string]int64{}
	for _, r := range m.records {
		if !r.Deleted() {
			n[r.Key]++
		}
	}
	return n, nil
}
