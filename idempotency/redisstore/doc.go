// Package redisstore keeps operations in Redis, for keys of the host program's own: a
// job that runs once a day, a mail that goes out once.
//
//	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	keys, err := redisstore.Open(ctx, client, redisstore.Config{})
//	...
//	receipt, err := idempotency.Do(ctx, keys, "report/2026-11-21", send)
//
// The keys of workflows belong into sqlstore, beside the inbox: they are the cross
// reference between systems and are kept for ever, and a server that keeps everything in
// memory and hands over to a replica without waiting for it is no place for them.
//
// # What is promised
//
// A method that returns nil has been written to the server's disk. [Open] therefore
// refuses a server that does not say appendonly yes, appendfsync always and
// maxmemory-policy noeviction, and every write looks again; where the server does not let
// itself be asked (CONFIG GET), that is refused too. [Config.AllowUnsafe] names what is
// accepted anyway. What no setting gives: a failover to a replica can lose the last
// writes, so that an operation which ended just before it may be done again.
//
// Every write compares with what was read before it and changes nothing where another
// was quicker; then it begins anew. Times are the server's. Nothing expires.
//
// # Keys
//
// A record is JSON under Config.Prefix + "op:" + key; the sorted set Config.Prefix +
// "changed" holds when each changed, in microseconds since 1970 UTC. With a cluster all
// of them live in one slot: the prefix has to hold a hash tag, as the default does.
package redisstore
