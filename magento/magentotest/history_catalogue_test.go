package magentotest

import "regexp"

// historyOfCatalogue is what was done with customers, products, stock and stores.
func historyOfCatalogue() []history {
	customers := regexp.MustCompile(`/V1/customers`)
	shop := regexp.MustCompile(`/V1/(store|directory|modules|inventory|customerGroups)`)
	next := func(ids map[string]int64) step {
		return byHand(func(r *replayed) {
			for table, id := range ids {
				r.shop.ids[table] = id
			}
		})
	}
	return []history{
		{name: "customers", of: customers, steps: calls("026-043", next(map[string]int64{"customer_address": 2}),
			"044 047 049 050")},
		{name: "regions of customers", of: customers, steps: calls(next(map[string]int64{"customer": 4, "customer_address": 4}),
			post("/customers", `{"customer":{"email":"signed@example.com","firstname":"S","lastname":"S"}}`),
			post("/customers", `{"customer":{"email":"rita@example.com","firstname":"R","lastname":"R","taxvat":"US-1"}}`),
			"340-345", next(map[string]int64{"customer_address": 9}), "347-349")},
		{name: "customers of two websites", of: customers, steps: calls(next(map[string]int64{"customer": 7}), "536 538")},
		{name: "the directory", of: shop, steps: calls("307 406")},
		{name: "stock", of: shop, steps: calls("097-099")},
		{name: "stores", of: shop, steps: calls("400 404 405 540")},
	}
}
