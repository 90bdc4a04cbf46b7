package group

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Changes of a group are reported in its log of messages, which package inbox
// keeps: what concerns all members as a message of type TIMGroupTipElem, what
// concerns one user as a TIMGroupSystemNoticeElem in that user's conversation
// @TIM#SYSTEM. This package writes its own documents first. The log is told of
// changed membership before the turn is given back: if the gateway dies in between,
// whoever takes the turn over tells the log, and at most the tip is lost.

// Log keeps what groups report. A method that is called again with the same Key
// has no further effect.
type Log interface {
	GroupChanged(ctx context.Context, c Change) error
	Notify(ctx context.Context, n Notice) error
	// Shown returns a notice as its receivers see it, a Message, and keeps nothing.
	Shown(n Notice, at time.Time) json.RawMessage
}

// Change is what has happened in a group.
type Change struct {
	App   uint32
	Group string
	Born  int64 // of the group: sets it apart from an earlier one with the same ID
	// Key identifies the change.
	Key    string
	Joined []string // members from now on; some may be members already
	// Since holds when each of Joined joined in another system from which they are
	// imported, in Unix seconds; nil: they join now.
	Since  []int64
	Began  int64    // when it began in another system from which it is imported, in Unix seconds; 0: now
	Older  bool     // they may read earlier messages
	Left   []string // members no longer
	Gone   bool     // the group is dismissed
	Topics []string // of a community: those who have left, have left its topics, too; Gone: so are they
	Live   bool     // it is a live room: only the tip is told, to whoever is there
	// Tip is the message to the members, from From, who is shown with Nick, Avatar
	// and Card; nil: there is none.
	From, Nick, Avatar, Card string
	Tip                      json.RawMessage
}

// Notice is a system notice to some users, which each of them gets for themself.
type Notice struct {
	App     uint32
	To      []string
	Group   string
	Key     string // identifies the notice
	Payload json.RawMessage
}

// The operationType of a TIMGroupTipElem.
const (
	tipJoined     = 1
	tipQuit       = 2
	tipKicked     = 3
	tipAdmin      = 4
	tipNoAdmin    = 5
	tipProfile    = 6
	tipMemberMute = 7
	tipBanned     = 10
	tipUnbanned   = 11
)

// tip is the payload of a TIMGroupTipElem.
type tip struct {
	OperatorID      string      `json:"operatorID"`
	OperationType   int         `json:"operationType"`
	UserIDList      []string    `json:"userIDList"`
	NewGroupProfile *newProfile `json:"newGroupProfile,omitempty"`
	MemberList      []tipMember `json:"memberList"`
}

type tipMember struct {
	UserID   string `json:"userID"`
	Nick     string `json:"nick,omitempty"`
	Avatar   string `json:"avatar,omitempty"`
	MuteTime *int64 `json:"muteTime,omitempty"` // s
}

// newProfile holds the changed fields of a profile. UI kits show the first field of
// it that they know, so the fields are in the kits' order.
type newProfile struct {
	MuteAllMembers   *bool   `json:"muteAllMembers,omitempty"`
	OwnerID          string  `json:"ownerID,omitempty"`
	GroupName        string  `json:"groupName,omitempty"`
	Notification     *string `json:"notification,omitempty"`
	Introduction     *string `json:"introduction,omitempty"`
	Avatar           *string `json:"avatar,omitempty"`
	JoinOption       Option  `json:"joinOption,omitempty"`
	InviteOption     Option  `json:"inviteOption,omitempty"`
	GroupCustomField []Field `json:"groupCustomField,omitempty"`
}

// changedTo returns the fields of the profile that are different in now, or nil if
// none is.
func (g group) changedTo(now group) *newProfile {
	var p newProfile
	some := false
	if g.MuteAll != now.MuteAll {
		p.MuteAllMembers, some = &now.MuteAll, true
	}
	if g.Name != now.Name {
		p.GroupName, some = now.Name, true
	}
	for _, f := range []struct {
		was, is string
		to      **string
	}{
		{g.Notification, now.Notification, &p.Notification},
		{g.Introduction, now.Introduction, &p.Introduction},
		{g.Avatar, now.Avatar, &p.Avatar},
	} {
		if f.was != f.is {
			*f.to, some = &f.is, true
		}
	}
	if g.Join != now.Join {
		p.JoinOption, some = now.Join, true
	}
	if g.Invite != now.Invite {
		p.InviteOption, some = now.Invite, true
	}
	for _, f := range now.Custom {
		if !slices.Contains(g.Custom, f) {
			p.GroupCustomField, some = append(p.GroupCustomField, f), true
		}
	}
	for _, f := range g.Custom {
		if !slices.ContainsFunc(now.Custom, func(n Field) bool { return n.Key == f.Key }) {
			p.GroupCustomField, some = append(p.GroupCustomField, Field{Key: f.Key}), true
		}
	}
	if !some {
		return nil
	}
	return &p
}

// told is a change that the log is to be told of.
type told struct {
	joined, left []string
	since        []int64 // see Change.Since
	gone         bool
	operation    int  // of the tip; 0: none
	silent       bool // there is no tip, but hooks are told
	operator     string
	users        []string
	asked        bool // who has joined had asked to
	profile      *newProfile
	muteTime     *int64
}

// tipMembers is the most users whose nicks and avatars a tip shows.
const tipMembers = 20

// tipBytes is the most bytes that a tip may have. A frame holds a tip twice, as a
// message and as the conversation's last one, and also its sender's nick and avatar.
// A client drops its connection if a frame is longer than frame.MaxFrame.
const tipBytes = 24 << 10

// fit returns a tip that has at most tipBytes. It first leaves out nicks and avatars,
// from the last user on, then the custom fields, which the group's profile also has,
// and then users.
func (t tip) fit() json.RawMessage {
	data := encode(t)
	for i := len(t.MemberList) - 1; len(data) > tipBytes && i >= 0; i-- {
		t.MemberList[i].Nick, t.MemberList[i].Avatar = "", ""
		data = encode(t)
	}
	if len(data) > tipBytes && t.NewGroupProfile != nil {
		some := *t.NewGroupProfile
		some.GroupCustomField = nil
		t.NewGroupProfile = &some
		data = encode(t)
	}
	for len(data) > tipBytes && len(t.UserIDList) > 0 {
		t.UserIDList = t.UserIDList[:len(t.UserIDList)/2]
		data = encode(t)
	}
	return data
}

// tell tells the log of a change; key identifies it.
func (r *Room) tell(ctx context.Context, k key, g group, key string, t told) error {
	if r.o.Log == nil || g.Type == Live && t.operation == 0 {
		return nil
	}
	c := Change{
		App: k.app, Group: k.id, Born: g.Born, Key: key,
		Joined: t.joined, Since: t.since, Older: g.Type.May(ReadOlder, Member, Stranger) == nil, Left: t.left, Gone: t.gone, Live: g.Type == Live,
	}
	if g.Topics && (len(t.left) > 0 || t.gone) {
		topics, _, err := r.topics(ctx, k, g)
		if err != nil {
			return err
		}
		for _, one := range topics {
			c.Topics = append(c.Topics, one.id)
		}
	}
	if t.operation != 0 && !t.silent {
		shown := t.users[:min(len(t.users), tipMembers)]
		people, err := r.o.Profiles(ctx, k.app, append([]string{t.operator}, shown...))
		if err != nil {
			return err
		}
		list := make([]tipMember, len(shown))
		for i, id := range shown {
			list[i] = tipMember{UserID: id, Nick: people[i+1].Nick, Avatar: people[i+1].Avatar, MuteTime: t.muteTime}
		}
		c.From, c.Nick, c.Avatar = t.operator, people[0].Nick, people[0].Avatar
		c.Tip = tip{t.operator, t.operation, append([]string{}, t.users...), t.profile, list}.fit()
	}
	return r.o.Log.GroupChanged(ctx, c)
}

// tellLate tells the log of a change whose documents are written. The call has
// succeeded, so an error of the log is only reported.
func (r *Room) tellLate(ctx context.Context, k key, g group, t told) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	key := r.random()
	if err := r.tell(ctx, k, g, key, t); err != nil {
		r.report("telling of a change", err)
	}
	r.afterTold(ctx, k, g, key, t)
}

// retell tells the log who has come and left since an abandoned turn began: its
// gateway may have died before it told the log.
func (r *Room) retell(ctx context.Context, k key, g group, key string, since int64, all []entry, former []string) error {
	if r.o.Log == nil {
		return nil
	}
	t := told{left: former}
	for _, e := range all {
		if max(e.Joined, e.Imported)*1000 >= since-turnAge {
			t.joined = append(t.joined, e.userID)
		}
	}
	if len(t.joined)+len(t.left) == 0 {
		return nil
	}
	return r.tell(ctx, k, g, key, t)
}

// since returns the time since which the log may not know all changes: when this
// turn began, or the oldest abandoned turn before it.
func (t turn) since() int64 { return cmp.Or(t.From, t.Since) }

// The operationType of a TIMGroupSystemNoticeElem.
const (
	noticeApplication = 1
	noticeAgreed      = 2
	noticeRefused     = 3
	noticeKicked      = 4
	noticeDismissed   = 5
	noticeCreated     = 6
	noticeInvited     = 7
	noticeQuit        = 8
	noticeAdmin       = 9
	noticeNoAdmin     = 10
	noticeInvitation  = 12 // an invitation that waits for a manager
	noticeAccepted    = 13 // the invitation was accepted
	noticeDeclined    = 14
	noticeCustom      = 255
)

// notice is the payload of a TIMGroupSystemNoticeElem.
type notice struct {
	OperatorID       string        `json:"operatorID"`
	OperationType    int           `json:"operationType"`
	GroupProfile     noticeProfile `json:"groupProfile"`
	HandleMessage    string        `json:"handleMessage"`
	UserDefinedField string        `json:"userDefinedField,omitempty"`
	// Of an application: what a manager needs to handle it, and who is to join.
	MessageKey     string   `json:"messageKey,omitempty"`
	Authentication string   `json:"authentication,omitempty"`
	UserIDList     []string `json:"userIDList,omitempty"`
}

type noticeProfile struct {
	GroupID string `json:"groupID"`
	Name    string `json:"name"`
	Type    Type   `json:"type"`
}

// notify sends users a notice of what concerns them in a group. The documents are
// written by then, so an error is only reported.
func (r *Room) notify(ctx context.Context, k key, g group, key string, n notice, to ...string) {
	if r.o.Log == nil || len(to) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if err := r.sendNotice(ctx, k, g, key, n, to); err != nil {
		r.report("a notice", err)
	}
}

// notifyFirsts sends the notices of a new group, unless it was imported.
func (r *Room) notifyFirsts(ctx context.Context, k key, g group, id string, brought []string) {
	if g.imported() {
		return
	}
	r.notify(ctx, k, g, id+" created", notice{OperatorID: g.By, OperationType: noticeCreated}, g.By)
	r.notify(ctx, k, g, id+" invited", notice{OperatorID: g.By, OperationType: noticeInvited}, brought...)
}

func (r *Room) sendNotice(ctx context.Context, k key, g group, key string, n notice, to []string) error {
	return r.o.Log.Notify(ctx, k.notice(g, cmp.Or(key, r.random()), n, to))
}

func (k key) notice(g group, key string, n notice, to []string) Notice {
	n.GroupProfile = noticeProfile{k.id, g.Name, g.Type}
	return Notice{App: k.app, To: to, Group: k.id, Key: key, Payload: encode(n)}
}

// untold returns a notice to those who are in a live room as a Message. They may be
// many and are members nowhere else, so nobody's conversation keeps it.
func (r *Room) untold(k key, g group, key string, at int64, n notice) json.RawMessage {
	if r.o.Log == nil {
		return nil
	}
	return r.o.Log.Shown(k.notice(g, key, n, nil), time.UnixMilli(at))
}
