package magentoshop

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// Ship records goods on their way, with tracking. It is marked: the shipment's ref
// stands in the comment of the shipment that is made.
//
// Rows are matched by SKU and open quantity, the parent's row for configurable
// products and, as [Config.Bundles] says, for bundles: of a bundle that is shipped
// together the first part to leave counts for the whole. Where nothing is left to
// record (later parts of such a bundle) the tracking goes into a comment on the
// order. A SKU that the order has not, or less of, is a fault with both quantities:
// Magento itself would cut the quantity without a word. Where it did, because somebody
// shipped in the same moment, the document's state is mapping.ShortShipment.
func (s *Shop) Ship(o commerce.Order, sent commerce.Shipment) document {
	op := "ship " + o.Ref.ID
	key := sent.Ref.String()
	note := s.Note(o, mapping.Note{Key: key, Text: shipText(sent, true)})
	return s.effect(idempotency.Marked, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		n := 0
		for have, err := range s.client.Shipments.List(ctx, ofOrder(id)) {
			if err != nil {
				return commerce.Document{}, err
			}
			if slices.ContainsFunc(have.Comments, func(c magento.DocumentComment) bool { return strings.Contains(c.Comment, mark(key)) }) {
				return s.shipment(have), nil
			}
			if n++; n > s.c.MaxShipments {
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindLimit, System: System, Op: op,
					Text: "the order has more shipments than Config.MaxShipments"}
			}
		}
		return note.Find(ctx)
	}, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		if sent.Ref.ID == "" || len(sent.Lines) == 0 {
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "the shipment has no ref or no lines")
		}
		now, err := s.client.Orders.Get(ctx, id)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		items, err := s.match(now, sent)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if len(items) == 0 {
			return note.Act(ctx)
		}
		made, err := s.client.Orders.Ship(ctx, id, magento.ShipParams{
			Items: items, Tracks: s.tracks(sent), Comment: shipText(sent, false) + " " + mark(key), Source: s.c.Source,
		})
		if e, ok := errors.AsType[*commerce.Error](err); ok && e.Code == magento.CodeQuantityCut && e.Outcome == commerce.Done {
			short := s.shipment(made)
			short.State = mapping.ShortShipment
			return short, nil
		}
		if err != nil {
			return commerce.Document{}, err
		}
		return s.shipment(made), nil
	})
}

func (s *Shop) shipment(m magento.Shipment) commerce.Document {
	return commerce.Document{Ref: s.origin.With("shipment/" + m.EntityID.String()), Number: m.IncrementID, State: "shipped"}
}

// shipText says what the merchant reads: the warehouse's number and, where no
// tracks go with it, the parcels.
func shipText(sent commerce.Shipment, parcels bool) string {
	text := "Sent by the warehouse"
	if sent.Number != "" {
		text += ", shipment " + sent.Number
	}
	if parcels {
		for _, p := range sent.Parcels {
			text += ", " + strings.TrimSpace(p.Carrier+" "+p.Tracking)
		}
	}
	return text
}

func (s *Shop) tracks(sent commerce.Shipment) []magento.NewTrack {
	var tracks []magento.NewTrack
	for _, p := range sent.Parcels {
		if p.Tracking == "" {
			continue
		}
		tracks = append(tracks, magento.NewTrack{TrackNumber: p.Tracking, Title: cmp.Or(p.Carrier, "Parcel"),
			CarrierCode: cmp.Or(s.c.Carriers[p.Carrier], "custom")})
	}
	return tracks
}

// shipRow is a row that goods can leave from.
type shipRow struct {
	item magento.OrderItem
	open *big.Rat
	// whole is the bundle's row where the bundle is recorded as one, and perSet how
	// many of item a bundle has.
	whole  *shipRow
	perSet *big.Rat
	asked  *big.Rat
}

// match finds the rows for what was sent.
func (s *Shop) match(o magento.Order, sent commerce.Shipment) ([]magento.ItemQty, error) {
	document := "shipment " + sent.Ref.ID + " of magento order " + o.EntityID.String()
	rows, err := s.shipRows(document, o)
	if err != nil {
		return nil, err
	}
	bySKU := map[string][]*shipRow{}
	for _, r := range rows {
		sku := strings.ToLower(strings.TrimSpace(r.item.SKU)) // Magento compares SKUs so
		bySKU[sku] = append(bySKU[sku], r)
	}
	for _, l := range sent.Lines {
		left, ok := new(big.Rat).SetString(l.Quantity.String())
		field := "lines[" + l.SKU + "].quantity"
		if !ok || left.Sign() <= 0 {
			return nil, mapping.Faultf(document, field, l.Quantity.String(), "must be above nought")
		}
		candidates := bySKU[strings.ToLower(strings.TrimSpace(l.SKU))]
		if len(candidates) == 0 {
			return nil, mapping.Faultf(document, "lines.sku", l.SKU, "the order has no such row to ship")
		}
		for _, r := range candidates {
			take := new(big.Rat).Sub(r.open, r.asked)
			if take.Cmp(left) > 0 {
				take.Set(left)
			}
			r.asked.Add(r.asked, take)
			left.Sub(left, take)
		}
		if left.Sign() > 0 {
			return nil, mapping.Faultf(document, field, l.Quantity.String(), "%s of it more than the order has open", trimmed(left))
		}
	}
	return items(rows), nil
}

// shipRows lists the rows that goods leave from: neither virtual ones nor the
// variants of configurable products, whose parent's row counts.
func (s *Shop) shipRows(document string, o magento.Order) ([]*shipRow, error) {
	rat := func(i magento.OrderItem, field string, n magento.Number) (*big.Rat, error) {
		d, err := n.Decimal()
		if err != nil {
			return nil, mapping.Faultf(document, "items["+i.ItemID.String()+"]."+field, string(n), "is no decimal number")
		}
		r, _ := new(big.Rat).SetString(d.String())
		return r, nil
	}
	byID := map[magento.ID]magento.OrderItem{}
	parents, priced := map[magento.ID]bool{}, map[magento.ID]bool{}
	for _, i := range o.Items {
		byID[i.ItemID] = i
		if i.ParentItemID != 0 {
			parents[i.ParentItemID] = true
			if price, err := mapping.ParseAmount(string(i.Price)); err == nil && price != 0 {
				priced[i.ParentItemID] = true
			}
		}
	}
	wholes := map[magento.ID]*shipRow{}
	var rows []*shipRow
	for _, i := range o.Items {
		parent, isChild := byID[i.ParentItemID]
		switch {
		case bool(i.IsVirtual), isChild && parent.ProductType == "configurable", parents[i.ItemID] && i.ProductType != "configurable":
			continue
		}
		open, err := i.Open()
		if err != nil {
			return nil, mapping.Faultf(document, "items["+i.ItemID.String()+"]", i.SKU, "its quantities are no numbers")
		}
		r := &shipRow{item: i, asked: new(big.Rat)}
		r.open, _ = new(big.Rat).SetString(open.String())
		if isChild && s.together(parent, priced[parent.ItemID]) {
			if err := r.join(parent, wholes, rat); err != nil {
				return nil, err
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (s *Shop) together(bundle magento.OrderItem, priced bool) bool {
	how, ok := s.c.Bundles[bundle.SKU]
	if !ok && !priced {
		how = BundleTogether
	}
	return how == BundleTogether
}

// join makes r a part of a bundle that is recorded as one. What is open of a part is
// all of it that was ordered and not taken back: the shop can not say which parts of
// a recorded bundle have left.
func (r *shipRow) join(bundle magento.OrderItem, wholes map[magento.ID]*shipRow,
	rat func(magento.OrderItem, string, magento.Number) (*big.Rat, error)) error {
	ordered, err := rat(r.item, "qty_ordered", r.item.QtyOrdered)
	if err != nil {
		return err
	}
	sets, err := rat(bundle, "qty_ordered", bundle.QtyOrdered)
	if err != nil || sets.Sign() <= 0 || ordered.Sign() <= 0 {
		return err
	}
	whole := wholes[bundle.ItemID]
	if whole == nil {
		open, err := bundle.Open()
		if err != nil {
			return err
		}
		whole = &shipRow{item: bundle, asked: new(big.Rat)}
		whole.open, _ = new(big.Rat).SetString(open.String())
		wholes[bundle.ItemID] = whole
	}
	r.whole, r.perSet, r.open = whole, new(big.Rat).Quo(ordered, sets), ordered
	return nil
}

// items turns what is asked of the rows into the shop's words. Of a bundle that is
// recorded as one, so many are asked for as the parts that leave now belong to.
func items(rows []*shipRow) []magento.ItemQty {
	var out []magento.ItemQty
	add := func(r *shipRow) {
		if r.asked.Sign() > 0 {
			out = append(out, magento.ItemQty{OrderItemID: r.item.ItemID, Qty: magento.Number(trimmed(r.asked))})
		}
	}
	var wholes []*shipRow
	for _, r := range rows {
		if r.whole == nil {
			add(r)
			continue
		}
		sets := ceil(new(big.Rat).Quo(r.asked, r.perSet))
		if sets.Cmp(r.whole.open) > 0 {
			sets = r.whole.open
		}
		if sets.Cmp(r.whole.asked) > 0 {
			r.whole.asked = sets
		}
		if !slices.Contains(wholes, r.whole) {
			wholes = append(wholes, r.whole)
		}
	}
	for _, w := range wholes {
		add(w)
	}
	return out
}

func ceil(r *big.Rat) *big.Rat {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetInt(q)
}

// trimmed writes a quantity as decimal text without needless noughts; the shop keeps
// 4 decimals.
func trimmed(r *big.Rat) string {
	s := r.FloatString(4)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
