package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/commercesync/commerce/workflow"
)

// adopt takes over from whoever wrote sales orders before START_AT, and prints the report.
// With TAKE it takes up the open orders that the rule lets in; the service works them.
func (p *program) adopt(ctx context.Context, out io.Writer, dryRun bool) error {
	if p.orders.StartAt.IsZero() {
		return errors.New("START_AT is empty: there is nothing to take over")
	}
	a := &workflow.Adopt{OrderToCash: p.orders, Orders: workflow.OrdersOf(p.shop.sweep), Documents: p.books,
		References: p.env.list("ADOPT_REFERENCES"), Take: p.orders.Take, Inbox: p.in, DryRun: dryRun}
	if path := p.env("ADOPT_PAIRS"); path != "" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("ADOPT_PAIRS: %w", err)
		}
		defer file.Close()
		a.Pairs = file
	}
	report, err := a.Run(ctx)
	if report != nil {
		fmt.Fprint(out, report)
	}
	return err
}
