package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/commercesync/commerce/internal/bench/payout"
)

// workChild does one job and says what it took.
func workChild(j payout.Job) error {
	r, err := j.Run(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// work has a process of its own do a job, so that what it takes is its own.
func work(ctx context.Context, j payout.Job) (r payout.Result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(role{Job: j})
	if err != nil {
		return r, err
	}
	process := exec.CommandContext(ctx, self)
	process.Env = append(os.Environ(), childVariable+"="+string(text))
	process.Stderr = os.Stderr
	out, err := process.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w", j.Way, err)
	}
	err = json.Unmarshal(out, &r)
	r.CPU = process.ProcessState.UserTime() + process.ProcessState.SystemTime()
	return r, err
}

// The bytes that reconciling may take.
const (
	mostOfMonth = 64 << 20
	mostOfTen   = 96 << 20
)

// reconcile explains a payout from CSV on disk, beside a map of structs on the same
// reader and beside SQLite.
func (b *bench) reconcile(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "month-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := payout.Generate(dir, b.month, 1); err != nil {
		return err
	}
	ways := []string{"partitions", "map of structs", "SQLite"}
	got := make([][]payout.Result, len(ways))
	for r := range b.rounds {
		for i := range ways {
			i = (i + r) % len(ways)
			one, err := work(ctx, payout.Job{Way: ways[i], Dir: dir})
			if err != nil {
				return err
			}
			got[i] = append(got[i], one)
		}
	}
	took := func(r payout.Result) float64 { return r.Took.Seconds() }
	peak := func(r payout.Result) int { return r.Peak }
	cpu := func(r payout.Result) float64 { return r.CPU.Seconds() }
	seconds := func(r []payout.Result) string {
		return fmt.Sprintf("%.2f s, %.2f s of cores", median(of(r, took)), median(of(r, cpu)))
	}
	name := fmt.Sprintf("reconcile %s × %s rows from CSV", grouped(b.month), grouped(b.month))
	size := fmt.Sprintf("%d rounds, %d discrepancies", b.rounds, got[0][0].Differ)
	for i, goal := range []float64{1: 3, 2: 10} {
		if goal == 0 {
			continue
		}
		b.found(name+" beside "+ways[i], seconds(got[0]), seconds(got[i]), ratio(of(got[i], took), of(got[0], took)), goal)
		b.figures[len(b.figures)-1].Size = size
	}
	most := median(of(got[0], peak))
	b.found(name+": memory", megabytes(most), fmt.Sprintf("map of structs %s, SQLite %s", megabytes(median(of(got[1], peak))), megabytes(median(of(got[2], peak)))), 0, 0)
	f := &b.figures[len(b.figures)-1]
	f.Size, f.Goal, f.Met = size, "≤ 64 MB", new(most <= mostOfMonth)
	if !b.large {
		return nil
	}
	return b.reconcileLarge(ctx, median(of(got[0], took)))
}

// reconcileLarge explains ten times as many rows.
func (b *bench) reconcileLarge(ctx context.Context, one float64) error {
	dir, err := os.MkdirTemp(b.dir, "month-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := payout.Generate(dir, 10*b.month, 1); err != nil {
		return err
	}
	ten, err := work(ctx, payout.Job{Way: "partitions", Dir: dir})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("reconcile %s × %s rows from CSV", grouped(10*b.month), grouped(10*b.month))
	size, command := fmt.Sprintf("once, %d discrepancies", ten.Differ), "make bench ARGS='-rows reconcile -large'"
	b.found(name, fmt.Sprintf("%.2f s, %.2f s of cores", ten.Took.Seconds(), ten.CPU.Seconds()), fmt.Sprintf("a tenth of the rows %.2f s", one), ten.Took.Seconds()/one, -11)
	b.figures[len(b.figures)-1].Size, b.figures[len(b.figures)-1].Command = size, command
	b.found(name+": memory", megabytes(ten.Peak), "", 0, 0)
	f := &b.figures[len(b.figures)-1]
	f.Size, f.Command, f.Goal, f.Met = size, command, "≤ 96 MB", new(ten.Peak <= mostOfTen)
	return nil
}

// grouped writes a count with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
