package gateway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// What a login is answered is what Marshal would write of it, with each field set.
func TestLoginResultIsWrittenAsMarshalDoes(t *testing.T) {
	for _, text := range []string{"", "x", `a"b\\c<d>&e`} {
		var r loginResult
		v := reflect.ValueOf(&r).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.String:
				f.SetString(text)
			case reflect.Bool:
				f.SetBool(text != "")
			case reflect.Uint32:
				f.SetUint(uint64(len(text) * i))
			default:
				f.SetInt(int64(-len(text) * i))
			}
		}
		want, err := jsonframe.Marshal(r)
		require.NoError(t, err)
		require.Equal(t, string(want), string(r.json()))
	}
}

// A login frame's parameters are read as encoding/json reads them: those that an SDK
// sends without it.
func TestLoginParamsAreReadAsByJSON(t *testing.T) {
	usual := `{"sdkAppID":1400000001,"userID":"alice","userSig":"eJw*-_","platform":"Web","instance":"0a","doc":"ab","intent":"new"}`
	var p loginParams
	require.True(t, jsonframe.ReadPlain([]byte(usual), p.ReadPlain))
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		require.False(t, v.Field(i).IsZero(), v.Type().Field(i).Name)
	}
	texts := []string{usual, `{}`, `{"userID":"a\u0062"}`, `{"later":{"a":[1,{"b":null}]},"userID":"a"}`, `{"UserID":"a"}`, `{"userID":null}`, ` {"userID" : "a"} `}
	for _, name := range []string{"sdkAppID", "userID", "intent"} {
		for _, value := range []string{`1`, `-1`, `4294967295`, `4294967296`, `1.5`, `"1"`, `""`, `true`, `null`, `{}`, `[]`} {
			texts = append(texts, fmt.Sprintf(`{"doc":"1","%s":%s}`, name, value))
		}
	}
	for _, text := range texts {
		var want loginParams
		bad := jsonframe.Params(json.RawMessage(text), &want)
		got, err := params[loginParams](jsonframe.Request{Params: json.RawMessage(text)})
		if bad != nil {
			require.EqualError(t, err, bad.Error(), text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	_, err := params[loginParams](jsonframe.Request{})
	require.True(t, strings.Contains(err.Error(), "send an object"), err)
}

// BenchmarkLoginFrame is what a login frame and its answer cost as JSON.
func BenchmarkLoginFrame(b *testing.B) {
	r := jsonframe.Request{Params: json.RawMessage(`{"userID":"alice","userSig":"` + strings.Repeat("x", 180) + `","platform":"Web","instance":"` + strings.Repeat("0", 32) + `","doc":"ab","intent":"new"}`)}
	a := loginResult{UserID: "alice", InstanceID: strings.Repeat("0", 64), Farewell: strings.Repeat("x", 96)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := params[loginParams](r); err != nil {
			b.Fatal(err)
		}
		if _, err := jsonframe.Result(1, a.json()); err != nil {
			b.Fatal(err)
		}
	}
}
