package magentoshop

import "github.com/commercesync/commerce/magento"

// For tests in package magentoshop_test.
var Seen = seen

func OrderHash(o magento.Order) string { return orderHash(o) }

func Plain(n string) string { return plain(n) }
