package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

type sendParams struct {
	ID              string          `json:"id"`
	To              string          `json:"to"`
	Type            string          `json:"type"`
	Payload         json.RawMessage `json:"payload"`
	CloudCustomData string          `json:"cloudCustomData"`
	Random          int64           `json:"random"`
	ClientTime      int64           `json:"clientTime"`
	OnlineUserOnly  bool            `json:"onlineUserOnly"`
	Resend          bool            `json:"resend"`
	NeedReadReceipt bool            `json:"needReadReceipt"`
	Extends         bool            `json:"isSupportExtension"`
	Quote           *Quote          `json:"quoteInfo"`
	// To a group, instead of To: a gateway that knows no groups refuses it then.
	GroupID    string   `json:"groupID"`
	AtUserList []string `json:"atUserList"`
	// Only to live rooms: High, Normal, Low or Lowest.
	Priority string `json:"priority"`
}

func (s *Session) sendMessage(ctx context.Context, p sendParams) (any, error) {
	if p.GroupID != "" {
		return s.sendToGroup(ctx, p)
	}
	u := s.user.User
	checks := s.in.part(ctx, "message.checks")
	defer checks.End(0) // of one that is refused, or stored nowhere
	refused := s.in.maySend(ctx, u, !p.OnlineUserOnly)
	created, err := s.in.checkID(u, p.ID)
	if err != nil {
		return nil, err
	}
	if refused != nil {
		// The search for that message is charged to those who send too much, who
		// need it most.
		return s.unlessStored(ctx, p.To, p.ID, created, refused)
	}
	if !frame.ValidUserID(p.To) || p.To == systemUser {
		return nil, fault.With(fault.UnknownAccount, "the message's receiver is no UserID")
	}
	payload, err := s.in.cleanSend(p)
	if err != nil {
		return nil, err
	}
	if err := s.in.mayWrite(ctx, u, p.To); err != nil {
		return nil, err
	}
	if !p.OnlineUserOnly && s.in.mayBeOld(created, p.Resend) {
		if r, err := s.first(ctx, p.To, p.ID, created); r != nil || err != nil {
			return s.in.answerRepetition(ctx, u, r, err)
		}
	}
	key := clientDedup(u, p.To, p.ID)
	asked := Outgoing{
		From: u, To: p.To, ID: p.ID, Type: p.Type, Payload: payload, CloudCustomData: p.CloudCustomData,
		Random: p.Random, OnlineOnly: p.OnlineUserOnly,
	}
	err = s.in.before(ctx, &asked)
	dropped := errors.Is(err, ErrDropped)
	if err != nil && !dropped {
		return s.unlessStored(ctx, p.To, p.ID, created, err)
	}
	p.Type, payload, p.CloudCustomData = asked.Type, asked.Payload, asked.CloudCustomData
	if payload, err = s.in.attachFiles(ctx, u, key, p.Type, payload); err != nil {
		return nil, err
	}
	me, err := read[Profile](ctx, s.in, u, docProfile)
	if err != nil {
		return nil, err
	}
	c := &content{
		ID: p.ID, Instance: s.instance, Type: p.Type, Payload: payload, Cloud: p.CloudCustomData,
		Nick: me.Nick, Avatar: me.Avatar, Random: p.Random, ClientTime: p.ClientTime,
		Receipt: p.NeedReadReceipt && !p.OnlineUserOnly, Extends: p.Extends && !p.OnlineUserOnly, Quote: p.Quote,
	}
	if dropped || p.OnlineUserOnly {
		return s.in.answerLive(ctx, u, p.To, c, key, dropped)
	}
	checks.End(0)
	r, again, err := s.in.storeOnce(ctx, u, p.To, c, key)
	if again || err != nil {
		return s.in.answerRepetition(ctx, u, r, err)
	}
	return answerSent(r, r.pair.side(u.UserID)), nil
}

// answerSent and answerLive are not inlined: sendMessage is deep in its call and leads
// deeper, to the store, and the answers of which it makes one at most would make the
// goroutine's stack grow there, which copies it.
//
//go:noinline
func answerSent(r *record, side int) any {
	return messageResult{message(r, r, flags{}, side)}
}

//go:noinline
func (in *Inbox) answerLive(ctx context.Context, u place.User, to string, c *content, key string, dropped bool) (any, error) {
	if dropped {
		r := newLive(u, to, c, key, in.now()).record()
		return messageResult{liveMessage(r, r.By)}, nil
	}
	m, err := in.sendLive(ctx, u, to, c, key)
	return messageResult{m}, err
}

// unlessStored refuses a send to a user or a group's conversation, unless it repeats
// a message that is stored: that must not fail.
func (s *Session) unlessStored(ctx context.Context, to, id string, created time.Time, refused error) (any, error) {
	if isGroup(to) || frame.ValidUserID(to) {
		if r, err := s.first(ctx, to, id, created); r != nil && err == nil {
			return s.in.answerRepetition(ctx, s.user.User, r, nil)
		}
	}
	return nil, refused
}

// maySend charges a user for a message or refuses it, first because of their
// rate on this gateway, then because of what all gateways together allow.
func (in *Inbox) maySend(ctx context.Context, u place.User, stored bool) error {
	rate, quota, bytes := in.rates.message(u, in.now())
	if !rate {
		return fault.With(fault.TooFrequent, "messages from "+u.UserID)
	}
	if !quota {
		if err := in.take(ctx, u, quotaMessages, 1); err != nil {
			return err
		}
	}
	if bytes || !stored {
		return nil
	}
	return in.may(ctx, u, quotaBytes, 1)
}

// maySay charges a user for something that is not stored, or refuses it.
func (in *Inbox) maySay(ctx context.Context, u place.User, what string) error {
	rate, quota, _ := in.rates.message(u, in.now())
	switch {
	case !rate:
		return fault.With(fault.TooFrequent, what)
	case quota:
		return nil
	}
	return in.take(ctx, u, quotaMessages, 1)
}

// answerRepetition answers the repetition of a send with the stored message,
// which may have been read or revoked since.
func (in *Inbox) answerRepetition(ctx context.Context, u place.User, r *record, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	// Its sender may not have been answered because this had failed.
	if err := in.after(ctx, r, false); err != nil {
		return nil, err
	}
	newest, err := in.load(ctx, r.pair)
	if err != nil {
		return nil, err
	}
	if newest == nil { // it has expired meanwhile
		newest = r
	}
	marks, err := in.flagsOf(ctx, u, newest, settings{}, []*record{r})
	if err != nil {
		return nil, err
	}
	return messageResult{message(r, newest, marks[0], r.pair.side(u.UserID))}, nil
}

type messageResult struct {
	Message Message `json:"message"`
}

// storeOnce stores a message, or returns the stored one and again if this is a
// repetition. A conversation that the message begins is charged to its sender,
// unless the server API has sent it.
func (in *Inbox) storeOnce(ctx context.Context, from place.User, to string, c *content, msgID string) (r *record, again bool, err error) {
	p := pairOf(from.SDKAppID, from.UserID, to)
	by := p.side(from.UserID)
	charged, begins := costOf(ctx) != nil, false
	r, again, err = in.appendMessage(ctx, p, msgID, c.ID, func(prev *record) (*record, error) {
		if begins = charged && prev == nil; begins {
			if err := in.may(ctx, from, quotaConversations, 1); err != nil {
				return nil, err
			}
		}
		r := next(prev, kindMessage, by, in.now().UnixMilli())
		r.Seq++
		r.Sent[by]++
		r.Message = c
		return r, nil
	})
	if err == nil && !again && begins {
		in.rates.use(from, quotaConversations, in.now(), 1)
	}
	if err == nil && !again {
		err = in.after(ctx, r, false)
	}
	return r, again, err
}

func clientDedup(from place.User, to, id string) string {
	return dedupOf("c", digest(from, to, id))
}

// dedupID names a message, so that the stream recognises a repetition.
func dedupID(kind string, u place.User, id string) string { return dedupOf(kind, digest(u, id)) }

func dedupOf(kind string, sum [sha256.Size]byte) string {
	var room [32]byte
	return string(base64.RawURLEncoding.AppendEncode(append(room[:0], kind...), sum[:18]))
}

func digest(u place.User, id ...string) [sha256.Size]byte {
	var room [256]byte
	b := append(strconv.AppendUint(room[:0], uint64(u.SDKAppID), 10), 0)
	b = append(b, u.UserID...)
	for _, part := range id {
		b = append(append(b, 0), part...)
	}
	return sha256.Sum256(b)
}

// mayWrite refuses a message to an account that does not exist, or whose
// blacklist has its sender.
func (in *Inbox) mayWrite(ctx context.Context, from place.User, to string) error {
	receiver := place.User{SDKAppID: from.SDKAppID, UserID: to}
	if in.o.Known != nil {
		known, err := in.o.Known(ctx, receiver)
		if err != nil {
			return err
		}
		if !known {
			return fault.With(fault.UnknownAccount, to)
		}
	}
	black, err := read[[]string](ctx, in, receiver, docBlack)
	if err != nil {
		return err
	}
	if slices.Contains(black, from.UserID) {
		return fault.New(fault.Blocked)
	}
	return nil
}

// liveNote is an online-only message on its way between gateways.
type liveNote struct {
	App     uint32   `json:"app"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	At      int64    `json:"at"`
	Content *content `json:"content"`
	Key     string   `json:"key"` // the same for a repetition
}

// sendLive signals a message to whoever is online now; it is never stored.
func (in *Inbox) sendLive(ctx context.Context, from place.User, to string, c *content, key string) (Message, error) {
	n := newLive(from, to, c, key, in.now())
	if err := in.signal(bus.SubjectOnline, n); err != nil {
		return Message{}, err
	}
	r := n.record()
	return liveMessage(r, r.By), in.after(ctx, r, true)
}

func newLive(from place.User, to string, c *content, key string, at time.Time) liveNote {
	return liveNote{from.SDKAppID, from.UserID, to, at.UnixMilli(), c, key}
}

func (n liveNote) record() *record {
	p := pairOf(n.App, n.From, n.To)
	return &record{Kind: kindMessage, By: p.side(n.From), From: n.From, At: n.At, Message: n.Content, pair: p}
}

func liveMessage(r *record, side int) Message {
	m := message(r, r, flags{}, side)
	m.OnlineOnly, m.IsPeerRead = true, false
	if _, group := r.pair.group(); !group {
		m.IsRead = r.By == side
	}
	return m
}

// ServerMessage is a message of the server API's openim/sendmsg.
type ServerMessage struct {
	SDKAppID uint32
	From, To string
	Type     string // one that names no files
	// Payload as clients have it: {"text"} or {"data","description","extension"}.
	Payload         json.RawMessage
	CloudCustomData string
	Seq, Random     uint32 // a repetition has the same ones, and the same content
	NoSync          bool   // SyncOtherMachine 2: not to the sender's instances
	OnlineOnly      bool   // MsgLifeTime 0
	// NoBefore and NoAfter keep Options.Hooks from being asked and told.
	NoBefore, NoAfter bool
}

// Sent is what openim/sendmsg replies.
type Sent struct {
	Time int64  // Unix seconds
	Key  string // MsgKey
	ID   string // the Message's ID
}

// Send stores and delivers a message of the server API. The same sender,
// receiver, Seq, Random and content within Options.Dedup are one message. It
// is charged to nobody's quota: the server API has a rate of its own.
// Errors are *fault.Error: 20003, 50100, 80002, 90001, 70169.
func (in *Inbox) Send(ctx context.Context, m ServerMessage) (Sent, error) {
	s, err := in.sendServer(ctx, m)
	if err != nil {
		return Sent{}, in.failed("sendmsg", err)
	}
	return s, nil
}

// checkServer checks a message of the server API and returns its sender and its
// payload as it is stored.
func (in *Inbox) checkServer(ctx context.Context, m ServerMessage) (from place.User, payload json.RawMessage, err error) {
	from = place.User{SDKAppID: m.SDKAppID, UserID: m.From}
	if err := in.mustKnow(ctx, m.SDKAppID, m.From, m.To); err != nil {
		return from, nil, err
	}
	if err := mustSend(m.Type); err != nil {
		return from, nil, err
	}
	payload, err = in.cleanPayload(m.Type, m.Payload, m.CloudCustomData)
	return from, payload, err
}

// mustSend refuses types of messages that the server API does not send.
func mustSend(typ string) error {
	if !sendable(typ) {
		return fault.With(fault.BodyMalformed, "the server API cannot send messages of type "+strconv.Quote(typ)+" here")
	}
	return nil
}

// mustKnow refuses what is no UserID, and accounts that do not exist.
func (in *Inbox) mustKnow(ctx context.Context, app uint32, userIDs ...string) error {
	for _, id := range userIDs {
		if !frame.ValidUserID(id) || id == systemUser {
			return fault.With(fault.UnknownAccount, "no UserID: "+strconv.Quote(id))
		}
		if in.o.Known == nil {
			continue
		}
		known, err := in.o.Known(ctx, place.User{SDKAppID: app, UserID: id})
		if err != nil {
			return err
		}
		if !known {
			return fault.With(fault.UnknownAccount, id)
		}
	}
	return nil
}

// digestOf names a message of the server API by all that it says, so that its
// repetition is recognised; at is its time where it has one of its own.
func digestOf(m ServerMessage, payload json.RawMessage, at string) [sha256.Size]byte {
	return digest(place.User{SDKAppID: m.SDKAppID, UserID: m.From}, strings.Join([]string{
		m.To, strconv.FormatUint(uint64(m.Seq), 10), strconv.FormatUint(uint64(m.Random), 10),
		m.Type, string(payload), m.CloudCustomData,
	}, "\x00")+at)
}

func (in *Inbox) sendServer(ctx context.Context, m ServerMessage) (Sent, error) {
	from, payload, err := in.checkServer(ctx, m)
	if err != nil {
		return Sent{}, err
	}
	me, err := read[Profile](ctx, in, from, docProfile)
	if err != nil {
		return Sent{}, err
	}
	now := in.now()
	sum := digestOf(m, payload, "")
	id := dedupOf("s", sum)
	c := &content{
		ID: serverID(m.From, now, sum), Type: m.Type, Payload: payload,
		Cloud: m.CloudCustomData, Nick: me.Nick, Avatar: me.Avatar, Random: int64(m.Random),
		ClientTime: now.Unix(), NoSync: m.NoSync, untold: m.NoAfter,
	}
	if !m.NoBefore {
		if err := in.beforeServer(ctx, Outgoing{From: from, To: m.To, OnlineOnly: m.OnlineOnly}, c); err != nil {
			return Sent{}, err
		}
	}
	if m.OnlineOnly {
		live, err := in.sendLive(ctx, from, m.To, c, id)
		return Sent{live.Time, msgKey(m, live.Time, 0), live.ID}, err
	}
	r, again, err := in.storeOnce(ctx, from, m.To, c, id)
	if err == nil && again && !m.NoAfter {
		err = in.after(ctx, r, false)
	}
	if err != nil {
		return Sent{}, err
	}
	return Sent{r.At / 1000, msgKey(m, r.At/1000, r.Seq), r.Message.ID}, nil
}

// msgKey has the original's form: {MsgSeq}_{MsgRandom}_{MsgTime}.
func msgKey(m ServerMessage, at int64, seq uint64) string {
	n := uint64(m.Seq)
	if n == 0 {
		n = seq
	}
	return strconv.FormatUint(n, 10) + "_" + strconv.FormatUint(uint64(m.Random), 10) + "_" + strconv.FormatInt(at, 10)
}

// validText bounds a free text of a user's.
func validText(s string, bytes int) bool { return len(s) <= bytes && utf8.ValidString(s) }
