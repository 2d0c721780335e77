package commerce_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func TestSafeToRetry(t *testing.T) {
	t.Parallel()
	notSent := &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.NotSent}
	unknown := &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}
	over := func(o commerce.Outcome, err error) error { return &commerce.Error{Outcome: o, Err: err} }
	for name, c := range map[string]struct {
		err  error
		safe bool
	}{
		"nil is no failure":                      {nil, false},
		"not sent":                               {notSent, true},
		"unknown":                                {unknown, false},
		"done":                                   {&commerce.Error{Outcome: commerce.Done}, false},
		"nothing stated":                         {&commerce.Error{Kind: commerce.KindInvalid}, false},
		"a plain error":                          {io.EOF, false},
		"a sentinel":                             {commerce.ErrUnavailable, false},
		"wrapped not sent":                       {fmt.Errorf("x: %w", notSent), true},
		"a join of two not sent":                 {errors.Join(notSent, notSent), true},
		"a join with an unknown":                 {errors.Join(notSent, unknown), false},
		"a join with an unknown first":           {errors.Join(unknown, notSent), false},
		"a join with a plain error":              {errors.Join(notSent, io.EOF), false},
		"a wrapped join with an unknown":         {fmt.Errorf("x: %w", errors.Join(notSent, unknown)), false},
		"two wraps in one format":                {fmt.Errorf("%w, %w", notSent, unknown), false},
		"the outer outcome decides: not sent":    {over(commerce.NotSent, unknown), true},
		"the outer outcome decides: unknown":     {over(commerce.Unknown, notSent), false},
		"an outer error without outcome asks on": {over("", notSent), true},
		"an outer error over a mixed join":       {over("", errors.Join(notSent, unknown)), false},
		"an outer outcome over a mixed join":     {over(commerce.NotSent, errors.Join(notSent, unknown)), true},
		"Errorf keeps the outcome of its cause":  {commerce.Errorf(commerce.KindInternal, "a", "b", "x: %w", notSent), true},
		"Errorf of two causes":                   {commerce.Errorf(commerce.KindInternal, "a", "b", "%w %w", notSent, unknown), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.safe, commerce.SafeToRetry(c.err))
		})
	}
}

func TestErrorfSaysItsCauseOnce(t *testing.T) {
	t.Parallel()
	err := commerce.Errorf(commerce.KindInvalid, "inbox", "open", "reading: %w", io.EOF)
	require.Equal(t, "inbox: open: reading: EOF", err.Error())
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	two := commerce.Errorf(commerce.KindInvalid, "inbox", "open", "%w and %w", io.EOF, io.ErrNoProgress)
	require.Equal(t, "inbox: open: EOF and "+io.ErrNoProgress.Error(), two.Error())
	require.ErrorIs(t, two, io.EOF)
	require.ErrorIs(t, two, io.ErrNoProgress)
}

func TestErrorTextReadsAsASentence(t *testing.T) {
	t.Parallel()
	require.Equal(t, "stripe: create refund for pi_1: 402 card_declined (req_9)", (&commerce.Error{
		Kind: commerce.KindDeclined, System: "stripe", Op: "create refund for pi_1", Status: 402, Code: "card_declined", RequestID: "req_9"}).Error())
	require.Equal(t, "erp: unavailable [outcome unknown]", (&commerce.Error{Kind: commerce.KindUnavailable, System: "erp", Outcome: commerce.Unknown}).Error())
}

func TestKindsOfATree(t *testing.T) {
	t.Parallel()
	a := &commerce.Error{Kind: commerce.KindParked}
	tree := fmt.Errorf("x: %w", errors.Join(a, io.EOF, fmt.Errorf("y: %w", commerce.ErrNotFound)))
	require.Equal(t, []commerce.Kind{commerce.KindParked, commerce.KindInternal, commerce.KindNotFound}, commerce.Kinds(tree))
	require.Equal(t, commerce.KindParked, commerce.KindOf(tree))
	require.Equal(t, commerce.KindInternal, commerce.KindOf(io.EOF))
	require.Equal(t, commerce.KindAuth, commerce.KindOf(&commerce.Error{Err: &commerce.Error{Kind: commerce.KindAuth}}))
	require.Empty(t, commerce.Kinds(nil))
	require.True(t, commerce.KindInvalid.Permanent())
	require.False(t, commerce.KindUnavailable.Permanent())
	require.False(t, commerce.KindLimit.Permanent())
}

func TestRetryAfterIsTheLongestOfTheTree(t *testing.T) {
	t.Parallel()
	w := func(d time.Duration, err error) error { return &commerce.Error{RetryAfter: d, Err: err} }
	require.Equal(t, 5*time.Second, commerce.RetryAfter(fmt.Errorf("x: %w", errors.Join(w(time.Second, nil), w(0, w(5*time.Second, nil)), io.EOF))))
	require.Zero(t, commerce.RetryAfter(nil))
}
