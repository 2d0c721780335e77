package nopcommerce

import (
	"context"
	"net/http"
	"strconv"

	"github.com/commercesync/commerce"
)

// Stock reads and sets stock. Where it is kept depends on the product: in its own row, in
// those of its attribute combinations, or in one for each warehouse.
type Stock struct{ cl *Client }

// WarehouseStock is the stock of a product in one warehouse.
type WarehouseStock struct {
	ID               ID  `json:"id"`
	ProductID        ID  `json:"product_id"`
	WarehouseID      ID  `json:"warehouse_id"`
	StockQuantity    int `json:"stock_quantity"`
	ReservedQuantity int `json:"reserved_quantity"` // sold and not shipped

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (w *WarehouseStock) UnmarshalJSON(b []byte) error {
	type row WarehouseStock
	*w = WarehouseStock{}
	return w.Raw.keep(b, (*row)(w))
}

var warehouseStock = table[WarehouseStock]{
	what: "warehouse stock", get: "/ProductWarehouse/GetById/", put: "/ProductWarehouse/Update",
	raw: func(w *WarehouseStock) *Raw { return &w.Raw }, id: func(w *WarehouseStock) ID { return w.ID },
}

// Total returns how many of a product can be sold, over all warehouses and less what is
// reserved. It knows nothing of combinations.
func (s *Stock) Total(ctx context.Context, product ID) (int, error) {
	op := "get stock of product " + product.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return 0, err
	}
	var n int
	err := s.cl.get(ctx, op, "/Product/GetTotalStockQuantity/"+product.String(), nil, &n)
	return n, err
}

// Warehouses returns the stock of a product in each warehouse.
func (s *Stock) Warehouses(ctx context.Context, product ID) ([]WarehouseStock, error) {
	op := "list stock of product " + product.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []WarehouseStock
	err := s.cl.get(ctx, op, "/ProductWarehouse/GetAllProductWarehouseInventoryRecords/"+product.String(), nil, &got)
	return got, err
}

// Level is a stock to be set.
type Level struct {
	ProductID     ID
	CombinationID ID // where the product counts by attributes
	WarehouseID   ID // where it uses several warehouses
	Quantity      int
	Message       string // for the stock's history; empty writes none
}

// Set sets a stock to a quantity, in the row where the product keeps it, and then notes it in
// the stock's history. It is a guarded write: twice leaves the same. A sale in the instant of
// writing is lost.
func (s *Stock) Set(ctx context.Context, l Level) error {
	op := "set stock of product " + l.ProductID.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return err
	}
	p, err := s.cl.Products.Get(ctx, l.ProductID)
	if err != nil {
		return before(op, err)
	}
	var change int
	switch {
	case p.InventoryMethod == StockNotManaged:
		return refuse(op, CodeState, "the shop counts no stock of this product")
	case p.InventoryMethod == StockByAttributes && l.CombinationID == 0, p.InventoryMethod != StockByAttributes && l.CombinationID != 0:
		return refuse(op, CodeState, "Level.CombinationID does not fit the product, whose stock is counted as %s", p.InventoryMethod)
	case l.CombinationID == 0 && p.UseMultipleWarehouses != (l.WarehouseID != 0):
		return refuse(op, CodeState, "Level.WarehouseID does not fit the product: several warehouses is %t", p.UseMultipleWarehouses)
	case l.CombinationID != 0:
		c, err := combinations.one(ctx, s.cl, l.CombinationID)
		if err != nil {
			return before(op, err)
		}
		if c.ProductID != l.ProductID {
			return refuse(op, CodeState, "the combination is another product's")
		}
		change, c.StockQuantity = l.Quantity-c.StockQuantity, l.Quantity
		_, err = combinations.update(ctx, s.cl, c)
		if err != nil {
			return err
		}
	case l.WarehouseID != 0:
		rows, err := s.Warehouses(ctx, l.ProductID)
		w, err := first(rows, err, op, func(w WarehouseStock) bool { return w.WarehouseID == l.WarehouseID })
		if err != nil {
			return before(op, err)
		}
		change, w.StockQuantity = l.Quantity-w.StockQuantity, l.Quantity
		if _, err := warehouseStock.update(ctx, s.cl, w); err != nil {
			return err
		}
	default:
		change, p.StockQuantity = l.Quantity-p.StockQuantity, l.Quantity
		if _, err := products.update(ctx, s.cl, p); err != nil {
			return err
		}
	}
	if change == 0 || l.Message == "" {
		return nil
	}
	return s.note(ctx, op, l, change)
}

// note writes the history of a stock, a write by GET. The stock is set by then.
func (s *Stock) note(ctx context.Context, op string, l Level, change int) error {
	q := params{{"quantityAdjustment", strconv.Itoa(change)}, {"stockQuantity", strconv.Itoa(l.Quantity)},
		{"warehouseId", number(l.WarehouseID)}, {"message", l.Message}, {"combinationId", number(l.CombinationID)}}
	if err := s.cl.write(ctx, http.MethodGet, op, "/Product/AddStockQuantityHistoryEntry/"+l.ProductID.String(), q, nil, nil); err != nil {
		e := about(op, commerce.Done, err)
		e.Text = "the stock is set, and its history was not written"
		return e
	}
	return nil
}

// Adjust adds to a stock, or takes from it with a negative quantity; attributesXML names the
// combination where the product counts by them. The shop writes the history. It is a blind
// write: nothing tells one from two. With several warehouses the shop would change
// reservations, which is refused.
func (s *Stock) Adjust(ctx context.Context, product ID, by int, attributesXML, message string) error {
	op := "adjust stock of product " + product.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return err
	}
	if by == 0 {
		return refuse(op, "", "an adjustment of nought")
	}
	p, err := s.cl.Products.Get(ctx, product)
	switch {
	case err != nil:
		return before(op, err)
	case p.InventoryMethod == StockNotManaged:
		return refuse(op, CodeState, "the shop counts no stock of this product")
	case p.UseMultipleWarehouses:
		return refuse(op, CodeState, "the product uses several warehouses: the shop would change reservations; use Set")
	case p.InventoryMethod == StockByAttributes && attributesXML == "":
		return refuse(op, CodeState, "the product's stock is counted by attributes, and none are given")
	}
	return s.cl.write(ctx, http.MethodPost, op, "/Product/AdjustInventory/"+product.String(),
		params{{"quantityToChange", strconv.Itoa(by)}, {"message", message}}, attributesXML, nil)
}
