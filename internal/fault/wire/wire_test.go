package wire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/fault/wire"
	"github.com/commercesync/commerce/internal/httpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each fault is what its name says, to a client that knows nothing but net/http.
func TestEachFaultDoesWhatItSays(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range append(wire.Faults(), wire.Cancels()...) {
		require.False(t, names[f.Name], f.Name)
		names[f.Name] = true
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if f.Stalls {
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			far := f.Start(t, cancel)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, far.URL, strings.NewReader("x"))
			require.NoError(t, err)
			resp, err := far.Transport.RoundTrip(r)
			if err == nil {
				_, err = httpx.ReadAll(resp.Body, 64<<10)
				resp.Body.Close()
				if resp.StatusCode >= 400 {
					_ = far.Wait(ctx, time.Hour)
				}
			}
			want := 0
			if f.Arrives {
				want = 1
			}
			require.Equal(t, want, far.Requests())
			if !f.Acts {
				want = 0
			}
			require.Equal(t, want, far.Effects())
			require.Zero(t, far.Elsewhere())
			if !f.Arrives && ctx.Err() == nil {
				require.True(t, httpx.NotSent(err), err)
			}
			if f.Stalls {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		})
	}
	require.GreaterOrEqual(t, len(names), 24)
}

func TestConnectionsToAnotherHostAreCounted(t *testing.T) {
	t.Parallel()
	for _, f := range wire.Faults() {
		if f.Name != "a redirect to another host" {
			continue
		}
		far := f.Start(t, func() {})
		_, err := (&http.Client{Transport: far.Transport}).Get(far.URL)
		require.Error(t, err)
		require.Equal(t, 1, far.Elsewhere())
		return
	}
	t.Fatal(errors.New("there is no redirect"), io.EOF)
}
