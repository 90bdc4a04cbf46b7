//go:build js && wasm

package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnbuiltMethods(t *testing.T) {
	a := create(t, app)
	seen := errors(t, a)
	for _, name := range []string{"followUser", "convertVoiceToText", "translateText"} {
		require.Equal(t, 2998, await(t, call(t, a, name)).code, name)
	}
	require.Equal(t, "false", stringify(t, call(t, a, "callExperimentalAPI", "canIUseModule", 1)))
	enabled := func(ability any) bool {
		t.Helper()
		answer := stringify(t, await(t, call(t, a, "callExperimentalAPI", "isCommercialAbilityEnabled", ability)).value)
		require.Contains(t, []string{`{"code":0,"data":{"enabled":true}}`, `{"code":0,"data":{"enabled":false}}`}, answer)
		return strings.Contains(answer, "true")
	}
	for bit := range 64 {
		built := bit == 5 || bit == 7 || bit == 9 || bit == 48
		require.Equal(t, built, enabled(math.Ldexp(1, bit)), "2 to the power of %d", bit)
	}
	for _, ability := range []any{0, -32, 5, 32.5, 1<<5 | 1<<7, math.NaN(), math.Inf(1), "32", true, nil} {
		require.False(t, enabled(ability), "%v", ability)
	}
	for _, key := range []string{"isFeatureEnabledForStat", "statTUIKeyFeatures", "reportTUIFeatureUsage", "setApplicationID"} {
		require.Equal(t, `{"code":0,"data":{}}`, stringify(t, await(t, call(t, a, "callExperimentalAPI", key, 1)).value), key)
	}
	require.Equal(t, `{"code":0,"data":""}`, stringify(t, await(t, call(t, a, "callExperimentalAPI", "getServerConfig", "x")).value))
	require.Equal(t, 2905, await(t, call(t, a, "callExperimentalAPI", "nobodyKnowsThis", 1)).code)
	require.Empty(t, *seen, "no ERROR event")
}
