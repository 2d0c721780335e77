package magento

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pageOf returns an answer of n orders, each as a real shop sent it.
func pageOf(tb testing.TB, n int) []byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", "447-*.json"))
	require.NoError(tb, err)
	require.Len(tb, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(tb, err)
	var rec struct {
		Response struct{ Body json.RawMessage }
	}
	require.NoError(tb, json.Unmarshal(b, &rec))
	var one bytes.Buffer
	require.NoError(tb, json.Compact(&one, rec.Response.Body))
	list := bytes.Repeat(append(one.Bytes(), ','), n)
	return append(append([]byte(`{"items":[`), list[:len(list)-1]...), `],"total_count":100}`...)
}

// typedAndPlain read the same page into orders and into a map.
func typedAndPlain(body []byte) (typed, plain func() error) {
	return func() error { var p page[Order]; return decode(body, &p) },
		func() error { var m map[string]any; return json.Unmarshal(body, &m) }
}

func TestAPageOfOrdersTakesHalfOfWhatAMapTakes(t *testing.T) {
	typed, plain := typedAndPlain(pageOf(t, 100))
	allocs := func(read func() error) float64 { return testing.AllocsPerRun(1, func() { _ = read() }) }
	require.LessOrEqual(t, allocs(typed), allocs(plain)/2)
}

// BenchmarkPageOf100Orders states what a page of typed orders costs against the map
// that most programs would read it into. Both run in turns, so that the ratios hold on
// a busy machine.
func BenchmarkPageOf100Orders(b *testing.B) {
	body := pageOf(b, 100)
	typed, plain := typedAndPlain(body)
	var took [2]time.Duration
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		for n, read := range []func() error{typed, plain} {
			start := time.Now()
			if err := read(); err != nil {
				b.Fatal(err)
			}
			took[n] += time.Since(start)
		}
	}
	allocs := func(read func() error) float64 { return testing.AllocsPerRun(3, func() { _ = read() }) }
	b.ReportMetric(float64(took[0])/float64(took[1]), "time-ratio")
	b.ReportMetric(allocs(typed)/allocs(plain), "alloc-ratio")
}
