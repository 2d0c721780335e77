module github.com/commercesync/commerce/idempotency/redisstore

go 1.26.0

require (
	github.com/commercesync/commerce v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/govalues/decimal v0.1.36 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/commercesync/commerce => ../..
