package stripetest

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// searchable are the fields that a query may name, by kind of object.
// Source: docs.stripe.com/search, read 2026-11.
var searchable = map[string]string{
	"charge": "amount created currency customer disputed metadata payment_method_details.card.last4 payment_method_details.card.brand " +
		"payment_method_details.card.exp_month payment_method_details.card.exp_year payment_method_details.card.fingerprint refunded status",
	"customer":       "created email metadata name phone",
	"invoice":        "created currency customer metadata number receipt_number status subscription total",
	"payment_intent": "amount created currency customer metadata status",
	"price":          "active currency lookup_key metadata product type",
	"product":        "active description metadata name shippable url",
	"subscription":   "created canceled_at metadata status",
}

// clause is one condition of a query.
type clause struct {
	field, key string // key of the metadata
	op, value  string
	not, null  bool
}

// searchAll answers a query about the rows of a table. What was made less than
// Config.IndexLag ago is not in the index yet.
func searchAll[T listed](f *Fake, q *request, kind string, t *table[T], render func(T, string, expansion) object) (object, *problem) {
	if p := q.form.only("query", "limit", "page", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("query"); p != nil {
		return nil, p
	}
	clauses, either, err := parseQuery(kind, q.form.get("query"))
	if err != nil {
		return nil, badParam("query", "", "We were unable to parse your search query: "+err.Error())
	}
	limit, from := 10, 0
	if s := q.form.get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return nil, badParam("limit", "parameter_invalid_integer", "Invalid integer: limit must be between 1 and 100")
		}
		limit = n
	}
	if s := q.form.get("page"); s != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(s, "page_"))
		if err != nil || n < 0 {
			return nil, badParam("page", "", "Invalid page")
		}
		from = n
	}
	found := []object{}
	for _, row := range slices.Backward(t.rows) {
		if row.when().Add(f.config.IndexLag).After(q.now) {
			continue
		}
		m := render(row, "2023-10-16", nil)
		if m["deleted"] != true && matches(m, clauses, either) {
			found = append(found, render(row, q.version, q.expand("data")))
		}
	}
	next, more := any(nil), len(found) > from+limit
	if more {
		next = "page_" + strconv.Itoa(from+limit)
	}
	found = found[min(from, len(found)):min(from+limit, len(found))]
	return object{"object": "search_result", "url": q.path, "data": found, "has_more": more, "next_page": next}, nil
}

// parseQuery reads a query of clauses with AND or OR between them, not both.
func parseQuery(kind, text string) (clauses []clause, either bool, err error) {
	rest := strings.TrimSpace(text)
	words := map[string]bool{}
	for {
		c, after, err := parseClause(kind, rest)
		if err != nil {
			return nil, false, err
		}
		clauses = append(clauses, c)
		if rest = strings.TrimSpace(after); rest == "" {
			return clauses, words["OR"], nil
		}
		word, after, spaced := strings.Cut(rest, " ")
		switch upper := strings.ToUpper(word); {
		case spaced && (upper == "AND" || upper == "OR"):
			words[upper], rest = true, strings.TrimSpace(after)
		default:
			words["AND"] = true // a space alone joins
		}
		if len(words) > 1 {
			return nil, false, fmt.Errorf("AND and OR can not be mixed")
		}
		if len(clauses) == 10 {
			return nil, false, fmt.Errorf("there are more than 10 clauses")
		}
	}
}

func parseClause(kind, s string) (c clause, rest string, err error) {
	s, c.not = strings.CutPrefix(s, "-")
	end := strings.IndexAny(s, `:~<>[`)
	if end < 1 {
		return c, "", fmt.Errorf("a field and an operator are missing")
	}
	c.field, s = s[:end], s[end:]
	if !slices.Contains(strings.Fields(searchable[kind]), c.field) {
		return c, "", fmt.Errorf("field %s is not supported for resource %s", c.field, kind)
	}
	if c.field == "metadata" {
		inner, ok := strings.CutPrefix(s, "[")
		if !ok {
			return c, "", fmt.Errorf("metadata needs a key")
		}
		if c.key, s, err = quoted(inner); err != nil {
			return c, "", err
		}
		if s, ok = strings.CutPrefix(s, "]"); !ok {
			return c, "", fmt.Errorf("the key of metadata is not closed")
		}
	}
	for _, op := range []string{":", "~", ">=", "<=", ">", "<"} {
		if after, ok := strings.CutPrefix(s, op); ok {
			c.op, s = op, after
			break
		}
	}
	switch {
	case c.op == "":
		return c, "", fmt.Errorf("an operator is missing")
	case strings.HasPrefix(s, `"`) || strings.HasPrefix(s, "'"):
		c.value, rest, err = quoted(s)
	default:
		end := strings.IndexByte(s, ' ')
		if end < 0 {
			end = len(s)
		}
		c.value, rest = s[:end], s[end:]
		c.null = c.value == "null"
		if c.value == "" {
			err = fmt.Errorf("a value is missing")
		}
	}
	if err == nil && c.op == "~" && len(c.value) < 3 {
		err = fmt.Errorf("a part of a text must have at least 3 characters")
	}
	return c, rest, err
}

// quoted reads a text between quotes, in which a backslash keeps them.
func quoted(s string) (text, rest string, err error) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return "", "", fmt.Errorf("a text in quotes is missing")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == s[0]:
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a text is not closed")
}

func matches(m object, clauses []clause, either bool) bool {
	for _, c := range clauses {
		if c.holds(m) == either {
			return either
		}
	}
	return !either
}

func (c clause) holds(m object) bool { return c.positive(m) != c.not }

func (c clause) positive(m object) bool {
	at := any(m)
	for part := range strings.SplitSeq(c.field, ".") {
		below, _ := at.(object)
		at = below[part]
	}
	if data, ok := at.(map[string]string); ok {
		if v, ok := data[c.key]; ok {
			at = v
		} else {
			at = nil
		}
	}
	if at == nil || c.null {
		return at == nil && c.null
	}
	has := fmt.Sprint(at)
	switch c.op {
	case ":":
		return strings.EqualFold(has, c.value)
	case "~":
		return strings.Contains(strings.ToLower(has), strings.ToLower(c.value))
	}
	a, ok := new(big.Rat).SetString(has)
	b, ok2 := new(big.Rat).SetString(c.value)
	if !ok || !ok2 {
		return false
	}
	switch n := a.Cmp(b); c.op {
	case ">":
		return n > 0
	case ">=":
		return n >= 0
	case "<":
		return n < 0
	}
	return a.Cmp(b) <= 0
}
