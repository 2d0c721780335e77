package stripe

import "encoding/json"

// Discount is a coupon at work.
type Discount struct {
	ID            string    `json:"id"`
	Coupon        ID        `json:"-"` // coupon, since 2025-09-30 in source
	PromotionCode ID        `json:"promotion_code"`
	Start         Timestamp `json:"start"`
	End           Timestamp `json:"end"`
}

// UnmarshalJSON reads a discount of any API version, or its id alone.
func (d *Discount) UnmarshalJSON(b []byte) error {
	type plain Discount
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &d.ID)
	}
	var places struct {
		Coupon ID `json:"coupon"`
		Source struct {
			Coupon ID `json:"coupon"`
		} `json:"source"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	if d.Coupon = places.Coupon; d.Coupon == "" {
		d.Coupon = places.Source.Coupon
	}
	return json.Unmarshal(b, (*plain)(d))
}
