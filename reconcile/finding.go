package reconcile

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"hash/fnv"
	"io"
	"iter"
	"os"
	"slices"
	"sync"

	"github.com/commercesync/commerce"
)

// finding is a discrepancy of fixed size: its rows are found by their place.
type finding struct {
	reason, confidence, pair uint8
	when                     int64 // of the first row, Unix seconds
	first, second            uint64
	left, right              int64 // places; -1 = none
	diff                     int64
	currency                 uint64
	note                     int64 // place of the differences; -1 = none
}

const findingSize = 72

// compare puts findings into an order that does not depend on where rows were.
func (f *finding) compare(g *finding) int {
	return cmp.Or(cmp.Compare(f.reason, g.reason), cmp.Compare(f.when, g.when), cmp.Compare(f.first, g.first),
		cmp.Compare(f.second, g.second), cmp.Compare(f.diff, g.diff), cmp.Compare(f.left, g.left), cmp.Compare(f.right, g.right))
}

func (f *finding) put(b []byte) []byte {
	b = append(b, f.reason, f.confidence, f.pair, 0, 0, 0, 0, 0)
	for _, n := range [...]uint64{uint64(f.when), f.first, f.second, uint64(f.left), uint64(f.right), uint64(f.diff), f.currency, uint64(f.note)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func findingOf(b []byte) finding {
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return finding{b[0], b[1], b[2], int64(n(1)), n(2), n(3), int64(n(4)), int64(n(5)), int64(n(6)), n(7), int64(n(8))}
}

// identity is a hash of ids that is the same in every run.
func identity(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = io.WriteString(h, p)
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// findings are sorted in memory as long as they fit there, and in runs on disk beyond.
type findings struct {
	scratch *scratch
	most    int // in memory

	mu     sync.Mutex
	memory []finding
	file   *os.File
	size   int64
	runs   []int64 // where each run ends
	counts map[Reason]int
	notes  *kept // differences of lines and taxes; nil = none
}

func (f *findings) add(found ...finding) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range found {
		f.memory = append(f.memory, found[i])
		f.counts[reasons[found[i].reason]]++
		if len(f.memory) >= f.most {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// note keeps differences and returns their place.
func (f *findings) note(d differences) (at int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.notes == nil {
		if f.notes, err = newKept(f.scratch); err != nil {
			return 0, err
		}
	}
	at, b := f.notes.begin()
	return at, f.notes.end(d.put(b))
}

// finish puts everything in order. Nothing is added any more.
func (f *findings) finish() error {
	f.sort()
	if f.notes == nil {
		return nil
	}
	return f.notes.flush()
}

func (f *findings) sort() {
	slices.SortFunc(f.memory, func(a, b finding) int { return a.compare(&b) })
}

func (f *findings) flush() (err error) {
	if f.file == nil {
		if f.file, err = f.scratch.create(); err != nil {
			return err
		}
	}
	f.sort()
	w := bufio.NewWriterSize(io.NewOffsetWriter(f.file, f.size), keepBuffer)
	var b []byte
	for i := range f.memory {
		b = f.memory[i].put(b[:0])
		if _, err := w.Write(b); err != nil {
			return spillError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return spillError(err)
	}
	f.size += int64(len(f.memory)) * findingSize
	f.runs = append(f.runs, f.size)
	f.memory = f.memory[:0]
	return nil
}

// all merges the runs with what is in memory, once finish was called.
func (f *findings) all() iter.Seq2[finding, error] {
	return func(yield func(finding, error) bool) {
		var h merge
		start := int64(0)
		for _, end := range f.runs {
			h = append(h, &run{r: bufio.NewReaderSize(io.NewSectionReader(f.file, start, end-start), 8<<10)})
			start = end
		}
		h = append(h, &run{memory: f.memory})
		live := h[:0]
		for _, r := range h {
			ok, err := r.next()
			if err != nil {
				yield(finding{}, err)
				return
			}
			if ok {
				live = append(live, r)
			}
		}
		h = live
		heap.Init(&h)
		for len(h) > 0 {
			if !yield(h[0].head, nil) {
				return
			}
			ok, err := h[0].next()
			switch {
			case err != nil:
				yield(finding{}, err)
				return
			case ok:
				heap.Fix(&h, 0)
			default:
				heap.Pop(&h)
			}
		}
	}
}

// run is a sorted part of the findings, on disk or in memory.
type run struct {
	r      *bufio.Reader
	memory []finding
	head   finding
}

func (r *run) next() (bool, error) {
	if r.r == nil {
		if len(r.memory) == 0 {
			return false, nil
		}
		r.head, r.memory = r.memory[0], r.memory[1:]
		return true, nil
	}
	var b [findingSize]byte
	switch _, err := io.ReadFull(r.r, b[:]); err {
	case nil:
		r.head = findingOf(b[:])
		return true, nil
	case io.EOF:
		return false, nil
	default:
		return false, spillError(err)
	}
}

type merge []*run

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].head.compare(&m[j].head) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*run)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// Currencies are kept as the number that their three letters make.

func currencyBits(c commerce.Currency) uint64 {
	if len(c) != 3 {
		return 0
	}
	return uint64(c[0])<<16 | uint64(c[1])<<8 | uint64(c[2])
}

func currencyOf(bits uint64) commerce.Currency {
	if bits == 0 {
		return ""
	}
	return commerce.Currency([]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)})
}
