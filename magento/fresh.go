package magento

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// dates remembers the newest Date that the shop answered with.
type dates struct {
	mu sync.Mutex
	at time.Time
}

func (d *dates) newest() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *dates) grow(to time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to.After(d.at) {
		d.at = to
	}
}

func (d *dates) set(to time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = to
}

// apart is how far the clocks of a shop's web servers may be from each other.
const apart = time.Minute

// stale says that an answer to a read was not made for it: it shows an age, or its Date
// lies before what the shop had said when the request was sent. A shop whose clock was
// set back looks the same, so it is asked for the time before anything is refused. An
// answer that a cache kept for less than a minute and gives no age is taken.
func (cl *Client) stale(ctx context.Context, c call, h http.Header, sent, known time.Time) error {
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: c.op, Code: CodeStale,
		Text: "the answer comes from a cache before the shop; keep it from caching /rest, or set Config.Fresh"}
	if age, err := strconv.Atoi(h.Get("Age")); err == nil && age > 0 {
		return e
	}
	date, _ := http.ParseTime(h.Get("Date"))
	switch {
	case date.IsZero() || c.time: // what has no date tells no age
		return nil
	case !date.Before(known.Add(-apart)):
		cl.date.grow(date)
		return nil
	}
	now, err := cl.ServerTime(ctx)
	if err != nil {
		return err
	}
	if waited := cl.c.Now().Sub(sent); date.Before(now.Add(-apart - waited)) {
		return e
	}
	return nil
}
