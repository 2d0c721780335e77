package fault_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commercesync/commerce/internal/fault"
	"github.com/stretchr/testify/require"
)

// Each fault does the same in this process as over a connection.
func TestEachFaultHasItsEffectAndItsAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   fault.Fault
		status  int // 0 = an error
		whole   bool
		effects int64
	}{
		"refused":      {fault.Fault{Kind: fault.Refused}, 0, false, 0},
		"stalled":      {fault.Fault{Kind: fault.Stalled}, 0, false, 0},
		"lost":         {fault.Fault{Kind: fault.Lost}, 0, false, 1},
		"half":         {fault.Fault{Kind: fault.Half}, 200, false, 1},
		"answered":     {fault.Fault{Kind: fault.Answered, Status: 503, Body: "down"}, 503, true, 0},
		"after effect": {fault.Fault{Kind: fault.AfterEffect, Status: 502, Body: "bad"}, 502, true, 1},
		"late":         {fault.Fault{Kind: fault.Late, Delay: time.Millisecond}, 200, true, 1},
	} {
		for _, over := range []string{"in process", "over TCP"} {
			t.Run(name+" "+over, func(t *testing.T) {
				t.Parallel()
				var effects atomic.Int64
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					effects.Add(1)
					_, _ = io.WriteString(w, "a whole answer")
				})
				var set fault.Set
				once := c.fault
				once.Times = 1
				set.Add(once)
				base, next := "http://far.example", set.Transport(h)
				if over == "over TCP" {
					srv := httptest.NewServer(set.Handler(h))
					defer srv.Close()
					tr := &http.Transport{}
					defer tr.CloseIdleConnections()
					base, next = srv.URL, tr
				}
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, base, strings.NewReader("x"))
				require.NoError(t, err)
				resp, err := next.RoundTrip(r)
				if c.status == 0 {
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					require.Equal(t, c.status, resp.StatusCode)
					_, err = io.ReadAll(resp.Body)
					require.Equal(t, c.whole, err == nil, "%v", err)
					_ = resp.Body.Close()
				}
				require.Equal(t, c.effects, effects.Load())
			})
		}
	}
}
