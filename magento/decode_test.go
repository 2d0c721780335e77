package magento_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/magento"
)

// plainOrder is an order as encoding/json puts it together.
type plainOrder magento.Order

// TestEveryRecordedAnswerDecodesAsEncodingJSONWould compares the fast decoder with the
// values that were sent, and with what the standard library makes of the same types.
func TestEveryRecordedAnswerDecodesAsEncodingJSONWould(t *testing.T) {
	t.Parallel()
	for _, dir := range folders() {
		for _, rec := range recordings(t, dir) {
			var object map[string]json.RawMessage
			if json.Unmarshal(rec.Response.Body, &object) != nil {
				continue
			}
			rows := []json.RawMessage{rec.Response.Body}
			if _, ok := object["items"]; ok && object["search_criteria"] != nil {
				rows = nil
				require.NoError(t, json.Unmarshal(object["items"], &rows), rec.file)
			}
			for _, row := range rows {
				_, path := rec.split()
				switch head, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); head {
				case "orders", "order":
					same(t, rec.file, row, &magento.Order{})
				case "invoices", "invoice":
					same(t, rec.file, row, &magento.Invoice{})
				case "creditmemos", "creditmemo":
					same(t, rec.file, row, &magento.CreditMemo{})
				case "shipments", "shipment":
					same(t, rec.file, row, &magento.Shipment{})
				case "products":
					same(t, rec.file, row, &magento.Product{})
				case "customers":
					same(t, rec.file, row, &magento.Customer{})
				}
			}
		}
	}
}

// same decodes into two values of one type, and they have to agree.
func same(t *testing.T, at string, b []byte, into any) {
	t.Helper()
	std := reflect.New(reflect.TypeOf(into).Elem()).Interface()
	plain := std
	if o, ok := std.(*magento.Order); ok {
		plain = (*plainOrder)(o)
	}
	want := json.Unmarshal(b, plain)
	got := magento.Decode(b, into)
	require.Equal(t, want == nil, got == nil, "%s: %T: %v, and encoding/json: %v", at, into, got, want)
	if want != nil {
		return
	}
	if o, ok := into.(*magento.Order); ok {
		require.JSONEq(t, string(b), string(o.Raw), at)
		o.Raw = nil
	}
	require.Equal(t, std, into, "%s: %T", at, into)
}

func TestWhatCanNotBeReadSaysWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 10_001) + strings.Repeat(`]`, 10_001)
	for name, tc := range map[string]struct {
		body, path string
		at         int
	}{
		"nothing":                           {``, "", 0},
		"cut in a name":                     {`{"entity_id`, "", 11},
		"cut in a value that is not kept":   {`{"x":[1,{"y":"z`, "", 15},
		"cut in a row":                      {`{"items":[{"sku":"a"},{"sku":"b`, "items[1].sku", 31},
		"a text for an amount":              {`{"grand_total":"12,50"}`, "grand_total", 22},
		"an amount that is a list":          {`{"grand_total":[12]}`, "grand_total", 15},
		"an amount in hex":                  {`{"items":[{"price":"0x10"}]}`, "items[0].price", 25},
		"an amount with a nought before it": {`{"grand_total":012}`, "", 16},
		"not a number":                      {`{"grand_total":NaN}`, "grand_total", 15},
		"an id with a fraction":             {`{"entity_id":1.5}`, "entity_id", 16},
		"an id that is too large":           {`{"entity_id":99999999999999999999}`, "entity_id", 33},
		"a flag that is neither":            {`{"is_virtual":7}`, "is_virtual", 15},
		"a time in other words":             {`{"created_at":"21.11.2026"}`, "created_at", 26},
		"a number for a text":               {`{"state":1}`, "state", 9},
		"rows that are an object":           {`{"items":{"0":{}}}`, "items", 9},
		"a row that is a text":              {`{"items":[{},"x"]}`, "items[1]", 13},
		"a list instead of an order":        {` []`, "", 1},
		"an address that is a full list":    {`{"billing_address":[1]}`, "billing_address", 20},
		"a name that comes twice":           {`{"grand_total":1,"grand_total":2}`, "grand_total", 31},
		"a name that comes twice, escaped":  {`{"grand_total":1,"grand\u005ftotal":2}`, "grand_total", 36},
		"an escape that is none":            {`{"state":"a\x"}`, "state", 12},
		"half a code point":                 {`{"x":"\u12g4"}`, "", 10},
		"a line feed in a text":             {"{\"state\":\"a\nb\"}", "state", 11},
		"bytes that are no UTF-8":           {"{\"state\":\"a\xff\"}", "", 11},
		"a comma too many":                  {`{"state":"a",}`, "", 13},
		"a comma too few":                   {`{"x":[1 2]}`, "", 8},
		"something behind it":               {`{} {}`, "", 3},
		"nested without an end":             {`{"x":` + deep + `}`, "", 10_004},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o magento.Order
			err := magento.Decode([]byte(tc.body), &o)
			var where *magento.Unreadable
			require.ErrorAs(t, err, &where)
			path, at := where.Where()
			require.Equal(t, tc.path, path, err)
			require.Equal(t, tc.at, at, err)
			require.Contains(t, err.Error(), "byte ")
		})
	}
}

func TestWhatMagentoSendsInSeveralShapesIsTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want magento.Order
	}{
		"nulls":                              {`{"state":null,"items":null,"billing_address":null,"extension_attributes":null,"entity_id":null,"is_virtual":null,"created_at":null,"grand_total":null}`, magento.Order{}},
		"empty lists for empty objects":      {`{"extension_attributes":[],"payment":[ ]}`, magento.Order{Payment: &magento.OrderPayment{}}},
		"an empty list of rows":              {`{"items":[]}`, magento.Order{Items: []magento.OrderItem{}}},
		"ids as texts":                       {`{"entity_id":" 7 ","relation_child_id":"8","store_id":""}`, magento.Order{EntityID: 7, RelationChildID: 8}},
		"flags as numbers and texts":         {`{"is_virtual":1,"customer_is_guest":"1"}`, magento.Order{IsVirtual: true, CustomerIsGuest: true}},
		"amounts as PHP prints them":         {`{"grand_total":29.949999999999999,"tax_amount":"1.5000","discount_amount":-1e-7}`, magento.Order{GrandTotal: "29.949999999999999", TaxAmount: "1.5000", DiscountAmount: "-1e-7"}},
		"an amount of many digits":           {`{"grand_total":` + strings.Repeat("9", 400) + `}`, magento.Order{GrandTotal: magento.Number(strings.Repeat("9", 400))}},
		"escapes":                            {`{"state":"\u00fc\/\ud83d\ude00\n","\u0073tatus":"x"}`, magento.Order{State: "ü/😀\n", Status: "x"}},
		"half a pair of surrogates":          {`{"state":"\ud83d"}`, magento.Order{State: "\ufffd"}},
		"unknown fields of every kind":       {`{"a":{"b":[1,"\"",null,true,false,-0.5e+3,{}]},"state":"new","z":[[]]}`, magento.Order{State: "new"}},
		"white space everywhere":             {" {\t\"state\"\r\n: \"new\" , \"items\" : [ ] } ", magento.Order{State: "new", Items: []magento.OrderItem{}}},
		"a date of noughts":                  {`{"created_at":"0000-00-00 00:00:00"}`, magento.Order{}},
		"any value beside a payment, by key": {`{"extension_attributes":{"payment_additional_info":[{"key":"a","value":true},{"key":"b","value":7},{"key":"c","value":["x"]},{"key":"d"}]}}`, magento.Order{Extension: magento.OrderExtension{PaymentAdditionalInfo: []magento.KeyValue{{Key: "a", Value: "true"}, {Key: "b", Value: "7"}, {Key: "c", Value: `["x"]`}, {Key: "d"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o magento.Order
			require.NoError(t, magento.Decode([]byte(tc.body), &o))
			require.Equal(t, strings.TrimSpace(tc.body), string(o.Raw))
			o.Raw = nil
			require.Equal(t, tc.want, o)
		})
	}
}

// TestAnOrderThatIsDamagedIsReadAsBeforeOrRefused changes a recorded order at random
// places. The seed is fixed, so that a failure comes back.
func TestAnOrderThatIsDamagedIsReadAsBeforeOrRefused(t *testing.T) {
	t.Parallel()
	var seeds [][]byte
	for _, rec := range recordings(t, folders()[0]) {
		if strings.Contains(rec.file, "order-get") && rec.Response.Status == 200 {
			var one bytes.Buffer
			require.NoError(t, json.Compact(&one, rec.Response.Body))
			seeds = append(seeds, one.Bytes())
		}
	}
	require.NotEmpty(t, seeds)
	values := []string{`null`, `true`, `[]`, `{}`, `"x"`, `""`, `"12.5"`, `-1`, `1e400`, `0.1`, `99999999999999999999`, `[[{"a":[]}]]`, `{"a":1}`, `"\ud800\n"`, `"2026-11-21 07:00:00"`}
	chance := rand.New(rand.NewPCG(3, 447))
	for n := range 800 {
		b := bytes.Clone(seeds[chance.IntN(len(seeds))])
		for range 1 + chance.IntN(3) {
			at := chance.IntN(len(b))
			switch chance.IntN(5) {
			case 0:
				b = b[:at+1]
			case 1:
				b[at] = byte(chance.Uint32())
			case 2:
				b = append(b[:at:at], b[min(len(b), at+chance.IntN(20)):]...)
			default: // another value behind some colon
				colon := bytes.IndexByte(b[at:], ':')
				if colon < 0 {
					continue
				}
				start := at + colon + 1
				end := start + max(0, bytes.IndexAny(b[start:], ",}"))
				b = append(append(bytes.Clone(b[:start]), values[chance.IntN(len(values))]...), b[end:]...)
			}
			if len(b) == 0 {
				b = []byte("{")
			}
		}
		agrees(t, n, b)
	}
}

// agrees holds for any bytes: what is no JSON is refused with the place of it, and what
// the standard library reads is read alike.
func agrees(t *testing.T, n int, b []byte) {
	t.Helper()
	var o magento.Order
	err := magento.Decode(b, &o)
	if err != nil {
		var where *magento.Unreadable
		require.ErrorAs(t, err, &where)
		_, at := where.Where()
		require.LessOrEqual(t, at, len(b))
	} else {
		require.True(t, json.Valid(b), "%d: %q", n, b)
		require.True(t, utf8.Valid(b), "%d", n)
	}
	var std plainOrder
	if !utf8.Valid(b) || json.Unmarshal(b, &std) != nil {
		return
	}
	if err != nil {
		// encoding/json also takes names in capitals and names that come twice.
		require.ErrorContains(t, err, "twice", "%d: %s", n, b)
		return
	}
	o.Raw = nil
	if !reflect.DeepEqual(plainOrder(o), std) {
		require.True(t, otherCase(b), "%d: %s", n, b)
	}
}

// otherCase reports whether a text holds a capital or a long s, which encoding/json
// takes in a name for the small letter.
func otherCase(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok && s != strings.ToLower(strings.ReplaceAll(s, "ſ", "S")) {
			return true
		}
	}
}

func FuzzAnOrderDecodesOrFails(f *testing.F) {
	f.Add([]byte(`{"entity_id":"1","grand_total":29.949999999999999,"items":[{"qty_ordered":"2"}],"extension_attributes":[]}`))
	f.Add([]byte(`{"extension_attributes":{"payment_additional_info":[{"key":"a","value":true}]}}`))
	f.Add([]byte(`{"a":{"b":[1,"\"",null,true,false,-0.5e+3,{}]},"state":"\ud83d\ude00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		agrees(t, 0, b)
		var o magento.Order
		if magento.Decode(b, &o) != nil {
			return
		}
		for _, i := range o.Items {
			_, _ = i.Open()
		}
		_, _, _ = o.GrandTotal.Money("EUR")
	})
}
