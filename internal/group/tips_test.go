package group

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

// Tips have the payloads that the original's UI kits read.
func TestTips(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public", "joinOption": "FreeAccess", "memberList": []obj{{"userID": "bob"}}}, nil)
	require.JSONEq(t, `{"operatorID":"alice","operationType":1,"userIDList":["bob"],"memberList":[{"userID":"bob","nick":"nick of bob"}]}`, w.chat.lastTip("g"))
	w.login(1, "carol").must("group.join", obj{"groupID": "g"}, nil)
	for _, c := range []struct {
		by, method string
		params     obj
		tip        string
	}{
		{"dave", "group.join", obj{}, `{"operatorID":"dave","operationType":1,"userIDList":["dave"],"memberList":[{"userID":"dave","nick":"nick of dave"}]}`},
		{"dave", "group.quit", obj{}, `{"operatorID":"dave","operationType":2,"userIDList":["dave"],"memberList":[{"userID":"dave","nick":"nick of dave"}]}`},
		{"alice", "group.kick", obj{"userIDs": []string{"carol"}}, `{"operatorID":"alice","operationType":3,"userIDList":["carol"],"memberList":[{"userID":"carol","nick":"nick of carol"}]}`},
		{"alice", "group.role", obj{"userID": "bob", "role": "Admin"}, `{"operatorID":"alice","operationType":4,"userIDList":["bob"],"memberList":[{"userID":"bob","nick":"nick of bob"}]}`},
		{"alice", "group.role", obj{"userID": "bob", "role": "Member"}, `{"operatorID":"alice","operationType":5,"userIDList":["bob"],"memberList":[{"userID":"bob","nick":"nick of bob"}]}`},
		{"alice", "group.mute", obj{"userID": "bob", "muteTime": 60}, `{"operatorID":"alice","operationType":7,"userIDList":["bob"],"memberList":[{"userID":"bob","nick":"nick of bob","muteTime":60}]}`},
		{"alice", "group.mute", obj{"userID": "bob", "muteTime": 0}, `{"operatorID":"alice","operationType":7,"userIDList":["bob"],"memberList":[{"userID":"bob","nick":"nick of bob","muteTime":0}]}`},
		{"alice", "group.update", obj{"name": "m", "muteAllMembers": true}, `{"operatorID":"alice","operationType":6,"userIDList":[],"newGroupProfile":{"muteAllMembers":true,"groupName":"m"},"memberList":[]}`},
		{"alice", "group.update", obj{"muteAllMembers": false}, `{"operatorID":"alice","operationType":6,"userIDList":[],"newGroupProfile":{"muteAllMembers":false},"memberList":[]}`},
		{"alice", "group.update", obj{"notification": "o", "introduction": "i", "avatar": "a", "joinOption": "DisableApply", "inviteOption": "FreeAccess", "groupCustomField": []obj{{"key": "k", "value": "v"}}},
			`{"operatorID":"alice","operationType":6,"userIDList":[],"newGroupProfile":{"notification":"o","introduction":"i","avatar":"a","joinOption":"DisableApply","inviteOption":"FreeAccess","groupCustomField":[{"key":"k","value":"v"}]},"memberList":[]}`},
		{"alice", "group.update", obj{"notification": "", "groupCustomField": []obj{{"key": "k", "value": ""}}},
			`{"operatorID":"alice","operationType":6,"userIDList":[],"newGroupProfile":{"notification":"","groupCustomField":[{"key":"k","value":""}]},"memberList":[]}`},
		{"alice", "group.owner", obj{"newOwnerID": "bob"}, `{"operatorID":"alice","operationType":6,"userIDList":["bob"],"newGroupProfile":{"ownerID":"bob"},"memberList":[{"userID":"bob","nick":"nick of bob"}]}`},
	} {
		n := len(w.chat.tips("g"))
		c.params["groupID"] = "g"
		w.login(1, c.by).must(c.method, c.params, nil)
		require.Equal(t, c.tip, w.chat.lastTip("g"), c.method)
		require.Len(t, w.chat.tips("g"), n+1, c.method)
		w.login(1, c.by).call(c.method, c.params, nil)
		if c.method != "group.mute" { // muting again counts from now on, so it is told again
			require.Len(t, w.chat.tips("g"), n+1, "%s again", c.method)
		}
	}
}

// Users get a notice of what concerns them in a group.
func TestNotices(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol, dave := w.login(0, "alice"), w.login(1, "bob"), w.login(0, "carol"), w.login(1, "dave")
	took := func(want map[string][]string) {
		t.Helper()
		for _, id := range []string{"alice", "bob", "carol", "dave"} {
			require.Equal(t, want[id], w.chat.took(id), id)
		}
	}
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public", "inviteOption": "NeedPermission", "memberList": []obj{{"userID": "bob"}}}, nil)
	took(map[string][]string{"alice": {"g 6 alice "}, "bob": {"g 7 alice "}})
	alice.must("group.role", obj{"groupID": "g", "userID": "bob", "role": "Admin"}, nil)
	took(map[string][]string{"bob": {"g 9 alice "}})
	carol.must("group.join", obj{"groupID": "g", "applyMessage": "please"}, nil)
	carol.must("group.join", obj{"groupID": "g", "applyMessage": "please"}, nil)
	took(map[string][]string{"alice": {"g 1 carol please"}, "bob": {"g 1 carol please"}})
	handle := func(action, message string) {
		var list applicationsResult
		bob.must("group.applications", obj{}, &list)
		a := list.ApplicationList[0]
		bob.must("group.handle", obj{"groupID": "g", "userID": a.UserID, "handleAction": action, "handleMessage": message, "authentication": a.Authentication}, nil)
	}
	handle("Reject", "no")
	took(map[string][]string{"carol": {"g 3 bob no"}})
	carol.must("group.join", obj{"groupID": "g"}, nil)
	handle("Agree", "")
	took(map[string][]string{"alice": {"g 1 carol "}, "bob": {"g 1 carol "}, "carol": {"g 2 bob "}})
	carol.must("group.invite", obj{"groupID": "g", "userIDs": []string{"dave"}}, nil)
	took(map[string][]string{"alice": {"g 12 carol "}, "bob": {"g 12 carol "}})
	handle("Agree", "yes")
	took(map[string][]string{"carol": {"g 13 bob yes"}, "dave": {"g 7 carol "}})
	alice.must("group.role", obj{"groupID": "g", "userID": "bob", "role": "Member"}, nil)
	took(map[string][]string{"bob": {"g 10 alice "}})
	alice.refused(fault.GroupBadParameters, "group.kick", obj{"groupID": "g", "userIDs": []string{"bob"}, "reason": strings.Repeat("x", maxNote+1)})
	alice.must("group.kick", obj{"groupID": "g", "userIDs": []string{"bob", "nobody"}, "reason": "rude"}, nil)
	took(map[string][]string{"bob": {"g 4 alice rude"}})
	dave.must("group.quit", obj{"groupID": "g"}, nil)
	took(map[string][]string{"dave": {"g 8 dave "}})
	alice.must("group.dismiss", obj{"groupID": "g"}, nil)
	w.rooms[0].behind()
	took(map[string][]string{"alice": {"g 5 alice "}, "carol": {"g 5 alice "}})
	require.Empty(t, w.chat.members("g"))
}

// The server API may bring members in and remove them without a word; a client may not.
func TestSilently(t *testing.T) {
	w, backEnd := newHookedWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public"}, nil)
	backEnd.heard()
	bob := obj{"groupID": "g", "userIDs": []string{"bob"}, "silent": true}
	w.server("root", "group.invite", bob)
	require.Equal(t, []string{"alice", "bob"}, w.chat.members("g"))
	w.server("root", "group.kick", bob)
	require.Equal(t, []string{"alice"}, w.chat.members("g"))
	require.Empty(t, w.chat.tips("g"))
	require.Empty(t, w.chat.took("bob"))
	require.Equal(t, []string{"joined g Public n alice root bob", "left g Public n alice root bob kicked"}, backEnd.heard()[1:], "but the back end is told")
	w.server("root", "group.invite", obj{"groupID": "g", "userIDs": []string{"bob"}})
	alice.must("group.kick", bob, nil)
	require.Equal(t, []string{"1 root bob", "3 alice bob"}, w.chat.tips("g"))
	require.Equal(t, []string{"g 7 root ", "g 4 alice "}, w.chat.took("bob"))
}

// A change whose document is written succeeds even if the log fails.
func TestALogThatFails(t *testing.T) {
	b := &faulty{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
	alice := w.login(1, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g"}, nil)
	b.arm(1, true, true) // the write after that of the document
	w.login(0, "alice").must("group.update", obj{"groupID": "g", "name": "m"}, nil)
	require.True(t, b.failed())
	require.Equal(t, "m", alice.group("g").Name)
}

// A tip fits into a frame, which holds it twice, whatever nicks users have and whatever
// they write into a group's fields.
func TestTipsFitAFrame(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public"}, nil)
	fields := make([]obj, maxGroupFields)
	for i := range fields {
		fields[i] = obj{"key": fmt.Sprint("k", i), "value": strings.Repeat("\x01", maxFieldValue)}
	}
	alice.must("group.update", obj{"groupID": "g", "name": "m", "groupCustomField": fields}, nil)
	require.Equal(t, `{"operatorID":"alice","operationType":6,"userIDList":[],"newGroupProfile":{"groupName":"m"},"memberList":[]}`, w.chat.lastTip("g"))

	long := strings.Repeat("\x01", 500)
	came := tip{OperationType: tipJoined}
	for i := range maxInvited {
		came.UserIDList = append(came.UserIDList, fmt.Sprintf("%032d", i))
	}
	for _, id := range came.UserIDList[:tipMembers] {
		came.MemberList = append(came.MemberList, tipMember{UserID: id, Nick: long, Avatar: long})
	}
	var got tip
	data := came.fit()
	require.LessOrEqual(t, len(data), tipBytes)
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, came.UserIDList, got.UserIDList)
	require.Len(t, got.MemberList, tipMembers)
	require.Equal(t, long, got.MemberList[0].Nick, "those at the front are shown")

	for i := range came.UserIDList {
		came.UserIDList[i] = strings.Repeat(`"`, 32)
	}
	require.LessOrEqual(t, len(came.fit()), tipBytes)
}
