package nopcommercetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// communityLife is how long a token of the community plugin lives.
const communityLife = 365 * 24 * time.Hour

// communityRoute is one read of the community API.
type communityRoute struct {
	method string
	path   string
	query  string // names that are known, in the document's spelling; all others are ignored
	open   bool   // anybody may
	orders bool   // needs the permission to manage orders
	serve  func(s *Shop, r *communityRequest) (any, *failure)
}

type communityRequest struct {
	ids    []int             // the numbers of the path
	query  map[string]string // lower case, without underscores
	store  *Store            // that answers on the host
	caller *Customer
	body   []byte
}

var communityRoutes []communityRoute

func init() {
	const window, listed = " CreatedAtMin CreatedAtMax", "Limit Page SinceId Fields"
	const statuses = " Status PaymentStatus ShippingStatus CustomerId"
	const made = window + " UpdatedAtMin UpdatedAtMax PublishedStatus VendorName"
	communityRoutes = []communityRoute{
		{method: "POST", path: "/token", open: true, serve: (*Shop).communityToken},
		{method: "POST", path: "/api/token", open: true, serve: (*Shop).communityToken},
		{method: "GET", path: "/token/check", serve: func(*Shop, *communityRequest) (any, *failure) { return "Token is valid", nil }},
		{method: "GET", path: "/api/orders", query: "Ids " + listed + window + statuses, orders: true, serve: (*Shop).communityOrders},
		{method: "GET", path: "/api/orders/count", query: window + statuses, orders: true, serve: (*Shop).communityOrderCount},
		{method: "GET", path: "/api/orders/customer/{customerId}", orders: true, serve: (*Shop).communityOrdersOf},
		{method: "GET", path: "/api/orders/{id}", query: "fields", orders: true, serve: (*Shop).communityOrder},
		{method: "GET", path: "/api/orders/{orderId}/items", query: listed, orders: true, serve: (*Shop).communityItems},
		{method: "GET", path: "/api/orders/{orderId}/items/count", orders: true, serve: (*Shop).communityItemCount},
		{method: "GET", path: "/api/orders/{orderId}/items/{orderItemId}", query: "fields", orders: true, serve: (*Shop).communityItem},
		{method: "GET", path: "/api/customers", query: listed + window, serve: (*Shop).communityCustomers},
		{method: "GET", path: "/api/customers/count", serve: (*Shop).communityCustomerCount},
		{method: "GET", path: "/api/customers/search", query: "Order Query Page Limit Fields", serve: (*Shop).communityCustomerSearch},
		{method: "GET", path: "/api/customers/me", query: "fields", serve: (*Shop).communityMe},
		{method: "GET", path: "/api/customers/{id}", query: "fields", serve: (*Shop).communityCustomer},
		{method: "GET", path: "/api/products", query: "Ids " + listed + made, serve: (*Shop).communityProducts},
		{method: "GET", path: "/api/products/count", query: made, serve: (*Shop).communityProductCount},
		{method: "GET", path: "/api/products/{id}", query: "fields", serve: (*Shop).communityProduct},
		{method: "GET", path: "/api/countries", query: "mustAllowBilling mustAllowShipping", open: true, serve: (*Shop).communityCountries},
		{method: "GET", path: "/api/currencies", query: "fields", serve: (*Shop).communityCurrencies},
		{method: "GET", path: "/api/currencies/primary", serve: func(s *Shop, _ *communityRequest) (any, *failure) { return s.communalCurrency(s.primary()), nil }},
		{method: "GET", path: "/api/stores", query: "fields", serve: (*Shop).communityStores},
		{method: "GET", path: "/api/stores/current", query: "fields", serve: (*Shop).communityStore},
		{method: "GET", path: "/api/customer_roles", query: "fields", serve: (*Shop).communityRoles},
	}
}

// community answers a request to the open-source plugin.
func (s *Shop) community(r *http.Request, path string, body []byte) (answer, bool) {
	for i := range communityRoutes {
		rt, req := &communityRoutes[i], &communityRequest{body: body}
		if rt.method != r.Method || !req.take(rt.path, path) {
			continue
		}
		req.query = parseQuery(r.URL.RawQuery, plainName)
		req.store = s.storeAt(r.Host)
		f := s.communityAuth(rt, req, r)
		var v any
		if f == nil {
			v, f = rt.serve(s, req)
		}
		if fields := req.query["fields"]; f == nil && fields != "" {
			v = onlyFields(v, strings.Split(fields, ","))
		}
		a := s.encode(v, f)
		if a.status == http.StatusUnauthorized {
			a.header = http.Header{"Www-Authenticate": {"Bearer"}}
		}
		return a, true
	}
	return answer{}, false
}

func plainName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "") }

func (req *communityRequest) take(want, path string) bool {
	w, p := strings.Split(want, "/"), strings.Split(path, "/")
	if len(w) != len(p) {
		return false
	}
	req.ids = nil
	for i := range w {
		if strings.HasPrefix(w[i], "{") {
			n, err := strconv.Atoi(p[i])
			if err != nil {
				return false
			}
			req.ids = append(req.ids, n)
		} else if !strings.EqualFold(w[i], p[i]) {
			return false
		}
	}
	return true
}

// storeAt is the store that answers on a host; the first where none claims it.
func (s *Shop) storeAt(host string) *Store {
	host, _, _ = strings.Cut(host, ":")
	if st := s.stores.first(func(st *Store) bool {
		return slices.ContainsFunc(strings.Split(text(st.Hosts), ","), func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), host) })
	}); st != nil && host != "" {
		return st
	}
	return s.stores.rows[0]
}

func (s *Shop) communityAuth(rt *communityRoute, req *communityRequest, r *http.Request) *failure {
	if rt.open {
		return nil
	}
	c := s.holder(r)
	switch {
	case c == nil:
		return &failure{status: http.StatusUnauthorized}
	case !slices.Contains(s.roles[c.ID], roleAPI), rt.orders && !slices.Contains(s.roles[c.ID], RoleAdministrators):
		return &failure{status: http.StatusForbidden}
	}
	req.caller = c
	return nil
}

func (s *Shop) communityToken(r *communityRequest) (any, *failure) {
	var in struct{ Username, Password string }
	if json.Unmarshal(r.body, &in) != nil || in.Username == "" {
		return nil, &failure{http.StatusBadRequest, "Missing username"}
	}
	c, ok := s.signIn(in.Username, in.Password)
	if !ok {
		return nil, &failure{http.StatusForbidden, "Wrong username or password"}
	}
	now := s.now()
	return obj{"access_token": s.token(c.ID, communityLife), "token_type": "Bearer", "created_at_utc": now, "expires_at_utc": Date{now.Add(communityLife)},
		"username": c.Username, "customer_id": c.ID, "customer_guid": c.CustomerGUID}, nil
}

// wrong is an error in the shape of the community API.
func wrong(status int, field, message string) *failure {
	return &failure{status, obj{"errors": map[string][]string{field: {message}}}}
}

// date and enum read a parameter; what can not be read is no filter.
func (r *communityRequest) date(name string) time.Time {
	t, _ := parseDate(r.query[name])
	return t
}

func (r *communityRequest) enum(name, kind string) (int, bool) {
	return enums[kind].read(r.query[name])
}

func (r *communityRequest) number(name string) int {
	n, _ := strconv.Atoi(r.query[name])
	return n
}

// outside reports whether a moment lies outside of a window, whose ends do not belong to
// it.
func outside(d Date, min, max time.Time) bool {
	return !min.IsZero() && !d.After(min) || !max.IsZero() && !d.Before(max)
}

// cut takes a page of rows that are sorted by id.
func cut[T any, P rowOf[T]](r *communityRequest, rows []P) ([]P, *failure) {
	limit, page := 50, 1
	for name, into := range map[string]*int{"limit": &limit, "page": &page} {
		if v, ok := r.query[name]; ok {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || name == "limit" && n > 250 {
				return nil, wrong(http.StatusBadRequest, name, "Invalid "+name+" parameter")
			}
			*into = n
		}
	}
	if ids := r.query["ids"]; ids != "" {
		want := splitIDs(strings.ReplaceAll(ids, ",", ";"))
		rows = slices.DeleteFunc(slices.Clone(rows), func(p P) bool { return !slices.Contains(want, *p.key()) })
	}
	if since := r.number("sinceid"); since > 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(p P) bool { return *p.key() <= since })
		page = 1
	}
	from := min((page-1)*limit, len(rows))
	return rows[from:min(from+limit, len(rows))], nil
}

// each renders rows under a name; a list is never null.
func each[T any](name string, rows []T, render func(T) obj) obj {
	out := make([]obj, len(rows))
	for i, row := range rows {
		out[i] = render(row)
	}
	return obj{name: out}
}

// onlyFields keeps of the rows in an answer the members that were asked for, where they
// are not empty.
func onlyFields(v any, fields []string) any {
	root, ok := v.(obj)
	if !ok {
		return v
	}
	for _, rows := range root {
		rows, ok := rows.([]obj)
		if !ok {
			continue
		}
		for _, row := range rows {
			for name, value := range row {
				b, err := json.Marshal(value)
				if err != nil || !slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(strings.TrimSpace(f), name) }) ||
					slices.Contains([]string{"null", `""`, "[]"}, string(b)) {
					delete(row, name)
				}
			}
		}
	}
	return root
}

// members renders some columns of a row.
func members(row any, names string) obj {
	b, err := json.Marshal(row)
	all := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		panic("nopcommercetest: a row can not be written: " + err.Error())
	}
	out := obj{}
	for name := range strings.FieldsSeq(names) {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return out
}

const orderMembers = `store_id payment_method_system_name customer_currency_code currency_rate customer_tax_display_type_id vat_number order_subtotal_incl_tax
order_subtotal_excl_tax order_sub_total_discount_incl_tax order_sub_total_discount_excl_tax order_shipping_incl_tax order_shipping_excl_tax
payment_method_additional_fee_incl_tax payment_method_additional_fee_excl_tax tax_rates order_tax order_discount order_total refunded_amount checkout_attribute_description
customer_language_id affiliate_id customer_ip authorization_transaction_id authorization_transaction_code authorization_transaction_result capture_transaction_id
capture_transaction_result subscription_transaction_id paid_date_utc shipping_method shipping_rate_computation_method_system_name custom_values_xml deleted created_on_utc
customer_id id`

func (s *Shop) communalOrder(o *Order) obj {
	out := members(o, orderMembers)
	out["pick_up_in_store"] = o.PickupInStore
	out["reward_points_were_added"] = nil
	out["billing_address"] = s.communalAddress(&o.BillingAddressID)
	out["shipping_address"] = s.communalAddress(o.ShippingAddressID)
	items := []obj{}
	for _, i := range s.items.of[o.ID] {
		items = append(items, s.communalItem(i))
	}
	out["order_items"] = items
	out["order_status"] = enums["OrderStatus"].of(o.OrderStatusID)
	out["payment_status"] = enums["PaymentStatus"].of(o.PaymentStatusID)
	out["shipping_status"] = enums["ShippingStatus"].of(o.ShippingStatusID)
	out["customer_tax_display_type"] = map[int]string{0: "IncludingTax", 10: "ExcludingTax"}[o.CustomerTaxDisplayTypeID]
	return out
}

func (s *Shop) communalItem(i *OrderItem) obj {
	out := members(i, `quantity unit_price_incl_tax unit_price_excl_tax price_incl_tax price_excl_tax discount_amount_incl_tax discount_amount_excl_tax original_product_cost
		attribute_description download_count license_download_id item_weight rental_start_date_utc rental_end_date_utc product_id id`)
	out["isDownload_activated"] = i.IsDownloadActivated
	out["product_attributes"] = []obj{}
	if x := text(i.AttributesXML); x != "" {
		_, id, _ := strings.Cut(x, `ID="`)
		id, _, _ = strings.Cut(id, `"`)
		_, value, _ := strings.Cut(x, "<Value>")
		value, _, _ = strings.Cut(value, "<")
		n, _ := strconv.Atoi(id)
		out["product_attributes"] = []obj{{"id": n, "value": value}}
	}
	out["product"] = nil
	if p := s.products.get(i.ProductID); p != nil {
		out["product"] = s.communalProduct(p)
	}
	return out
}

func (s *Shop) communalAddress(id *int) any {
	if id == nil || s.addresses.get(*id) == nil {
		return nil
	}
	a := s.addresses.get(*id)
	out := members(a, "first_name last_name email company country_id state_province_id city address1 address2 zip_postal_code phone_number fax_number created_on_utc id")
	out["customer_attributes"], out["country"], out["province"] = a.CustomAttributes, nil, nil
	if a.CountryID != nil && s.countries.get(*a.CountryID) != nil {
		out["country"] = s.countries.get(*a.CountryID).Name
	}
	if a.StateProvinceID != nil && s.states.get(*a.StateProvinceID) != nil {
		out["province"] = s.states.get(*a.StateProvinceID).Name
	}
	return out
}

func (s *Shop) communalCustomer(c *Customer) obj {
	out := members(c, `customer_guid username email admin_comment is_tax_exempt has_shopping_cart_items active deleted is_system_account system_name last_ip_address created_on_utc
		last_login_date_utc last_activity_date_utc registered_in_store_id id`)
	out["first_name"], out["last_name"] = orNull(s.named(c, "FirstName")), orNull(s.named(c, "LastName"))
	for _, name := range []string{"language_id", "currency_id", "date_of_birth", "gender"} {
		out[name] = nil
	}
	out["subscribed_to_newsletter"] = false
	out["role_ids"] = append([]int{}, s.roles[c.ID]...)
	out["billing_address"], out["shipping_address"] = s.communalAddress(c.BillingAddressID), s.communalAddress(c.ShippingAddressID)
	book := []any{}
	for _, id := range s.books[c.ID] {
		book = append(book, s.communalAddress(&id))
	}
	out["addresses"] = book
	return out
}

func (s *Shop) communalProduct(p *Product) obj {
	out := members(p, `visible_individually name short_description full_description meta_keywords meta_description meta_title allow_customer_reviews approved_rating_sum
		not_approved_rating_sum approved_total_reviews not_approved_total_reviews sku manufacturer_part_number gtin is_gift_card require_other_products
		automatically_add_required_products is_download unlimited_downloads max_number_of_downloads download_expiration_days has_sample_download has_user_agreement is_recurring
		recurring_cycle_length recurring_total_cycles is_rental rental_price_length is_ship_enabled is_free_shipping ship_separately additional_shipping_charge is_tax_exempt
		is_telecommunications_or_broadcasting_or_electronic_services use_multiple_warehouses manage_inventory_method_id stock_quantity display_stock_availability
		display_stock_quantity min_stock_quantity notify_admin_for_quantity_below allow_back_in_stock_subscriptions order_minimum_quantity order_maximum_quantity allowed_quantities
		allow_adding_only_existing_attribute_combinations disable_buy_button disable_wishlist_button available_for_pre_order pre_order_availability_start_date_time_utc
		call_for_price price old_price product_cost customer_enters_price minimum_customer_entered_price maximum_customer_entered_price baseprice_enabled baseprice_amount
		baseprice_base_amount has_tier_prices has_discounts_applied weight length width height available_start_date_time_utc available_end_date_time_utc display_order published
		deleted created_on_utc updated_on_utc parent_grouped_product_id vendor_id id`)
	out["show_on_home_page"], out["product_type"], out["se_name"] = p.ShowOnHomepage, enums["ProductType"].of(p.ProductTypeID), strings.ToLower(text(p.SKU))
	for _, name := range []string{"special_price", "special_price_start_date_time_utc", "special_price_end_date_time_utc"} {
		out[name] = nil
	}
	for _, name := range []string{"required_product_ids", "role_ids", "discount_ids", "store_ids", "manufacturer_ids", "images", "attributes", "product_specification_attributes", "associated_product_ids", "tags"} {
		out[name] = []any{}
	}
	out["product_attribute_combinations"] = each("x", s.combinations.of[p.ID], func(c *Combination) obj {
		return members(c, "product_id attributes_xml stock_quantity sku manufacturer_part_number gtin overridden_price picture_id id")
	})["x"]
	return out
}

// communityOrdersIn are the orders of the store that answers, by id.
func (s *Shop) communityOrdersIn(r *communityRequest) []*Order {
	os, byOS := r.enum("status", "OrderStatus")
	ps, byPS := r.enum("paymentstatus", "PaymentStatus")
	ss, bySS := r.enum("shippingstatus", "ShippingStatus")
	return s.orders.all(func(o *Order) bool {
		return !o.Deleted && o.StoreID == r.store.ID && (!byOS || o.OrderStatusID == os) && (!byPS || o.PaymentStatusID == ps) && (!bySS || o.ShippingStatusID == ss) &&
			(r.number("customerid") == 0 || o.CustomerID == r.number("customerid")) && !outside(o.CreatedOnUTC, r.date("createdatmin"), r.date("createdatmax"))
	})
}

func (s *Shop) communityOrders(r *communityRequest) (any, *failure) {
	rows, f := cut(r, s.communityOrdersIn(r))
	if f != nil {
		return nil, f
	}
	return each("orders", rows, s.communalOrder), nil
}

func (s *Shop) communityOrderCount(r *communityRequest) (any, *failure) {
	return obj{"count": len(s.communityOrdersIn(r))}, nil
}

func (s *Shop) communityOrdersOf(r *communityRequest) (any, *failure) {
	rows := s.orders.all(func(o *Order) bool { return !o.Deleted && o.StoreID == r.store.ID && o.CustomerID == r.ids[0] })
	return each("orders", rows[:min(len(rows), 250)], s.communalOrder), nil
}

// communal finds a row by the first id of the path.
func communal[T any, P rowOf[T]](t *table[T, P], id int, name string) (P, *failure) {
	if id <= 0 {
		return nil, wrong(http.StatusBadRequest, "id", "invalid id")
	}
	if r := t.get(id); r != nil {
		return r, nil
	}
	return nil, wrong(http.StatusNotFound, name, "not found")
}

func (s *Shop) communityOrder(r *communityRequest) (any, *failure) {
	o, f := communal(&s.orders, r.ids[0], "order")
	if f == nil && o.Deleted {
		f = wrong(http.StatusNotFound, "order", "not found")
	}
	if f != nil {
		return nil, f
	}
	return each("orders", []*Order{o}, s.communalOrder), nil
}

func (s *Shop) communityItems(r *communityRequest) (any, *failure) {
	if _, f := communal(&s.orders, r.ids[0], "order"); f != nil {
		return nil, f
	}
	rows, f := cut(r, s.items.of[r.ids[0]])
	if f != nil {
		return nil, f
	}
	return each("order_items", rows, s.communalItem), nil
}

func (s *Shop) communityItemCount(r *communityRequest) (any, *failure) {
	if _, f := communal(&s.orders, r.ids[0], "order"); f != nil {
		return nil, f
	}
	return obj{"count": len(s.items.of[r.ids[0]])}, nil
}

func (s *Shop) communityItem(r *communityRequest) (any, *failure) {
	i, f := communal(&s.items, r.ids[1], "order_item")
	if f == nil && i.OrderID != r.ids[0] {
		f = wrong(http.StatusNotFound, "order_item", "not found")
	}
	if f != nil {
		return nil, f
	}
	return each("order_items", []*OrderItem{i}, s.communalItem), nil
}

// communityAccounts are the accounts that are no guests.
func (s *Shop) communityAccounts(r *communityRequest) []*Customer {
	return s.customers.all(func(c *Customer) bool {
		return !c.Deleted && c.Email != nil && !outside(c.CreatedOnUTC, r.date("createdatmin"), r.date("createdatmax"))
	})
}

func (s *Shop) communityCustomers(r *communityRequest) (any, *failure) {
	rows, f := cut(r, s.communityAccounts(r))
	if f != nil {
		return nil, f
	}
	return each("customers", rows, s.communalCustomer), nil
}

func (s *Shop) communityCustomerCount(r *communityRequest) (any, *failure) {
	return obj{"count": len(s.communityAccounts(r))}, nil
}

// communityCustomerSearch finds accounts by "email:x"; several terms are joined by commas.
func (s *Shop) communityCustomerSearch(r *communityRequest) (any, *failure) {
	found := s.communityAccounts(r)
	for term := range strings.SplitSeq(r.query["query"], ",") {
		name, want, _ := strings.Cut(term, ":")
		found = slices.DeleteFunc(slices.Clone(found), func(c *Customer) bool {
			has := map[string]string{"email": text(c.Email), "username": text(c.Username), "firstname": s.named(c, "FirstName"), "lastname": s.named(c, "LastName")}
			v, known := has[plainName(strings.TrimSpace(name))]
			return known && !strings.EqualFold(v, strings.TrimSpace(want))
		})
	}
	rows, f := cut(r, found)
	if f != nil {
		return nil, f
	}
	return each("customers", rows, s.communalCustomer), nil
}

func (s *Shop) communityMe(r *communityRequest) (any, *failure) {
	return each("customers", []*Customer{r.caller}, s.communalCustomer), nil
}

func (s *Shop) communityCustomer(r *communityRequest) (any, *failure) {
	c, f := communal(&s.customers, r.ids[0], "customer")
	if f != nil {
		return nil, f
	}
	return each("customers", []*Customer{c}, s.communalCustomer), nil
}

func (s *Shop) communityCatalogue(r *communityRequest) []*Product {
	return s.products.all(func(p *Product) bool {
		published, err := strconv.ParseBool(r.query["publishedstatus"])
		return !p.Deleted && (err != nil || p.Published == published) && !outside(p.CreatedOnUTC, r.date("createdatmin"), r.date("createdatmax")) &&
			!outside(p.UpdatedOnUTC, r.date("updatedatmin"), r.date("updatedatmax")) && (r.query["vendorname"] == "" || p.VendorID != 0)
	})
}

func (s *Shop) communityProducts(r *communityRequest) (any, *failure) {
	rows, f := cut(r, s.communityCatalogue(r))
	if f != nil {
		return nil, f
	}
	return each("products", rows, s.communalProduct), nil
}

func (s *Shop) communityProductCount(r *communityRequest) (any, *failure) {
	return obj{"count": len(s.communityCatalogue(r))}, nil
}

func (s *Shop) communityProduct(r *communityRequest) (any, *failure) {
	p, f := communal(&s.products, r.ids[0], "product")
	if f != nil {
		return nil, f
	}
	return each("products", []*Product{p}, s.communalProduct), nil
}

func (s *Shop) communityCountries(r *communityRequest) (any, *failure) {
	rows := s.countries.all(func(c *Country) bool {
		return c.Published && (r.query["mustallowbilling"] != "true" || c.AllowsBilling) && (r.query["mustallowshipping"] != "true" || c.AllowsShipping)
	})
	return each("countries", rows, func(c *Country) obj {
		out := members(c, "name allows_billing allows_shipping two_letter_iso_code numeric_iso_code subject_to_vat id")
		out["ThreeLetterIsoCode"] = c.ThreeLetterISOCode
		return out
	}), nil
}

func (s *Shop) communalCurrency(c *Currency) obj {
	out := members(c, "name currency_code rate display_locale custom_formatting limited_to_stores published display_order created_on_utc updated_on_utc id")
	out["rounding_type"], out["store_ids"] = "Rounding001", []int{}
	return out
}

func (s *Shop) communityCurrencies(*communityRequest) (any, *failure) {
	return each("currencies", s.currencies.all(func(c *Currency) bool { return c.Published }), s.communalCurrency), nil
}

func (s *Shop) communalStore(st *Store) obj {
	out := members(st, "name url ssl_enabled hosts default_language_id display_order company_name company_address company_phone_number company_vat id")
	out["secure_url"], out["languages"] = nil, []any{}
	out["currencies"] = each("x", s.currencies.rows, s.communalCurrency)["x"]
	return out
}

func (s *Shop) communityStores(*communityRequest) (any, *failure) {
	return each("stores", s.stores.rows, s.communalStore), nil
}

func (s *Shop) communityStore(r *communityRequest) (any, *failure) {
	return each("stores", []*Store{r.store}, s.communalStore), nil
}

func (s *Shop) communityRoles(*communityRequest) (any, *failure) {
	var out []obj
	for id, name := range map[int]string{RoleAdministrators: "Administrators", RoleRegistered: "Registered", RoleGuests: "Guests", roleAPI: "Api Users"} {
		out = append(out, obj{"name": name, "free_shipping": false, "tax_exempt": false, "active": true, "is_system_role": true, "system_name": name,
			"enable_password_lifetime": false, "purchased_with_product_id": 0, "id": id})
	}
	slices.SortFunc(out, func(a, b obj) int { return a["id"].(int) - b["id"].(int) })
	return obj{"customer_roles": out}, nil
}
