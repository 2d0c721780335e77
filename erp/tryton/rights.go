package tryton

import (
	"context"

	"github.com/commercesync/commerce/erp"
)

// rights are what the adapter does to which model, and what is better not to be had.
var rights = []struct {
	model, act string
	ability    erp.Ability
}{
	{"party.party", "create", erp.ForOrders},
	{"product.product", "read", erp.ForOrders},
	{"account.tax", "read", erp.ForOrders},
	{"sale.sale", "create", erp.ForOrders},
	{"sale.sale", "write", erp.ForOrders},
	{"stock.shipment.out", "read", erp.ForWarehouse},
	{"stock.shipment.out", "write", erp.ForWarehouse},
	{"account.move", "create", erp.ForLedger},
	{"account.account", "read", erp.ForLedger},
	{"account.journal", "read", erp.ForLedger},
	{"account.invoice", "write", erp.ForInvoices},
	{"account.move.reconciliation", "create", erp.ForInvoices},
	{"res.user", "write", erp.ForNothing},
	{"ir.model.access", "write", erp.ForNothing},
}

// Rights asks the server what its access table gives the user's groups, as Tryton's own
// client does: ir.model.access get_access (6.0.29, tried 2026-11).
func (t *Client) Rights(ctx context.Context) ([]erp.Right, error) {
	var models []string
	for _, r := range rights {
		models = append(models, r.model)
	}
	var has map[string]map[string]flag
	if err := t.do(ctx, call{op: "read rights", method: "model.ir.model.access.get_access", params: []any{models}, out: &has}); err != nil {
		return nil, err
	}
	var out []erp.Right
	for _, r := range rights {
		out = append(out, erp.Right{Name: r.model + " " + r.act, For: r.ability, Has: bool(has[r.model][r.act])})
	}
	return out, nil
}
