package payout_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/bench/payout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryWayFindsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, err := payout.Generate(dir, 10_000, 1)
	require.NoError(t, err)
	require.Equal(t, 12, m.Differ)
	for way := range payout.Ways {
		got, err := payout.Job{Way: way, Dir: dir}.Run(t.Context())
		require.NoError(t, err, way)
		require.Equal(t, m.Differ, got.Differ, way)
		require.Positive(t, got.Took, way)
	}
	_, err = payout.Job{Way: "guessing", Dir: dir}.Run(t.Context())
	require.ErrorContains(t, err, "no way")
}
