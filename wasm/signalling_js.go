//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/signalling"
	"github.com/tim-wasm/tim/wasm/bridge"
)

// signals are what an instance knows of its user's invitations: nothing until the
// page listens to them or invites somebody, so that no other page pays for them.
type signals struct {
	wanted bool
	table  *signalling.Table // nil while nobody is logged in, or none are wanted
	timer  safejs.Value
}

// How far a page that has just logged in looks for open invitations: into as many
// of the newest conversations, and of those into as many that are recent.
const (
	lookedAt = 30
	lookedIn = 10
)

// recheck is when to ask again whether what was missed has come, in ms, and
// longestWait the longest time until the clock is looked at.
const (
	recheck     = 1_000
	longestWait = 3_600_000
)

// wantSignals has the instance follow invitations from now on.
func (i *instance) wantSignals() {
	i.signals.wanted = true
	if i.signals.table == nil && i.client.Ready() {
		i.beginSignals()
	}
}

// beginSignals begins with the invitations that are open, as a page that was
// reloaded has to know them.
func (i *instance) beginSignals() {
	if i.signals.wanted {
		i.signals.table = signalling.New(i.client.User())
		i.post(mailbox.ListConversations{Call: i.client.Mail().Call(i.lookForSignals)})
	}
}

func (i *instance) endSignals() {
	stopTimer(&i.signals.timer)
	i.signals.table = nil
}

// lookForSignals reads the newest messages of the conversations in which there
// may be an open invitation.
func (i *instance) lookForSignals(s mailbox.Settle) {
	left := lookedIn
	for _, id := range s.Conversations[:min(len(s.Conversations), lookedAt)] {
		c := i.page.conversations[id]
		if of := (bridge.Object{Value: c}).Text("type"); left > 0 && (of == convC2C || of == convGroup) && i.mayBeInvited(bridge.Object{Value: bridge.Get(c, "lastMessage")}) {
			left--
			i.post(mailbox.ReadHistory{Call: i.client.Mail().Call(i.lookIntoHistory), Conversation: id, Count: pageSize})
		}
	}
}

func (i *instance) lookIntoHistory(s mailbox.Settle) {
	i.seen(i.signalsOf(i.page.take(mailbox.Pile(s.Call))), true)
}

// mayBeInvited reports whether a conversation with that last message may hold an
// open invitation.
func (i *instance) mayBeInvited(last bridge.Object) bool {
	sent, now := 1000*last.Number("lastTime"), i.client.ServerTime()
	if sent >= now-signalling.Recent {
		return true
	}
	s := signalIn(last)
	return s != nil && s.Action == signalling.Invite && (s.Timeout == 0 || sent+1000*s.Timeout > now)
}

// dataIn parses the data of a Message, or of a conversation's lastMessage, that
// may be a signal.
func dataIn(m bridge.Object) (data safejs.Value) {
	if m.Text("type") != msgCustom {
		return data
	}
	const key = `"inviteID"` // without it the text is not worth parsing
	text := bridge.Object{Value: bridge.Get(m.Value, "payload")}.Text("data")
	for k := range len(text) - len(key) {
		if text[k:k+len(key)] == key {
			return bridge.Parse(text)
		}
	}
	return data
}

func signalIn(m bridge.Object) *signalling.Signal {
	return signalling.Parse(bridge.Object{Value: dataIn(m)})
}

// signalOf reads the signal of a message; nil for none, and for one that speaks of
// another conversation's group.
func signalOf(v safejs.Value) *signalling.Signal {
	m := bridge.Object{Value: v}
	s := signalIn(m)
	if s == nil || m.Bool("isRevoked") {
		return nil
	}
	of := m.Text("conversationType")
	if of != signalType(s) {
		return nil
	}
	s.From, s.Peer = m.Text("from"), m.Text("conversationID")[len(of):]
	s.Sent, s.OnlineOnly, s.Message = 1000*m.Number("time"), m.Bool("onlineOnlyFlag"), v
	return s
}

// signalType returns the type of the conversation in which a signal is sent.
func signalType(s *signalling.Signal) string {
	if s.GroupID != "" {
		return convGroup
	}
	return convC2C
}

// signalsOf reads the signals of messages, unless none are wanted.
func (i *instance) signalsOf(messages []safejs.Value) (all []*signalling.Signal) {
	if i.signals.table == nil {
		return nil
	}
	for _, v := range messages {
		if s := signalOf(v); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// seen takes signals and tells the page what comes of them.
func (i *instance) seen(batch []*signalling.Signal, silent bool) {
	if t := i.signals.table; t != nil && len(batch) > 0 {
		i.tell(t, t.Seen(i.client.ServerTime(), batch, silent))
	}
}

// tell tells the page what has become of invitations. A listener may log out
// meanwhile.
func (i *instance) tell(t *signalling.Table, events []*signalling.Event) {
	i.awaitLate(t)
	for _, e := range events {
		if i.signals.table != t {
			return
		}
		if e.Sends {
			i.signal(e.Signal, func(safejs.Value, *fault.Error) {})
		}
		i.emitter.Emit(e.Name, bridge.ValueOf(e.Data()))
	}
}

// awaitLate sets the timer for the next invitation whose time will be up.
func (i *instance) awaitLate(t *signalling.Table) {
	stopTimer(&i.signals.timer)
	if next := t.Next(); next != 0 {
		i.after(&i.signals.timer, i.sdk.late, int(min(max(next-i.client.ServerTime(), 0), longestWait)))
	}
}

func (s *sdk) onLate(args []safejs.Value) any {
	i := s.numbered(args)
	if i == nil || i.signals.table == nil {
		return nil
	}
	if !i.client.Mail().UpToDate() { // an answer may be among what was missed
		i.after(&i.signals.timer, s.late, recheck)
		return nil
	}
	t := i.signals.table
	i.tell(t, t.Late(i.client.ServerTime()))
	return nil
}

// signalText is the data of a signal's message.
func signalText(s *signalling.Signal) safejs.Value {
	return bridge.Call(bridge.Global("JSON"), "stringify", bridge.ValueOf(s.Fields()))
}

// signal sends the message of a signal.
func (i *instance) signal(s *signalling.Signal, end func(m safejs.Value, f *fault.Error)) {
	o := bridge.Parse(`{"priority":"High","payload":{"description":"","extension":""}}`)
	bridge.Put(o, "conversationType", bridge.String(signalType(s)))
	bridge.Put(o, "to", bridge.String(s.Peer))
	payload := bridge.Field(o, "payload")
	bridge.Put(payload, "data", signalText(s))
	made, _ := i.newMessage("", msgCustom, o, payload) // there is a receiver
	m := bridge.Object{Value: made.(safejs.Value)}
	if s.Action == signalling.Timeout {
		bridge.Put(m.Value, "ID", bridge.String(s.MessageID()))
	}
	sending := i.sendingOf(m, false, end)
	sending.online = s.OnlineOnly
	bridge.Put(m.Value, "onlineOnlyFlag", bridge.Bool(s.OnlineOnly))
	sending.start()
}

// signalled returns what ends a call of the page once its message was sent, or was
// not.
func (i *instance) signalled(a *answer, inviteID string) func(m safejs.Value, f *fault.Error) {
	t := i.signals.table
	return func(m safejs.Value, f *fault.Error) {
		if i.signals.table == t {
			if f != nil {
				t.Failed(inviteID)
				i.awaitLate(t)
			} else {
				i.seen(i.signalsOf([]safejs.Value{m}), true)
			}
		}
		if f != nil {
			a.sent(m, f)
			return
		}
		result := bridge.Parse(`{"code":0}`)
		bridge.Put(result, "data", bridge.Wrap("message", m))
		bridge.Put(result, "inviteID", bridge.String(inviteID))
		a.promise.Resolve(result)
	}
}

// invite invites a user to something, a call for example. A timeout of 0 is
// none.
//
//	invite(options: {userID: string, data?: string, timeout?: number, onlineUserOnly?: boolean}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
func (i *instance) invite(args []safejs.Value, a *answer) { i.sendInvite("invite", args, a) }

// inviteInGroup invites members of a group to something. Each of them may answer.
//
//	inviteInGroup(options: {groupID: string, inviteeList: string[], data?: string, timeout?: number, onlineUserOnly?: boolean}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
func (i *instance) inviteInGroup(args []safejs.Value, a *answer) { i.sendInvite(inGroup, args, a) }

// inviteSync returns a method that does what another one does, and returns the
// inviteID at once.
//
//	inviteSync(options: {…}, onSuccess?: (result: {code: 0, data: {message: Message}, inviteID: string}) => void, onError?: (error: IMError) => void): string
//	inviteInGroupSync(options: {…}, onSuccess?: (result: {code: 0, data: {message: Message}, inviteID: string}) => void, onError?: (error: IMError) => void): string
func inviteSync(method string) func(i *instance, args []safejs.Value) (any, *fault.Error) {
	return func(i *instance, args []safejs.Value) (any, *fault.Error) {
		a := &answer{instance: i, promise: bridge.NewPromise()}
		id := ""
		if i.client.Ready() {
			id = i.sendInvite(method, args, a)
		} else {
			i.refuse(a)
		}
		then := func(k int) safejs.Value {
			if f := bridge.Arg(args, k); bridge.IsFunction(f) {
				return f
			}
			return bridge.Global("Object") // a function that takes anything
		}
		bridge.Call(a.promise.Value(), "then", then(1), then(2))
		return id, nil
	}
}

const inGroup = "inviteInGroup"

func (i *instance) sendInvite(method string, args []safejs.Value, a *answer) string {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	s := &signalling.Signal{
		InviteID: i.newID(), Inviter: i.client.User(), Action: signalling.Invite, Peer: o.Text("userID"),
		Data: o.Text("data"), Timeout: o.Number("timeout"), OnlineOnly: o.Bool("onlineUserOnly"),
	}
	s.Invitees = []string{s.Peer}
	wanted := "userID must be another user's"
	if method == inGroup {
		s.GroupID, s.Invitees = o.Text("groupID"), o.Texts("inviteeList")
		s.Peer = s.GroupID
		wanted = "groupID must be a group's, inviteeList the userIDs of other members"
	}
	ok := s.Peer != "" && len(s.Invitees) > 0
	for _, one := range s.Invitees {
		ok = ok && one != "" && one != s.Inviter
	}
	if !ok || s.Timeout < 0 || s.Timeout > signalling.MaxTimeout {
		a.reject(badArgument(method, wanted+", and timeout a number of seconds, at most ten years"))
		return ""
	}
	i.wantSignals()
	i.signals.table.Open(s)
	i.signal(s, i.signalled(a, s.InviteID))
	return s.InviteID
}

// answerInvitation returns a method that ends an invitation, or changes what it
// says.
//
//	accept(options: {inviteID: string, data?: string}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
//	reject(options: {inviteID: string, data?: string}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
//	cancel(options: {inviteID: string, data?: string}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
//	modifyInvitation(options: {inviteID: string, data?: string}): Promise<{code: 0, data: {message: Message}, inviteID: string}>
func answerInvitation(action int64) func(i *instance, args []safejs.Value, a *answer) {
	return func(i *instance, args []safejs.Value, a *answer) {
		o := bridge.Object{Value: bridge.Arg(args, 0)}
		id := o.Text("inviteID")
		if i.signals.table == nil {
			a.reject(fault.New(fault.NoInvitation))
			return
		}
		s, f := i.signals.table.Begin(i.client.ServerTime(), id, action)
		if f != nil {
			a.reject(f)
			return
		}
		s.Data = o.Text("data")
		end := i.signalled(a, id)
		if action != signalling.Invite {
			i.signal(s, end)
			return
		}
		m := bridge.Object{Value: s.Message.(safejs.Value)}
		payload := copyOf(bridge.Get(m.Value, "payload"))
		bridge.Put(payload, "data", signalText(s))
		i.modify(m, bridge.Object{Value: payload}, end)
	}
}

// getSignalingInfo returns what a message says of an invitation, or null.
//
//	getSignalingInfo(message: Message): Signaling | null
func (i *instance) getSignalingInfo(args []safejs.Value) (any, *fault.Error) {
	data := dataIn(bridge.Object{Value: bridge.Arg(args, 0)})
	if signalling.Parse(bridge.Object{Value: data}) == nil {
		return safejs.Null(), nil
	}
	return data, nil
}
