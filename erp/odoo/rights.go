package odoo

import (
	"context"

	"github.com/commercesync/commerce/erp"
)

// rights are what the adapter does to which model, and what is better not to be had.
var rights = []struct {
	model, act string
	ability    erp.Ability
}{
	{"res.partner", "create", erp.ForOrders},
	{"product.product", "read", erp.ForOrders},
	{"account.tax", "read", erp.ForOrders},
	{"sale.order", "create", erp.ForOrders},
	{"sale.order", "write", erp.ForOrders},
	{"stock.picking", "read", erp.ForWarehouse},
	{"stock.picking", "write", erp.ForWarehouse},
	{"account.move", "create", erp.ForLedger},
	{"account.account", "read", erp.ForLedger},
	{"account.journal", "read", erp.ForLedger},
	{"account.payment", "create", erp.ForInvoices},
	{"res.users", "write", erp.ForNothing},
	{"res.company", "write", erp.ForNothing},
}

// Rights asks for each model and act whether the user's groups have it: has_access, which
// Odoo has since 18, or check_access_rights, which it has up to 19 (Odoo's source, 19.0,
// read 2026-11).
func (o *Client) Rights(ctx context.Context) ([]erp.Right, error) {
	p, err := o.protocol(ctx)
	if err != nil {
		return nil, err
	}
	_, newest := p.(json2)
	var out []erp.Right
	for _, r := range rights {
		right := erp.Right{Name: r.model + " " + r.act, For: r.ability}
		c := call{op: "read the right " + right.Name, model: r.model, method: "check_access_rights", args: []arg{{"operation", r.act}, {"raise_exception", false}}, out: &right.Has}
		if newest {
			c.method, c.ids, c.args = "has_access", []int64{}, c.args[:1]
		}
		if err := o.do(ctx, c); err != nil {
			return nil, err
		}
		out = append(out, right)
	}
	return out, nil
}
