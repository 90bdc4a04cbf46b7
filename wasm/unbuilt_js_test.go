//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

func TestUnbuiltMethods(t *testing.T) {
	a := create(t, app)
	seen := errors(t, a)
	for _, name := range []string{"followUser", "markConversation", "createTopicInCommunity", "translateText", "invite"} {
		require.Equal(t, 2998, await(t, call(t, a, name)).code, name)
	}
	for _, name := range []string{"createTextAtMessage"} {
		require.Equal(t, 2905, code(throws(t, a, name, "x")), name)
	}
	for name, want := range map[string]string{
		"getJoinedCommunityList": `{"code":0,"data":{"groupList":[]}}`,
		"getTopicList":           `{"code":0,"data":{"successTopicList":[],"failureTopicList":[]}}`,
	} {
		got := await(t, call(t, a, name))
		require.Equal(t, want, stringify(t, got.value))
	}
	require.True(t, call(t, a, "getSignalingInfo", "x").IsNull())
	require.True(t, call(t, a, "addSignalingListener", "x").IsUndefined())
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

// A message of a kind that cannot be sent yet has the fields that a kit shows.
func TestUnsentMessages(t *testing.T) {
	a := create(t, app)
	for method, want := range map[string]struct{ payload, kind, got string }{
		"createTextAtMessage": {`{"text":"x","atUserList":[]}`, "TIMTextElem", `{"text":"x","atUserList":[]}`},
	} {
		m := call(t, a, method, bridge.Parse(`{"to":"team","conversationType":"GROUP","payload":`+want.payload+`}`))
		o := bridge.Object{Value: m}
		require.Equal(t, want.kind, o.Text("type"), method)
		require.Equal(t, "GROUPteam", o.Text("conversationID"))
		require.Equal(t, "GROUP", o.Text("conversationType"))
		require.Equal(t, want.got, stringify(t, bridge.Get(m, "payload")), method)
	}
	for _, u := range unsentMessages {
		require.Equal(t, 2905, code(throws(t, a, u.name, bridge.Parse(`{"to":"bob","conversationType":"C2C"}`))), u.name)
	}
}
