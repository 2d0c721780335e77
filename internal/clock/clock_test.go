package clock_test

import (
	"fmt"
	"time"

	"github.com/commercesync/commerce/internal/clock"
)

func ExampleManual() {
	c := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	c.Advance(90 * time.Minute)
	fmt.Println(c.Now().Format(time.TimeOnly))
	// Output: 10:30:00
}
