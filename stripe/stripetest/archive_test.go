package stripetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOldBodyIsPackedAndReadsAsItWas(t *testing.T) {
	t.Parallel()
	var a archive
	filler := strings.Repeat("tulips and roses ", 1000)
	want, got := []string{}, []*body{}
	for n := range 300 {
		text := strconv.Itoa(n) + filler[:n*40]
		want, got = append(want, text), append(got, a.add([]byte(text)))
	}
	for a.size > 0 { // as if more had come
		a.pack(a.loose[:1])
		a.loose = a.loose[1:]
	}
	for i, b := range got {
		require.Nil(t, b.raw)
		require.Equal(t, want[i], string(b.text()))
	}
}

func TestBodiesArePackedOnlyWhenThereAreMany(t *testing.T) {
	t.Parallel()
	var a archive
	first := a.add(make([]byte, 1000))
	for range looseBytes / 1000 {
		require.NotNil(t, first.raw)
		a.add(make([]byte, 1000))
	}
	require.Nil(t, first.raw)
	require.LessOrEqual(t, a.size, looseBytes)
}
