package magentotest

// serveMemoSave stores a credit memo as it is sent, and nothing happens.
func (s *Shop) serveMemoSave(r *request) (any, *failure) {
	d, f := s.storeMemo(r)
	if f != nil {
		return nil, f
	}
	return d.raw, nil
}

// serveMemoRefund stores a credit memo as it is sent, and raises the quantities of its
// rows: amounts that are not sent are none (REC 334-336).
func (s *Shop) serveMemoRefund(r *request) (any, *failure) {
	d, f := s.storeMemo(r)
	if f != nil {
		return nil, f
	}
	o := d.order
	for _, row := range d.rows {
		i := row.item
		i.refunded += row.qty
		for _, name := range []string{"amount_refunded", "tax_refunded", "discount_refunded", "discount_tax_compensation_refunded"} {
			i.sums.add(name, pair{})
		}
	}
	o.payment["base_amount_refunded"], o.payment["shipping_refunded"] = dec(0), dec(0)
	s.touch(o)
	s.say(o, 0, "offline", o.plain["customer_note_notify"] == 1)
	s.settle(o)
	return d.raw, nil
}

func (s *Shop) storeMemo(r *request) (*document, *failure) {
	body, _ := r.body.(obj)
	in, ok := body["creditmemo"].(obj)
	if !ok {
		return nil, missingField("creditmemo")
	}
	o, f := s.find(integer(in["order_id"]))
	if f != nil {
		return nil, f
	}
	now := s.now()
	d := &document{id: s.next("memo"), number: s.nextNumber("memo", o.store), order: o, created: now, updated: now, state: 2, memo: true, raw: obj{}}
	for name, v := range in {
		if v != nil && isScalar(v) {
			d.raw[name] = v
		}
	}
	d.raw["entity_id"], d.raw["increment_id"], d.raw["state"] = d.id, d.number, d.state
	d.raw["created_at"], d.raw["updated_at"] = stamp(now), stamp(now)
	for _, name := range []string{"adjustment_positive", "adjustment_negative"} {
		if v, err := parseDec(text(in[name])); err == nil {
			d.raw[name], d.raw["base_"+name] = v, v
		}
	}
	rows, _ := in["items"].([]any)
	items := []any{}
	for _, row := range rows {
		row, _ := row.(obj)
		_, i := s.itemOf(integer(row["order_item_id"]))
		qty, err := parseDec(text(row["qty"]))
		if i == nil || err != nil {
			return nil, s.internal()
		}
		d.rows = append(d.rows, docRow{id: s.next("memo_item"), item: i, qty: qty})
		shown := obj{"base_cost": nil, "base_price": nil, "parent_id": d.id, "entity_id": s.ids["memo_item"]}
		for name, v := range row {
			shown[name] = v
		}
		items = append(items, shown)
	}
	d.raw["items"], d.raw["comments"] = items, []any{}
	s.memos = append(s.memos, d)
	return d, nil
}
