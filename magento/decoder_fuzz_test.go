package magento_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/magento"
)

// FuzzValidity holds the reader against encoding/json where nothing is decoded: it takes
// what is JSON in UTF-8, and nothing else.
func FuzzValidity(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,"\ud83d\ude00",null,true,{}]}`, `01`, `-`, `1.`, `1e`, `.5`, `[1,]`, `{"a":1,}`, `{,}`, `[,1]`, `nul`, `nullx`, "\"\x01\"", "\"\xff\"", `"\u12"`, "\x00", "1\x00", ` `, `{"a" 1}`, `""""`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var raw json.RawMessage
		err := magento.Decode(b, &raw)
		require.Equal(t, json.Valid(b) && utf8.Valid(b), err == nil, "%q: %v", b, err)
		if err == nil {
			require.Equal(t, strings.Trim(string(b), " \t\r\n"), string(raw))
		}
	})
}

// FuzzDocuments reads every kind of document as encoding/json reads the same types, or
// refuses it with the place.
func FuzzDocuments(f *testing.F) {
	for kind := range documents {
		for _, s := range []string{`{"entity_id":"7","grand_total":"1.5000","items":[{"qty":1,"order_item_id":"3"}],"created_at":"2026-11-21 07:00:00","extension_attributes":[]}`,
			`{"id":7,"sku":"a\u0041","price":1e-7,"custom_attributes":[{"attribute_code":"a","value":["x"]}],"addresses":[{"region":{"region":null}}]}`,
			"null ", `{"itEms":[]}`, `{"items":[null,{}],"comments":null,"billing_address":[],"order_id":" 8 "}`} {
			f.Add(uint8(kind), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		type_ := reflect.TypeOf(documents[int(kind)%len(documents)])
		got := reflect.New(type_)
		err := magento.Decode(b, got.Interface())
		if err != nil {
			var where *magento.Unreadable
			require.ErrorAs(t, err, &where)
			_, at := where.Where()
			require.LessOrEqual(t, at, len(b))
		} else {
			require.True(t, json.Valid(b) && utf8.Valid(b), "%q", b)
		}
		want := reflect.New(type_)
		if !utf8.Valid(b) || json.Unmarshal(b, want.Interface()) != nil {
			return
		}
		if err != nil {
			// encoding/json also takes names that come twice, and null for a whole document.
			require.True(t, strings.Contains(err.Error(), "twice") || strings.TrimSpace(string(b)) == "null", "%s: %v", b, err)
			return
		}
		if !reflect.DeepEqual(got.Elem().Interface(), want.Elem().Interface()) {
			require.True(t, otherCase(b), "%s", b)
		}
	})
}

// documents are of types that encoding/json can read without the decoder at the top.
var documents = []any{
	magento.Invoice{}, magento.CreditMemo{}, magento.Shipment{}, magento.Product{}, magento.Customer{}, magento.Transaction{},
	magento.OrderItem{}, magento.OrderPayment{}, magento.OrderAddress{}, magento.OrderExtension{},
}
