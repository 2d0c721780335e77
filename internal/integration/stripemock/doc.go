// Package stripemock holds the client of package stripe against stripe-mock's
// OpenAPI document of the pinned API version: every request that the client can send
// is accepted, names every parameter rightly, and every answer is read.
//
// stripe-mock is embedded, so nothing has to be started. It keeps no state: what a
// request does is the business of stripetest.
package stripemock
