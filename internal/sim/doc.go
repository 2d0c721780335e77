// Package sim plays the program of package journey through disturbed days, each
// decided by one number, and counts at the far sides what came of it.
//
// Everything is the real thing: clients, adapters, workflows, inbox, idempotency and
// stores. What is simulated is the world. Two or three worker processes share one
// store, and stand still at every call of a store and at every HTTP request, before it
// and after it. One scheduler, led by the seed's chance, lets one of them go on at a
// time; between any two steps it may kill a process (its memory is gone, what it sent
// is still on its way), freeze it, move the clock of its host, or do something else
// first. Requests are sent, applied and answered as separate steps, and may be applied
// after the caller gave up; webhooks are doubled, reordered, delayed, dropped and sent
// again, and what the store did may not be heard of. Time is the bubble's
// (testing/synctest) and passes only while everybody waits, so that a day takes
// milliseconds. At the end comes calm, in which all work must finish.
//
//	make sim SEEDS=20000 SHOP=nopcommerce
//	go test ./internal/sim -run Days -shop magento -seed 4711 -v   # one again, step by step
//
// The auditor believes the far sides, not the program: see audit.go for what it
// counts. Its controls are planted bugs (make sim-control): one-line patches, each of a
// kind that real systems shipped, which it must find. make crashpoints visits every
// single point of the two payment workflows instead of drawing them.
package sim
