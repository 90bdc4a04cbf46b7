package inbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Messages in live rooms are composed here and stored nowhere: no log, no
// conversation, no sequence.

// Rooms brings messages to whoever is in a live room.
type Rooms interface {
	// SayInRoom refuses a message if too much is said there. Errors are *fault.Error.
	SayInRoom(m RoomMessage) error
	SayInAllRooms(b RoomBroadcast) error
}

// RoomBroadcast is a message to all live rooms of an app.
type RoomBroadcast struct {
	App uint32
	ID  string // the Message's ID; a repetition has the same one
	// Parts are the Message, a JSON text, cut wherever it names the room.
	Parts []string
}

// RoomMessage is a message of a live room, which is stored nowhere.
type RoomMessage struct {
	App      uint32
	Group    string
	ID       string // the Message's ID; a repetition has the same one
	Priority string // High, Normal, Low, Lowest; "" is Normal
	// From is the sender. Their session on Instance gets no copy, none of theirs if
	// NoSync is set.
	From, Instance string
	NoSync         bool
	Trusted        bool            // the sender may say more than other members
	Body           json.RawMessage // the Message
}

// The priorities of messages, by the names of the original's constants.
const (
	priorityHigh   = "High"
	priorityNormal = "Normal"
	priorityLow    = "Low"
	priorityLowest = "Lowest"
)

// sayInRoom sends a message to whoever is in a live room.
func (in *Inbox) sayInRoom(ctx context.Context, from place.User, groupID, priority string, c *content, trusted bool) (Message, error) {
	switch priority {
	case "":
		priority = priorityNormal
	case priorityHigh, priorityNormal, priorityLow, priorityLowest:
	default:
		return Message{}, fault.With(fault.BadParameters, "priority must be High, Normal, Low or Lowest")
	}
	if in.o.Rooms == nil {
		return Message{}, fault.With(fault.NotBuiltYet, "messages in live rooms")
	}
	r := newLive(from, groupName(groupID), c, "", in.now()).record()
	m := groupMessage(r, flags{})
	if priority != priorityNormal {
		m.Priority = priority
	}
	if err := in.o.Rooms.SayInRoom(RoomMessage{
		App: from.SDKAppID, Group: groupID, ID: c.ID, Priority: priority,
		From: from.UserID, Instance: c.Instance, NoSync: c.NoSync, Trusted: trusted, Body: encode(m),
	}); err != nil {
		return Message{}, err
	}
	return m, in.after(ctx, r, true)
}

// Broadcast sends a message of the server API to whoever is in any live room of the
// app: Group and what says how a message counts or is kept have no meaning. Hooks are
// not asked. Errors are *fault.Error.
func (in *Inbox) Broadcast(ctx context.Context, m GroupMessage) (GroupSent, error) {
	s, err := in.broadcast(ctx, m)
	if err != nil {
		return GroupSent{}, in.failed("send_broadcast_msg", err)
	}
	return s, nil
}

func (in *Inbox) broadcast(ctx context.Context, m GroupMessage) (out GroupSent, err error) {
	switch {
	case in.o.Rooms == nil:
		return out, fault.With(fault.NotBuiltYet, "messages in live rooms")
	case !frame.ValidUserID(m.From):
		return out, fault.With(fault.UnknownAccount, "no UserID: "+strconv.Quote(m.From))
	}
	if err := mustSend(m.Type); err != nil {
		return out, err
	}
	if m.Payload, err = in.cleanPayload(m.Type, m.Payload, m.CloudCustomData); err != nil {
		return out, err
	}
	c, _, err := in.serverContent(ctx, m, "")
	if err != nil {
		return out, err
	}
	room := rand.Text() // in the place of each room's ID: nobody can know it
	r := newLive(place.User{SDKAppID: m.SDKAppID, UserID: m.From}, groupName(room), c, "", in.now()).record()
	message := groupMessage(r, flags{})
	message.Priority, message.IsBroadcast = priorityHigh, true
	err = in.o.Rooms.SayInAllRooms(RoomBroadcast{App: m.SDKAppID, ID: c.ID, Parts: strings.Split(string(encode(message)), room)})
	return GroupSent{Time: message.Time, ID: c.ID}, err
}

// roomChanged is groupChanged for a live room. Who comes and goes is told at a low
// priority, which leaves room for what members say.
func (in *Inbox) roomChanged(ctx context.Context, c GroupChange) error {
	if c.Tip == nil {
		return nil
	}
	priority := priorityHigh
	if len(c.Joined)+len(c.Left) > 0 {
		priority = priorityLow
	}
	_, err := in.sayInRoom(ctx, place.User{SDKAppID: c.App, UserID: c.From}, c.Group, priority, &content{
		ID: tipID(c, in.now()), Type: typeGroupTip, Payload: c.Tip,
		Nick: c.Nick, Avatar: c.Avatar, Card: c.Card, ClientTime: in.now().Unix(), untold: true,
	}, true)
	return err
}
