package resilience

import "sync"

// reserve is how many retries a budget holds at most: what a quiet hour leaves for
// the first minute of an outage.
const reserve = 10

// budget is a bucket of retries shared by all callers. Each call puts a share of a
// retry in, each retry takes a whole one out, so that an outage multiplies the load
// by at most 1 + share.
type budget struct {
	mu    sync.Mutex
	share float64
	held  float64
}

func (b *budget) init(share float64) { b.share, b.held = share, reserve }

func (b *budget) deposit() {
	b.mu.Lock()
	b.held = min(b.held+b.share, reserve)
	b.mu.Unlock()
}

func (b *budget) withdraw() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held < 1 {
		return false
	}
	b.held--
	return true
}
