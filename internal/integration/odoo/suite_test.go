package odoo_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/erp/odoo"
)

// tax finds the id of the tax with a rate and these words in its name.
func tax(t *testing.T, client *odoo.Client, name string) string {
	t.Helper()
	taxes, err := client.Taxes(t.Context())
	require.NoError(t, err)
	for _, x := range taxes {
		if x.Name == name {
			return x.ID
		}
	}
	t.Fatalf("there is no tax %q", name)
	return ""
}

// protocols run a test over both of the server's protocols.
func protocols(t *testing.T, test func(*testing.T, odoo.Protocol)) {
	need(t)
	for _, p := range []odoo.Protocol{odoo.JSON2, odoo.JSONRPC} {
		t.Run(string(p), func(t *testing.T) { test(t, p) })
	}
}

func TestARealOdooKeepsThePromisesOfTheERP(t *testing.T) {
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		// Of the scarce product there is one again, whatever was reserved before.
		if held := ids(t, "stock.picking", is("move_ids.product_id.default_code", "SKU-SCARCE"), []any{"state", "not in", []string{"done", "cancel"}}); len(held) > 0 {
			call(t, nil, "stock.picking", "do_unreserve", []any{held}, nil)
		}
		erptest.Run(t, func(t *testing.T) erptest.Bench {
			lost := &loseOnce{}
			client := client(t, p, func(c *odoo.Config) { c.Transport = lost })
			bench := erptest.Bench{
				ERP: client, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
				Tax19: tax(t, client, "VAT 19%"), Tax7: tax(t, client, "VAT 7%"),
				OtherCompany: fmt.Sprint(ids(t, "res.company", is("name", "Sister Company Ltd"))[0]),
				Count:        func(t *testing.T, key string) int { return len(ids(t, "sale.order", is("client_order_ref", key))) },
				LoseCreate:   func(*testing.T) { lost.lose("sale.order/load") },
				Duplicate:    duplicate, Ship: ship, Pick: pick, Invoice: invoice,
				Refuse: func(t *testing.T, key string) {
					call(t, nil, "stock.picking", "action_cancel", []any{open(t, key)}, nil)
				},
				Bank: "101001", Revenue: "401000", Journal: "STRP", Clearing: "101090", Advance: advances(t), ForeignClearing: dollars(t), FX: "441000", TakeBack: takeBack,
				CountEntries: func(t *testing.T, key string) int { return len(ids(t, "account.move", is("ref", key))) },
				ClosedDate:   commerce.Date{Year: time.Now().UTC().Year() - 2, Month: time.January, Day: 15},
				Today:        commerce.DateOf(time.Now().UTC()),
			}
			// FULL=1 loses the answer to each call in turn, which takes minutes; once is enough.
			if p == odoo.JSON2 && os.Getenv("FULL") == "1" {
				bench.LoseAnswer = lost.loseCall
			}
			return bench
		})
	})
}
