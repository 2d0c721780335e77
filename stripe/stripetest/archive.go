package stripetest

import (
	"bytes"
	"compress/flate"
	"io"
)

// An account of 100,000 charges has 300,000 events of two kilobytes each, all much
// alike. The newest are kept as they are; the older ones packed, many together.
const (
	looseBytes  = 16 << 20 // of bodies that are not packed
	blockBodies = 64
)

// body is a text of an event, which may be packed.
type body struct {
	raw      []byte // nil = in the block
	block    []byte
	from, to int
}

// text unpacks the body.
func (b *body) text() []byte {
	if b.raw != nil {
		return b.raw
	}
	all, err := io.ReadAll(flate.NewReader(bytes.NewReader(b.block)))
	if err != nil {
		panic("stripetest: an event that was packed can not be read: " + err.Error())
	}
	return all[b.from:b.to:b.to]
}

// archive packs bodies as they get old.
type archive struct {
	loose []*body // oldest first
	size  int
	w     *flate.Writer
}

func (a *archive) add(raw []byte) *body {
	b := &body{raw: raw}
	a.loose = append(a.loose, b)
	a.size += len(raw)
	for a.size > looseBytes && len(a.loose) > blockBodies {
		a.pack(a.loose[:blockBodies])
		a.loose = a.loose[blockBodies:]
	}
	return b
}

func (a *archive) pack(bodies []*body) {
	var out bytes.Buffer
	if a.w == nil {
		a.w, _ = flate.NewWriter(&out, flate.BestSpeed) // a level that there is
	} else {
		a.w.Reset(&out)
	}
	for _, b := range bodies {
		_, _ = a.w.Write(b.raw) // a buffer takes everything
	}
	_ = a.w.Close()
	block, at := bytes.Clone(out.Bytes()), 0
	for _, b := range bodies {
		b.block, b.from, b.to = block, at, at+len(b.raw)
		at = b.to
		a.size -= len(b.raw)
		b.raw = nil
	}
}
