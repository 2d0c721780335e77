// Package figures keeps what the harnesses measured, and writes it down for people.
//
// A harness leaves one file docs/figures/NAME.jsonl, one [Figure] a line as JSON;
// [Write] makes docs/figures.md of all of them. Nobody edits either by hand:
//
//	{"figure":"kills of a worker, SQLite","value":"0 lost, 0 second effects","control":"12 lost with synchronous=OFF",
//	 "goal":"0 and 0","met":true,"size":"1,000 kills","command":"make kill KILLS=1000","date":"2026-11-21","commit":"c752e4d"}
package figures

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Figure is one thing that was measured. Figure, Value, Size, Command, Date and Commit
// must be set.
type Figure struct {
	Figure  string `json:"figure"`            // what was measured: "HTTP ingest, PostgreSQL, 64 connections"
	Value   string `json:"value"`             // ours, with its unit
	Control string `json:"control,omitempty"` // what it stands beside: a baseline, or a run that must fail
	Ratio   string `json:"ratio,omitempty"`   // ours by control, where both are numbers
	Goal    string `json:"goal,omitempty"`
	Met     *bool  `json:"met,omitempty"` // nil = there is no goal
	Size    string `json:"size"`          // how much was run
	Command string `json:"command"`       // reproduces it
	Date    string `json:"date"`          // 2026-11-21
	Commit  string `json:"commit"`        // what was measured; "+" behind it = with changes not committed
	Machine string `json:"machine,omitempty"`
}

func (f Figure) check() error {
	for name, v := range map[string]string{"figure": f.Figure, "value": f.Value, "size": f.Size, "command": f.Command, "date": f.Date, "commit": f.Commit} {
		if v == "" {
			return fmt.Errorf("%q is empty", name)
		}
	}
	return nil
}

// Verdict says whether the goal was met, in a word; empty without a goal.
func (f Figure) Verdict() string {
	switch {
	case f.Met == nil:
		return ""
	case *f.Met:
		return "met"
	}
	return "not met"
}

// Read reads figures, one a line.
func Read(r io.Reader) ([]Figure, error) {
	var out []Figure
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var f Figure
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		err := d.Decode(&f)
		if err == nil {
			err = f.check()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, f)
	}
	return out, lines.Err()
}

// Write makes figures.md in a directory from figures/*.jsonl below it.
func Write(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "figures", "*.jsonl"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("# Figures\n\nWritten by `make figures` from what the harnesses left in `figures/`; edits are lost.\n" +
		"Ratios hold across machines, other numbers do not: each stands beside its control, measured in turn with it.\n")
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		list, err := Read(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		section(&b, strings.TrimSuffix(filepath.Base(name), ".jsonl"), list)
	}
	return os.WriteFile(filepath.Join(dir, "figures.md"), b.Bytes(), 0o644)
}

func section(b *bytes.Buffer, name string, list []Figure) {
	fmt.Fprintf(b, "\n## %s\n\n", name)
	last := ""
	for _, f := range list {
		if f.Machine != "" && f.Machine != last {
			last = f.Machine
			fmt.Fprintf(b, "%s\n\n", f.Machine)
		}
	}
	b.WriteString("| figure | ours | control | ratio | goal | | size | command | date | commit |\n|---|---|---|---|---|---|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, f := range list {
		for _, c := range []string{f.Figure, f.Value, f.Control, f.Ratio, f.Goal, f.Verdict(), f.Size, "`" + f.Command + "`", f.Date, f.Commit} {
			fmt.Fprintf(b, "| %s ", cell.Replace(c))
		}
		b.WriteString("|\n")
	}
}
