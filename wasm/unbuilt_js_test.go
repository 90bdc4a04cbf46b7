//go:build js && wasm

package main

import (
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
	require.Equal(t, `{"code":0,"data":{"enabled":false}}`,
		stringify(t, await(t, call(t, a, "callExperimentalAPI", "isCommercialAbilityEnabled", 1)).value))
	for _, key := range []string{"isFeatureEnabledForStat", "statTUIKeyFeatures", "reportTUIFeatureUsage", "setApplicationID"} {
		require.Equal(t, `{"code":0,"data":{}}`, stringify(t, await(t, call(t, a, "callExperimentalAPI", key, 1)).value), key)
	}
	require.Equal(t, `{"code":0,"data":""}`, stringify(t, await(t, call(t, a, "callExperimentalAPI", "getServerConfig", "x")).value))
	require.Equal(t, 2905, await(t, call(t, a, "callExperimentalAPI", "nobodyKnowsThis", 1)).code)
	require.Empty(t, *seen, "no ERROR event")
}
