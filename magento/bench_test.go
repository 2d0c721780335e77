package magento

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

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

func BenchmarkPageOf100Orders(b *testing.B) {
	body := pageOf(b, 100)
	b.Run("typed", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var p page[Order]
			if err := json.Unmarshal(body, &p); err != nil || len(p.Items) != 100 {
				b.Fatal(err)
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var m map[string]any
			if err := json.Unmarshal(body, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
