package jsonframe

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

func TestParamsNameWhatDoesNotFit(t *testing.T) {
	type params struct {
		Text  string   `json:"text"`
		Set   *bool    `json:"set,omitempty"`
		Count int      `json:"count"`
		At    uint64   `json:"at"`
		Share float64  `json:"share"`
		Users []string `json:"users"`
		Ats   []uint64 `json:"ats"`
		Of    struct {
			X int `json:"x"`
		} `json:"of"`
		Pairs []struct{ A, B int } `json:"pairs"`
	}
	for text, says := range map[string]string{
		`{"text":1}`:        "text must be a string",
		`{"TEXT":1}`:        "text must be a string",
		`{"set":"yes"}`:     "set must be true or false",
		`{"count":1.5}`:     "count must be a whole number",
		`{"at":-1}`:         "at must be a whole number of 0 or more",
		`{"at":1e99}`:       "at must be a whole number of 0 or more",
		`{"share":"x"}`:     "share must be a number",
		`{"users":{}}`:      "users must be an array of strings",
		`{"users":["a",1]}`: "users must be an array of strings",
		`{"ats":[-1]}`:      "ats must be an array of whole numbers of 0 or more",
		`{"of":{"x":"no"}}`: "of must be an object",
		`{"pairs":[1]}`:     "pairs must be an array of objects",
		`[]`:                "params must be an object",
		`1`:                 "params must be an object",
		`{`:                 "params must be an object",
	} {
		f := Params(json.RawMessage(text), &params{})
		require.NotNil(t, f, text)
		require.Equal(t, frame.CodeBadParams, f.Code, text)
		require.Equal(t, "The parameters do not fit the method: "+says+".", f.Message, text)
	}
	var v params
	require.Nil(t, Params(json.RawMessage(`{"text":"x","ats":[1],"more":1}`), &v))
	require.Equal(t, "x", v.Text)
}
