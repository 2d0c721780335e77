package erpbooks

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
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
		k.found = append(k.found, connection.Found(k.of, err))
		return
	}
	books := len(k.b.c.Charts) > 0
	needed := map[erp.Ability]bool{erp.ForOrders: true, erp.ForWarehouse: true, erp.ForLedger: books, erp.ForInvoices: books && k.b.c.Mode == Invoiced}
	for _, right := range all {
		switch {
		case needed[right.For] && !right.Has:
			k.tell("right_missing", right.Name, fmt.Sprintf("the user lacks the right %s", right.Name), fmt.Sprintf("the right, for %s", right.For),
				"put the user of this program into a group that has it")
		case right.Has && (right.For == erp.ForNothing || !books && (right.For == erp.ForLedger || right.For == erp.ForInvoices)):
			k.found = append(k.found, commerce.Finding{Connection: k.of, Code: "right_unneeded", About: right.Name, Severity: commerce.Warning,
				Seen: fmt.Sprintf("the user has the right %s", right.Name), Expected: "no more than the workflows in use need",
				Mend: "give this program a user of its own, without the groups of administrators"})
		}
	}
}
