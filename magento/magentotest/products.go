package magentotest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// NewProduct is a product of the catalogue, enabled.
type NewProduct struct {
	SKU   string
	Name  string // defaults to SKU
	Type  string // defaults to simple
	Price string // in the base currency; defaults to 0
	Qty   string // at the source default; defaults to 0
	// Attributes are custom attributes, by code. Their codes are known to the shop from
	// then on: a code that no product ever had is ignored when it is written (REC 316).
	Attributes map[string]string
}

// product is a row of the catalogue. The name differs by store view, the price by
// website; 0 stands for all.
type product struct {
	id                      int64
	sku, kind               string
	set, status, visibility int64
	weight                  *dec
	websites                []int64
	names                   map[int64]string
	prices                  map[int64]price
	specials                map[int64]special
	attributes              []attribute
	tiers                   []any
	created, updated        time.Time
	extension               obj // of other types than simple
}

type attribute struct {
	code  string
	value any
}

// special is a special price of a store view, 0 for all.
type special struct {
	price    *price
	from, to string
}

// price is a catalogue price in millionths, as Magento's decimal(20,6) (REC 321).
type price int64

func parsePrice(s string) (price, error) {
	if _, err := parseDec(s); err != nil {
		return 0, err
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is no price", s)
	}
	return price(round(r, 6).Int64()), nil
}

// fixed writes all six decimals, as attributes show them.
func (p price) fixed() string { return fmt.Sprintf("%d.%06d", int64(p)/1e6, int64(p)%1e6) }

func (p price) String() string {
	return strings.TrimSuffix(strings.TrimRight(p.fixed(), "0"), ".")
}

// MarshalJSON writes a JSON number.
func (p price) MarshalJSON() ([]byte, error) { return []byte(p.String()), nil }

// AddProduct puts a product into the catalogue and returns its id. Orders that are
// placed for its sku reserve it, and shipments take it away. Orders of other skus may
// be placed as well: nothing is reserved for them. An error is of kind invalid and
// names the field.
func (s *Shop) AddProduct(n NewProduct) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	amount, err1 := parsePrice(or(n.Price, "0"))
	qty, err2 := parseDec(or(n.Qty, "0"))
	if n.SKU == "" || err1 != nil || err2 != nil || amount < 0 || s.product(n.SKU) != nil {
		return 0, commerce.Errorf(commerce.KindInvalid, "magentotest", "add product", "NewProduct.SKU is empty or taken, or Price or Qty is no number")
	}
	p := s.newProduct(n.SKU, or(n.Name, n.SKU), or(n.Type, "simple"), s.websiteIDs())
	p.prices[0] = amount
	for _, code := range sortedKeys(n.Attributes) {
		s.attributes[code] = true
		p.setAttribute(code, n.Attributes[code])
	}
	s.products = append(s.products, p)
	s.setSource(p.sku, qty, qty > 0)
	return p.id, nil
}

// knownAttributes are codes that every shop has.
var knownAttributes = strings.Fields(`special_price special_from_date special_to_date cost description short_description
	meta_title meta_keyword meta_description url_key tax_class_id category_ids image small_image thumbnail swatch_image
	color manufacturer country_of_manufacture news_from_date news_to_date gift_message_available options_container
	msrp msrp_display_actual_price_type required_options has_options page_layout custom_layout links_exist`)

func (s *Shop) newProduct(sku, name, kind string, websites []int64) *product {
	p := &product{id: s.next("product"), sku: sku, kind: kind, set: 4, status: 1, visibility: 4, websites: websites,
		names: map[int64]string{0: name}, prices: map[int64]price{}, specials: map[int64]special{}, created: s.now(), updated: s.now()}
	p.attributes = []attribute{{"options_container", "container2"}, {"url_key", urlKey(name)}, {"msrp_display_actual_price_type", "0"},
		{"required_options", "0"}, {"has_options", "0"}, {"tax_class_id", "2"}, {"category_ids", []any{}}}
	return p
}

// urlKey is the address that a product gets from its name.
func urlKey(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

func (p *product) attribute(code string) any {
	for _, a := range p.attributes {
		if a.code == code {
			return a.value
		}
	}
	return nil
}

// setAttribute stores a value; null takes it away.
func (p *product) setAttribute(code string, value any) {
	at := slices.IndexFunc(p.attributes, func(a attribute) bool { return a.code == code })
	switch {
	case at < 0 && value != nil:
		p.attributes = append(p.attributes, attribute{code, value})
	case at >= 0 && value == nil:
		p.attributes = slices.Delete(p.attributes, at, at+1)
	case at >= 0:
		p.attributes[at].value = value
	}
}

func (s *Shop) websiteIDs() []int64 {
	var ids []int64
	for _, st := range once(s.stores, func(s Store) int64 { return s.WebsiteID }) {
		ids = append(ids, st.WebsiteID)
	}
	return ids
}

// product finds a sku without regard to letter case.
func (s *Shop) product(sku string) *product {
	for _, p := range s.products {
		if strings.EqualFold(p.sku, sku) {
			return p
		}
	}
	return nil
}

// priceScope is where a price that is written for a store view goes: to all, or to its
// website.
func (s *Shop) priceScope(st Store) int64 {
	if s.c.WebsitePrices {
		return st.WebsiteID
	}
	return 0
}

// render writes a product as a store view shows it; the zero Store is the admin's.
func (s *Shop) renderProduct(p *product, st Store) obj {
	amount, ok := p.prices[st.WebsiteID]
	if !ok {
		amount = p.prices[0]
	}
	name, ok := p.names[st.ID]
	if !ok {
		name = p.names[0]
	}
	ext := obj{"website_ids": p.websites}
	for k, v := range p.extension {
		ext[k] = v
	}
	out := obj{"id": p.id, "sku": p.sku, "name": name, "attribute_set_id": p.set, "price": amount, "status": p.status, "visibility": p.visibility,
		"type_id": p.kind, "created_at": stamp(p.created), "updated_at": stamp(p.updated), "extension_attributes": ext,
		"product_links": []any{}, "options": []any{}, "media_gallery_entries": []any{}, "tier_prices": orEmpty(p.tiers)}
	if p.weight != nil {
		out["weight"] = *p.weight
	}
	custom := []any{}
	add := func(code string, value any) { custom = append(custom, obj{"attribute_code": code, "value": value}) }
	sp, ok := p.specials[st.ID]
	if !ok {
		sp = p.specials[0]
	}
	if sp.price != nil {
		add("special_price", sp.price.fixed())
	}
	if sp.from != "" {
		add("special_from_date", sp.from)
	}
	if sp.to != "" {
		add("special_to_date", sp.to)
	}
	for _, a := range p.attributes {
		add(a.code, a.value)
	}
	out["custom_attributes"] = custom
	return out
}

// wholeProduct is a product with its stock item, which lists leave out.
func (s *Shop) wholeProduct(p *product, st Store) obj {
	out := s.renderProduct(p, st)
	out["extension_attributes"].(obj)["stock_item"] = s.stockItem(p)
	return out
}

func (s *Shop) productColumn(st Store) column[*product] {
	return func(p *product, name string) (any, bool) {
		if p == nil {
			p = &product{}
		}
		switch name {
		case "entity_id":
			return number(p.id), true
		case "sku":
			return p.sku, true
		case "name":
			return p.names[0], true
		case "price":
			d, _ := parseDec(p.prices[0].String())
			return d, true
		case "special_price":
			sp := p.specials[0].price
			if sp == nil {
				return nil, true
			}
			d, _ := parseDec(sp.String())
			return d, true
		case "type_id":
			return p.kind, true
		case "status":
			return number(p.status), true
		case "visibility":
			return number(p.visibility), true
		case "attribute_set_id":
			return number(p.set), true
		case "created_at":
			return stamp(p.created), true
		case "updated_at":
			return stamp(p.updated), true
		}
		if s.attributes[name] {
			return p.attribute(name), true
		}
		return nil, false
	}
}

func (s *Shop) serveProducts(r *request) (any, *failure) {
	return list(s, r, s.products, s.productColumn(r.store), func(p *product) any { return s.renderProduct(p, r.store) })
}

var errNoProduct = &failure{status: 404, message: "The product that was requested doesn't exist. Verify the product and try again."}

func (s *Shop) serveProduct(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, errNoProduct
	}
	return s.wholeProduct(p, r.store), nil
}

func (s *Shop) serveProductDelete(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, errNoProduct
	}
	s.products = slices.DeleteFunc(s.products, func(x *product) bool { return x == p })
	return true, nil
}

// errPHP is what PHP says when it falls over.
var errPHP = &failure{status: 500, message: "An error has happened during application run. See exception log for details.\n", plain: true}

// serveProductSave answers POST, which saves by the sku in the body, and PUT, where the
// sku of the path wins, unless there is a query: then it is not looked at (REC 287).
func (s *Shop) serveProductSave(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	in, ok := body["product"].(obj)
	if !ok {
		return nil, missingField("product")
	}
	sku := text(in["sku"])
	_, named := in["sku"]
	if r.key != "" && len(r.query) == 0 {
		sku = r.key
	}
	if sku == "" && r.key != "" {
		return nil, errPHP
	}
	p, f := s.saveProduct(sku, in, r.store)
	if f != nil {
		return nil, f
	}
	out := s.wholeProduct(p, r.store)
	if named { // a product that was named in the body is not loaded anew (REC 055, 529)
		delete(out, "product_links")
		delete(out, "tier_prices")
	}
	return out, nil
}

var productFields = strings.Fields(`id sku name attribute_set_id price status visibility type_id created_at updated_at weight
	extension_attributes product_links options media_gallery_entries tier_prices custom_attributes`)

func empty(label string) *failure {
	return invalid(`The "` + label + `" attribute value is empty. Set the attribute and try again.`)
}

// saveProduct merges what was sent into a product, or makes one (REC 051-072, 310-324).
func (s *Shop) saveProduct(sku string, in obj, st Store) (*product, *failure) {
	for name := range in {
		if !slices.Contains(productFields, name) {
			return nil, s.internal()
		}
	}
	p := s.product(sku)
	if set, ok := in["attribute_set_id"]; p == nil && !ok || ok && integer(set) != 4 {
		return nil, invalid("Invalid product data: %1", "Invalid attribute set entity type")
	}
	if name, ok := in["name"]; (p == nil || ok) && text(name) == "" {
		return nil, empty("Product Name")
	}
	amount, priced := in["price"]
	var cost price
	switch {
	case priced && amount == nil, p == nil && !priced && or(text(in["type_id"]), "simple") == "simple":
		return nil, empty("Price")
	case priced:
		var err error
		if cost, err = parsePrice(text(amount)); err != nil {
			return nil, invalid(`Error occurred during "price" processing. The "` + text(amount) + `" value's type is invalid. The "float" type was expected. Verify and try again.`)
		}
		if cost < 0 {
			return nil, invalid("Please enter a number 0 or greater in this field.")
		}
	}
	custom, _ := in["custom_attributes"].([]any)
	if p == nil {
		key := urlKey(text(in["name"]))
		for _, a := range custom {
			if a, ok := a.(obj); ok && a["attribute_code"] == "url_key" {
				key = text(a["value"])
			}
		}
		if slices.ContainsFunc(s.products, func(x *product) bool { return x.attribute("url_key") == key }) {
			return nil, invalid("URL key for specified store already exists.")
		}
		websites := s.websiteIDs()
		if st.ID != 0 {
			websites = []int64{st.WebsiteID}
		}
		p = s.newProduct(sku, text(in["name"]), or(text(in["type_id"]), "simple"), websites)
		s.products = append(s.products, p)
		s.setSource(sku, 0, false)
	} else if name, ok := in["name"]; ok {
		p.names[st.ID] = text(name)
	}
	if priced {
		p.prices[s.priceScope(st)] = cost
	}
	for name, into := range map[string]*int64{"status": &p.status, "visibility": &p.visibility} {
		if v, ok := in[name]; ok {
			*into = integer(v)
		}
	}
	if w, ok := in["weight"]; ok {
		d, _ := parseDec(text(w))
		p.weight = &d
	}
	if l, ok := in["tier_prices"].([]any); ok {
		p.tiers = l
	}
	for _, a := range custom {
		if a, ok := a.(obj); ok {
			s.saveAttribute(p, text(a["attribute_code"]), a["value"], st)
		}
	}
	if ext, ok := in["extension_attributes"].(obj); ok {
		if item, ok := ext["stock_item"].(obj); ok {
			s.saveStock(p, item)
		}
		if ids, ok := ext["website_ids"].([]any); ok {
			p.websites = nil
			for _, id := range ids {
				p.websites = append(p.websites, integer(id))
			}
		}
	}
	p.updated = s.now() // also for equal values
	return p, nil
}

// saveAttribute stores a custom attribute. A code that the shop does not know is
// ignored, and an empty special price is one of nothing (REC 315, 316).
func (s *Shop) saveAttribute(p *product, code string, value any, st Store) {
	sp := p.specials[st.ID]
	switch code {
	case "special_price":
		sp.price = nil
		if value != nil {
			amount, _ := parsePrice(or(text(value), "0"))
			sp.price = &amount
		}
	case "special_from_date":
		sp.from = text(value)
	case "special_to_date":
		sp.to = text(value)
	default:
		if s.attributes[code] {
			p.setAttribute(code, value)
		}
		return
	}
	p.specials[st.ID] = sp
}

// priceRow is a row of the routes that write prices in bulk.
type priceRow struct {
	SKU     string          `json:"sku"`
	StoreID json.Number     `json:"store_id"`
	Price   json.RawMessage `json:"price"`
	From    string          `json:"price_from"`
	To      string          `json:"price_to"`
	Ext     any             `json:"extension_attributes"`
}

// bad is a row that was refused: a message, and its parameters as texts.
func bad(message string, params ...any) any { return obj{"message": message, "parameters": params} }

// servePrices writes the good rows and lists the bad ones, with 200 (REC 078). check
// says what is wrong with a row; st is nil for a store that does not exist, and p for a
// sku.
func (s *Shop) servePrices(r *request, check func(row priceRow, p *product, st *Store) []any, save func(*product, Store, priceRow)) (any, *failure) {
	var in struct {
		Prices []priceRow `json:"prices"`
	}
	if f := r.needs("prices"); f != nil {
		return nil, f
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	failures := []any{}
	for _, row := range in.Prices {
		p, st := s.product(row.SKU), &Store{}
		if id := row.store(); id != "0" {
			at := slices.IndexFunc(s.stores, func(st Store) bool { return strconv.FormatInt(st.ID, 10) == id })
			if st = nil; at >= 0 {
				st = &s.stores[at]
			}
		}
		if wrong := check(row, p, st); wrong != nil {
			failures = append(failures, wrong...)
			continue
		}
		save(p, *st, row)
	}
	return failures, nil
}

func (row priceRow) store() string { return or(row.StoreID.String(), "0") }

// given is the price as it was sent.
func (row priceRow) given() string {
	return strings.Trim(strings.TrimPrefix(string(row.Price), "null"), `"`)
}

func (row priceRow) amount() price {
	amount, err := parsePrice(row.given())
	if err != nil {
		return -1
	}
	return amount
}

// serveBasePrices does not move updated_at, as measured.
func (s *Shop) serveBasePrices(r *request) (any, *failure) {
	return s.servePrices(r, func(row priceRow, p *product, st *Store) (wrong []any) {
		if p == nil {
			wrong = append(wrong, bad("Invalid attribute %fieldName = %fieldValue.", "SKU", row.SKU))
		}
		if row.amount() < 0 {
			wrong = append(wrong, bad("Invalid attribute %fieldName = %fieldValue.", "Price", row.given()))
		}
		if st == nil {
			wrong = append(wrong, bad("Requested store is not found. Row ID: SKU = "+row.SKU+", Store ID: "+row.store()+".", row.SKU, row.store()))
		}
		return wrong
	}, func(p *product, st Store, row priceRow) { p.prices[s.priceScope(st)] = row.amount() })
}

// checkSpecial says what is wrong with a special price.
func (s *Shop) checkSpecial(row priceRow, p *product, st *Store) (wrong []any) {
	refuse := func(words string, params ...any) {
		wrong = append(wrong, bad(words+" Row ID: SKU = "+row.SKU+", Store ID: "+row.store()+", Price From: "+row.From+", Price To: "+row.To+".",
			append(params, row.SKU, row.store(), row.From, row.To)...))
	}
	if p == nil {
		refuse("The product that was requested doesn't exist. Verify the product and try again.")
	}
	if !s.c.WebsitePrices && row.store() != "0" {
		refuse("Could not change non global Price when price scope is global.")
	}
	if st == nil {
		refuse("Requested store is not found.")
	}
	if row.amount() < 0 {
		refuse("Invalid attribute Price = "+row.given()+".", row.given())
	}
	for _, d := range []struct{ label, date string }{{"Price From", row.From}, {"Price To", row.To}} {
		if t, err := time.Parse(timeLayout, d.date); d.date != "" && (err != nil || stamp(t) != d.date) {
			refuse("Invalid attribute "+d.label+" = "+row.To+".", d.label)
		}
	}
	return wrong
}

func (s *Shop) serveSpecialPrices(r *request) (any, *failure) {
	return s.servePrices(r, s.checkSpecial, func(p *product, st Store, row priceRow) {
		amount := row.amount()
		p.specials[st.ID] = special{&amount, row.From, row.To}
	})
}

// serveSpecialPriceDelete takes away what is the same in every field.
func (s *Shop) serveSpecialPriceDelete(r *request) (any, *failure) {
	return s.servePrices(r, s.checkSpecial, func(p *product, st Store, row priceRow) {
		if sp := p.specials[st.ID]; sp.price != nil && *sp.price == row.amount() && sp.from == row.From && sp.to == row.To {
			delete(p.specials, st.ID)
		}
	})
}

// serveInformation lists what skus cost; those that are unknown are left out.
func (s *Shop) serveInformation(r *request, rows func(*product) []any) (any, *failure) {
	var in struct {
		SKUs []string `json:"skus"`
	}
	if f := r.needs("skus"); f != nil {
		return nil, f
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	out := []any{}
	for _, sku := range in.SKUs {
		if p := s.product(sku); p != nil {
			out = append(out, rows(p)...)
		}
	}
	return out, nil
}

func (s *Shop) serveBasePriceInformation(r *request) (any, *failure) {
	return s.serveInformation(r, func(p *product) (rows []any) {
		for _, st := range append([]Store{{}}, s.stores...) {
			if amount, ok := p.prices[st.WebsiteID]; ok {
				rows = append(rows, obj{"price": amount, "store_id": st.ID, "sku": p.sku})
			}
		}
		return rows
	})
}

func (s *Shop) serveSpecialPriceInformation(r *request) (any, *failure) {
	return s.serveInformation(r, func(p *product) (rows []any) {
		for _, st := range append([]Store{{}}, s.stores...) {
			if sp, ok := p.specials[st.ID]; ok && sp.price != nil {
				rows = append(rows, obj{"price": *sp.price, "store_id": st.ID, "sku": p.sku, "price_from": sp.from, "price_to": sp.to})
			}
		}
		return rows
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
