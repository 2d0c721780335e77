package redisstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/idempotency/redisstore"
)

// It needs a Redis that keeps what it was told, so it is compiled and not run here.
func Example() {
	ctx := context.Background()
	keys, err := redisstore.Open(ctx, redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"}), redisstore.Config{})
	if err != nil {
		log.Fatal(err) // names the setting that would lose keys
	}
	lines, err := idempotency.Do(ctx, keys, "report/2026-11-21", func(context.Context) (int, error) {
		return 42, nil // write and send the report
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lines, "lines, sent once")
}
