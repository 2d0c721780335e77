package nopcommerce_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

func TestAnUpdateKeepsEveryMemberOfTheRowByteForByte(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.client()
	o, err := c.Orders.Get(t.Context(), 17)
	require.NoError(t, err)
	o.CaptureID = "ch_new"
	after, err := c.Orders.Update(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, "ch_new", after.CaptureID)
	require.Equal(t, setMember(t, paidOrder, "capture_transaction_id", `"ch_new"`), s.row("Order", 17),
		"0.90000000, card data and a column of the shop's own are as they were")

	s.sent()
	again, err := c.Orders.Update(t.Context(), o)
	require.NoError(t, err, "a write that arrived is no conflict with itself")
	require.Equal(t, after, again)
	require.Len(t, s.sent(), 1, "and is not made again")
}

func TestARowWithoutChangesIsNotWritten(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.client()
	o, err := c.Orders.Get(t.Context(), 17)
	require.NoError(t, err)
	_, err = c.Orders.Update(t.Context(), o)
	require.NoError(t, err)
	for _, r := range s.sent() {
		require.NotContains(t, r, "PUT")
	}
}

func TestCardDataIsKeptNowhere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, err := s.client().Orders.Get(t.Context(), 17)
	require.NoError(t, err)
	require.NotContains(t, string(o.Raw), "4242")
	require.NotContains(t, string(o.Raw), "Jane")
	require.JSONEq(t, `null`, string(o.Raw.Member("card_number")), "the member itself stays")
	require.JSONEq(t, `"kept"`, string(o.Raw.Member("our_column")))
	require.Nil(t, o.Raw.Member("no_such"))
	require.Contains(t, fmt.Sprintf("%v %+v %s %q", o, o, o.Raw, o.Raw), "[row]")
	require.NotContains(t, fmt.Sprintf("%v", o.Raw), "kept")
}

func TestAConcurrentChangeOfARowIsNoticed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, during func(*shop)
		outcome        commerce.Outcome
		text           string
	}{
		"somebody changed another member since it was read": {outcome: commerce.NotSent, text: "order_status_id",
			before: func(s *shop) { s.set("Order", 17, "order_status_id", "40") }},
		"somebody changed the same member to another value": {outcome: commerce.NotSent, text: "capture_transaction_id",
			before: func(s *shop) { s.set("Order", 17, "capture_transaction_id", `"theirs"`) }},
		"somebody wrote right after": {outcome: commerce.Done, text: "vat_number",
			during: func(s *shop) {
				s.rows["Order"][17] = setMember(s.t, s.rows["Order"][17], "vat_number", `"DE1"`)
			}},
		"somebody overwrote it": {outcome: commerce.Unknown, text: "does not hold",
			during: func(s *shop) {
				s.rows["Order"][17] = setMember(s.t, s.rows["Order"][17], "capture_transaction_id", `"theirs"`)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			c := s.client()
			o, err := c.Orders.Get(t.Context(), 17)
			require.NoError(t, err)
			if test.before != nil {
				test.before(s)
			}
			if test.during != nil {
				s.on["PUT /Order/Update"] = func(_ *http.Request, body []byte) reply {
					s.rows["Order"][17] = string(body)
					test.during(s)
					return reply{status: 200}
				}
			}
			o.CaptureID = "ours"
			_, err = c.Orders.Update(t.Context(), o)
			e := fault(t, err)
			require.ErrorIs(t, err, commerce.ErrConflict)
			require.Equal(t, nopcommerce.CodeConcurrent, e.Code)
			require.Equal(t, test.outcome, e.Outcome)
			require.Contains(t, e.Text, test.text)
		})
	}
}

func TestALostAnswerToAPutIsSettledByTheRow(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string]bool{"it arrived": true, "it may still be on its way": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			c := s.client()
			o, err := c.Orders.Get(t.Context(), 17)
			require.NoError(t, err)
			puts := 0
			s.on["PUT /Order/Update"] = func(_ *http.Request, body []byte) reply {
				puts++
				if arrives {
					s.rows["Order"][17] = string(body)
				}
				return reply{lost: true}
			}
			o.CaptureID = "ours"
			after, err := c.Orders.Update(t.Context(), o)
			require.Equal(t, 1, puts, "it is not repeated")
			if arrives {
				require.NoError(t, err)
				require.Equal(t, "ours", after.CaptureID)
				return
			}
			require.ErrorIs(t, err, commerce.ErrUnknown)
		})
	}
}

func TestAMemberThatTheShopsVersionLacksIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Customer", 5, oldCustomer)
	c := s.client()
	got, err := c.Customers.Get(t.Context(), 5)
	require.NoError(t, err)
	got.FirstName = "Jane"
	_, err = c.Customers.Update(t.Context(), got)
	e := fault(t, err)
	require.Equal(t, nopcommerce.CodeNotOffered, e.Code)
	require.Equal(t, commerce.NotSent, e.Outcome)
	require.NotContains(t, err.Error(), "Jane")
	require.Equal(t, oldCustomer, s.row("Customer", 5))
}

func TestACustomerWithMoreFieldsThanWeKnowLosesNone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	row := strings.Replace(oldCustomer, `"id":5`, `"first_name":"Jane","last_name":"Buyer","company":null,"phone":null,"country_id":1,"our_column":"x<y\u0041","id":5`, 1)
	s.put("Customer", 5, row)
	c := s.client()
	got, err := c.Customers.Get(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, "Jane", got.FirstName)
	s.set("Customer", 5, "last_activity_date_utc", `"2026-11-21T11:59:59.999"`) // the customer looks at a page
	got.AdminComment = "vip"
	_, err = c.Customers.Update(t.Context(), got)
	require.NoError(t, err, "a visit is no conflict")
	want := setMember(t, setMember(t, row, "last_activity_date_utc", `"2026-11-21T11:59:59.999"`), "admin_comment", `"vip"`)
	require.Equal(t, want, s.row("Customer", 5))
}

func TestAReferenceThatIsTakenAwayIsNull(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.client()
	o, err := c.Orders.Get(t.Context(), 17)
	require.NoError(t, err)
	o.ShippingAddressID = 0
	_, err = c.Orders.Update(t.Context(), o)
	require.NoError(t, err)
	require.Contains(t, s.row("Order", 17), `"shipping_address_id":null`)
}

func TestAProductSaysThatItWasChanged(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Product", 8, product)
	c := s.client()
	p, err := c.Products.Get(t.Context(), 8)
	require.NoError(t, err)
	p.Price = "12.5"
	after, err := c.Products.Update(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, now, after.UpdatedOn.Time)
	require.Contains(t, s.row("Product", 8), `"price":12.5,`)

	_, err = c.Products.Update(t.Context(), nopcommerce.Product{ID: 8, Price: "1"})
	require.ErrorIs(t, err, commerce.ErrInvalid, "a row that was not read is none to write")
	require.True(t, commerce.SafeToRetry(err))
	p.ID = 9
	_, err = c.Products.Update(t.Context(), p)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestARowThatCanNotBeReadNamesTheMember(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"order_total: no decimal number":   setMember(t, paidOrder, "order_total", `"Jane"`),
		"created_on_utc: no time":          setMember(t, paidOrder, "created_on_utc", `"Jane"`),
		"customer_id: no id":               setMember(t, paidOrder, "customer_id", `"Jane"`),
		"deleted: a value of another type": setMember(t, paidOrder, "deleted", `"Jane"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.doc = nil
			s.put("Order", 17, body)
			_, err := s.client().Orders.Get(t.Context(), 17)
			require.ErrorContains(t, err, name)
			require.ErrorIs(t, err, commerce.ErrInternal)
			require.NotContains(t, err.Error(), "Jane")
		})
	}
}

func TestAnAnswerAboutAnotherRowIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Order", 18, paidOrder) // says 17
	_, err := s.client().Orders.Get(t.Context(), 18)
	require.Equal(t, nopcommerce.CodeWrongRow, fault(t, err).Code)
	require.False(t, errors.Is(err, commerce.ErrNotFound))
}

const oldCustomer = `{"customer_guid":"5b1c3c4e-6d0e-4f0c-9a53-2f2f6a1c0b12","username":null,"email":"jane@example.com","email_to_revalidate":null,"admin_comment":null,"is_tax_exempt":false,"affiliate_id":0,"vendor_id":0,"has_shopping_cart_items":false,"require_re_login":false,"failed_login_attempts":0,"cannot_login_until_date_utc":null,"active":true,"deleted":false,"is_system_account":false,"system_name":null,"last_ip_address":null,"created_on_utc":"2018-01-01T12:45:00","last_login_date_utc":null,"last_activity_date_utc":"2018-01-01T12:45:00","registered_in_store_id":1,"billing_address_id":31,"shipping_address_id":null,"id":5}`

const product = `{"product_type_id":5,"name":"Jacket","sku":"ST970","manage_inventory_method_id":1,"use_multiple_warehouses":false,"stock_quantity":10,"price":48.0000,"published":true,"deleted":false,"created_on_utc":"2018-01-01T12:45:00","updated_on_utc":"2018-01-01T12:45:00","id":8}`

func TestCardDataIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		`{"id":1,"card_number":"4242"}`:                         `{"id":1,"card_number":null}`,
		`{"id":1,"card_type":null,"card_number" : "4242"}`:      `{"id":1,"card_type":null,"card_number":null}`,
		`{"id":1,"card_type":null,"\u0063ard_number":"4242"}`:   `{"id":1,"card_type":null,"card_number":null}`,
		`{"id":1,"card_name":42}`:                               `{"id":1,"card_name":null}`,
		`{"id":1,"masked_credit_card_number":"****"}`:           `{"id":1,"masked_credit_card_number":null}`,
		`{"vat_number":"\"card_type\":null","card_cvv2":"1"}`:   `{"vat_number":"\"card_type\":null","card_cvv2":null}`,
		`{"vat_number":"card_","id":1}`:                         `{"vat_number":"card_","id":1}`,
		`{"allow_storing_credit_card_number":true,"card_a":""}`: `{"allow_storing_credit_card_number":true,"card_a":null}`,
		`{"allow_storing_credit_card_number": false ,"id":1}`:   `{"allow_storing_credit_card_number": false ,"id":1}`,
	} {
		var o nopcommerce.Order
		require.NoError(t, json.Unmarshal([]byte(row), &o))
		require.Equal(t, want, string([]byte(o.Raw)), row)
	}
}
