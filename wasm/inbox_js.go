//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// inbox is what an instance knows of its user's messages while he is logged
// in: the objects that the page holds, and where this instance stands. The
// conversations and the history themselves live in the gateway; package inbox
// there describes its calls and notifications.
type inbox struct {
	i     *instance
	list  []*conversation      // newest first, pinned ones before
	fresh []*conversation      // of a whole list that has not come entirely
	live  map[string]*objects  // messages, by conversationID
	pages map[string][]pageEnd // by conversationID, the newest keptPages

	ordered safejs.Value // an array of list's objects; undefined when it has changed

	lost    bool   // the link, and with it the gateway's side of this
	begun   bool   // between SDK_READY and SDK_NOT_READY
	syncing bool   // a sync is under way: what comes waits for its end
	synced  bool   // the first sync is done
	round   int    // numbers the logins: an answer of an older one is dropped
	cursor  string // where this instance stands; opaque
	shown   string // the cursor of what the page was given
	seen    int64  // position of the newest message that came
	undone  int64  // position of the newest revocation that came

	nick, avatar safejs.Value // of this user, as far as it came

	received, revoked, read []safejs.Value // what waits
	listChanged             bool
	total, toldTotal        int
	waiting                 []waiting // calls that need the list
	cleanAt, held           int       // of live: how many entries make it worth to look for dead ones

	opened int // numbers the conversations that began here

	acking, ackAgain bool
	acked            string
	watched          map[string]bool
}

// waiting is a call that needs the list, and until when it waits, in ms.
type waiting struct {
	by   int
	done func(*fault.Error)
}

// pageEnd is where the next page of a conversation begins.
type pageEnd struct {
	id     string
	before int64
}

// keptPages is how many parts of a page may go through one conversation at a
// time, each at its own place.
const keptPages = 16

// syncWithin and its retry, in ms.
const (
	syncWithin = 20_000
	syncRetry  = 1_000
)

// listWithin is how long a call waits for the list, in ms, while the sync
// fails and is tried again.
var listWithin = syncWithin

func newInbox(i *instance) *inbox {
	return &inbox{i: i, live: map[string]*objects{}, pages: map[string][]pageEnd{}, watched: map[string]bool{}, cleanAt: cleanFrom}
}

// emitted follows what the session tells the page.
func (in *inbox) emitted(name string, data frame.Body) {
	switch name {
	case frame.EventSDKReady:
		in.begun = true
		in.sync()
	case frame.EventSDKNotReady:
		in.forget(fault.New(fault.LoggedOut))
	case frame.EventLoginStatusChange:
		if !in.begun || data == nil {
			return
		}
		switch status := data.Text("status"); {
		case status == "reconnecting":
			in.lost = true
		case status == "ready" && in.lost:
			in.lost = false
			in.sync()
		}
	}
}

// forget drops everything of the user who was logged in.
func (in *inbox) forget(f *fault.Error) {
	waiting := in.waiting
	round := in.round
	*in = *newInbox(in.i)
	in.round = round + 1
	for _, w := range waiting {
		w.done(f)
	}
}

// sync asks for what has not been seen; the gateway pushes it before it
// answers, and goes on pushing what comes.
func (in *inbox) sync() {
	in.syncing, in.fresh = true, nil // a list that broke off comes again as a whole
	params := frame.Fields{{Key: "cursor", Value: in.cursor}}
	if len(in.watched) > 0 {
		params = append(params, frame.Field{Key: "watch", Value: frame.Body(bridge.Object{Value: keysOf(in.watched)})})
	}
	in.ask(frame.SessionSync, params)
}

func (in *inbox) ask(method string, params frame.Fields) {
	round := in.round
	in.i.client.Send(method, params, syncWithin, func(result frame.Body, f *fault.Error) {
		if round != in.round {
			return
		}
		switch {
		case f != nil:
			in.failed(f)
		case isTrue(bridge.Get(bridge.ValueOf(result), "more")):
			in.ask(frame.SessionMore, frame.Fields{})
		default:
			in.stands(bridge.ValueOf(result))
			in.done()
		}
	})
}

// failed tries again for as long as the session lasts: a lost link brings its
// own sync, but a gateway that could not answer does not.
func (in *inbox) failed(f *fault.Error) {
	if f.Code == frame.CodeNoMethod { // a gateway without messages
		in.done()
		return
	}
	if !in.begun || !in.i.client.Ready() { // the session has ended, or is about to
		return
	}
	in.i.sdk.log(2, "messages could not be synchronised: "+f.Message)
	in.i.sdk.later(in.i, syncRetry)
	now, all := in.i.now(), in.waiting
	in.waiting = nil
	for _, w := range all {
		if w.by > now {
			in.waiting = append(in.waiting, w)
		}
	}
	for _, w := range all {
		if w.by <= now {
			w.done(f)
		}
	}
}

// retry is what later comes back to.
func (in *inbox) retry() {
	if in.begun && in.syncing {
		in.sync()
	}
}

// done: everything up to the sync has come. Each login begins with the whole
// list, even an empty one, and the total.
func (in *inbox) done() {
	in.syncing = false
	first := !in.synced
	in.synced = true
	if first {
		in.listChanged, in.toldTotal = true, -1
	}
	waiting := in.waiting
	in.waiting = nil
	in.flush()
	for _, w := range waiting {
		w.done(nil)
	}
}

// flush tells the page what has come; not once it has begun to log out, for
// what it would be given then could not be acknowledged.
func (in *inbox) flush() {
	if in.syncing || !in.begun || !in.i.client.Ready() {
		return
	}
	round := in.round
	in.shown = in.cursor
	received, revoked, read, changed, total := in.received, in.revoked, in.read, in.listChanged, in.total
	in.received, in.revoked, in.read, in.listChanged = nil, nil, nil, false
	if len(received) > 0 {
		in.ack() // first: a listener may log out, and is given them all the same
	}
	if changed {
		in.emit(frame.EventConversationListUpdated, in.array())
	}
	if total != in.toldTotal && round == in.round {
		in.toldTotal = total
		in.emit(frame.EventTotalUnreadMessageCountUpdated, bridge.Int(total))
	}
	// A listener may have logged out: then the rest is nobody's any more.
	if len(received) > 0 && round == in.round {
		in.emit(frame.EventMessageReceived, bridge.NewArray(received...))
	}
	if len(revoked) > 0 && round == in.round {
		in.emit(frame.EventMessageRevoked, bridge.NewArray(revoked...))
	}
	if len(read) > 0 && round == in.round {
		in.emit(frame.EventMessageReadByPeer, bridge.NewArray(read...))
	}
}

func (in *inbox) emit(name string, data safejs.Value) { in.i.emitter.Emit(name, data) }

// ack tells the gateway what the page was given, one call at a time: while one
// is out, further ones become one.
func (in *inbox) ack() {
	if in.acking {
		in.ackAgain = true
		return
	}
	if in.cursor == "" || in.cursor == in.acked {
		return
	}
	in.acking, in.acked = true, in.cursor
	round := in.round
	in.i.client.Send(frame.MessageAck, frame.Fields{{Key: "cursor", Value: in.cursor}}, 0, func(frame.Body, *fault.Error) {
		if round != in.round {
			return
		}
		in.acking = false
		if in.ackAgain {
			in.ackAgain = false
			in.ack()
		}
	})
}

// stands takes the cursor that a notification or an answer carries.
func (in *inbox) stands(note safejs.Value) {
	if c, _ := bridge.Text(bridge.Field(note, "cursor")); c != "" {
		in.cursor = c
	}
}

// notified takes a notification of the gateway; false when it is none of ours.
// It is fresh from JSON.parse: read plainly until an object of it reaches the
// page, which may put a getter on it.
func (in *inbox) notified(method string, note safejs.Value) bool {
	if !in.begun {
		return true // it was on its way when the session ended
	}
	switch method {
	case frame.NoteConversations:
		if isTrue(bridge.Field(note, "reset")) {
			in.seen, in.undone, in.cursor = 0, 0, ""
		}
		in.conversations(note)
	case frame.NoteMessages:
		in.patches(note)
		in.each(note, "messages", func(m safejs.Value) {
			position := bridge.Parsed(m).Number("position")
			if position != 0 {
				if position <= in.seen {
					return // a sync that was asked for twice
				}
				in.seen = position
			}
			in.nameOf(m)
			in.received = append(in.received, in.intern(m))
		})
	case frame.NoteRevoked:
		in.patches(note)
		if position := (bridge.Object{Value: note}).Number("position"); position != 0 {
			if position <= in.undone {
				break // a sync that was asked for twice
			}
			in.undone = position
		}
		in.each(note, "messages", func(m safejs.Value) { in.revoked = append(in.revoked, in.intern(m)) })
	case frame.NoteRead:
		in.readByPeer(note)
	case frame.NoteProfile:
		profile := bridge.Field(note, "profile")
		in.myself(profile)
		in.emit(frame.EventProfileUpdated, bridge.NewArray(profile))
	case frame.NoteBlacklist:
		in.emit(frame.EventBlacklistUpdated, bridge.Field(note, "userIDs"))
	case frame.NoteStatus:
		in.emit(frame.EventUserStatusUpdated, bridge.Field(note, "statuses"))
	default:
		return false
	}
	in.stands(note)
	in.flush()
	return true
}

func (in *inbox) each(note safejs.Value, key string, f func(safejs.Value)) {
	each(bridge.Field(note, key), f)
}

func each(list safejs.Value, f func(safejs.Value)) {
	for k := range bridge.Length(list) {
		f(bridge.Index(list, k))
	}
}

// readByPeer: the peer has read what this user wrote up to a sequence.
func (in *inbox) readByPeer(note safejs.Value) {
	o := bridge.Object{Value: note}
	upTo := o.Number("sequence")
	c := in.find(o.Text("conversationID"))
	if c == nil || upTo <= c.peerRead {
		return
	}
	in.write(c, "peerReadTime", bridge.Get(note, "time"))
	in.write(c, "peerReadSequence", bridge.Get(note, "sequence"))
	c.peerRead = upTo
	last := bridge.Object{Value: bridge.Get(c.object, "lastMessage")}
	if bridge.IsObject(last.Value) && last.Text("fromAccount") == in.i.client.User() && last.Number("lastSequence") <= upTo {
		in.writeTo(c, "lastMessage", bridge.Wrap("isPeerRead", bridge.Bool(true)))
	}
	in.listChanged = true
	in.readUpTo(c)
}

// readUpTo marks the live messages that the peer has read and tells of those
// that were not marked before.
func (in *inbox) readUpTo(c *conversation) {
	in.live[c.id].each(func(m safejs.Value) { in.markPeerRead(c, m) })
}

func (in *inbox) markPeerRead(c *conversation, m safejs.Value) {
	o := bridge.Object{Value: m}
	if o.Text("flow") == "out" && o.Text("status") == "success" && o.Number("sequence") <= c.peerRead &&
		o.Number("position") != 0 && !isTrue(bridge.Get(m, "isPeerRead")) {
		in.read = append(in.read, in.mark(m, "isPeerRead", bridge.Bool(true)))
	}
}

// sent: a message is stored. The peer may have read it before its answer came,
// when a lost connection kept that back.
func (in *inbox) sent(m safejs.Value) {
	if c := in.find(bridge.Object{Value: m}.Text("conversationID")); c != nil {
		in.markPeerRead(c, m)
		in.flush()
	}
}

// readAll marks the live messages of a conversation that the user has read.
func (in *inbox) readAll(c *conversation) {
	in.live[c.id].each(func(m safejs.Value) {
		if (bridge.Object{Value: m}).Text("flow") == "in" {
			in.mark(m, "isRead", bridge.Bool(true))
		}
	})
}

func isTrue(v safejs.Value) bool {
	b, err := v.Bool()
	return err == nil && b
}

func keysOf(set map[string]bool) safejs.Value {
	keys := make([]safejs.Value, 0, len(set))
	for k := range set {
		keys = append(keys, bridge.String(k))
	}
	return bridge.NewArray(keys...)
}
