// Package stripemock holds the client of package stripe and the fake of package
// stripetest against stripe-mock's OpenAPI documents.
//
// Every request that the client can send is accepted by stripe-mock of the pinned API
// version, names every parameter rightly, and every answer is read. stripe-mock is
// embedded, so nothing has to be started. It keeps no state: what a request does is the
// business of stripetest.
//
// Every request that stripetest accepts, every answer that it gives and every event
// that it writes validates against the documents of the pinned version and of the
// newest one; every parameter that the document lists is refused or shows.
package stripemock
