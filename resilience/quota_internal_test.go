package resilience

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAQuotaForgetsWhoHasNotAskedForAWhile(t *testing.T) {
	t.Parallel()
	q, err := NewQuota(Limit{Requests: 10, Of: func(r *http.Request) (string, bool) { return r.Host, true }})
	require.NoError(t, err)
	now := time.Now()
	p := &Policy{c: Config{Quota: q, Now: func() time.Time { return now }}}
	p.slow(&http.Request{Host: "slowed"})
	held := q.enter(now, &http.Request{Host: "waiting"})
	for i := range 20 * fewest {
		now = now.Add(time.Millisecond)
		require.NoError(t, p.turn(t.Context(), &http.Request{Host: fmt.Sprint(i)}))
		require.LessOrEqual(t, len(q.buckets), 2*fewest)
	}
	require.Same(t, held.b[0], q.buckets[share{0, "waiting"}], "who waits is known")
	q.leave(&held)
}
