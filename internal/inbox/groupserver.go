package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// This file holds what the server API does with messages of groups.

// GroupMessage is a message of group_open_http_svc/send_group_msg.
type GroupMessage struct {
	SDKAppID        uint32
	From, Group     string
	Type            string          // a type that names no files
	Payload         json.RawMessage // as clients have it
	CloudCustomData string
	Random          uint32   // the same in a repetition, which also has the same content
	At              []string // userIDs, or atAll
	NoUnread        bool     // it does not count as unread
	NoSync          bool     // the sender's instances do not get it
	OnlineOnly      bool
	Priority        string // in a live room; "": Normal
	// NoBefore and NoAfter keep Options.Hooks from being asked and told.
	NoBefore, NoAfter bool
}

// GroupSent is what send_group_msg replies.
type GroupSent struct {
	Time int64 // Unix seconds
	Seq  uint64
	ID   string // the Message's ID
}

// SendToGroup stores and delivers a message of the server API. Mutes and rates do
// not apply to it. Its sender has to be a member, for whom it marks the group as read
// as a message from a session does, or an administrator of the app. Errors are
// *fault.Error.
func (in *Inbox) SendToGroup(ctx context.Context, m GroupMessage) (GroupSent, error) {
	s, err := in.sendToGroup(ctx, m)
	if err != nil {
		return GroupSent{}, in.failed("send_group_msg", err)
	}
	return s, nil
}

func (in *Inbox) sendToGroup(ctx context.Context, m GroupMessage) (GroupSent, error) {
	from := place.User{SDKAppID: m.SDKAppID, UserID: m.From}
	if !frame.ValidUserID(m.From) {
		return GroupSent{}, fault.With(fault.UnknownAccount, "no UserID: "+strconv.Quote(m.From))
	}
	payload, at, err := in.checkGroupMessage(m)
	if err != nil {
		return GroupSent{}, err
	}
	as, err := in.standing(ctx, from, m.Group)
	if err == nil && as.Topics {
		err = fault.New(fault.OnlyInTopics)
	}
	if err != nil {
		return GroupSent{}, err
	}
	m.Payload, m.At = payload, at
	name := groupName(m.Group)
	c, sum, err := in.serverContent(ctx, m, name)
	if err != nil {
		return GroupSent{}, err
	}
	c.Card = as.NameCard
	if !m.NoBefore {
		if err := in.beforeServer(ctx, Outgoing{From: from, Group: m.Group, OnlineOnly: m.OnlineOnly}, c); err != nil {
			return GroupSent{}, err
		}
	}
	if as.Live {
		live, err := in.sayInRoom(ctx, from, m.Group, m.Priority, c, true)
		return GroupSent{Time: live.Time, ID: live.ID}, err
	}
	if m.OnlineOnly {
		live, err := in.sendLive(ctx, from, name, c, dedupOf("s", sum))
		return GroupSent{Time: live.Time, ID: live.ID}, err
	}
	as.Counts = as.Counts && !m.NoUnread
	r, _, err := in.storeInGroup(ctx, from, m.Group, c, dedupOf("s", sum), as)
	if err == nil && as.Member && !r.Message.Uncounted { // a repetition's, too
		_, err = in.storeRead(ctx, from, r, r.readByAuthor(), true)
	}
	if err == nil && !m.NoAfter { // a repetition's, too: the first call may have failed here
		err = in.after(ctx, r, false)
	}
	if err != nil {
		return GroupSent{}, err
	}
	return GroupSent{r.At / 1000, r.Seq, r.Message.ID}, nil
}

// checkGroupMessage returns a message's payload as it is kept, and whom it mentions.
func (in *Inbox) checkGroupMessage(m GroupMessage) (payload json.RawMessage, at []string, err error) {
	if !frame.ValidGroupID(m.Group) {
		return nil, nil, fault.With(fault.BadGroupID, strconv.Quote(m.Group))
	}
	if err := mustSend(m.Type); err != nil {
		return nil, nil, err
	}
	if at, err = mentioned(m.At); err != nil {
		return nil, nil, err
	}
	payload, err = in.cleanPayload(m.Type, m.Payload, m.CloudCustomData)
	return payload, at, err
}

// digest names a message by all that it says, so that its repetition is recognised.
func (m GroupMessage) digest(from place.User, name string, payload json.RawMessage, more string) [sha256.Size]byte {
	return digest(from, strings.Join([]string{
		name, strconv.FormatUint(uint64(m.Random), 10), m.Type, string(payload), m.CloudCustomData, more,
	}, "\x00"))
}

// serverContent returns what a message of the server API says, and its digest, by which
// a repetition is recognised. Payload and At are checked already.
func (in *Inbox) serverContent(ctx context.Context, m GroupMessage, name string) (*content, [32]byte, error) {
	from, now := place.User{SDKAppID: m.SDKAppID, UserID: m.From}, in.now()
	sum := m.digest(from, name, m.Payload, strings.Join(m.At, "\n"))
	me, err := read[Profile](ctx, in, from, docProfile)
	return &content{
		ID: serverID(m.From, now, sum), Type: m.Type, Payload: m.Payload, Cloud: m.CloudCustomData,
		Nick: me.Nick, Avatar: me.Avatar, At: m.At,
		Random: int64(m.Random), ClientTime: now.Unix(), NoSync: m.NoSync, untold: m.NoAfter,
	}, sum, err
}

// RevokeInGroup revokes a message of a group in the name of by. The server API names
// the message by its sequence; the call fails with 70402 if it is not among the
// newest maxLook. Errors are *fault.Error.
func (in *Inbox) RevokeInGroup(ctx context.Context, app uint32, groupID, by string, sequence uint64) error {
	m, err := in.bySequence(ctx, pairOf(app, "", groupName(groupID)), sequence)
	if err == nil && m.Message.Type == typeGroupTip {
		err = noTips()
	}
	if err == nil {
		_, err = in.takeBack(ctx, by, m)
	}
	if err != nil {
		return in.failed("group_msg_recall", err)
	}
	return nil
}

// bySequence looks for a message of a group among the newest maxLook.
func (in *Inbox) bySequence(ctx context.Context, p pair, sequence uint64) (*record, error) {
	newest, err := in.load(ctx, p)
	if err != nil {
		return nil, err
	}
	if newest == nil || newest.Gone {
		return nil, fault.New(fault.NoSuchGroup)
	}
	m, err := in.lookBack(ctx, p, func(m *record) bool { return m.Seq <= sequence })
	if err == nil && (m == nil || m.Seq != sequence) {
		err = noSuchMessage()
	}
	return m, err
}
