package magentotest

import "strings"

// needs refuses a body that lacks a parameter of the service.
func (r *request) needs(params ...string) *failure {
	body, _ := r.body.(obj)
	return lacks(params, func(p string) bool { return body[snakeName(p)] == nil })
}

// lacks refuses what is missing: one parameter by its name, several in a list.
func lacks(params []string, missing func(string) bool) *failure {
	var all []any
	last := ""
	for _, p := range params {
		if missing(p) {
			last = p
			all = append(all, obj{"message": `"%fieldName" is required. Enter and try again.`, "parameters": obj{"fieldName": p}})
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return missingField(last)
	}
	return &failure{status: 400, message: "One or more input exceptions have occurred.", errors: all}
}

// types are PHP's names for the lists in bodies, by the end of the route and the field,
// as Magento names them when a list is too long (REC 284).
var types = map[string]string{
	"base-prices prices":          `\Magento\Catalog\Api\Data\BasePriceInterface`,
	"special-price prices":        `\Magento\Catalog\Api\Data\SpecialPriceInterface`,
	"special-price-delete prices": `\Magento\Catalog\Api\Data\SpecialPriceInterface`,
	"source-items source_items":   `\Magento\InventoryApi\Api\Data\SourceItemInterface`,
	"invoice items":               `\Magento\Sales\Api\Data\InvoiceItemCreationInterface`,
	"ship items":                  `\Magento\Sales\Api\Data\ShipmentItemCreationInterface`,
	"ship tracks":                 `\Magento\Sales\Api\Data\ShipmentTrackCreationInterface`,
	"refund items":                `\Magento\Sales\Api\Data\CreditmemoItemCreationInterface`,
	"customers addresses":         `\Magento\Customer\Api\Data\AddressInterface`,
}

// limitArrays refuses a list of objects that is longer than Config.MaxArray.
func (s *Shop) limitArrays(path string, body any) *failure {
	if s.c.MaxArray == 0 {
		return nil
	}
	parts := strings.Split(path, "/")
	end := strings.Trim(parts[len(parts)-1], "0123456789")
	if end == "" && len(parts) > 1 {
		end = parts[len(parts)-2]
	}
	return s.limitIn(end, "", body)
}

func (s *Shop) limitIn(end, field string, v any) *failure {
	switch v := v.(type) {
	case obj:
		for name, inner := range v {
			if f := s.limitIn(end, name, inner); f != nil {
				return f
			}
		}
	case []any:
		if len(v) > s.c.MaxArray {
			if _, objects := v[0].(obj); objects {
				return &failure{status: 400, message: `Maximum items of type "%type" is %max`, parameters: obj{"type": or(types[end+" "+field], field), "max": s.c.MaxArray}}
			}
		}
		for _, inner := range v {
			if f := s.limitIn(end, "", inner); f != nil {
				return f
			}
		}
	}
	return nil
}
