package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Take makes figures of what a harness said: of the output of go test -v -json, one
// figure for each test that ended and logged something, in the order of the names. A
// harness names its tests for what must hold, and its controls for what must not, so that
// a figure reads "Killed workers lose nothing and do nothing twice, SQLite", and its value
// is what the test logged. What people read of the output goes to show.
//
// The error says that a test failed, or that the output was cut; the figures that came
// before it are returned with it.
func Take(output io.Reader, show io.Writer, command, date, commit, machine string) ([]Figure, error) {
	said := map[string][]string{}
	made := map[string]Figure{}
	var failed []string
	ended := false
	lines := json.NewDecoder(output)
	for {
		var e struct {
			Action, Package, Test, Output string
			Elapsed                       json.Number
		}
		err := lines.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("output of go test -json: %w", err)
		}
		switch e.Action {
		case "output":
			if _, err := io.WriteString(show, e.Output); err != nil {
				return nil, err
			}
			if m := logged.FindStringSubmatch(e.Output); m != nil && e.Test != "" {
				said[e.Test] = append(said[e.Test], m[1])
			}
		case "pass", "fail":
			if e.Action == "fail" {
				failed = append(failed, strings.TrimSpace(e.Package+" "+e.Test))
			}
			if e.Test == "" {
				ended = true
				continue
			}
			if text := said[e.Test]; len(text) > 0 {
				holds := e.Action == "pass"
				took, _ := time.ParseDuration(e.Elapsed.String() + "s")
				made[e.Test] = Figure{Figure: sentence(e.Test), Value: strings.Join(text, "; "), Goal: "holds", Met: &holds,
					Size: "took " + took.Round(time.Second).String(), Command: command, Date: date, Commit: commit, Machine: machine}
			}
		}
	}
	var out []Figure
	for _, name := range slices.Sorted(maps.Keys(made)) {
		out = append(out, made[name])
	}
	if len(failed) > 0 {
		return out, fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	if !ended {
		return out, errors.New("the output of go test -json has no end")
	}
	return out, nil
}

// logged is a line of testing.T.Log.
var logged = regexp.MustCompile(`^ +[a-z0-9_]+\.go:\d+: (.*\S)\s*$`)

// sentence says a test's name in words: "KilledWorkersLoseNothing/SQLite" is "Killed
// workers lose nothing, SQLite".
func sentence(name string) string {
	first, rest, _ := strings.Cut(strings.TrimPrefix(name, "Test"), "/")
	var words strings.Builder
	for i, r := range first {
		if i > 0 && unicode.IsUpper(r) {
			words.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		words.WriteRune(r)
	}
	if rest != "" {
		words.WriteString(", " + strings.NewReplacer("_", " ", "/", ", ").Replace(rest))
	}
	return words.String()
}

// Keep puts figures into figures/NAME.jsonl below a directory, each in the place of the
// one of its name, and writes figures.md anew.
func Keep(dir, name string, list []Figure) error {
	path := filepath.Join(dir, "figures", name+".jsonl")
	f, err := os.Open(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var have []Figure
	if err == nil {
		have, err = Read(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, f := range list {
		if i := slices.IndexFunc(have, func(o Figure) bool { return o.Figure == f.Figure }); i >= 0 {
			have[i] = f
		} else {
			have = append(have, f)
		}
	}
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	for _, f := range have {
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return Write(dir)
}
