package inbox

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// saidRooms is a Rooms that keeps what is said.
type saidRooms struct {
	mu   sync.Mutex // guards what follows
	said []RoomMessage
	full bool
}

func (r *saidRooms) SayInRoom(m RoomMessage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return fault.New(fault.GroupTooFrequent)
	}
	r.said = append(r.said, m)
	return nil
}

func (r *saidRooms) SayInAllRooms(b RoomBroadcast) error {
	return r.SayInRoom(RoomMessage{App: b.App, ID: b.ID, Body: json.RawMessage(strings.Join(b.Parts, "room"))})
}

func (r *saidRooms) last(t *testing.T) (RoomMessage, Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(t, r.said)
	m := r.said[len(r.said)-1]
	var body Message
	require.NoError(t, json.Unmarshal(m.Body, &body))
	return m, body
}

// What is said in a live room is composed as elsewhere, checked as elsewhere, and
// stored nowhere.
func TestLiveRoom(t *testing.T) {
	rooms := &saidRooms{}
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Rooms: rooms})
	groups.make("g", 1, false)
	groups.groups["g"].Live, groups.groups["g"].Counts = true, false
	groups.groups["g"].members["alice"], groups.groups["g"].members["bossy"] = true, true
	alice := listen(t, in, "alice", "a1")
	send := func(e *ear, p sendParams) (Message, error) {
		if p.ID == "" {
			p.ID = frame.NewMessageID(e.userID, in.now().UnixMilli(), [frame.MessageIDRandom]byte{1})
		}
		p.GroupID, p.Type, p.Payload = "g", typeText, json.RawMessage(`{"text":"hi"}`)
		var out messageResult
		if f := e.call(frame.MessageSend, p, &out); f != nil {
			return Message{}, f
		}
		return out.Message, nil
	}
	for _, priority := range []string{"", "High"} {
		m, err := send(alice, sendParams{Priority: priority})
		require.NoError(t, err)
		got, body := rooms.last(t)
		require.Equal(t, m, body)
		require.Equal(t, priority, m.Priority)
		require.Equal(t, "GROUPg alice g", m.ConversationID+" "+m.From+" "+m.To)
		require.Zero(t, m.Position+m.Sequence)
		got.Body = nil
		if priority == "" {
			priority = "Normal"
		}
		require.Equal(t, RoomMessage{App: app, Group: "g", ID: m.ID, Priority: priority, From: "alice", Instance: "a1"}, got)
	}
	_, err := send(alice, sendParams{Priority: "Highest"})
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
	_, err = send(listen(t, in, "bossy", "b1"), sendParams{})
	require.NoError(t, err)
	got, _ := rooms.last(t)
	require.True(t, got.Trusted)
	_, err = send(listen(t, in, "eve", "e1"), sendParams{})
	require.ErrorIs(t, err, fault.New(fault.GroupNotPermitted))
	groups.groups["g"].muted["alice"] = true
	_, err = send(alice, sendParams{})
	require.ErrorIs(t, err, fault.New(fault.GroupMuted))
	delete(groups.groups["g"].muted, "alice")

	sent, err := in.SendToGroup(t.Context(), GroupMessage{SDKAppID: app, From: "root", Group: "g", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`), NoSync: true, Priority: "Low"})
	require.NoError(t, err)
	got, body := rooms.last(t)
	require.True(t, got.Trusted && got.NoSync)
	require.Equal(t, "Low root "+sent.ID, got.Priority+" "+body.From+" "+body.ID)

	tip := GroupChange{App: app, Group: "g", Born: 1, Key: "k", Live: true, From: "bob", Nick: "B", Tip: json.RawMessage(`{"operationType":1}`), Joined: []string{"bob"}}
	require.NoError(t, in.GroupChanged(t.Context(), tip))
	got, body = rooms.last(t)
	require.Equal(t, "Low TIMGroupTipElem B", got.Priority+" "+body.Type+" "+body.Nick)
	tip.Joined = nil
	require.NoError(t, in.GroupChanged(t.Context(), tip))
	got, _ = rooms.last(t)
	require.Equal(t, "High", got.Priority)

	rooms.full = true
	_, err = send(alice, sendParams{})
	require.ErrorIs(t, err, fault.New(fault.GroupTooFrequent))
	head, err := in.load(t.Context(), pairOf(app, "", groupName("g")))
	require.NoError(t, err)
	require.Nil(t, head, "nothing is stored")

	none, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	groups.groups["g"].Live = true
	_, err = none.SendToGroup(t.Context(), GroupMessage{SDKAppID: app, From: "root", Group: "g", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`)})
	require.ErrorIs(t, err, fault.New(fault.NotBuiltYet))
}

// The back end is asked and told of what is said in a live room as elsewhere.
func TestHooksInALiveRoom(t *testing.T) {
	rooms, hooks := &saidRooms{}, &hookedBy{}
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{Rooms: rooms, Hooks: hooks})
	groups.make("g", 1, false)
	groups.groups["g"].Live, groups.groups["g"].members["alice"] = true, true
	alice := listen(t, in, "alice", "a1")
	p := sendParams{
		ID:      frame.NewMessageID("alice", in.now().UnixMilli(), [frame.MessageIDRandom]byte{1}),
		GroupID: "g", Type: typeText, Payload: json.RawMessage(`{"text":"hi"}`),
	}
	var told []Outgoing
	hooks.say(func(context.Context, *Outgoing) error { return fault.New(fault.GroupMuted) }, func(m Outgoing) error {
		told = append(told, m)
		return nil
	})
	require.Equal(t, fault.GroupMuted, alice.call(frame.MessageSend, p, nil).Code)
	require.Empty(t, rooms.said)
	hooks.say(nil, func(m Outgoing) error {
		told = append(told, m)
		return nil
	})
	alice.must(frame.MessageSend, p, nil)
	rooms.last(t)
	require.Len(t, told, 1)
	require.Equal(t, "g "+p.ID, told[0].Group+" "+told[0].ID)
	require.True(t, told[0].OnlineOnly)
}

// A broadcast of the server API names the room that it is read in.
func TestBroadcastToLiveRooms(t *testing.T) {
	rooms := &saidRooms{}
	in, _ := openGroups(t, openBus(t, bus.Memory), Options{Rooms: rooms})
	m := GroupMessage{SDKAppID: app, From: "boss", Type: typeText, Payload: json.RawMessage(`{"text":"GROUProom"}`), Random: 1}
	sent, err := in.Broadcast(t.Context(), m)
	require.NoError(t, err)
	_, got := rooms.last(t)
	require.Equal(t, Message{
		ID: sent.ID, ConversationID: "GROUProom", ConversationType: "GROUP", Type: typeText, Payload: m.Payload, From: "boss", To: "room",
		Time: sent.Time, ClientTime: got.ClientTime, Random: 1, Priority: "High", IsBroadcast: true,
	}, got)
	for _, change := range []func(m *GroupMessage){
		func(m *GroupMessage) { m.From = "" },
		func(m *GroupMessage) { m.Type = typeGroupTip },
		func(m *GroupMessage) { m.Payload = json.RawMessage(`{"text":7}`) },
	} {
		wrong := m
		change(&wrong)
		_, err := in.Broadcast(t.Context(), wrong)
		require.Error(t, err)
	}
	in, _ = openGroups(t, openBus(t, bus.Memory), Options{})
	_, err = in.Broadcast(t.Context(), m)
	require.Equal(t, fault.NotBuiltYet, err.(*fault.Error).Code)
}
