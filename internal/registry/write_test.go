package registry

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Records and events are what Marshal would write: with each field set, and with none
// but one. So a field that is added and forgotten in write.go fails.
func TestRecordsAreWrittenAsMarshalDoes(t *testing.T) {
	same := func(v any, got []byte) {
		t.Helper()
		want, err := jsonframe.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	var r Record
	fill(reflect.ValueOf(&r).Elem(), -1)
	same(r, r.json())
	for i := range reflect.TypeFor[Record]().NumField() {
		var one Record
		fill(reflect.ValueOf(&one).Elem().Field(i), -1)
		same(one, one.json())
	}
	for i := range 20 {
		one := Record{Ban: &Ban{}, Instances: make([]Instance, 2), Evicted: make([]Evicted, 1), Out: []Event{{}, {Kicked: make([]Kicked, 2)}}}
		fill(reflect.ValueOf(&one.Instances[1]).Elem(), i)
		fill(reflect.ValueOf(&one.Evicted[0]).Elem(), i)
		fill(reflect.ValueOf(&one.Out[1]).Elem(), i)
		fill(reflect.ValueOf(one.Ban).Elem(), i)
		same(one, one.json())
		same(one.Out[1], one.Out[1].json())
	}
	r.Version = 0
	var back Record
	require.NoError(t, json.Unmarshal(r.encode(), &back))
	require.Equal(t, r, back)
	require.Equal(t, bannedVersion, back.Version)
}

// What is stored of a user who is in nobody's way is read without encoding/json,
// whichever of its fields are set.
func TestUsualRecordsAreReadPlain(t *testing.T) {
	plain := func(r Record) {
		t.Helper()
		var got, want Record
		data := r.encode()
		require.True(t, jsonframe.ReadPlain(data, got.readPlain), "%s", data)
		require.NoError(t, json.Unmarshal(data, &want))
		require.Equal(t, want, got)
	}
	for i := range reflect.TypeFor[Event]().NumField() {
		one := Record{Op: "op", Settings: 1, Last: 2, KickedAt: 3, Ahead: 4, Instances: make([]Instance, 2), Evicted: make([]Evicted, 2), Out: make([]Event, 2)}
		fillWith("a<b>ü", reflect.ValueOf(&one.Instances[1]).Elem(), i)
		fillWith("a<b>ü", reflect.ValueOf(&one.Evicted[1]).Elem(), i)
		fillWith("a<b>ü", reflect.ValueOf(&one.Out[1]).Elem(), i)
		plain(one)
	}
}

// fill sets a value, or of a struct only the field with an index that is not negative.
func fill(v reflect.Value, only int) { fillWith("a\"b<c>\x7f", v, only) }

func fillWith(text string, v reflect.Value, only int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if only < 0 || i == only {
				fillWith(text, v.Field(i), -1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillWith(text, v.Index(0), -1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillWith(text, v.Elem(), -1)
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint32:
		v.SetUint(math.MaxUint32)
	case reflect.Uint64:
		v.SetUint(math.MaxUint64)
	default:
		v.SetInt(-7)
	}
}
