package reconcile

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"slices"
	"sync"

	"github.com/commercesync/commerce"
)

// scratch makes files that are gone afterwards, whatever happens: each is unlinked as
// soon as it is open, and where the system does not let go of open files, on close.
type scratch struct {
	dir string

	mu    sync.Mutex
	files []*os.File
	left  []string
}

func (s *scratch) create() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "reconcile-*")
	if err != nil {
		return nil, spillError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(s.files, f)
	if os.Remove(f.Name()) != nil {
		s.left = append(s.left, f.Name())
	}
	return f, nil
}

// release ends a file that is not needed any more; nil = there is none.
func (s *scratch) release(f *os.File) {
	if f == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = slices.DeleteFunc(s.files, func(have *os.File) bool { return have == f })
	_ = f.Close()
}

func (s *scratch) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	for _, name := range s.left {
		errs = append(errs, os.Remove(name))
	}
	s.files, s.left = nil, nil
	return errors.Join(errs...)
}

func spillError(err error) error {
	return &commerce.Error{Kind: commerce.KindInternal, System: system, Op: "spill to disk", Err: err}
}

// kept holds records on disk, to be found again by their place.
type kept struct {
	file *os.File
	size int64

	buf   []byte
	start int // of the record at hand
}

const keepBuffer = 128 << 10

func newKept(s *scratch) (*kept, error) {
	f, err := s.create()
	return &kept{file: f}, err
}

// begin returns the place of the next record and what to append it to; end takes that.
func (k *kept) begin() (int64, []byte) {
	at := k.size + int64(len(k.buf))
	k.start = len(k.buf)
	return at, append(k.buf, 0, 0, 0, 0)
}

func (k *kept) end(b []byte) error {
	k.buf = b
	binary.LittleEndian.PutUint32(b[k.start:], uint32(len(b)-k.start-4))
	if len(b) >= keepBuffer-4096 {
		return k.flush()
	}
	return nil
}

func (k *kept) flush() error {
	n, err := k.file.WriteAt(k.buf, k.size)
	k.size += int64(n)
	k.buf = k.buf[:0]
	if err != nil {
		return spillError(err)
	}
	return nil
}

// get reads the record at a place. Everything has to be flushed.
func (k *kept) get(at int64) ([]byte, error) {
	var first [512]byte
	n, err := k.file.ReadAt(first[:], at)
	if err != nil && !errors.Is(err, io.EOF) || n < 4 {
		return nil, spillError(fmt.Errorf("record at %d: %w", at, err))
	}
	size := int(binary.LittleEndian.Uint32(first[:]))
	b := make([]byte, size)
	if copy(b, first[4:n]) == size {
		return b, nil
	}
	if _, err := k.file.ReadAt(b, at+4); err != nil {
		return nil, spillError(fmt.Errorf("record at %d: %w", at, err))
	}
	return b, nil
}

// each calls f with all records, in order.
func (k *kept) each(f func(at int64, record []byte) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(k.file, 0, k.size), keepBuffer)
	var b []byte
	for at := int64(0); at < k.size; {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return spillError(err)
		}
		n := int(binary.LittleEndian.Uint32(size[:]))
		b = slices.Grow(b[:0], n)[:n]
		if _, err := io.ReadFull(r, b); err != nil {
			return spillError(err)
		}
		if err := f(at, b); err != nil {
			return err
		}
		at += int64(4 + n)
	}
	return nil
}

// entry is what is kept of a row for matching: of fixed size, so that a partition is
// an array.
type entry struct {
	key    uint64
	amount int64
	place  int64
	meta   uint64 // currency, kind, day and flags, see metaOf
}

const entrySize = 32

func (e entry) put(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, e.key)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.amount))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.place))
	return binary.LittleEndian.AppendUint64(b, e.meta)
}

func entryOf(b []byte) entry {
	_ = b[entrySize-1]
	return entry{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:])),
		int64(binary.LittleEndian.Uint64(b[16:])), binary.LittleEndian.Uint64(b[24:])}
}

const (
	fanBits = 8
	fan     = 1 << fanBits // partitions
	block   = 8 << 10      // bytes of one partition that are written at once
)

// partitions spreads entries over parts of one file by the bits of their key. What is
// little stays in memory.
type partitions struct {
	scratch *scratch
	file    *os.File // nil = nothing had to be written yet
	size    int64
	shift   int
	parts   [fan]partition
}

type partition struct {
	buf    []byte
	blocks []int64 // where the full blocks are
	count  int
}

func newPartitions(s *scratch, depth int) *partitions {
	return &partitions{scratch: s, shift: 64 - fanBits*(depth+1)}
}

func (p *partitions) release() { p.scratch.release(p.file) }

func (p *partitions) add(e entry) (err error) {
	part := &p.parts[e.key>>p.shift&(fan-1)]
	part.buf = e.put(part.buf)
	part.count++
	if len(part.buf) < block {
		return nil
	}
	if p.file == nil {
		if p.file, err = p.scratch.create(); err != nil {
			return err
		}
	}
	if _, err := p.file.WriteAt(part.buf, p.size); err != nil {
		return spillError(err)
	}
	part.blocks = append(part.blocks, p.size)
	p.size += block
	part.buf = part.buf[:0]
	return nil
}

// each calls f with the entries of one part.
func (p *partitions) each(i int, f func(entry) error) error {
	part := &p.parts[i]
	walk := func(b []byte) error {
		for ; len(b) > 0; b = b[entrySize:] {
			if err := f(entryOf(b)); err != nil {
				return err
			}
		}
		return nil
	}
	var b []byte
	for _, at := range part.blocks {
		if b == nil {
			b = make([]byte, block)
		}
		if _, err := p.file.ReadAt(b, at); err != nil {
			return spillError(err)
		}
		if err := walk(b); err != nil {
			return err
		}
	}
	return walk(part.buf)
}

// load reads one part, sorted by key. spare is room to sort in; the two change places.
func (p *partitions) load(i int, to, spare *[]entry) error {
	*to = slices.Grow((*to)[:0], p.parts[i].count)
	if err := p.each(i, func(e entry) error { *to = append(*to, e); return nil }); err != nil {
		return err
	}
	*spare = slices.Grow((*spare)[:0], len(*to))[:len(*to)]
	byKey(*to, *spare, p.shift)
	*to, *spare = *spare, *to
	return nil
}

// byKey sorts entries into another slice. Keys are hashes, and those of a part differ from
// the bit shift on downwards: counted by the bits there, nearly all are in their places.
func byKey(from, to []entry, shift int) {
	if len(from) < 64 {
		copy(to, from)
	} else {
		count(from, to, shift)
	}
	moves := 0
	for i := 1; i < len(to); i++ {
		e := to[i]
		j := i
		for ; j > 0 && to[j-1].key > e.key; j-- {
			to[j] = to[j-1]
			moves++
		}
		to[j] = e
		if moves > 32*len(to) { // no hashes, or somebody's choice
			slices.SortFunc(to, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
			return
		}
	}
}

// count puts entries into the order of some bits of their keys.
func count(from, to []entry, shift int) {
	const most = 12
	n := min(bits.Len(uint(len(from))), most)
	at := func(e *entry) uint64 { return e.key >> (shift - n) & (1<<n - 1) }
	var starts [1<<most + 1]int32
	for i := range from {
		starts[at(&from[i])+1]++
	}
	for i := range 1 << n {
		starts[i+1] += starts[i]
	}
	for i := range from {
		b := at(&from[i])
		to[starts[b]] = from[i]
		starts[b]++
	}
}

// sameKey returns how many entries of two sorted lists have the lowest key.
func sameKey(a, b []entry) (n, m int) {
	key := uint64(math.MaxUint64)
	for _, l := range [][]entry{a, b} {
		if len(l) > 0 {
			key = min(key, l[0].key)
		}
	}
	for n < len(a) && a[n].key == key {
		n++
	}
	for m < len(b) && b[m].key == key {
		m++
	}
	return n, m
}

// joined calls f with the entries of each key, of two sets.
func joined(a, b *partitions, f func(a, b []entry) error) error {
	var l, r, spare []entry
	for i := range fan {
		if err := a.load(i, &l, &spare); err != nil {
			return err
		}
		if err := b.load(i, &r, &spare); err != nil {
			return err
		}
		for x, y := l, r; len(x) > 0 || len(y) > 0; {
			n, m := sameKey(x, y)
			if err := f(x[:n], y[:m]); err != nil {
				return err
			}
			x, y = x[n:], y[m:]
		}
	}
	return nil
}

// list is entries on disk in the order they came. What is little stays in memory.
type list struct {
	scratch *scratch
	file    *os.File // nil = nothing had to be written yet
	size    int64
	buf     []byte
	count   int
}

func newList(s *scratch) *list { return &list{scratch: s} }

func (l *list) release() { l.scratch.release(l.file) }

func (l *list) add(e entry) error {
	l.buf = e.put(l.buf)
	l.count++
	if len(l.buf) < keepBuffer {
		return nil
	}
	return l.flush()
}

func (l *list) flush() (err error) {
	if l.file == nil {
		if l.file, err = l.scratch.create(); err != nil {
			return err
		}
	}
	n, err := l.file.WriteAt(l.buf, l.size)
	l.size += int64(n)
	l.buf = l.buf[:0]
	if err != nil {
		return spillError(err)
	}
	return nil
}

func (l *list) each(f func(entry) error) error {
	b := make([]byte, min(keepBuffer, l.size))
	for at := int64(0); at < l.size; at += int64(len(b)) {
		b = b[:min(int64(len(b)), l.size-at)]
		if _, err := l.file.ReadAt(b, at); err != nil {
			return spillError(err)
		}
		for rest := b; len(rest) > 0; rest = rest[entrySize:] {
			if err := f(entryOf(rest)); err != nil {
				return err
			}
		}
	}
	for rest := l.buf; len(rest) > 0; rest = rest[entrySize:] {
		if err := f(entryOf(rest)); err != nil {
			return err
		}
	}
	return nil
}
