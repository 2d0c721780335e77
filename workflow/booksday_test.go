package workflow

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADayThatBeginsAtOneIsADayLikeOthers(t *testing.T) {
	t.Parallel()
	// In the night to that day the clock is put forward at midnight.
	for zone, day := range map[string]int{"Atlantic/Azores": 29, "America/Santiago": 6, "Europe/Lisbon": 29} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			there, err := time.LoadLocation(zone)
			require.NoError(t, err)
			month := time.March
			if zone == "America/Santiago" {
				month = time.September
			}
			noon := time.Date(2026, month, day, 12, 0, 0, 0, there)
			b := newBank(t, func(b *bank) {
				b.chart.Location = there
				b.office.clock = noon.AddDate(0, 0, 4)
			})
			n := 0
			for at := noon.AddDate(0, 0, -2); at.Before(noon.AddDate(0, 0, 2)); at = at.Add(30 * time.Minute) {
				n++
				b.moves("fee", fmt.Sprint(n), "", -int64(n), 0, at)
			}
			b.feed()
			b.work()
			b.closes()
			made := b.inventory()
			b.again()
			b.work()
			require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
			require.Len(t, b.entries, 5)
		})
	}
}
