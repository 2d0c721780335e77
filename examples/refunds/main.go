// Command refunds gives money back in every direction, on one machine and without any
// account: a fake Stripe, a fake Magento and an ERP in memory. It prints what happened at
// each of them.
//
//	go run ./examples/refunds
//
// The program that a user would write is in app.go; what people do is here. A day passes in
// a second: the program has a clock of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/workflow"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "refunds:", err)
		os.Exit(1)
	}
}

// scene is one thing that happens to an order, and what of it should go back in all.
type scene struct {
	name string
	play func(ctx context.Context, w *world, s sale) error
	back int64 // in cents
}

var scenes = []scene{
	{"Two refunds of one amount, by hand at Stripe: each is a credit memo and a credit note, with lines and taxes proposed.",
		func(ctx context.Context, w *world, s sale) error {
			for range 2 {
				if err := w.dashboard(ctx, s, 5_00); err != nil {
					return err
				}
			}
			return nil
		}, 10_00},
	{"All of it, by hand at Stripe: the order is closed.",
		func(ctx context.Context, w *world, s sale) error { return w.dashboard(ctx, s, s.total) }, 41_61},
	{"A credit memo over one cup, made in the shop: it is proposed, and money moves once somebody approves it.",
		func(ctx context.Context, w *world, s sale) error {
			memo, err := w.memo(ctx, s)
			if err != nil {
				return err
			}
			if err := w.pass(ctx); err != nil {
				return err
			}
			return w.app.wish(ctx, s.order, workflow.RefundWish{ID: "approved by Ada", Document: memo})
		}, 11_89},
	{"The same return on both sides: staff makes a credit memo, and somebody else refunds it at Stripe. No money moves twice.",
		func(ctx context.Context, w *world, s sale) error {
			if _, err := w.memo(ctx, s); err != nil {
				return err
			}
			return w.dashboard(ctx, s, 11_89)
		}, 11_89},
	{"A return of two cups: one wish is a refund, a credit memo with the goods and a credit note.",
		func(ctx context.Context, w *world, s sale) error {
			return w.app.wish(ctx, s.order, workflow.RefundWish{ID: "return 1", Ask: mapping.RefundAsk{
				Lines: []mapping.RefundQuantity{{Line: s.line, Quantity: commerce.MustDecimal("2")}}}})
		}, 23_77},
}

func run(ctx context.Context, out io.Writer) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	wrong := 0
	for _, sc := range scenes {
		s, err := w.sell(ctx)
		if err == nil {
			err = sc.play(ctx, w, s)
		}
		if err == nil {
			err = w.pass(ctx)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(out, sc.name)
		got, err := w.show(ctx, out, s)
		if err != nil {
			return err
		}
		want := commerce.MustMoney(sc.back, "EUR")
		for system, m := range got {
			if m != want {
				wrong++
				fmt.Fprintf(out, "  ! %s went back at %s, not %s\n", m, system, want)
			}
		}
	}
	dead, err := w.app.dead(ctx)
	if err != nil {
		return err
	}
	for _, text := range dead {
		fmt.Fprintln(out, "dead:", text)
	}
	for _, x := range w.app.exceptions {
		fmt.Fprintln(out, "for a person:", x)
	}
	if wrong+len(dead) > 0 {
		return fmt.Errorf("%d amounts differ, and %d events are dead", wrong, len(dead))
	}
	return nil
}
