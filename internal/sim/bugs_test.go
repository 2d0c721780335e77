package sim

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	plant = flag.String("bugs", "", "plants the bugs whose names match, and looks for them")
	hunts = flag.Int("hunts", 7, "how often each bug is looked for")
	hunt  = flag.Int("hunt", 0, "hunts so many times, and says how many days each hunt took")
	quit  = flag.Int("quit", 400, "how many days a hunt goes on")
)

// bug is one line of the library, written as real systems have shipped it.
type bug struct {
	name      string
	file      string // from the root of the module
	old, new_ string // old stands there once
}

// shop is the system of the days in which a bug is looked for.
func (b bug) shop() string {
	if strings.Contains(b.file, "nop") {
		return "nopcommerce"
	}
	return "magento"
}

// worst is how many days the median hunt may take.
const worst = 50

// TestPlantedBugsAreFound is the control of the simulation: each bug is compiled into a
// copy of this test (go build -overlay, nothing in the tree changes), which must then
// find something wrong.
func TestPlantedBugsAreFound(t *testing.T) {
	if *plant == "" {
		t.Skip("compiles every package once for every bug: make sim-control")
	}
	pattern := regexp.MustCompile(*plant)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, b := range bugs {
		if !pattern.MatchString(b.name) {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			found, missed := b.hunt(t, root)
			require.NotEmpty(t, found, "not found in %d days", missed**quit)
			slices.Sort(found)
			for range missed {
				found = append(found, *quit)
			}
			t.Logf("%-60s median %3d, worst %3d days", b.name, found[len(found)/2], found[len(found)-1])
			require.LessOrEqual(t, found[len(found)/2], worst)
		})
	}
}

// TestEveryPlantedBugFits sees to it that the list keeps up with the library.
func TestEveryPlantedBugFits(t *testing.T) {
	names := map[string]bool{}
	for _, b := range bugs {
		require.False(t, names[b.name], "two bugs are named %q", b.name)
		names[b.name] = true
		_, err := parser.ParseFile(token.NewFileSet(), b.file, b.patched(t, "../.."), parser.SkipObjectResolution)
		require.NoError(t, err, b.name)
	}
}

// patched is the file with the bug.
func (b bug) patched(t *testing.T, root string) []byte {
	source, err := os.ReadFile(filepath.Join(root, b.file))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), b.old), "%s: %s does not have it once: %s", b.name, b.file, b.old)
	return []byte(strings.Replace(string(source), b.old, b.new_, 1))
}

// hunt builds the simulation with the bug and runs it.
func (b bug) hunt(t *testing.T, root string) (found []int, missed int) {
	dir := t.TempDir()
	path := filepath.Join(root, b.file)
	patched := filepath.Join(dir, "patched.go")
	require.NoError(t, os.WriteFile(patched, b.patched(t, root), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: patched}})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	binary := filepath.Join(dir, "sim.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	run := exec.CommandContext(t.Context(), binary, "-test.run", "^TestHunt$", "-test.v", "-test.timeout", "20m",
		"-hunt", strconv.Itoa(*hunts), "-shop", b.shop(), "-quit", strconv.Itoa(*quit))
	out, _ = run.CombinedOutput() // one that ends in a panic has found something too
	for _, m := range regexp.MustCompile(`hunted (\d+) (\w+): (.*)`).FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		if m[2] == "missed" {
			missed++
		} else {
			found = append(found, n)
		}
		if testing.Verbose() {
			t.Logf("%s %s: %s", m[1], m[2], m[3])
		}
	}
	if len(found)+missed == 0 {
		t.Logf("%s", out)
	}
	return found, missed
}

// TestHunt is what runs inside of a patched copy: hunts, each from a day of its own.
func TestHunt(t *testing.T) {
	if *hunt == 0 {
		t.Skip("for the patched copies of TestPlantedBugsAreFound")
	}
	var all sync.WaitGroup
	turn := make(chan int, *hunt)
	for n := range *hunt {
		turn <- n
	}
	close(turn)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := range turn {
				say := fmt.Sprintf("hunted %d missed: ", *quit)
				for day := range *quit {
					if r := Play(t, uint64(n*1_000_000+day+1), Config{Shop: *shop}); len(r.Wrong) > 0 {
						say = fmt.Sprintf("hunted %d found: %s", day+1, strings.Split(r.Wrong[0], "\n")[0])
						break
					}
				}
				t.Log(say)
			}
		})
	}
	all.Wait()
}
