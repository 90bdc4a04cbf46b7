package jsonframe

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// ParamsOf returns the parameters of a request for a method that can do without:
// none are an empty struct.
func ParamsOf[P any](params json.RawMessage) (p P, f *fault.Error) {
	if len(params) == 0 {
		return p, nil
	}
	if plain, ok := any(&p).(PlainParams); ok {
		if ReadPlain(params, plain.ReadPlain) {
			return p, nil
		}
		p = *new(P)
	}
	return p, Params(params, &p)
}

// Params reads the parameters of a request into v, which points to a struct.
// The error names the first parameter that does not fit, and says what it must
// be, in a JavaScript developer's words.
func Params(params json.RawMessage, v any) *fault.Error {
	err := json.Unmarshal(params, v)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return refuse(frame.CodeBadParams, "params must be an object")
	}
	name, _, _ := strings.Cut(wrong.Field, ".")
	t := reflect.TypeOf(v).Elem()
	if name == "" || t.Kind() != reflect.Struct {
		return refuse(frame.CodeBadParams, "params must be an object")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); strings.EqualFold(tag, name) {
			one, _ := words(f.Type)
			return refuse(frame.CodeBadParams, tag+" must be "+one)
		}
	}
	return refuse(frame.CodeBadParams, "a parameter has the wrong type")
}

// words returns what a value of a type is called, and what several are.
func words(t reflect.Type) (one, many string) {
	switch t.Kind() {
	case reflect.Pointer:
		return words(t.Elem())
	case reflect.String:
		return "a string", "strings"
	case reflect.Bool:
		return "true or false", "booleans"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number", "whole numbers"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of 0 or more", "whole numbers of 0 or more"
	case reflect.Float32, reflect.Float64:
		return "a number", "numbers"
	case reflect.Slice, reflect.Array:
		_, of := words(t.Elem())
		return "an array of " + of, "arrays"
	default:
		return "an object", "objects"
	}
}
