package commerce_test

import (
	"fmt"
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func TestOnlyWhatIsBrokenIsAnError(t *testing.T) {
	t.Parallel()
	shop := commerce.Ref{System: "magento", Account: "shop.example", Mode: commerce.Live}
	fs := commerce.Findings{
		{Connection: shop, Code: "certificate_ends", Severity: commerce.Warning, Seen: "it ends in 3 days"},
		{Connection: shop, Code: "right_missing", About: "Magento_Sales::ship", Severity: commerce.Broken,
			Seen: "the integration lacks it", Expected: "it has it", Mend: "tick it under System > Integrations"},
		{Connection: shop, Code: "clock_skew", Severity: commerce.Notice, Seen: "40 s"},
	}
	err := fs.Err()
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.EqualError(t, err, "magento: check: right_missing Magento_Sales::ship: the integration lacks it; expected: it has it; to mend it: tick it under System > Integrations")
	require.NoError(t, fs[:1].Err())
	require.NoError(t, commerce.Findings(nil).Err())
}

func ExampleFinding() {
	fmt.Println(commerce.Finding{Code: "https_missing", Severity: commerce.Broken, Seen: "http://shop.example",
		Expected: "https://shop.example", Mend: "put the https address into Config.BaseURL"})
	// Output: https_missing: http://shop.example; expected: https://shop.example; to mend it: put the https address into Config.BaseURL
}
