package mapping

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
)

// The limits of Stripe's metadata. Source: docs.stripe.com/metadata, read 2026-11.
const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// MetadataKeys are the names under which a payment says what it is for. The first
// name of a list is written; all are read, in order, and the first that holds
// something counts. The zero value uses the defaults below.
type MetadataKeys struct {
	// ID holds the shop's entity id of the order. Defaults to "commerce_order" and
	// "OrderId", which plugins of nopCommerce write (beside "OrderGuid").
	ID []string
	// Number holds the order's number. Defaults to "commerce_number" and "Order #",
	// which Stripe's module for Magento writes (beside "Module").
	Number []string
	// Store holds the id of the store that the number belongs to. Defaults to
	// "commerce_store".
	Store []string
	// Orders holds several orders and what each gets, "17:29.90,18:10.00", and
	// counts before the others. Defaults to "commerce_orders".
	Orders []string
	// Operation holds our operation id. Defaults to "commerce_operation".
	Operation []string
}

func (k MetadataKeys) withDefaults() MetadataKeys {
	or := func(names []string, defaults ...string) []string {
		if len(names) > 0 {
			return names
		}
		return defaults
	}
	return MetadataKeys{
		ID:        or(k.ID, "commerce_order", "OrderId"),
		Number:    or(k.Number, "commerce_number", "Order #"),
		Store:     or(k.Store, "commerce_store"),
		Orders:    or(k.Orders, "commerce_orders"),
		Operation: or(k.Operation, "commerce_operation"),
	}
}

// Check reports a name that Stripe would not take, as an error of kind invalid that
// names the field.
func (k MetadataKeys) Check() error {
	k = k.withDefaults()
	for _, f := range []struct {
		field string
		names []string
	}{{"ID", k.ID}, {"Number", k.Number}, {"Store", k.Store}, {"Orders", k.Orders}, {"Operation", k.Operation}} {
		for _, name := range f.names {
			if err := checkMetadata(name, ""); err != nil {
				return commerce.Errorf(commerce.KindInvalid, "mapping", "check metadata keys", "MetadataKeys.%s: %w", f.field, err)
			}
		}
	}
	return nil
}

// Write returns the metadata of a payment for orders, under an operation id (empty =
// none). One order is said by id, number and store; several by id and amount, all in
// the payment's currency. What exceeds Stripe's limits is an error of kind limit.
func (k MetadataKeys) Write(orders []commerce.OrderHint, operation string) (map[string]string, error) {
	k = k.withDefaults()
	md := map[string]string{}
	put := func(names []string, value string) {
		if value != "" {
			md[names[0]] = value
		}
	}
	put(k.Operation, operation)
	if len(orders) == 1 {
		put(k.ID, orders[0].ID)
		put(k.Number, orders[0].Number)
		put(k.Store, orders[0].Store)
	} else if len(orders) > 1 {
		parts := make([]string, len(orders))
		for i, o := range orders {
			named := func(other commerce.OrderHint) bool { return other.ID == o.ID }
			if o.ID == "" || strings.ContainsAny(o.ID, ":,") || o.ID != strings.TrimSpace(o.ID) || slices.ContainsFunc(orders[:i], named) ||
				!o.Amount.Currency().Valid() || o.Amount.Currency() != orders[0].Amount.Currency() || o.Amount.Sign() <= 0 {
				return nil, commerce.Errorf(commerce.KindInvalid, "mapping", "write metadata",
					"order %d of %d lacks an id of its own without ':' and ',' or an amount above nought in the payment's currency", i+1, len(orders))
			}
			parts[i] = o.ID + ":" + o.Amount.Text()
		}
		put(k.Orders, strings.Join(parts, ","))
	}
	if err := CheckMetadata(md); err != nil {
		return nil, err
	}
	return md, nil
}

// CheckMetadata reports metadata that Stripe would refuse as an error of kind limit:
// at most 50 keys of at most 40 characters without square brackets, values of at
// most 500 characters.
func CheckMetadata(md map[string]string) error {
	if len(md) > maxMetadataKeys {
		return commerce.Errorf(commerce.KindLimit, "mapping", "check metadata", "%d keys; Stripe takes %d", len(md), maxMetadataKeys)
	}
	for name, value := range md {
		if err := checkMetadata(name, value); err != nil {
			return err
		}
	}
	return nil
}

func checkMetadata(name, value string) error {
	switch {
	case name == "" || len([]rune(name)) > maxMetadataKey || strings.ContainsAny(name, "[]"):
		return commerce.Errorf(commerce.KindLimit, "mapping", "check metadata",
			"key %.60q: Stripe takes 1 to %d characters without square brackets", name, maxMetadataKey)
	case len([]rune(value)) > maxMetadataValue:
		return commerce.Errorf(commerce.KindLimit, "mapping", "check metadata",
			"key %q: the value has %d characters, Stripe takes %d", name, len([]rune(value)), maxMetadataValue)
	}
	return nil
}

// Read returns the orders that the metadata of a payment names, in the payment's
// currency; none where it names none. A list of orders that can not be read is a
// fault that names document and key: half of a list is not guessed from.
func (k MetadataKeys) Read(document string, md map[string]string, currency commerce.Currency) ([]commerce.OrderHint, error) {
	k = k.withDefaults()
	first := func(names []string) (name, value string) {
		for _, name := range names {
			if v := strings.TrimSpace(md[name]); v != "" {
				return name, v
			}
		}
		return "", ""
	}
	if name, list := first(k.Orders); list != "" {
		return readOrders(document, name, list, currency)
	}
	var h commerce.OrderHint
	_, h.ID = first(k.ID)
	_, h.Number = first(k.Number)
	_, h.Store = first(k.Store)
	if h.ID == "" && h.Number == "" {
		return nil, nil
	}
	return []commerce.OrderHint{h}, nil
}

func readOrders(document, name, list string, currency commerce.Currency) ([]commerce.OrderHint, error) {
	field := "metadata[" + name + "]"
	if n := utf8.RuneCountInString(list); n > maxMetadataValue {
		return nil, Faultf(document, field, "", "has %d characters, more than %d", n, maxMetadataValue)
	}
	var hints []commerce.OrderHint
	for part := range strings.SplitSeq(list, ",") {
		id, text, ok := strings.Cut(strings.TrimSpace(part), ":")
		id = strings.TrimSpace(id)
		if !ok || id == "" {
			return nil, Faultf(document, field, list, "%q is not order id, colon, amount", part)
		}
		amount, err := commerce.ParseMoney(strings.TrimSpace(text), currency)
		if err != nil || amount.Sign() <= 0 {
			return nil, Faultf(document, field, list, "%q is no amount above nought in %s", text, currency)
		}
		if slices.ContainsFunc(hints, func(h commerce.OrderHint) bool { return h.ID == id }) {
			return nil, Faultf(document, field, list, "names order %q twice", id)
		}
		hints = append(hints, commerce.OrderHint{ID: id, Amount: amount})
	}
	return hints, nil
}

// OperationID returns our operation id in the metadata; empty where there is none.
func (k MetadataKeys) OperationID(md map[string]string) string {
	for _, name := range k.withDefaults().Operation {
		if md[name] != "" {
			return md[name]
		}
	}
	return ""
}
