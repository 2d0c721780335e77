package commerce_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func TestASecretNeverPrints(t *testing.T) {
	t.Parallel()
	const text = "sk_live_0123456789"
	s := commerce.NewSecret(text)
	type open struct{ Key commerce.Secret }
	type closed struct{ key commerce.Secret }
	values := map[string]any{
		"itself": s, "a pointer": &s, "a struct": open{s}, "a pointer to a struct": &open{s},
		"an unexported field": closed{s}, "a pointer to an unexported field": &closed{s},
		"a map": map[string]commerce.Secret{"k": s}, "a key": map[commerce.Secret]int{s: 1},
		"a list": []commerce.Secret{s}, "credentials": commerce.Static(open{s}),
		"an error": fmt.Errorf("with %v", s),
	}
	hexed := fmt.Sprintf("%x", text)
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
			if b, err := json.Marshal(v); err == nil {
				out.Write(b)
			}
			require.NotContains(t, out.String(), text)
			require.NotContains(t, out.String(), hexed)
		})
	}
	require.Equal(t, text, s.Reveal())
	require.Equal(t, "[sealed]", fmt.Sprintf("%d", s))
	require.True(t, s == commerce.NewSecret(text))
	require.True(t, commerce.Secret{}.Empty())
	require.True(t, commerce.NewSecret("").Empty())
	require.Empty(t, commerce.Secret{}.Reveal())
}

func TestStaticCredentialsHaveNothingElse(t *testing.T) {
	t.Parallel()
	c := commerce.Static("key")
	v, err := c.Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, "key", v)
	require.ErrorIs(t, c.Rejected(t.Context(), v), commerce.ErrAuth)
}
