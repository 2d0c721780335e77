package magentotest

import (
	"regexp"

	"github.com/stretchr/testify/require"
)

// single makes the shop that was recorded before its second website (REC 400).
func single(c *Config) { c.Stores = DefaultStores()[:1] }

// next sets the last id of tables: other calls took the ones before.
func next(ids map[string]int64) step {
	return byHand(func(r *replayed) {
		for table, id := range ids {
			r.shop.ids[table] = id
		}
	})
}

// everywhere writes a product for all store views.
func everywhere(method, path, product string) step {
	return byHand(func(r *replayed) {
		status, b := r.send(method, "/rest/all/V1"+path, "", `{"product":`+product+`}`, nil)
		require.Equal(r.t, 200, status, "%s: %s", path, b)
	})
}

// historyOfCatalogue is what was done with products, stock, customers and stores.
func historyOfCatalogue() []history {
	catalogue := regexp.MustCompile(`/V1/(products|stockItems|inventory)`)
	customers := regexp.MustCompile(`/V1/customers`)
	directory := regexp.MustCompile(`/V1/(store|directory|modules|customerGroups|returns)`)
	stock := func(sku string, qty dec) step {
		return byHand(func(r *replayed) { r.shop.setSource(sku, qty, true) })
	}
	five := `{"sku":"SIMPLE-5","name":"Simple five","attribute_set_id":4,"price":20,"weight":1.5,"extension_attributes":{"stock_item":{"qty":100,"is_in_stock":true}}}`
	address := func(region string) string {
		return `{"firstname":"R","lastname":"R","street":["1"],"city":"X","country_id":"US","postcode":"10001","telephone":"1","region":` + region + `}`
	}
	return []history{
		{name: "products and stock", of: catalogue, shop: single, steps: calls(
			"051", missing("052", everywhere("POST", "/products", `{"sku":"SKU/with slash","name":"Awkward sku","attribute_set_id":4,"price":10,"weight":1.5,"extension_attributes":{"stock_item":{"qty":5,"is_in_stock":true}}}`)),
			"053-058 059 060-065 066 067-072 073 074-079 080 081-086 087 088-093 094 095-099",
			place(NewOrder{Items: []NewItem{{SKU: "SIMPLE-1", Qty: "3", Price: "25.99"}, {SKU: "SIMPLE-2", Price: "6"}}}), "106 !143 175 177",
			stock("SIMPLE-1", 42*one), "241 242-247", // what orders took and brought back until then
			byHand(func(r *replayed) {
				r.shop.ids["product"] = 6
				_, err := r.shop.AddProduct(NewProduct{SKU: "CONF", Name: "Conf parent", Type: "configurable", Attributes: map[string]string{
					"image": "no_selection", "small_image": "no_selection", "thumbnail": "no_selection"}})
				require.NoError(r.t, err)
				p := r.shop.product("CONF")
				p.extension = obj{"configurable_product_links": []int{5, 6}, "configurable_product_options": []any{obj{"id": 1, "attribute_id": "137",
					"label": "Tone", "position": 0, "product_id": 7, "values": []any{obj{"value_index": 4}, obj{"value_index": 5}}}}}
				r.shop.setSource("CONF", 0, true)
			}), "268 !281-285 287 300-301",
			next(map[string]int64{"product": 8}), everywhere("POST", "/products", five), "310 311 312-317",
			missing("318", everywhere("PUT", "/products/SIMPLE-5", `{"tier_prices":[{"customer_group_id":32000,"qty":10,"value":5,"extension_attributes":{"website_id":0}}]}`)),
			"319-324 325",
		)},
		{name: "prices of two websites", of: catalogue, shop: func(c *Config) { c.WebsitePrices = true }, steps: calls(
			next(map[string]int64{"product": 12}),
			everywhere("POST", "/products", `{"sku":"ODD-3","name":"ODD-3","attribute_set_id":4,"price":0.07,"weight":1,"custom_attributes":[{"attribute_code":"tax_class_id","value":"0"}],"extension_attributes":{"stock_item":{"qty":986,"is_in_stock":true}}}`),
			"523-527 528 529-534")},
		{name: "customers", of: customers, steps: calls(
			"026-030", missing("031", post("/customers", `{"customer":{"email":"z@example.com","firstname":"Z","lastname":"Z","addresses":[`+address(`"Texas"`)+`]}}`)),
			"032-037 038 039-044", missing("045", put("/customers/1", `{"customer":{"email":"ann@example.com","firstname":"Anna","lastname":"Smith","website_id":1,"addresses":[]}}`)),
			"046-050 176", post("/customers", `{"customer":{"email":"bulk@example.com","firstname":"B","lastname":"K"}}`), "302 326-327",
			next(map[string]int64{"customer": 4, "customer_address": 4}),
			post("/customers", `{"customer":{"email":"signed@example.com","firstname":"Si","lastname":"Gned"}}`),
			post("/customers", `{"customer":{"email":"rita@example.com","firstname":"R","lastname":"R","taxvat":"US-1"}}`),
			"340-345", missing("346", put("/customers/6", `{"customer":{"email":"rita@example.com","addresses":[`+address(`"New York"`)+`]}}`)),
			"347-349", next(map[string]int64{"customer": 6, "customer_address": 11}),
			missing("535", post("/customers", `{"customer":{"email":"firma@example.com","firstname":"Eva","lastname":"Klein","website_id":2,"taxvat":"DE123456789","addresses":[{"firstname":"Jörg","lastname":"Müller","company":"Müller & Söhne GmbH","street":["Hauptstraße 12","c/o Lager 3"],"city":"Köln","country_id":"DE","postcode":"50667","telephone":"+49 221 123","vat_id":"DE123456789","region":{"region_id":88},"default_billing":true,"default_shipping":true}]}}`)),
			"536-538",
		)},
		{name: "the directory of one store", of: directory, shop: single, steps: calls("188 189 190-192 231 304 305-308")},
		{name: "stores", of: directory, steps: calls("400 401 402 403-405 406 407 408 409 540")},
	}
}
