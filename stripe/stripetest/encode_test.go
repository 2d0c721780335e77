package stripetest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEncodeWritesWhatEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, "", "plain", "a\"b\\c", "tülip\n<&>\u2028\xff", true, 7, int64(-7), json.RawMessage("1.0875"), json.Number("12"), uint8(3),
		object{}, object(nil), object{"b": 1, "a": object{"z": nil}}, map[string]string{"k": "v<"}, map[string]string(nil),
		[]string{"x", "é"}, []string(nil), []object{{"a": 1}, nil}, []object{}, []any{1, "a", nil, []string{}}, []any(nil),
	} {
		want, err := json.Marshal(v)
		require.NoError(t, err)
		got, err := encode(v)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	_, err := encode(object{"f": func() {}})
	require.Error(t, err)
}
