package vaulttest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// RunAccessLog runs the suite of stores of an access log; open makes an empty one for
// each test.
func RunAccessLog(t *testing.T, open func(t *testing.T) vault.AccessStore) {
	for name, test := range map[string]func(*testing.T, vault.AccessStore){
		"an empty log has no last line":             emptyLog,
		"lines come back as they were, in order":    linesInOrder,
		"a line is written once":                    lineOnce,
		"of many who write a line exactly one does": oneLine,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func line(seq int64) vault.Access {
	return vault.Access{Seq: seq, At: noon.Add(time.Duration(seq) * time.Second), Actor: "user 17", Purpose: "refund re_1 \"ü\"",
		Verb: vault.VerbOpen, Owner: owner, Name: "api_key", Version: seq, Outcome: "ok", Sum: fmt.Sprintf("%064d", seq)}
}

func emptyLog(t *testing.T, s vault.AccessStore) {
	last, err := s.Last(t.Context())
	require.NoError(t, err)
	require.Zero(t, last)
	for range s.Lines(t.Context(), 0) {
		t.Fatal("a line in an empty log")
	}
}

func linesInOrder(t *testing.T, s vault.AccessStore) {
	const lines = 205 // more than a page
	for i := range int64(lines) {
		require.NoError(t, s.Append(t.Context(), line(i+1)))
	}
	last, err := s.Last(t.Context())
	require.NoError(t, err)
	require.Equal(t, line(lines), last)
	all := s.Lines(t.Context(), 7)
	for range 2 { // also the second time
		want := int64(8)
		for a, err := range all {
			require.NoError(t, err)
			require.Equal(t, line(want), a)
			want++
		}
		require.EqualValues(t, lines+1, want)
	}
}

func lineOnce(t *testing.T, s vault.AccessStore) {
	require.NoError(t, s.Append(t.Context(), line(1)))
	other := line(1)
	other.Actor = "somebody else"
	require.ErrorIs(t, s.Append(t.Context(), other), commerce.ErrConflict)
	last, err := s.Last(t.Context())
	require.NoError(t, err)
	require.Equal(t, line(1), last)
}

func oneLine(t *testing.T, s vault.AccessStore) {
	for seq := range int64(3) {
		var wg sync.WaitGroup
		var wins atomic.Int64
		for range 6 {
			wg.Go(func() {
				switch err := s.Append(t.Context(), line(seq+1)); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, commerce.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, wins.Load())
	}
}
