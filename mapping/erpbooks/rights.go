package erpbooks

import (
	"context"
	"fmt"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// rights compares the rights of the ERP's user, one by one, with what the books need.
func (k *check) rights(ctx context.Context) {
	r, ok := k.b.erp.(erp.Rights)
	if !ok {
		return
	}
	all, err := r.Rights(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	books := len(k.b.c.Charts) > 0
	needed := map[erp.Ability]bool{erp.ForOrders: true, erp.ForWarehouse: true, erp.ForLedger: books, erp.ForInvoices: books && k.b.c.Mode == Invoiced}
	var surplus []string
	for _, right := range all {
		switch {
		case needed[right.For] && !right.Has:
			k.Tell(commerce.Broken, "right_missing", right.Name, fmt.Sprintf("the user lacks the right %s", right.Name), fmt.Sprintf("the right, for %s", right.For),
				"put the user of this program into a group that has it")
		case right.For == erp.ForNothing && right.Has: // what else there is a group for sales may bring along
			surplus = append(surplus, right.Name)
		}
	}
	if len(surplus) > 0 {
		k.Tell(commerce.Warning, "rights_surplus", "", "the user may do what no workflow in use needs: "+strings.Join(surplus, ", "), "no more rights than are needed",
			"give this program a user of its own, without the groups of administrators")
	}
}
