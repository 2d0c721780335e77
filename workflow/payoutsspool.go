package workflow

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// spool keeps the rows of a payout on disk: a large one is read from the processor once,
// and walked twice without being held in memory.
type spool struct {
	file *os.File
	left string // what the system does not let go of while it is open
}

func spoolError(err error) error {
	return commerce.Errorf(commerce.KindInternal, system, "keep the rows of a payout", "%w", err)
}

// newSpool reads all lines, showing each to see.
func newSpool(dir string, lines iter.Seq2[reconcile.Line, error], see func(reconcile.Line)) (_ *spool, err error) {
	f, err := os.CreateTemp(dir, "payout-*")
	if err != nil {
		return nil, spoolError(err)
	}
	s := &spool{file: f}
	if os.Remove(f.Name()) != nil {
		s.left = f.Name()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	w := bufio.NewWriter(f)
	to := json.NewEncoder(w)
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		see(l)
		if err := to.Encode(l); err != nil {
			return nil, spoolError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return nil, spoolError(err)
	}
	return s, nil
}

// lines yields them again.
func (s *spool) lines(yield func(reconcile.Line, error) bool) {
	from := json.NewDecoder(bufio.NewReader(io.NewSectionReader(s.file, 0, 1<<62)))
	for {
		var l reconcile.Line
		err := from.Decode(&l)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			err = spoolError(err)
		}
		if !yield(l, err) || err != nil {
			return
		}
	}
}

// Close removes the file.
func (s *spool) Close() error {
	err := s.file.Close()
	if s.left != "" {
		err = errors.Join(err, os.Remove(s.left))
	}
	if err != nil {
		return spoolError(err)
	}
	return nil
}
