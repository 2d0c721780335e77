package payout

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Job is one way to explain the month of a directory.
type Job struct {
	Way string // a name of Ways
	Dir string
}

// Ways are the ways by name.
var Ways = map[string]func(ctx context.Context, dir string, m Month, found *csv.Writer) (commerce.JournalEntry, error){
	"partitions":     partitions,
	"map of structs": mapOfStructs,
	"SQLite":         sqlite,
}

// Result is what a job took.
type Result struct {
	Took   time.Duration
	CPU    time.Duration // of all cores; the caller fills it
	Peak   int           // the most bytes that the process had in memory; 0 where the system has no /proc
	Differ int           // discrepancies
}

// Run does the job and checks what came of it.
func (j Job) Run(ctx context.Context) (r Result, err error) {
	began := time.Now()
	text, err := os.ReadFile(about(j.Dir))
	if err != nil {
		return r, err
	}
	var m Month
	if err := json.Unmarshal(text, &m); err != nil {
		return r, err
	}
	out, err := os.MkdirTemp(j.Dir, "out-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(out)
	f, err := os.Create(filepath.Join(out, "discrepancies.csv"))
	if err != nil {
		return r, err
	}
	defer f.Close()
	lines := &counter{}
	found := csv.NewWriter(bufio.NewWriter(lines.to(f)))
	way := Ways[j.Way]
	if way == nil {
		return r, fmt.Errorf("%q is no way", j.Way)
	}
	entry, err := way(ctx, j.Dir, m, found)
	if err != nil {
		return r, err
	}
	if found.Flush(); found.Error() != nil {
		return r, found.Error()
	}
	if err := lines.w.Flush(); err != nil {
		return r, err
	}
	if err := entry.Balance(); err != nil {
		return r, err
	}
	if text, err = json.Marshal(entry); err != nil {
		return r, err
	}
	if err := os.WriteFile(filepath.Join(out, "entry.json"), text, 0o600); err != nil {
		return r, err
	}
	r = Result{Took: time.Since(began), Peak: peak(), Differ: lines.n}
	if r.Differ != m.Differ {
		return r, fmt.Errorf("%s found %d discrepancies, there are %d", j.Way, r.Differ, m.Differ)
	}
	paid := commerce.MustMoney(m.Net, "EUR")
	if !slices.ContainsFunc(entry.Lines, func(l commerce.JournalLine) bool { return l.Account == "1370" && l.Debit == paid }) {
		return r, fmt.Errorf("%s books %v, the payout is %s", j.Way, entry.Lines, paid)
	}
	return r, nil
}

// counter counts lines on their way to a file.
type counter struct {
	n int
	w *bufio.Writer
}

func (c *counter) to(f *os.File) *counter {
	c.w = bufio.NewWriter(f)
	return c
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += strings.Count(string(b), "\n")
	return c.w.Write(b)
}

func peak() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), " kB"))
	return n << 10
}
