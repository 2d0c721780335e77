package figures_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/bench/figures"
)

const said = `{"Action":"run","Package":"x/kill","Test":"TestKilledWorkersLoseNothing/SQLite"}
{"Action":"output","Package":"x/kill","Test":"TestKilledWorkersLoseNothing/SQLite","Output":"=== RUN   TestKilledWorkersLoseNothing/SQLite\n"}
{"Action":"output","Package":"x/kill","Test":"TestKilledWorkersLoseNothing/SQLite","Output":"    kill_test.go:70: 100 kills: 0 lost\n"}
{"Action":"output","Package":"x/kill","Test":"TestKilledWorkersLoseNothing/SQLite","Output":"    --- PASS: TestKilledWorkersLoseNothing/SQLite (23.10s)\n"}
{"Action":"pass","Package":"x/kill","Test":"TestKilledWorkersLoseNothing/SQLite","Elapsed":23.1}
{"Action":"pass","Package":"x/kill","Test":"TestSilent","Elapsed":0}
`

func TestAHarnessIsTakenByTheNamesOfItsTests(t *testing.T) {
	var show bytes.Buffer
	got, err := figures.Take(strings.NewReader(said+`{"Action":"pass","Package":"x/kill"}`), &show, "make kill", "2026-11-21", "abc", "")
	require.NoError(t, err)
	holds := true
	require.Equal(t, []figures.Figure{{Figure: "Killed workers lose nothing, SQLite", Value: "100 kills: 0 lost", Goal: "holds", Met: &holds,
		Size: "took 23s", Command: "make kill", Date: "2026-11-21", Commit: "abc"}}, got)
	require.Contains(t, show.String(), "--- PASS: TestKilledWorkersLoseNothing/SQLite")
}

func TestWhatFailedOrWasCutIsSaid(t *testing.T) {
	failing := strings.ReplaceAll(said, `"pass","Package":"x/kill","Test":"TestKilled`, `"fail","Package":"x/kill","Test":"TestKilled`)
	got, err := figures.Take(strings.NewReader(failing+`{"Action":"fail","Package":"x/kill"}`), &bytes.Buffer{}, "c", "d", "e", "")
	require.ErrorContains(t, err, "TestKilledWorkersLoseNothing/SQLite")
	require.False(t, *got[0].Met)

	_, err = figures.Take(strings.NewReader(said), &bytes.Buffer{}, "c", "d", "e", "")
	require.ErrorContains(t, err, "has no end")
	_, err = figures.Take(strings.NewReader("go: no such package\n"), &bytes.Buffer{}, "c", "d", "e", "")
	require.ErrorContains(t, err, "output of go test -json")
}

func TestAFigureTakesThePlaceOfTheOneOfItsName(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "figures"), 0o755))
	one := figures.Figure{Figure: "a", Value: "1", Size: "s", Command: "c", Date: "d", Commit: "e"}
	two := one
	two.Figure = "b"
	require.NoError(t, figures.Keep(dir, "sim", []figures.Figure{one, two}))
	one.Value = "2"
	require.NoError(t, figures.Keep(dir, "sim", []figures.Figure{one}))
	f, err := os.Open(filepath.Join(dir, "figures", "sim.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	list, err := figures.Read(f)
	require.NoError(t, err)
	require.Equal(t, []figures.Figure{one, two}, list)
	page, err := os.ReadFile(filepath.Join(dir, "figures.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "| a | 2 |")
}
