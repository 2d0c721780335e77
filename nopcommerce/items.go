package nopcommerce

import (
	"context"
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// Items reads the lines of orders.
type Items struct{ cl *Client }

var items = table[OrderItem]{
	what: "order item", get: "/OrderItem/GetById/", put: "/OrderItem/Update",
	raw: func(i *OrderItem) *Raw { return &i.Raw }, id: func(i *OrderItem) ID { return i.ID },
}

// Get reads a line by its id.
func (s *Items) Get(ctx context.Context, id ID) (OrderItem, error) {
	if err := s.cl.offers("get order item "+id.String(), Official, false); err != nil {
		return OrderItem{}, err
	}
	return items.one(ctx, s.cl, id)
}

// List returns the lines of an order.
func (s *Items) List(ctx context.Context, order ID) ([]OrderItem, error) {
	if s.cl.c.API == Community {
		o, err := s.cl.Orders.Get(ctx, order)
		return o.Items, err
	}
	var got []OrderItem
	if err := s.cl.get(ctx, "list items of order "+order.String(), "/OrderItem/GetOrderItems/"+order.String(), nil, &got); err != nil {
		return nil, err
	}
	for _, i := range got {
		if i.OrderID != order {
			return nil, wrongRow("list items of order " + order.String())
		}
	}
	return got, nil
}

// Update writes what the caller changed in a line, as [Orders.Update] does.
func (s *Items) Update(ctx context.Context, i OrderItem) (OrderItem, error) {
	return items.update(ctx, s.cl, i)
}

// Line is a line of an order with what the catalogue knows of it now.
type Line struct {
	OrderItem
	// SKU is that of the attribute combination that was bought, or of the product where
	// there is none.
	SKU string
	// Product is the product as it is now; nil where it is gone, which a person should
	// look at: the sku is not known then.
	Product *Product
	// Combination is the attribute combination that was bought; nil where there is none.
	Combination *Combination
}

// Lines returns the lines of an order with their SKUs. Each product and its combinations
// are read once. A line whose product is gone has no Product and no SKU.
func (s *Items) Lines(ctx context.Context, order ID) ([]Line, error) {
	rows, err := s.List(ctx, order)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(rows))
	var ids []ID
	for i, row := range rows {
		lines[i].OrderItem = row
		if !slices.Contains(ids, row.ProductID) && s.cl.c.API == Official {
			ids = append(ids, row.ProductID)
		}
	}
	products, err := s.products(ctx, ids)
	if err != nil {
		return nil, err
	}
	combinations := map[ID][]Combination{}
	for i := range lines {
		l := &lines[i]
		if l.Product = l.OrderItem.Product; l.Product == nil {
			l.Product = products[l.ProductID]
		}
		if l.Product == nil {
			continue
		}
		l.SKU = l.Product.SKU
		chosen, err := l.chosen()
		if err != nil {
			return nil, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: "find sku of order item " + l.ID.String(),
				Text: "the attributes of the line can not be read", Err: err}
		}
		if len(chosen) == 0 {
			continue
		}
		if _, read := combinations[l.ProductID]; !read {
			if combinations[l.ProductID], err = s.combinations(ctx, l); err != nil {
				return nil, err
			}
		}
		if l.Combination, err = matching(combinations[l.ProductID], chosen); err != nil {
			return nil, &commerce.Error{Kind: commerce.KindAmbiguous, System: system, Op: "find sku of order item " + l.ID.String(), Err: err}
		}
		if l.Combination != nil && l.Combination.SKU != "" {
			l.SKU = l.Combination.SKU
		}
	}
	return lines, nil
}

// products reads products by id. Those that are deleted are not in the list of many, and
// Get knows them.
func (s *Items) products(ctx context.Context, ids []ID) (map[ID]*Product, error) {
	found := map[ID]*Product{}
	rows, err := many[Product](ctx, s.cl, "get products", "/Product/GetProductsByIds/", ids)
	if err != nil {
		return nil, err
	}
	for _, p := range rows {
		found[p.ID] = &p
	}
	for _, id := range ids {
		if found[id] != nil {
			continue
		}
		p, err := s.cl.Products.Get(ctx, id)
		switch {
		case err == nil:
			found[id] = &p
		case !errors.Is(err, commerce.ErrNotFound):
			return nil, err
		}
	}
	return found, nil
}

func (s *Items) combinations(ctx context.Context, l *Line) ([]Combination, error) {
	if s.cl.c.API == Community {
		return l.Product.Combinations, nil
	}
	return s.cl.Products.Combinations(ctx, l.ProductID)
}

// choices are the values chosen of each attribute, by the attribute's mapping.
type choices map[ID][]string

// chosen reads the attributes that the buyer chose.
func (l *Line) chosen() (choices, error) {
	if l.AttributesXML != "" {
		return readChoices(l.AttributesXML)
	}
	got := choices{}
	for _, a := range l.Attributes {
		got[a.ID] = append(got[a.ID], a.Value)
	}
	return got.sorted(), nil
}

// readChoices reads the XML in which the shop keeps chosen attributes.
func readChoices(text string) (choices, error) {
	var doc struct {
		Attributes []struct {
			ID     ID       `xml:"ID,attr"`
			Values []string `xml:"ProductAttributeValue>Value"`
		} `xml:"ProductAttribute"`
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, errors.New("no XML of attributes")
	}
	got := choices{}
	for _, a := range doc.Attributes {
		got[a.ID] = append(got[a.ID], a.Values...)
	}
	return got.sorted(), nil
}

func (c choices) sorted() choices {
	for _, values := range c {
		slices.Sort(values)
	}
	return c
}

// within reports whether all of c was chosen too. Texts and files that the buyer gave are
// no part of a combination.
func (c choices) within(all choices) bool {
	for id, values := range c {
		if !slices.Equal(values, all[id]) {
			return false
		}
	}
	return true
}

// matching returns the combination with the most attributes of those that were chosen, and
// nil where there is none.
func matching(all []Combination, chosen choices) (*Combination, error) {
	var best *Combination
	most := choices{}
	for i := range all {
		c, err := readChoices(all[i].AttributesXML)
		if err != nil || len(c) == 0 || !c.within(chosen) {
			continue // a combination that can not be read was not what the shop sold
		}
		switch {
		case len(c) > len(most):
			best, most = &all[i], c
		case len(c) == len(most):
			return nil, errors.New("two combinations match")
		}
	}
	return best, nil
}
