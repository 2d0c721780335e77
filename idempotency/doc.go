// Package idempotency does a thing once per key and remembers the answer.
//
// A write to another system ends in one of three ways: it took effect, it did not,
// or nobody knows: the connection broke, the process died. This package commits
// the intent under a durable key before the first byte leaves, so that an unknown
// outcome is looked up and never guessed:
//
//	id, err := idempotency.Ensure(ctx, keys, "erp/sales-order/"+order.Ref.String(),
//		find, create, idempotency.For(order.Totals.Gross))
//
// find runs only when an earlier attempt's outcome is unknown, and says "absent"
// with commerce.ErrNotFound. The answer is stored for ever: it is the cross
// reference between the two systems.
//
// # How strong
//
// "Once" is as strong as the far side allows, and an [Effect] says which:
//
//   - [Keyed]: the far side refuses a second. At most one, always.
//   - [Marked]: our reference is part of the write. At most one unless a request
//     outlives Settle; a sweep over [Store].List finds those.
//   - [Guarded]: the far side's state is the proof. Read, act, read back.
//   - [Blind]: sent at most once; an unknown outcome needs a person.
//
// # What a crash leaves
//
// An attempt holds its key for a lease, and its context ends before the lease
// does. A key found open after its lease is as unknown as one whose answer was
// lost: nobody touches it before Settle has passed (a request may still be on its
// way), then it is probed, and the write is repeated only when the probe says
// absent. A worker that wakes up late finds its token stale.
//
// # Same key, other content
//
// [For] sets a fingerprint of what makes the effect another one. The same key with
// other content is a [FingerprintError]: never a second effect, never the wrong
// answer.
//
// [Memory] is for tests; the sqlstore package keeps keys in SQLite and PostgreSQL.
// Implementers of [Store] run the suite in idempotencytest.
package idempotency
