package vault

import (
	"context"
	"iter"
	"sync"

	"github.com/commercesync/commerce"
)

// AccessMemory keeps lines in this process: for tests and for trying things out. The zero
// value is empty and ready.
type AccessMemory struct {
	mu    sync.Mutex
	lines []Access
}

var _ AccessStore = (*AccessMemory)(nil)

// Append implements [AccessStore].
func (m *AccessMemory) Append(_ context.Context, a Access) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.Seq != int64(len(m.lines))+1 {
		return commerce.Errorf(commerce.KindConflict, system, opLog, "line %d is there, or not its turn", a.Seq)
	}
	m.lines = append(m.lines, a)
	return nil
}

// Last implements [AccessStore].
func (m *AccessMemory) Last(context.Context) (Access, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.lines) == 0 {
		return Access{}, nil
	}
	return m.lines[len(m.lines)-1], nil
}

// Lines implements [AccessStore]. A line that is added meanwhile is not among them.
func (m *AccessMemory) Lines(_ context.Context, after int64) iter.Seq2[Access, error] {
	return func(yield func(Access, error) bool) {
		m.mu.Lock()
		lines := m.lines // which are only added to
		m.mu.Unlock()
		for _, a := range lines[min(after, int64(len(lines))):] {
			if !yield(a, nil) {
				return
			}
		}
	}
}
