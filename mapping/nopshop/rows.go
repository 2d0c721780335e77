package nopshop

import (
	"context"
	"errors"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// Keys of the generic attributes that we keep beside an order, of key group "Order".
const (
	orderGroup = "Order"
	paymentKey = "commerce_payment" // pi_… or ch_…, left by RecordPayment
	holdKey    = "commerce_hold"    // held or released
	suspectKey = "commerce_fraud"   // suspected or trusted
	noteKey    = "commerce_note_"   // and the first word of a note's key
)

// attributes returns what programs keep beside an order for all its stores.
func (s *Shop) attributes(ctx context.Context, id nopcommerce.ID) (map[string]string, error) {
	list, err := s.client.Attributes.List(ctx, orderGroup, id)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, a := range list {
		if a.StoreID == 0 {
			all[a.Key] = a.Value
		}
	}
	return all, nil
}

func (s *Shop) keep(ctx context.Context, id nopcommerce.ID, key, value string) error {
	return s.client.Attributes.Save(ctx, nopcommerce.Attribute{EntityID: id, KeyGroup: orderGroup, Key: key, Value: value})
}

// address reads an address and translates the ids of country and state.
func (s *Shop) address(ctx context.Context, id nopcommerce.ID) (mapping.RawAddress, string, error) {
	a, err := s.client.Addresses.Get(ctx, id)
	if err != nil {
		return mapping.RawAddress{}, "", err
	}
	out := mapping.RawAddress{Names: []string{a.FirstName, a.LastName}, Company: a.Company, Street: []string{a.Address1, a.Address2},
		City: a.City, PostalCode: a.ZipPostalCode, Phone: a.PhoneNumber}
	if a.CountryID == 0 {
		return out, a.Email, nil // the fault names the address
	}
	country, err := s.client.Directory.Country(ctx, a.CountryID)
	if err != nil && !errors.Is(err, commerce.ErrNotFound) {
		return out, "", err
	}
	out.Country = country.Alpha2
	if a.StateProvinceID == 0 {
		return out, a.Email, nil
	}
	state, err := s.client.Directory.State(ctx, a.CountryID, a.StateProvinceID)
	if err != nil && !errors.Is(err, commerce.ErrNotFound) {
		return out, "", err
	}
	out.RegionCode, out.Region = state.Abbreviation, state.Name
	return out, a.Email, nil
}

// shippedOf counts by item what has left. Shipments are looked through only where the
// order says that a part has.
func (s *Shop) shippedOf(ctx context.Context, o nopcommerce.Order, lines []nopcommerce.Line) (map[nopcommerce.ID]int, error) {
	left := map[nopcommerce.ID]int{}
	switch state, _ := s.c.Statuses.Shipping.Of(o.ShippingStatus); state {
	case ShipDone, ShipDelivered:
		for _, l := range lines {
			if shippable(l) {
				left[l.ID] = l.Quantity
			}
		}
		return left, nil
	case ShipPartly:
		return left, s.shipments(ctx, o.ID, func(sh nopcommerce.Shipment, items []nopcommerce.ShipmentItem) {
			if sh.ShippedDate.IsZero() {
				return
			}
			for _, i := range items {
				left[i.OrderItemID] += i.Quantity
			}
		})
	}
	return left, nil
}

// shipments calls f for each shipment of an order and what is in it.
func (s *Shop) shipments(ctx context.Context, id nopcommerce.ID, f func(nopcommerce.Shipment, []nopcommerce.ShipmentItem)) error {
	all, err := s.client.Shipments.OfOrder(ctx, id)
	if err != nil {
		return err
	}
	for _, sh := range all {
		items, err := s.client.Shipments.Items(ctx, sh.ID)
		if err != nil {
			return err
		}
		f(sh, items)
	}
	return nil
}

// shippable reports whether a line is of goods. A product that is gone may have been any.
func shippable(l nopcommerce.Line) bool { return l.Product == nil || l.Product.IsShipEnabled }

func count(n int) commerce.Decimal { return commerce.MustDecimal(strconv.Itoa(n)) }
