package connection

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/commercesync/commerce"
)

// Store keeps the last result of each connection. It is safe for concurrent use.
type Store interface {
	// Load returns what was saved last; an error of kind not found where nothing was.
	Load(ctx context.Context, connection commerce.Ref) (Result, error)
	// Save keeps a result in place of the last one.
	Save(ctx context.Context, r Result) error
	// Delete forgets a connection; that there is none is no error.
	Delete(ctx context.Context, connection commerce.Ref) error
}

func none(of commerce.Ref) error {
	return commerce.Errorf(commerce.KindNotFound, room, "load result", "%s was never checked", of)
}

// Memory is a Store that lives as long as the program.
type Memory struct {
	mu  sync.Mutex
	all map[commerce.Ref]Result
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, of commerce.Ref) (Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.all[of]
	if !ok {
		return Result{}, none(of)
	}
	r.Findings = slices.Clone(r.Findings)
	return r, nil
}

// Save implements [Store].
func (m *Memory) Save(_ context.Context, r Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[commerce.Ref]Result{}
	}
	r.Findings = slices.Clone(r.Findings)
	m.all[r.Connection] = r
	return nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, of commerce.Ref) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, of)
	return nil
}

// Dir is a Store of one JSON file for each connection in a directory that exists.
type Dir string

func (d Dir) file(of commerce.Ref) string {
	return filepath.Join(string(d), url.QueryEscape(of.String())+".json")
}

// Load implements [Store].
func (d Dir) Load(_ context.Context, of commerce.Ref) (Result, error) {
	b, err := os.ReadFile(d.file(of))
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, none(of)
	}
	if err != nil {
		return Result{}, ill("load result", err)
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return Result{}, commerce.Errorf(commerce.KindInternal, room, "load result", "the file of %s is no result", of)
	}
	return r, nil
}

// Save implements [Store]. The file is there in whole or as it was before.
func (d Dir) Save(_ context.Context, r Result) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return ill("save result", err)
	}
	f, err := os.CreateTemp(string(d), ".result")
	if err != nil {
		return ill("save result", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.file(r.Connection))
	}
	if err != nil {
		return ill("save result", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Delete implements [Store].
func (d Dir) Delete(_ context.Context, of commerce.Ref) error {
	if err := os.Remove(d.file(of)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ill("delete result", err)
	}
	return nil
}

func ill(op string, err error) error {
	return &commerce.Error{Kind: commerce.KindUnavailable, System: room, Op: op, Err: err}
}
