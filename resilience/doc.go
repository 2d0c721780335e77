// Package resilience retries, breaks circuits, limits rates and bounds time, as a
// value around any call and as an http.RoundTripper around a client. It is the one
// layer that repeats: nothing above or below it should.
//
// A Policy protects the calls to one far side, for one tenant:
//
//	quota, err := resilience.NewQuota(resilience.Limit{Requests: 15})
//	if err != nil {
//		return err
//	}
//	p, err := resilience.New("magento", resilience.Config{Quota: quota})
//	if err != nil {
//		return err
//	}
//	client := &http.Client{Transport: p.Transport(http.DefaultTransport)}
//
// [Policy.Transport] repeats only what can do no harm: reads, requests that
// provably never left, requests that carry an Idempotency-Key, and answers that
// say that nothing was done ([Default], or a Retry.Classify of one's own). A
// signer belongs below it, so that every attempt is signed anew. [Policy.Do] does
// the same for any function and asks commerce.SafeToRetry.
//
// # What an answer means afterwards
//
// The last answer is handed back as it came, except in one case: an earlier
// attempt of a write may have taken effect and the last one certainly did not.
// "Not sent" would then be a lie, so the error says that the outcome is unknown.
//
// # Live work first
//
// A [Quota] holds the far side's rate limits. Policies that are given the same one
// share it. Reading of history and repair say so by [WithBackfill] and take only what
// live work leaves:
//
//	for charge, err := range client.Charges.List(resilience.WithBackfill(ctx), nil) {
//
// A turn that would come after the context's end is refused at once, with a
// *commerce.Error of kind parked, outcome not sent, that wraps a [*RateError].
//
// # The breaker
//
// The breaker counts only what says that the system is ill: no connection, a
// time-out, 502, 503, 504 and a 500 without a JSON body. A refusal that the
// system thought about does not count. It opens on failures from several roots
// ([WithRoot]), so that one poisonous order can not stop the shop for all others, and
// each success makes up for a failure, so that a system which mostly answers stays
// open to all however much is asked of it.
// While it is open every call ends at once with a *commerce.Error of kind parked,
// outcome not sent, that wraps an [*OpenError]. Then Breaker.Ping is tried, by one
// caller: an order is never the guinea pig.
package resilience
