package figures_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/bench/figures"
)

const line = `{"figure":"kills of a worker","value":"0 lost","control":"12 lost with fsync=off","goal":"0","met":true,"size":"1,000 kills","command":"make kill KILLS=1000","date":"2026-11-21","commit":"c752e4d"}`

func TestALineIsReadOrRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, err string }{
		"a whole line":         {text: line},
		"an empty line":        {text: "\n" + line + "\n\n"},
		"no size":              {text: strings.Replace(line, `"size":"1,000 kills",`, "", 1), err: `line 1: "size" is empty`},
		"a name nobody knows":  {text: strings.Replace(line, `"size"`, `"sise"`, 1), err: "line 1: json: unknown field"},
		"what is no JSON":      {text: line + "\nnonsense", err: "line 2: invalid character"},
		"a met that is absent": {text: strings.Replace(line, `"met":true,`, "", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := figures.Read(strings.NewReader(c.text))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, "kills of a worker", list[0].Figure)
		})
	}
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, "figures"), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "figures", "kill.jsonl"), []byte(line), 0o600); err != nil {
		panic(err)
	}
	if err := figures.Write(dir); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "figures.md"))
	if err != nil {
		panic(err)
	}
	_, section, _ := strings.Cut(string(text), "## ")
	fmt.Print(section)
	// Output:
	// kill
	//
	// | figure | ours | control | ratio | goal | | size | command | date | commit |
	// |---|---|---|---|---|---|---|---|---|---|
	// | kills of a worker | 0 lost | 12 lost with fsync=off |  | 0 | met | 1,000 kills | `make kill KILLS=1000` | 2026-11-21 | c752e4d |
}
