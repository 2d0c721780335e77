package magentotest

import "maps"

// copied returns an order that shares nothing with o that could change.
func (o *order) copied() *order {
	c := *o
	c.plain, c.sums, c.paid = copyOf(o.plain), maps.Clone(o.sums), maps.Clone(o.paid)
	c.payment, c.extension, c.addressID = copyOf(o.payment), copyOf(o.extension), maps.Clone(o.addressID)
	c.info, c.applied, c.byItem = copyOf(o.info), copyOf(o.applied), copyOf(o.byItem)
	c.addresses = make([]obj, len(o.addresses))
	for n, a := range o.addresses {
		c.addresses[n] = copyOf(a)
	}
	twin := make(map[*item]*item, len(o.items))
	c.items = make([]*item, len(o.items))
	for n, i := range o.items {
		row := *i
		row.plain, row.sums, row.children = copyOf(i.plain), maps.Clone(i.sums), nil
		if i.parent != nil { // parents stand before their children
			row.parent = twin[i.parent]
			row.parent.children = append(row.parent.children, &row)
		}
		twin[i], c.items[n] = &row, &row
	}
	return &c
}

// copyOf copies objects and lists all the way down.
func copyOf[T any](v T) T {
	switch from := any(v).(type) {
	case obj:
		if from == nil {
			return v
		}
		to := make(obj, len(from))
		for name, inner := range from {
			to[name] = copyOf(inner)
		}
		return any(to).(T)
	case []any:
		if from == nil {
			return v
		}
		to := make([]any, len(from))
		for n, inner := range from {
			to[n] = copyOf(inner)
		}
		return any(to).(T)
	}
	return v
}
