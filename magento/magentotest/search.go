package magentotest

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// criteria is a searchCriteria as it was sent.
type criteria struct {
	groups     [][]filter
	sorts      []sortBy
	size, page int
	echo       obj
}

type filter struct {
	field, value, condition string
	number                  dec // the value as MySQL reads it beside a number
}

type sortBy struct {
	field string
	desc  bool
}

var (
	filterKey = regexp.MustCompile(`^searchCriteria\[(?:filter_groups|filterGroups)\]\[(\d+)\]\[filters\]\[(\d+)\]\[(\w+)\]$`)
	sortKey   = regexp.MustCompile(`^searchCriteria\[(?:sort_orders|sortOrders)\]\[(\d+)\]\[(\w+)\]$`)
)

func (s *Shop) parseCriteria(q url.Values) (criteria, *failure) {
	c := criteria{echo: obj{}}
	type at struct{ g, f int }
	filters := map[at]*filter{}
	sorts := map[int]*sortBy{}
	some := false
	for key := range q {
		value := q.Get(key)
		some = some || strings.HasPrefix(key, "searchCriteria")
		number := func(name string, into *int) *failure {
			n, err := strconv.Atoi(value)
			if err != nil {
				return invalid(`Error occurred during "` + name + `" processing. The "` + value + `" value's type is invalid. The "int" type was expected. Verify and try again.`)
			}
			*into = n
			return nil
		}
		switch {
		case key == "searchCriteria[pageSize]" || key == "searchCriteria[page_size]":
			if f := number("pageSize", &c.size); f != nil {
				return c, f
			}
			c.echo["page_size"] = c.size
		case key == "searchCriteria[currentPage]" || key == "searchCriteria[current_page]":
			if f := number("currentPage", &c.page); f != nil {
				return c, f
			}
			c.echo["current_page"] = c.page
		}
		if m := filterKey.FindStringSubmatch(key); m != nil {
			k := at{atoi(m[1]), atoi(m[2])}
			if filters[k] == nil {
				filters[k] = &filter{condition: "eq"}
			}
			switch snakeName(m[3]) {
			case "field":
				filters[k].field = value
			case "value":
				filters[k].value = value
			case "condition_type":
				filters[k].condition = value
			}
		}
		if m := sortKey.FindStringSubmatch(key); m != nil {
			n := atoi(m[1])
			if sorts[n] == nil {
				sorts[n] = &sortBy{}
			}
			switch m[2] {
			case "field":
				sorts[n].field = value
			case "direction":
				if d := strings.ToUpper(value); d != "ASC" && d != "DESC" {
					return c, invalid("The sort order has to be specified as %1 for ascending order or %2 for descending order.", "ASC", "DESC")
				}
				sorts[n].desc = strings.EqualFold(value, "DESC")
			}
		}
	}
	if !some {
		return c, missingField("searchCriteria")
	}
	if _, given := c.echo["page_size"]; !given && s.c.DefaultPageSize > 0 {
		c.size, c.echo["page_size"] = s.c.DefaultPageSize, s.c.DefaultPageSize
	}
	if s.c.MaxPageSize > 0 && c.size > s.c.MaxPageSize {
		return c, &failure{http.StatusBadRequest, "Maximum SearchCriteria pageSize is %max", obj{"max": s.c.MaxPageSize}, nil, false}
	}
	var order []at
	for k := range filters {
		order = append(order, k)
	}
	slices.SortFunc(order, func(a, b at) int {
		if a.g != b.g {
			return a.g - b.g
		}
		return a.f - b.f
	})
	var groups []any
	last := -1
	for _, k := range order {
		f := filters[k]
		if k.g != last {
			c.groups = append(c.groups, nil)
			groups = append(groups, obj{"filters": []any{}})
			last = k.g
		}
		f.number, _ = parseDec(f.value)
		n := len(c.groups) - 1
		c.groups[n] = append(c.groups[n], *f)
		g := groups[n].(obj)
		g["filters"] = append(g["filters"].([]any), obj{"field": f.field, "value": f.value, "condition_type": f.condition})
	}
	c.echo["filter_groups"] = orEmpty(groups)
	var echoed []any
	for n := range len(sorts) {
		if by := sorts[n]; by != nil {
			c.sorts = append(c.sorts, *by)
			direction := "ASC"
			if by.desc {
				direction = "DESC"
			}
			echoed = append(echoed, obj{"field": by.field, "direction": direction})
		}
	}
	if echoed != nil {
		c.echo["sort_orders"] = echoed
	}
	return c, nil
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// column reads a field of a row that can be filtered and sorted by: a dec, a text or
// nil for null. known is false for a field that the table does not have.
type column[T any] func(row T, name string) (value any, known bool)

// list filters, sorts and cuts rows and renders those of one page.
func list[T any](s *Shop, r *request, rows []T, read column[T], render func(T) any) (any, *failure) {
	return page(s, r, read, render, func(c criteria) []T {
		var hits []T
		for _, row := range rows {
			if c.match(func(name string) any { v, _ := read(row, name); return v }) {
				hits = append(hits, row)
			}
		}
		return inOrder(hits, c.sorts, read)
	})
}

func inOrder[T any](hits []T, sorts []sortBy, read column[T]) []T {
	slices.SortStableFunc(hits, func(a, b T) int {
		for _, by := range sorts {
			x, _ := read(a, by.field)
			y, _ := read(b, by.field)
			n := compare(x, y)
			if by.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return hits
}

// page cuts what find returns and renders the rows of one page.
func page[T any](s *Shop, r *request, read column[T], render func(T) any, find func(criteria) []T) (any, *failure) {
	c, f := s.parseCriteria(r.query)
	if f != nil {
		return nil, f
	}
	var none T
	for _, g := range c.groups {
		for _, f := range g {
			if _, ok := read(none, f.field); !ok {
				return nil, s.internal() // an SQL error (REC 179)
			}
		}
	}
	for _, by := range c.sorts {
		if _, ok := read(none, by.field); !ok {
			return nil, s.internal()
		}
	}
	hits := find(c)
	total := len(hits)
	if c.size > 0 {
		from := len(hits) // past the end: nothing
		if page := max(c.page-1, 0); page <= len(hits)/c.size {
			from = min(page*c.size, len(hits))
		}
		if last := max(len(hits)-1, 0) / c.size * c.size; !s.since(4, 0) {
			from = min(from, last)
		}
		hits = hits[from : from+min(c.size, len(hits)-from)]
	}
	items := make([]any, len(hits))
	for i, h := range hits {
		items[i] = render(h)
	}
	return obj{"items": items, "search_criteria": c.echo, "total_count": total}, nil
}

func (c criteria) match(value func(name string) any) bool {
	for _, g := range c.groups {
		if !slices.ContainsFunc(g, func(f filter) bool { return f.match(value(f.field)) }) {
			return false
		}
	}
	return true
}

// match compares a value as MySQL does. A null matches null only.
func (f filter) match(v any) bool {
	switch f.condition {
	case "null":
		return v == nil
	case "notnull":
		return v != nil
	}
	if v == nil {
		return false
	}
	switch f.condition {
	case "in":
		return slices.ContainsFunc(strings.Split(f.value, ","), func(x string) bool { return compare(v, x) == 0 })
	case "nin":
		return !slices.ContainsFunc(strings.Split(f.value, ","), func(x string) bool { return compare(v, x) == 0 })
	case "like":
		return like(v, f.value)
	case "finset":
		return slices.ContainsFunc(strings.Split(plainText(v), ","), func(x string) bool { return compare(x, f.value) == 0 })
	case "nfinset":
		return !slices.ContainsFunc(strings.Split(plainText(v), ","), func(x string) bool { return compare(x, f.value) == 0 })
	case "nlike":
		return !like(v, f.value)
	}
	n := 0
	if d, ok := v.(dec); ok {
		n = cmp.Compare(d, f.number)
	} else {
		n = compare(v, f.value)
	}
	switch f.condition {
	case "neq":
		return n != 0
	case "gt":
		return n > 0
	case "gteq", "moreq", "from":
		return n >= 0
	case "lt":
		return n < 0
	case "lteq", "to":
		return n <= 0
	}
	return n == 0 // also for a condition that nobody knows (REC 180)
}

func like(v any, pattern string) bool {
	parts := strings.Split(pattern, "%")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re, err := regexp.Compile("(?is)^" + strings.Join(parts, ".*") + "$")
	return err == nil && re.MatchString(plainText(v))
}

// compare orders two values: numbers as numbers, texts without regard to case. Null
// comes first.
func compare(a, b any) int {
	if a == nil || b == nil {
		return digit(a != nil) - digit(b != nil)
	}
	x, y := plainText(a), plainText(b)
	if _, number := a.(dec); number {
		d, err := parseDec(y)
		if err != nil {
			d = 0
		}
		return cmp.Compare(a.(dec), d)
	}
	// MariaDB takes ISO times as well (REC 202).
	if len(y) == 20 && y[10] == 'T' && y[19] == 'Z' {
		y = y[:10] + " " + y[11:19]
	}
	return strings.Compare(strings.ToLower(x), strings.ToLower(y))
}

func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case dec:
		return v.String()
	}
	return ""
}

func number(n int64) dec { return dec(n) * one }

// orNull is nil for an empty text.
func orNull(v any) any {
	if s, ok := v.(string); ok && s == "" {
		return nil
	}
	return v
}

func orderColumn(o *order, name string) (any, bool) {
	if o == nil {
		o = &order{}
	}
	switch name {
	case "entity_id":
		return number(o.id), true
	case "increment_id":
		return o.number, true
	case "store_id":
		return number(o.store.ID), true
	case "state":
		return o.state, true
	case "status":
		return orNull(o.status), true
	case "created_at":
		return stamp(o.created), true
	case "updated_at":
		return stamp(o.updated), true
	case "is_virtual":
		return number(int64(digit(o.virtual))), true
	case "base_currency_code", "store_currency_code":
		return o.store.BaseCurrency, true
	case "billing_address_id", "shipping_address_id":
		return number(o.whole().addressID[name]), true
	}
	if o.like != nil {
		o = o.like
	}
	if name == "shipping_method" {
		return orNull(o.method), true
	}
	if v, known := amount(o.sums, orderAmounts, name); known {
		return v, true
	}
	if !slices.Contains(orderFields, name) {
		return nil, false
	}
	switch v := o.plain[name].(type) {
	case int:
		return number(int64(v)), true
	case int64:
		return number(v), true
	case nil, string, dec:
		return v, true
	default: // as it was sent or loaded
		return text(v), true
	}
}

// orderAmounts are the amounts of the table sales_order, each also in base currency, and
// orderFields its other columns that this shop keeps as they are.
var (
	orderAmounts = strings.Fields("grand_total subtotal subtotal_incl_tax discount_amount tax_amount discount_tax_compensation_amount " +
		"shipping_amount shipping_incl_tax shipping_tax_amount shipping_discount_amount shipping_discount_tax_compensation_amount " +
		"total_paid total_refunded total_canceled total_invoiced total_offline_refunded total_online_refunded " +
		"subtotal_invoiced subtotal_refunded subtotal_canceled tax_invoiced tax_refunded tax_canceled discount_invoiced discount_refunded discount_canceled " +
		"shipping_invoiced shipping_refunded shipping_canceled shipping_tax_refunded adjustment_positive adjustment_negative " +
		"discount_tax_compensation_invoiced discount_tax_compensation_refunded")
	orderFields = strings.Fields("customer_email customer_id customer_firstname customer_lastname customer_middlename customer_prefix customer_suffix " +
		"customer_group_id customer_is_guest customer_taxvat customer_dob customer_gender customer_note customer_note_notify ext_order_id ext_customer_id " +
		"original_increment_id edit_increment relation_parent_id relation_parent_real_id relation_child_id relation_child_real_id " +
		"order_currency_code global_currency_code base_to_order_rate base_to_global_rate coupon_code discount_description applied_rule_ids " +
		"quote_id protect_code remote_ip x_forwarded_for shipping_description weight hold_before_state hold_before_status total_qty_ordered total_item_count email_sent")
)

// amount reads an amount by its name, in order or base currency; null where it is not
// there.
func amount(s sums, names []string, name string) (value any, known bool) {
	for _, n := range names {
		if name != n && name != baseName(n) {
			continue
		}
		p, there := s[n]
		switch {
		case !there:
			return nil, true
		case name == n:
			return p.order, true
		}
		return p.base, true
	}
	return nil, false
}

// documentAmounts are those of invoices and credit memos.
var documentAmounts = strings.Fields("grand_total subtotal subtotal_incl_tax discount_amount tax_amount discount_tax_compensation_amount " +
	"shipping_amount shipping_incl_tax shipping_tax_amount adjustment adjustment_positive adjustment_negative")

func documentColumn(d *document, name string) (any, bool) {
	if d == nil {
		d = &document{order: &order{}}
	}
	switch name {
	case "entity_id":
		return number(d.id), true
	case "increment_id":
		return d.number, true
	case "order_id":
		return number(d.order.id), true
	case "store_id":
		return number(d.order.store.ID), true
	case "created_at":
		return stamp(d.created), true
	case "updated_at":
		return stamp(d.updated), true
	case "transaction_id":
		return orNull(d.transaction), true
	case "state":
		return number(int64(d.state)), true
	case "total_qty":
		return d.qty, true
	}
	return amount(d.sums, documentAmounts, name)
}

func transactionColumn(t *transaction, name string) (any, bool) {
	if t == nil {
		t = &transaction{order: &order{}}
	}
	switch name {
	case "transaction_id":
		return number(t.id), true
	case "order_id":
		return number(t.order.id), true
	case "txn_id":
		return t.txn, true
	case "txn_type":
		return t.kind, true
	case "is_closed":
		return number(int64(digit(t.closed))), true
	case "payment_id":
		return number(integer(t.order.payment["entity_id"])), true
	case "parent_txn_id":
		return orNull(t.parent), true
	case "created_at":
		return stamp(t.created), true
	}
	return nil, false
}

func (s *Shop) serveOrders(r *request) (any, *failure) {
	return page(s, r, orderColumn, func(o *order) any { return s.renderOrder(o) }, s.indexed().hits)
}

func (s *Shop) serveInvoices(r *request) (any, *failure) {
	return list(s, r, s.invoices, documentColumn, func(d *document) any { return d.render(s) })
}

func (s *Shop) serveShipments(r *request) (any, *failure) {
	return list(s, r, s.shipments, documentColumn, func(d *document) any { return d.renderShipment() })
}

func (s *Shop) serveMemos(r *request) (any, *failure) {
	return list(s, r, s.memos, documentColumn, func(d *document) any { return d.render(s) })
}

func (s *Shop) serveTransactions(r *request) (any, *failure) {
	return list(s, r, s.transactions, transactionColumn, func(t *transaction) any { return t.render() })
}

func byID(docs []*document, id int64) *document {
	for _, d := range docs {
		if d.id == id {
			return d
		}
	}
	return nil
}

func (s *Shop) serveOneInvoice(r *request) (any, *failure) {
	if d := byID(s.invoices, r.id); d != nil {
		return d.render(s), nil
	}
	return nil, errNotFound
}

func (s *Shop) serveOneShipment(r *request) (any, *failure) {
	if d := byID(s.shipments, r.id); d != nil {
		return d.renderShipment(), nil
	}
	return nil, errNotFound
}

func (s *Shop) serveOneMemo(r *request) (any, *failure) {
	if d := byID(s.memos, r.id); d != nil {
		return d.render(s), nil
	}
	return nil, errNotFound
}

func (s *Shop) serveOneTransaction(r *request) (any, *failure) {
	for _, t := range s.transactions {
		if t.id == r.id {
			return t.render(), nil
		}
	}
	return nil, errNotFound
}
