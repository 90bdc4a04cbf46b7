package mailbox_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
)

// FuzzMachine feeds a machine any sequence of inputs, sensible or not, and checks
// the invariants of the design after every step.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(script(seed, 1, 400))
	}
	f.Fuzz(func(t *testing.T, script []byte) { newWorld(t).run(script) })
}

// TestRandomWalks does the same in every test run, without the fuzzer.
func TestRandomWalks(t *testing.T) {
	walks := uint64(2000)
	if testing.Short() {
		walks = 200
	}
	for seed := range walks {
		newWorld(t).run(script(seed, 7, 600))
	}
}

func script(seed, stream uint64, most int) []byte {
	r := rand.New(rand.NewPCG(seed, stream))
	script := make([]byte, 40+r.IntN(most))
	for i := range script {
		script[i] = byte(r.Uint32())
	}
	return script
}

// run plays a script; each input takes one to six bytes of it. The first byte says
// whether the gateway is sane; one that is not sends what no gateway should.
func (w *world) run(script []byte) {
	i := 0
	next := func(n int) int {
		if i >= len(script) {
			return 0
		}
		i++
		return int(script[i-1]) % n
	}
	w.sane = next(4) != 0
	for i < len(script) {
		w.now += int64(next(20) * next(200))
		if in := w.choose(next); in != nil {
			w.step(in)
		}
	}
	if w.sane {
		w.recover()
	}
	w.leave(next)
	if !w.m.Empty() {
		w.fatal("the session is over, and something of it is left")
	}
	if len(w.open) > 0 {
		w.fatal("the session is over, and calls are open: %v", w.open)
	}
}

func (w *world) choose(next func(int) int) mailbox.Input {
	switch k := next(40); {
	case !w.in && k < 3:
		return mailbox.Noticed{Method: frame.RoomVisit, Body: body("{messages:[{ID:m,conversationID:GROUPr,from:bob}]}")}
	case !w.in && k < 30:
		return w.begin()
	case k < 10:
		if len(w.asked) == 0 {
			return nil
		}
		n := 0
		if next(4) == 0 { // answers of an insane gateway overtake each other
			n = next(len(w.asked))
		}
		return w.answer(n, next)
	case k < 18:
		return w.note(next)
	case k < 20:
		if w.linked {
			w.linked = false
			return mailbox.LinkLost{}
		}
		w.linked = true
		return mailbox.LinkBack{}
	case k < 21:
		if next(3) == 0 {
			w.leave(next)
		}
		return nil
	case k < 23:
		if w.alarm != 0 {
			alarm := w.alarm
			w.alarm = 0
			return mailbox.Woke{Attempt: alarm}
		}
		return mailbox.Woke{Attempt: int64(next(9))}
	case k < 24:
		if next(2) == 0 {
			return mailbox.InRoom{Group: []string{liveRoom, "r2"}[next(2)], In: next(3) > 0}
		}
		return mailbox.WantGroups{}
	default:
		return w.callOf(next)
	}
}

func (w *world) begin() mailbox.Input {
	w.in, w.linked, w.leaving = true, true, false
	w.given = map[int64]bool{}
	return mailbox.Began{User: "alice"}
}

// leave ends the session, as a logout does or all at once.
func (w *world) leave(next func(int) int) {
	if !w.in {
		return
	}
	if next(2) == 0 {
		w.leaving = true
		w.step(mailbox.Leaving{})
		for len(w.asked) > 0 && next(2) == 0 {
			w.step(w.answer(0, next))
		}
	}
	w.in, w.leaving, w.alarm = false, false, 0
	w.asked = nil
	w.step(mailbox.Ended{})
	w.position, w.past = 0, nil // the next user has other conversations
}

// liveRoom is one that the page may open, and that the gateway lists for nobody.
const liveRoom = "r1"

var somebody = []string{"C2Cbob", "C2Ceve", "GROUPg1", "GROUPg2", "@TIM#SYSTEM"}

func someType(next func(int) int) string {
	return []string{"", "", "C2C", "GROUP", "@TIM#SYSTEM"}[next(5)]
}

func (w *world) callOf(next func(int) int) mailbox.Input {
	id, c := somebody[next(len(somebody))], w.call()
	ids := somebody[:next(len(somebody))]
	switch next(17) {
	case 0:
		return mailbox.ListConversations{Call: c, Type: someType(next), Unread: next(2) == 0, Mentions: next(4) == 0}
	case 1:
		return mailbox.OpenConversation{Call: c, Conversation: id}
	case 2:
		return mailbox.DeleteConversations{Call: c, IDs: ids}
	case 3:
		return mailbox.Pin{Call: c, Conversation: id, Pinned: next(2) == 0}
	case 4:
		return mailbox.SetDraft{Call: c, Conversation: id, Text: []string{"", "x"}[next(2)]}
	case 5:
		return mailbox.SetCustomData{Call: c, IDs: ids, Data: "y"}
	case 6:
		return mailbox.ClearHistory{Call: c, Conversation: id}
	case 7:
		return mailbox.MarkRead{Call: c, Conversation: id}
	case 8:
		return mailbox.Send{Call: c, Conversation: id, Params: frame.Fields{{Key: "to", Value: id}}}
	case 9:
		return mailbox.ReadHistory{Call: c, Conversation: id, Count: 3, Next: []string{"", "h"}[next(2)], Given: int64(next(3))}
	case 10:
		return mailbox.Watch{Call: c, IDs: ids}
	case 11:
		return mailbox.Unwatch{Call: c, IDs: ids}
	case 12:
		return mailbox.MarkAllRead{Call: c, Type: someType(next)}
	case 13:
		return mailbox.ListContacts{Call: c, List: mailbox.ContactList(next(3))}
	case 14:
		return mailbox.ListGroups{Call: c}
	case 15:
		return mailbox.Extend{Call: c, Conversation: id, Position: 1, List: []frame.Body{frame.Fields{{Key: "key", Value: "k"}}}, Remove: next(3) == 0, Read: next(3) == 0}
	default:
		return mailbox.OpenConversation{Call: c, Conversation: []string{"nonsense", "GROUP" + liveRoom}[next(2)]}
	}
}

// answer answers the n-th request that is out. A sane gateway answers in order, so
// it answers the first one.
func (w *world) answer(n int, next func(int) int) mailbox.Input {
	if w.sane {
		n = 0
	}
	r := w.asked[n]
	w.asked = append(w.asked[:n], w.asked[n+1:]...)
	switch {
	case w.leaving || !w.linked && next(2) == 0:
		return mailbox.Answered{Request: r.Request, Err: fault.New(fault.LoggedOut)}
	case next(8) == 0:
		codes := []fault.Code{fault.ServerTimeout, fault.Timeout, frame.CodeNoMethod}
		return mailbox.Answered{Request: r.Request, Err: fault.New(codes[next(len(codes))])}
	case !w.sane && next(4) == 0:
		return mailbox.Answered{Request: r.Request}
	}
	return mailbox.Answered{Request: r.Request, Result: w.result(r, next)}
}

func (w *world) result(r mailbox.Ask, next func(int) int) frame.Body {
	switch r.Method {
	case frame.SessionSync, frame.SessionMore:
		if next(4) == 0 {
			return body("{more:true}")
		}
		return body("{cursor:2.0.%d}", w.position)
	case frame.ProfileGet:
		return body("{profiles:[{userID:x,nick:n%d}]}", next(3))
	case frame.GroupGet:
		if r.Params.Texts("groupIDs")[0] == liveRoom {
			return body("{groups:[{groupID:%s,type:AVChatRoom,selfInfo:{role:Member}}]}", liveRoom)
		}
		return body("{groups:[%s]}", []string{"", aGroup(next)}[next(2)])
	case frame.GroupList:
		if next(3) == 0 {
			return body("{groups:[%s],next:x}", aGroup(next))
		}
		return body("{groups:[%s]}", aGroup(next))
	case frame.MessageSend:
		w.position++
		return body("{message:{ID:s%d,conversationID:%s,flow:out,sequence:%d,position:%d}}",
			w.position, r.Params.Text("to"), w.position, w.position)
	case frame.MessageExtend, frame.MessageExtensions:
		return body("{extensions:[{code:0,key:k,value:v}],seqs:[%d]}", next(9)-4)
	case frame.MessageList:
		return body("{messages:[{ID:h,conversationID:%s,position:%d}],next:%d}", r.Params.Text("conversationID"), 1+next(9), next(9))
	}
	if strings.HasPrefix(r.Method, "friend") {
		return body("{items:[{name:x,userIDList:[y]}],revision:%d,unchanged:%v,next:%d}", next(9), next(3) == 0, next(5)/4)
	}
	return frame.Fields{}
}

// note makes a notification. A sane gateway repeats only what it has sent before,
// unchanged, and gives everything new a new position.
func (w *world) note(next func(int) int) mailbox.Input {
	if w.sane && !w.linked {
		return nil
	}
	id := somebody[next(len(somebody))]
	noticed := func(method, format string, args ...any) mailbox.Input {
		return mailbox.Noticed{Method: method, Body: body(format, args...)}
	}
	switch next(14) {
	case 10:
		return noticed([]string{frame.NoteGroup, frame.NoteGroupJoined}[next(2)], "{group:%s}", aGroup(next))
	case 11:
		return noticed([]string{frame.NoteGroupSelf, frame.NoteGroupLeft, frame.NoteGroupCounters, frame.NoteGroupsReset}[next(4)],
			"{groupID:%s,selfInfo:{role:Admin}}", []string{"g0", "g1", "g2", "g3", liveRoom}[next(5)])
	case 12:
		switch next(3) {
		case 0:
			return noticed(frame.NoteExtensions, "{conversationID:%s,position:1,messageID:m1,extensions:[{key:k,value:v},{key:l,value:w}],seqs:[%d,%d]}", id, next(5)-2, next(5))
		case 1:
			return noticed(frame.NoteReactions, "{conversationID:%s,position:1,version:%d,reactionID:r,data:{messageID:m1}}", id, next(5))
		}
		return noticed(frame.NoteReceipts, "{conversationID:%s,receipts:[{ID:m%d,position:%d,time:1}]}", id, w.position, w.position)
	case 0:
		all := ""
		for n, id := range somebody[:next(len(somebody))] {
			if n > 0 {
				all += ","
			}
			all += w.conversation(id, next)
		}
		return noticed(frame.NoteConversations, "{all:true,more:%v,conversations:[%s]}", next(3) == 0, all)
	case 1:
		return noticed(frame.NoteConversations, "{conversations:[%s],cursor:2.%d.0}", w.conversation(id, next), 1+next(9))
	case 2:
		return noticed(frame.NoteConversations, "{removed:[%s]}", id)
	case 3, 4, 5, 6:
		var list []string
		if next(4) == 0 { // earlier messages come again, before the new one
			list = append(list, w.past[max(0, len(w.past)-next(4)):]...)
		}
		for range next(3) {
			w.position++
			m := message(w.position)
			w.past = append(w.past, m)
			list = append(list, m)
		}
		return noticed(frame.NoteMessages, "{messages:[%s],conversations:[%s],cursor:2.0.%d}", strings.Join(list, ","), w.conversation(id, next), w.position)
	case 7:
		at := w.position
		if next(2) == 0 {
			w.position++
			at = w.position
		}
		return noticed([]string{frame.NoteRevoked, frame.NoteModified, frame.NotePinned}[next(3)], "{messages:[%s],position:%d,cursor:2.0.%d}", message(1+int64(next(5))), at, w.position)
	case 8:
		return noticed(frame.NoteRead, "{conversationID:%s,sequence:%d,time:1}", id, next(30))
	case 9:
		return noticed(frame.NoteContacts, "{lists:[%s]}", []string{"friends", "applications", "groups,friends", "others"}[next(4)])
	default:
		if w.sane || next(3) == 0 {
			return noticed(frame.NoteProfile, "{profile:{nick:Al}}")
		}
		return noticed([]string{frame.NoteMessages, frame.NoteConversations, "nonsense"}[next(3)], "%s",
			[]string{"{}", "{messages:[1,{}],conversations:[x,{},{conversationID:z}]}", "{all:true,reset:true}"}[next(3)])
	}
}

func aGroup(next func(int) int) string {
	return "{groupID:g" + digits(int64(next(4))) + ",infoSequence:" + digits(int64(next(4))) + ",selfInfo:{role:Member}}"
}

func (w *world) conversation(id string, next func(int) int) string {
	s := "{conversationID:" + id
	if strings.HasPrefix(id, "GROUP") {
		s += w.counts(next)
	}
	for _, more := range []string{",userProfile:{nick:n1}", ",isPinned:true", ",isPinned:false", ",unreadCount:0", ",unreadCount:2", ",peerReadSequence:5", ",draftText:d"} {
		if next(3) == 0 {
			s += more
		}
	}
	if next(2) == 0 {
		s += ",lastMessage:{position:" + digits(w.position) + ",fromAccount:alice,lastSequence:3}"
	}
	return s + "}"
}

// counts makes what decides how much of a group's conversation is unread: its head,
// which grows with each message, and perhaps what is the user's own.
func (w *world) counts(next func(int) int) string {
	s := ",counted:" + digits(w.position)
	if n := int64(next(4)); n > 0 && w.position > n {
		s += ",taken:[" + digits(w.position-n) + "," + digits(w.position) + "]"
	}
	if next(3) == 0 {
		s += ",read:" + digits(w.position*int64(next(3))/2) + ",readSequence:" + digits(w.position*int64(next(3))/2)
	}
	if next(4) == 0 {
		s += ",groupAtInfoList:[{messageSequence:" + digits(int64(next(9))) + ",from:bob,atTypeArray:[1]}]"
	}
	return s
}

// message makes the message of a position, written by the user or by another.
func message(position int64) string {
	id, flow := somebody[position%int64(len(somebody))], "in"
	if position%3 == 0 {
		flow = "out"
	}
	if strings.HasPrefix(id, "GROUP") { // which say less
		at, author := "", map[string]string{"in": "bob", "out": "alice"}[flow]
		if position%2 == 0 {
			at = ",atUserList:[alice]"
		}
		return "{ID:m" + digits(position) + ",conversationID:" + id + ",from:" + author + at + ",sequence:" + digits(position) + ",position:" + digits(position) + "}"
	}
	return "{ID:m" + digits(position) + ",conversationID:" + id + ",flow:" + flow + ",sequence:" + digits(position) + ",position:" + digits(position) + "}"
}

// recover lets the gateway answer everything from now on. Whatever happened
// before, the machine must soon be up to date, with every call settled.
func (w *world) recover() {
	if !w.in {
		w.step(w.begin())
	}
	if !w.linked {
		w.linked = true
		w.step(mailbox.LinkBack{})
	}
	zero := func(int) int { return 1 }
	for range 10_000 {
		switch {
		case len(w.asked) > 0:
			w.step(w.answer(0, zero))
		case w.alarm != 0:
			alarm := w.alarm
			w.alarm = 0
			w.step(mailbox.Woke{Attempt: alarm})
		case w.m.State() == mailbox.Live && len(w.open) == 0:
			return
		default:
			w.fatal("%v with %d open calls, and nothing to wait for", w.m.State(), len(w.open))
		}
	}
	w.fatal("it does not come to rest: %v", w.m.State())
}
