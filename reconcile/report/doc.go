// Package report writes what package reconcile found, for machines and for people.
//
//	got, err := reconcile.Payout(ctx, input, reconcile.Config{})
//	…
//	defer got.Close()
//	err = report.HTML(page, got, report.Config{Entries: entries, All: "discrepancies.csv"})
//
// Of a payout there are four forms: [CSV] and [JSONL] hold every discrepancy, for
// spreadsheets and programs, and [MatchesCSV] what agrees; [HTML] is a page for a person and needs neither network nor
// script; [Terminal] is a table of a given width. The two for people show the largest
// discrepancies of each reason and say how many more there are.
//
// Of a month there are the same four: [MonthCSV], [MonthJSONL], [MonthHTML] and
// [MonthTerminal], all made of the same figures.
//
//	month, err := reconcile.Month(ctx, reconcile.MonthInput{…})
//	…
//	err = report.MonthHTML(page, month, report.Config{})
//
// All of them write as they read, so that a report of any size takes little memory.
// Amounts are exact decimal text; the bars of a chart are drawn in whole thousandths.
//
// Order numbers, categories and account names come from elsewhere and are not trusted:
// the page escapes them, the terminal shows no control characters of theirs, and CSV
// keeps them from being formulas.
package report
