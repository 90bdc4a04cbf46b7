package inbox

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

func (c *client) convGroups() []string {
	c.t.Helper()
	var r convGroupsResult
	c.must(frame.ConversationGroupList, nothing{}, &r)
	return r.Names
}

// TestConversationGroups: what a user sorts their conversations into is shown to all
// of their instances, also to those that come back, and ends with the account.
func TestConversationGroups(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a1, a2, b := login(t, in, "alice", "a1"), login(t, in, "alice", "a2"), login(t, in, "bob", "b1")
	a1.send("bob", "x")
	a1.send("carol", "x")
	require.Empty(t, a1.convGroups())
	var r eachResult
	a1.must(frame.ConversationGroupCreate, convGroupParams{GroupName: "work", ConversationIDs: []string{"C2Cbob", "C2Cnobody"}}, &r)
	require.Equal(t, eachResult{[]string{"C2Cbob"}, []refusal{{"C2Cnobody", fault.NoConversation}}}, r)
	a2.shows("C2Cbob", groupsField, []string{"work"})
	a1.must(frame.ConversationGroupCreate, convGroupParams{GroupName: "home"}, nil)
	a1.must(frame.ConversationGroupCreate, convGroupParams{GroupName: "home"}, nil) // a repetition
	require.Equal(t, []string{"work", "home"}, a2.convGroups())
	a2.must(frame.ConversationGroupAdd, convGroupParams{GroupName: "home", ConversationIDs: []string{"C2Cbob", "C2Ccarol"}}, nil)
	a1.shows("C2Cbob", groupsField, []string{"work", "home"})
	a1.shows("C2Ccarol", groupsField, []string{"home"})
	b.shows("C2Calice", "isPinned", false)
	require.NotContains(t, b.conv("alice"), groupsField, "they are alice's own")

	a2.drop()
	a1.must(frame.ConversationGroupRename, convGroupParams{GroupName: "work", NewName: "office"}, nil)
	a1.must(frame.ConversationGroupRename, convGroupParams{GroupName: "work", NewName: "office"}, nil) // a repetition
	a1.must(frame.ConversationGroupRemove, convGroupParams{GroupName: "home", ConversationIDs: []string{"C2Cbob"}}, nil)
	a1.shows("C2Cbob", groupsField, []string{"office"})
	a2.attach(in)
	a2.sync()
	a2.shows("C2Cbob", groupsField, []string{"office"})
	a3 := login(t, in, "alice", "a3")
	a3.shows("C2Cbob", groupsField, []string{"office"})
	a3.must(frame.ConversationGroupDelete, convGroupParams{GroupName: "home"}, nil)
	a3.must(frame.ConversationGroupDelete, convGroupParams{GroupName: "home"}, nil)
	a1.shows("C2Ccarol", groupsField, []string{})
	a3.must(frame.ConversationGroupCreate, convGroupParams{GroupName: "home"}, nil)
	require.Equal(t, []string{"office", "home"}, a1.convGroups())
	a1.must(frame.ConversationMark, marking(1, true, "C2Ccarol"), nil)
	a1.shows("C2Ccarol", "markList", []int{1})
	a1.shows("C2Ccarol", groupsField, []string{}) // a group of the same name is another one

	alice := place.User{SDKAppID: app, UserID: "alice"}
	require.NoError(t, in.forget(t.Context(), alice))
	d, err := in.docs.fresh(t.Context(), docSubject(alice, docConvGroups))
	require.NoError(t, err)
	require.Equal(t, "{}", string(d.data))
}

const groupsField = "conversationGroupList"

// TestBadConversationGroups: what cannot be is refused, and stores nothing.
func TestBadConversationGroups(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	long := strings.Repeat("x", maxConvGroupName)
	for i := range maxConvGroups - 1 {
		a.must(frame.ConversationGroupCreate, convGroupParams{GroupName: strconv.Itoa(i)}, nil)
	}
	a.must(frame.ConversationGroupCreate, convGroupParams{GroupName: long}, nil)
	bob := []string{"C2Cbob"}
	for _, bad := range []struct {
		method, says string
		p            convGroupParams
	}{
		{frame.ConversationGroupCreate, "at most", convGroupParams{GroupName: "one more"}},
		{frame.ConversationGroupCreate, "bytes", convGroupParams{GroupName: long + "x"}},
		{frame.ConversationGroupCreate, "bytes", convGroupParams{}},
		{frame.ConversationGroupDelete, "bytes", convGroupParams{}},
		{frame.ConversationGroupRename, "bytes", convGroupParams{GroupName: "0", NewName: long + "x"}},
		{frame.ConversationGroupRename, "already", convGroupParams{GroupName: "0", NewName: "1"}},
		{frame.ConversationGroupRename, "there is no", convGroupParams{GroupName: "none", NewName: "new"}},
		{frame.ConversationGroupAdd, "there is no", convGroupParams{GroupName: "none", ConversationIDs: bob}},
		{frame.ConversationGroupRemove, "there is no", convGroupParams{GroupName: "none", ConversationIDs: bob}},
		{frame.ConversationGroupAdd, "1 to", convGroupParams{GroupName: "0"}},
		{frame.ConversationGroupAdd, "1 to", convGroupParams{GroupName: "0", ConversationIDs: numbered("C2Cu", maxConversations+1)}},
		{frame.ConversationGroupCreate, "1 to", convGroupParams{GroupName: "0", ConversationIDs: numbered("C2Cu", maxConversations+1)}},
	} {
		f := a.call(bad.method, bad.p, nil)
		require.Equal(t, fault.BadParameters, code(f), "%s %v", bad.method, bad.p)
		require.Contains(t, f.Message, bad.says, bad.method)
	}
	for i := range maxConvGroups - 1 { // a conversation may be in all of them
		a.must(frame.ConversationGroupAdd, convGroupParams{GroupName: strconv.Itoa(i), ConversationIDs: bob}, nil)
	}
	a.until("all of them", func() bool {
		list, _ := a.page.Conversation("C2Cbob")[groupsField].([]any)
		return len(list) == maxConvGroups-1
	})
}

// TestRemindTypes: how a user wants to hear of a conversation is shown to all of their
// instances.
func TestRemindTypes(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a1, a2 := login(t, in, "alice", "a1"), login(t, in, "alice", "a2")
	a1.send("bob", "x")
	to := func(remindType string) conversationParams {
		return conversationParams{ConversationIDs: []string{"C2Cbob"}, RemindType: remindType}
	}
	for i := range remindTypes {
		want := remindTypes[(i+1)%len(remindTypes)]
		a1.must(frame.ConversationRemind, to(want), nil)
		a1.shows("C2Cbob", "messageRemindType", want)
		a2.shows("C2Cbob", "messageRemindType", want)
	}
	for _, bad := range []string{"", "Never"} {
		require.Equal(t, fault.BadParameters, code(a1.call(frame.ConversationRemind, to(bad), nil)))
	}
}

// TestADeletedGroupComesBackWhole: the message that brings a group's conversation back
// to the list is the same for all members; what is a member's own comes after it.
func TestADeletedGroupComesBackWhole(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	require.NoError(t, groups.change(in, "g", []string{"alice", "bob"}, nil))
	says := func(text string) {
		b.must(frame.MessageSend, toGroup(messageID("bob", in.now(), text), "g", text), nil)
		a.until(text, func() bool { return len(a.messages) > 0 && textOf(a.messages[len(a.messages)-1]) == text })
	}
	says("one")
	a.must(frame.ConversationCustom, conversationParams{ConversationIDs: []string{"GROUPg"}, CustomData: "c"}, nil)
	a.must(frame.ConversationMark, marking(1, true, "GROUPg"), nil)
	for _, text := range []string{"two", "three"} {
		a.must(frame.ConversationDelete, conversationParams{ConversationIDs: []string{"GROUPg"}}, nil)
		a.until("that it is not listed", func() bool { return a.page.Conversation("GROUPg") == nil })
		says(text)
		a.shows("GROUPg", "customData", "c")
		a.shows("GROUPg", "markList", []int{1})
	}
}
