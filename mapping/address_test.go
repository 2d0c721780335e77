package mapping_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/mapping"
)

func TestAPhoneIsKeptWhereItsPlanHasIt(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2026))
	kept := map[bool]int{}
	for region := range phonenumbers.GetSupportedRegions() {
		for range 8 {
			number := []byte(phonenumbers.Format(phonenumbers.GetExampleNumber(region), phonenumbers.E164))
			for range r.IntN(3) {
				number[1+r.IntN(len(number)-1)] = byte('0' + r.IntN(10))
			}
			n, err := phonenumbers.Parse(string(number), region)
			want := err == nil && phonenumbers.IsValidNumber(n)
			_, ok := mapping.Phone(string(number), region)
			require.Equal(t, want, ok, "%s in %s", number, region)
			kept[ok]++
		}
	}
	require.Greater(t, min(kept[true], kept[false]), 100)
}

func TestATextThatIsCleanStaysAsItIs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2026))
	stayed := 0
	for range 4_000 {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString([]string{"a", "b", " ", " ", "\t", "\x7f", "ü", "\u00a0", "\xff"}[r.IntN(9)])
		}
		given := b.String()
		want := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(given, ""), func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r)
		}), " ")
		require.Equal(t, want, mapping.Text(given), "%q", given)
		if given == want {
			stayed++
		}
	}
	require.Greater(t, stayed, 200)
}
