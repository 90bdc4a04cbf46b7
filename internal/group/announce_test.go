package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Members of a group, all of them or some, get a notice of the app.
func TestAnnounce(t *testing.T) {
	w := newWorld(t)
	var firsts []obj
	for n := range announcedAtOnce + 20 {
		firsts = append(firsts, obj{"userID": fmt.Sprint("m", n)})
	}
	w.server("alice", frame.GroupCreate, obj{"groupID": "g", "type": Public, "name": "n", "memberList": firsts})
	w.server("alice", frame.GroupCreate, obj{"groupID": "room", "type": Live, "name": "n"})
	w.chat.took("m0")
	w.server("root", ServerAnnounce, obj{"groupID": "g", "content": "hello", "userIDs": []string{"m0", "eve", "m0"}})
	require.Equal(t, []string{"g 255 root "}, w.chat.took("m0"))
	require.Empty(t, w.chat.took("eve"))
	for _, f := range firsts {
		w.chat.took(f["userID"].(string))
	}
	w.server("root", ServerAnnounce, obj{"groupID": "g", "content": "hello"})
	w.rooms[1].behind()
	for _, f := range firsts {
		require.Equal(t, []string{"g 255 root "}, w.chat.took(f["userID"].(string)), f)
	}
	for _, c := range []struct {
		code   fault.Code
		params obj
	}{
		{fault.GroupBadParameters, obj{"groupID": "g"}},
		{fault.GroupBadParameters, obj{"groupID": "g", "content": strings.Repeat("x", maxAnnouncement+1)}},
		{fault.NoSuchGroup, obj{"groupID": "none", "content": "hello"}},
		{fault.GroupBadParameters, obj{"groupID": "room", "content": "hello", "userIDs": []string{"m0"}}},
	} {
		_, err := w.rooms[0].Do(t.Context(), place.User{SDKAppID: app, UserID: "root"}, ServerAnnounce, c.params)
		require.Equal(t, c.code, bus.Fault(err).Code, "%v", c)
	}
}

// In a live room whoever is there is told, on every gateway.
func TestAnnounceInALiveRoom(t *testing.T) {
	w := newWorld(t)
	w.liveRoom()
	all := []*client{w.login(0, "bob"), w.login(1, "carol")}
	for _, c := range all {
		c.joins("r")
	}
	w.server("root", ServerAnnounce, obj{"groupID": "r", "content": "hello"})
	for _, c := range all {
		n := c.told("the notice", func(n note) bool {
			list, _ := n.params["messages"].([]any)
			return len(list) == 1 && list[0].(obj)["payload"].(obj)["userDefinedField"] == "hello"
		})
		require.EqualValues(t, noticeCustom, n.params["messages"].([]any)[0].(obj)["payload"].(obj)["operationType"])
	}
	require.Empty(t, w.chat.took("bob"), "nobody's conversation keeps it")
}
