package vault

import (
	"encoding/json"
	"reflect"

	"github.com/commercesync/commerce"
)

// A credential is sealed as JSON. Its secrets refuse to be written, so a twin of its type
// is written that has texts in their places.

var secretType = reflect.TypeFor[commerce.Secret]()

// twin is t with texts for secrets; nil where t holds what can not be written.
func twin(t reflect.Type) reflect.Type {
	switch {
	case t == secretType:
		return reflect.TypeFor[string]()
	case t.Kind() == reflect.Struct:
		fields := make([]reflect.StructField, t.NumField())
		for i := range fields {
			f := t.Field(i)
			inner := twin(f.Type)
			if !f.IsExported() || inner == nil {
				return nil
			}
			fields[i] = reflect.StructField{Name: f.Name, Type: inner}
		}
		return reflect.StructOf(fields)
	case t.Kind() == reflect.String, t.Kind() == reflect.Bool, t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return t
	}
	return nil
}

// sealable says whether credentials of type T can be kept.
func sealable[T comparable]() error {
	if twin(reflect.TypeFor[T]()) == nil {
		return invalid("new slot", "%s can not be sealed: it must be a commerce.Secret, or a struct of exported secrets, texts, numbers and structs", reflect.TypeFor[T]())
	}
	return nil
}

func encode[T comparable](credential T) ([]byte, error) {
	to := reflect.New(twin(reflect.TypeFor[T]())).Elem()
	copyTo(to, reflect.ValueOf(credential))
	return json.Marshal(to.Interface())
}

func decode[T comparable](text []byte) (T, error) {
	var credential T
	from := reflect.New(twin(reflect.TypeFor[T]()))
	if err := json.Unmarshal(text, from.Interface()); err != nil {
		return credential, err
	}
	copyFrom(reflect.ValueOf(&credential).Elem(), from.Elem())
	return credential, nil
}

func copyTo(to, from reflect.Value) {
	switch {
	case from.Type() == secretType:
		to.SetString(from.Interface().(commerce.Secret).Reveal())
	case from.Kind() == reflect.Struct:
		for i := range from.NumField() {
			copyTo(to.Field(i), from.Field(i))
		}
	default:
		to.Set(from)
	}
}

func copyFrom(to, from reflect.Value) {
	switch {
	case to.Type() == secretType:
		to.Set(reflect.ValueOf(commerce.NewSecret(from.String())))
	case to.Kind() == reflect.Struct:
		for i := range to.NumField() {
			copyFrom(to.Field(i), from.Field(i))
		}
	default:
		to.Set(from)
	}
}
