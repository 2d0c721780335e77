package sqlstore

import (
	"slices"
	"sync"
)

// turns says whose turn it is: tenants that have work are served one after the other.
// Who has is asked anew every few claims, since a claim is the more common by far.
type turns struct {
	mu      sync.Mutex
	tenants []string // in order
	last    string   // whose turn the last claim began with
	claims  int
}

const (
	claimsPerList = 8 // claims until the tenants are listed anew
	// claimsPerRepair is how many claims in a row prefer live events while repair waits.
	claimsPerRepair = 8
)

// turn is what one claim goes by.
type turn struct {
	tenants []string // the one whose turn it is first
	patient bool     // repair comes last
}

// next returns the next turn; listed reports that the tenants were asked for just now.
func (t *turns) next(list func() ([]string, error), fresh bool) (out turn, listed bool, err error) {
	t.mu.Lock()
	listed = fresh || t.claims%claimsPerList == 0 || len(t.tenants) == 0
	t.mu.Unlock()
	var tenants []string
	if listed {
		if tenants, err = list(); err != nil {
			return turn{}, true, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if listed {
		t.tenants = tenants
	}
	out.patient = t.claims%(claimsPerRepair+1) != claimsPerRepair
	if !fresh {
		t.claims++
	}
	if len(t.tenants) == 0 {
		return out, listed, nil
	}
	i, found := slices.BinarySearch(t.tenants, t.last)
	if found {
		i++
	}
	i %= len(t.tenants)
	t.last = t.tenants[i]
	out.tenants = slices.Concat(t.tenants[i:], t.tenants[:i])
	return out, listed, nil
}
