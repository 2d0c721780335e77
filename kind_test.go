package commerce_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

func TestTypedErrorsAnswerToTheSentinelOfTheirKind(t *testing.T) {
	t.Parallel()
	_, amount := commerce.ParseMoney("1.005", "EUR")
	_, mismatch := commerce.Zero("EUR").Add(commerce.Zero("USD"))
	for name, err := range map[string]error{
		"an amount":              amount,
		"two currencies":         mismatch,
		"an entry out of kilter": &commerce.UnbalancedError{},
		"one that is wrapped":    fmt.Errorf("order 17: %w", amount),
	} {
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		require.NotErrorIs(t, err, commerce.ErrNotFound, name)
		require.Equal(t, commerce.KindInvalid, commerce.KindOf(err), name)
	}
}
