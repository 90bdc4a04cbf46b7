package group

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// awkward returns parameters that the SDK never sends: of the wrong type, too long,
// too many, of other users' groups.
func awkward() []string {
	ids, _ := json.Marshal(slices.Repeat([]string{"x"}, 6000))
	return []string{
		"", "{}", `{"groupID":7}`, `{"groupID":null}`, `{"groupID":"\u0000"}`, `{"groupID":"g"}`,
		`{"groupID":"` + strings.Repeat("g", 60000) + `"}`,
		`{"groupID":"g","groupIDs":` + string(ids) + `,"userIDs":` + string(ids) + `,"keyList":` + string(ids) + `}`,
		`{"groupID":"g","userID":"` + strings.Repeat("u", 60000) + `","userIDs":["ü"],"newOwnerID":"ü","role":"King"}`,
		`{"groupID":"g","count":-1,"offset":"256.","next":"\u0000","muteTime":1e300}`,
		`{"groupID":"g","count":1e9,"offset":"x","nonce":"` + strings.Repeat("n", 60000) + `"}`,
		`{"groupID":"g","userID":"bob","userIDs":["bob"],"newOwnerID":"bob","role":"Admin","muteTime":60,"handleAction":"Agree","authentication":"","key":"k","value":1,"counters":{"k":1},"groupAttributes":{"k":"v"},"name":"n","nameCard":"c","memberCustomField":[{"key":"k","value":"v"}]}`,
		`{"groupID":"g","name":"n","memberList":[{}],"groupCustomField":[{}],"memberCustomField":[{}],"counters":{"":1},"groupAttributes":{"":"v"}}`,
		`{"groupID":"g","counters":{"k":1.5},"value":9223372036854775808}`,
	}
}

// Whatever a stranger sends is answered or refused, and the group stays as it was.
func TestStrangersAreRefused(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
	was, members := alice.group("g"), alice.members("g", 100)
	for _, method := range Methods() {
		for _, params := range awkward() {
			mallory := w.login(1, "mallory")
			_, err := mallory.session.Call(t.Context(), method, json.RawMessage(params))
			if err == nil {
				continue
			}
			require.NotEqual(t, fault.Internal, bus.Fault(err).Code, "%s %.200s", method, params)
			require.NotEqual(t, fault.ServerTimeout, bus.Fault(err).Code, "%s %.200s", method, params)
		}
		w.clock.pass(1e12) // so that no rate is used up
	}
	require.Equal(t, was, alice.group("g"))
	require.Equal(t, members, alice.members("g", 100))
	_, err := alice.session.Call(t.Context(), "group.none", nil)
	require.Equal(t, frame.CodeNoMethod, bus.Fault(err).Code)
}

// A client that hangs up at any operation of any call leaves groups in order.
func TestHangUpInEachCall(t *testing.T) {
	params := json.RawMessage(awkward()[11])
	for _, method := range Methods() {
		for n := 0; ; n++ {
			b := &hangup{Bus: busmodel.New(busmodel.Options{})}
			w := &world{t: t, clock: newClock()}
			w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
			root := w.login(1, "root")
			if method != frame.GroupCreate {
				root.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
			}
			ctx, cancel := context.WithCancel(t.Context())
			b.set(n, cancel)
			caller := w.login(0, "root")
			if method == frame.GroupQuit {
				caller = w.login(0, "bob")
			}
			_, err := caller.session.Call(ctx, method, params)
			over := ctx.Err() == nil
			cancel()
			caller.session.Close()
			w.rooms[0].behind()
			if err != nil {
				require.NotEqual(t, fault.Internal, bus.Fault(err).Code, "%s: %v", method, err)
			}
			w.touch()
			w.inOrder(method)
			if over {
				break
			}
		}
	}
}
