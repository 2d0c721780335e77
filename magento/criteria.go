package magento

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Condition compares a field with a value. Magento takes an unknown one as Eq without a
// word (2.4.6-p1, REC 180), so that another than these is refused before it is sent.
type Condition string

// The conditions that Magento knows. In and NotIn take a comma list, Like and
// NotLike % as wildcard, FinSet and NotFinSet one of a stored comma list; From and To
// belong together, in two groups; Null and NotNull take no value.
const (
	Eq        Condition = "eq"
	NotEq     Condition = "neq"
	Gt        Condition = "gt"
	GtEq      Condition = "gteq"
	MoreEq    Condition = "moreq"
	Lt        Condition = "lt"
	LtEq      Condition = "lteq"
	From      Condition = "from"
	To        Condition = "to"
	In        Condition = "in"
	NotIn     Condition = "nin"
	Like      Condition = "like"
	NotLike   Condition = "nlike"
	FinSet    Condition = "finset"
	NotFinSet Condition = "nfinset"
	Null      Condition = "null"
	NotNull   Condition = "notnull"
)

func (c Condition) known() bool {
	switch c {
	case "", Eq, NotEq, Gt, GtEq, MoreEq, Lt, LtEq, From, To, In, NotIn, Like, NotLike, FinSet, NotFinSet, Null, NotNull:
		return true
	}
	return false
}

// Filter is one comparison. An unknown field is answered with a 500, which is an error
// of kind internal and never tried again.
type Filter struct {
	Field string
	Is    Condition // defaults to Eq
	Value string    // times in UTC as "2006-01-02 15:04:05"
}

// ListParams says which rows a list yields.
type ListParams struct {
	// UpdatedFrom and UpdatedTo bound updated_at, both included, in whole seconds of
	// the shop's clock; zero = no bound. A comment, a partial shipment, a track and a
	// changed address do not move an order's (2.4.6-p1, measured 2026-11), so that a
	// walk by updated_at does not see them. A walk up to the present second may miss a row
	// that changes within it: a bound before [Client.ServerTime] has none of these.
	UpdatedFrom, UpdatedTo time.Time

	// After is the number of the row that was read last: a walk goes on behind it. Among
	// rows in order of their changes UpdatedFrom is the updated_at of that row.
	After ID

	// ByID walks in the order of the rows' numbers instead of that of their changes. Rows
	// without an updated_at are always walked so.
	ByID bool

	// Filters are groups: one filter of a group has to hold, and every group has to.
	// A nil list yields all rows.
	Filters [][]Filter

	// Fields of a row that the shop sends, as in "sku" and "items[sku,qty_ordered]"; the
	// others are empty. What a walk goes by is asked for besides. A nil list asks for
	// all: an order of 30 rows has about 69 kB.
	Fields []string
}

// Where returns the groups for filters that all have to hold.
func Where(filters ...Filter) [][]Filter {
	groups := make([][]Filter, len(filters))
	for i, f := range filters {
		groups[i] = []Filter{f}
	}
	return groups
}

// criteria is a searchCriteria in full.
type criteria struct {
	groups   [][]Filter
	sort     []string // fields, ascending
	pageSize int
	page     int
	fields   []string // of a row; nil = all
}

// params writes the criteria. Page size and order are always said: without a size
// Magento sends all rows, and without an order any.
func (c criteria) params() params {
	var ps params
	for g, group := range c.groups {
		for f, filter := range group {
			at := "searchCriteria[filter_groups][" + strconv.Itoa(g) + "][filters][" + strconv.Itoa(f) + "]"
			is, value := cmp.Or(filter.Is, Eq), filter.Value
			if is == Null || is == NotNull {
				value = "1" // one has to be sent, and it does not matter which
			}
			ps = append(ps, param{at + "[field]", filter.Field}, param{at + "[value]", value}, param{at + "[condition_type]", string(is)})
		}
	}
	for i, field := range c.sort {
		at := "searchCriteria[sortOrders][" + strconv.Itoa(i) + "]"
		ps = append(ps, param{at + "[field]", field}, param{at + "[direction]", "ASC"})
	}
	ps = append(ps, param{"searchCriteria[pageSize]", strconv.Itoa(c.pageSize)})
	if c.page > 0 {
		ps = append(ps, param{"searchCriteria[currentPage]", strconv.Itoa(c.page)})
	}
	if c.fields != nil {
		ps = append(ps, only("items["+strings.Join(c.fields, ",")+"]", "total_count")...)
	}
	return ps
}

// only limits what an answer holds.
func only(fields ...string) params {
	if len(fields) == 0 {
		return nil
	}
	return params{{"fields", strings.Join(fields, ",")}}
}
