package erptest

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// FindEntry returns the entry under a key.
func (m *Memory) FindEntry(ctx context.Context, key string) (erp.Entry, error) {
	done, after, err := m.begin(ctx, "FindEntry", false)
	if err != nil {
		return erp.Entry{}, err
	}
	defer done()
	if after != nil {
		return erp.Entry{}, after
	}
	if e := m.entry(key); e != nil {
		return e.Entry, nil
	}
	return erp.Entry{}, m.fail(commerce.KindNotFound, "", "find entry "+key, "no entry under this key")
}

func (m *Memory) entry(key string) *memoryEntry {
	for _, e := range m.state.entries {
		if e.Entry.Entry.Key == key && e.company == m.company {
			return e
		}
	}
	return nil
}

// PostEntry finds the entry under its key, or posts it.
func (m *Memory) PostEntry(ctx context.Context, e commerce.JournalEntry) (erp.Entry, error) {
	if err := e.Balance(); err != nil {
		return erp.Entry{}, err
	}
	done, after, err := m.begin(ctx, "PostEntry", true)
	if err != nil {
		return erp.Entry{}, err
	}
	defer done()
	have := m.entry(e.Key)
	if have == nil {
		if err := m.open("post entry "+e.Key, e.Date); err != nil {
			return erp.Entry{}, err
		}
		have = m.post(e, commerce.Ref{})
	}
	if !slices.Equal(have.Entry.Entry.Lines, e.Lines) || have.Entry.Entry.Date != e.Date {
		return have.Entry, m.fail(commerce.KindConflict, commerce.Done, "post entry "+e.Key, "the entry under this key is another")
	}
	return have.Entry, after
}

// open refuses a day in a closed period.
func (m *Memory) open(op string, day commerce.Date) error {
	if day.String() <= m.state.c.Closed.String() {
		return m.fail(commerce.KindPeriodClosed, commerce.NotSent, op, "%s is in a closed period", day)
	}
	return nil
}

func (m *Memory) post(e commerce.JournalEntry, reversalOf commerce.Ref) *memoryEntry {
	id := m.state.id()
	e.Lines = slices.Clone(e.Lines)
	made := &memoryEntry{company: m.company, Entry: erp.Entry{Ref: m.state.c.Origin.With("entry/" + id),
		Number: "JE" + id, Posted: true, Entry: e, ReversalOf: reversalOf}}
	m.state.entries = append(m.state.entries, made)
	return made
}

// ReverseEntry posts the entry with debit and credit exchanged.
func (m *Memory) ReverseEntry(ctx context.Context, ref commerce.Ref, key, reason string) (erp.Entry, error) {
	done, after, err := m.begin(ctx, "ReverseEntry", true)
	if err != nil {
		return erp.Entry{}, err
	}
	defer done()
	if have := m.entry(key); have != nil {
		return have.Entry, after
	}
	for _, e := range m.state.entries {
		if e.Ref != ref || e.company != m.company {
			continue
		}
		back := e.Entry.Entry
		back.Key, back.Text = key, reason
		back.Lines = make([]commerce.JournalLine, len(e.Entry.Entry.Lines))
		for i, l := range e.Entry.Entry.Lines {
			l.Debit, l.Credit, l.Transaction = l.Credit, l.Debit, l.Transaction.Neg()
			back.Lines[i] = l
		}
		return m.post(back, ref).Entry, after
	}
	return erp.Entry{}, m.fail(commerce.KindNotFound, commerce.NotSent, "reverse "+ref.ID, "%s does not exist", ref.ID)
}
