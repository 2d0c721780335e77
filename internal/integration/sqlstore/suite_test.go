package sqlstore_test

import (
	"testing"

	"github.com/commercesync/commerce/idempotency/idempotencytest"
	"github.com/commercesync/commerce/sqlstore"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		idempotencytest.Run(t, func(t *testing.T) idempotencytest.Harness {
			c := newClock()
			return idempotencytest.Harness{Store: d.store(t, sqlstore.Config{Now: c.Now}).Steps(), Advance: c.Advance}
		})
	})
}
