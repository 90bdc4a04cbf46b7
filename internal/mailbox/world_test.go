package mailbox_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/transcript"
)

// world surrounds a machine with what the invariants need.
type world struct {
	t    *testing.T
	m    *mailbox.Machine
	page *objects.Objects
	now  int64
	log  []any // inputs with their time, and effects

	in, linked, leaving bool
	visits              bool // the running input is from a live room that the page visits
	sane                bool // the gateway behaves as ours does
	calls               mailbox.Call
	open                map[mailbox.Call]bool
	asked               []mailbox.Ask
	requests            map[mailbox.Request]bool
	alarm               int64
	position            int64    // the newest that the gateway has given
	past                []string // messages that it has sent
	given               map[int64]bool
	noticed             []int64 // positions that came and have not been shown
	total               int64   // as the page was told
	groups              []string
	lists               []string // what the page was told last, in this step; nil for nothing
	listed              bool     // the page was told of a list since the session began
}

// happened is an input and its time.
type happened struct {
	at int64
	in mailbox.Input
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, m: mailbox.New(), open: map[mailbox.Call]bool{}, requests: map[mailbox.Request]bool{}}
	w.page = objects.New(w.event)
	return w
}

func body(format string, args ...any) frame.Body { return parseBody(fmt.Sprintf(format, args...)) }

func digits(n int64) string { return strconv.FormatInt(n, 10) }

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	var story []string
	for _, e := range w.log[max(0, len(w.log)-60):] {
		switch e := e.(type) {
		case happened:
			story = append(story, fmt.Sprintf("%d %T %s", e.at, e.in, showInput(e.in)))
		case mailbox.Deed:
			story = append(story, "    "+describe(e, ""))
		}
	}
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(story, "\n"))
}

func (w *world) call() mailbox.Call {
	w.calls++
	w.open[w.calls] = true
	return w.calls
}

func (w *world) step(in mailbox.Input) {
	w.t.Helper()
	w.log = append(w.log, happened{w.now, in})
	if n, ok := in.(mailbox.Noticed); ok && n.Method == frame.NoteMessages && w.in {
		for _, m := range n.Body.List("messages") {
			if at := m.Number("position"); at != 0 && !w.given[at] && !slices.Contains(w.noticed, at) {
				w.noticed = append(w.noticed, at)
			}
		}
	}
	n, ok := in.(mailbox.Noticed)
	w.visits = ok && n.Method == frame.RoomVisit
	if ok && n.Method == frame.NoteConversations && n.Body.Bool("reset") {
		w.given, w.noticed = map[int64]bool{}, nil
	}
	if _, ok := in.(mailbox.Ended); ok {
		w.noticed, w.total, w.listed, w.groups = nil, 0, false, nil
	}
	round, acked := w.m.Round(), ""
	w.lists = nil
	for _, e := range w.m.Step(w.now, in) {
		w.log = append(w.log, e.Do)
		if _, ended := e.Do.(mailbox.Forget); e.Round != round && !ended {
			w.fatal("an effect of round %d in round %d", e.Round, round)
		}
		if ask, ok := e.Do.(mailbox.Ask); ok && ask.Method == frame.MessageAck {
			acked = ask.Params.Text("cursor")
		}
		w.effect(e.Do)
	}
	// A step may change the list twice, and tells of it twice.
	if w.lists != nil && !slices.Equal(w.lists, w.m.Order()) {
		w.fatal("the page's list is %v, the machine's %v", w.lists, w.m.Order())
	}
	w.shown(acked)
	w.settled()
	for !w.in && len(w.asked) > 0 { // without a session calls are refused at once
		r := w.asked[0]
		w.asked = w.asked[1:]
		w.step(mailbox.Answered{Request: r.Request, Err: fault.New(fault.LoggedOut)})
	}
}

func showInput(in mailbox.Input) string {
	if n, ok := in.(mailbox.Noticed); ok {
		return n.Method + " " + transcript.Show(n.Body)
	}
	if a, ok := in.(mailbox.Answered); ok {
		return fmt.Sprintf("#%d %s %v", a.Request, transcript.Show(a.Result), a.Err)
	}
	return fmt.Sprintf("%+v", in)
}

func (w *world) effect(d mailbox.Deed) {
	switch d := d.(type) {
	case mailbox.Ask:
		if w.requests[d.Request] {
			w.fatal("request %d is asked twice", d.Request)
		}
		w.requests[d.Request] = true
		w.asked = append(w.asked, d)
	case mailbox.Settle:
		if !w.open[d.Call] {
			w.fatal("call %d settles, which is not open", d.Call)
		}
		delete(w.open, d.Call)
		for _, id := range d.Conversations {
			if w.page.Conversation(id) == nil {
				w.fatal("call %d is given %s, which the page does not have", d.Call, id)
			}
		}
		w.page.Take(mailbox.Pile(d.Call))
	case mailbox.Wake:
		w.alarm = d.Attempt
	case mailbox.Create:
		if w.page.Conversation(d.Conversation) != nil {
			w.fatal("%s is made twice", d.Conversation)
		}
		w.page.Carry(d)
	case mailbox.Update:
		if w.page.Conversation(d.Conversation) == nil {
			w.fatal("%s is brought up to date before it is made", d.Conversation)
		}
		w.page.Carry(d)
	case mailbox.EmitTopic:
		if !w.in || w.leaving {
			w.fatal("%s to a page whose session is over", d.Topic)
		}
		w.page.Carry(d)
	case mailbox.EmitPins:
		if !w.in || w.leaving {
			w.fatal("pins to a page whose session is over")
		}
		w.page.Carry(d)
	case mailbox.EmitCounters:
		if !w.in || w.leaving {
			w.fatal("counters of %s to a page whose session is over", d.Group)
		}
	case mailbox.UpdateGroup, mailbox.DropGroup, mailbox.UpdateTopic, mailbox.DropTopic,
		mailbox.Log, mailbox.Set, mailbox.Drop, mailbox.Arrange, mailbox.Keep, mailbox.Patch, mailbox.Confirm, mailbox.Forget:
		w.page.Carry(d)
	case mailbox.Emit:
		overheard := !w.in && d.Name == frame.EventMessageReceived && w.visits
		if (!w.in || w.leaving) && !overheard {
			w.fatal("%s to a page whose session is over", d.Name)
		}
		w.page.Carry(d)
	}
}

// event takes what a listener gets.
func (w *world) event(name string, data any) {
	switch name {
	case frame.EventConversationListUpdated:
		w.listed = true
		ids := []string{}
		for _, c := range data.([]objects.Object) {
			ids = append(ids, c["conversationID"].(string))
		}
		w.lists = ids
	case frame.EventGroupListUpdated:
		w.groups = slices.DeleteFunc(keysOf(data.([]objects.Object)), func(id string) bool { return id == liveRoom })
	case frame.EventTotalUnreadMessageCountUpdated:
		w.total = data.(int64)
	case frame.EventMessageReceived:
		for _, m := range data.([]objects.Object) {
			at, _ := m["position"].(float64)
			position := int64(at)
			if position == 0 {
				continue
			}
			if w.sane && w.given[position] {
				w.fatal("position %d reaches the page twice", position)
			}
			w.given[position] = true
			w.noticed = slices.DeleteFunc(w.noticed, func(p int64) bool { return p == position })
		}
	case frame.EventMessageReadByPeer:
		for _, m := range data.([]objects.Object) {
			if m["isPeerRead"] != true || m["flow"] != "out" {
				w.fatal("MESSAGE_READ_BY_PEER of %v", m)
			}
		}
	}
}

// shown checks that what is acknowledged has been given to the page by the end of
// the step.
func (w *world) shown(acked string) {
	at, _ := strconv.ParseInt(acked[strings.LastIndexByte(acked, '.')+1:], 10, 64)
	for _, p := range w.noticed {
		if w.sane && p <= at {
			w.fatal("position %d is acknowledged with %s, and was not shown", p, acked)
		}
	}
}

// settled checks what must hold between two inputs.
func (w *world) settled() {
	w.t.Helper()
	order := w.m.Order()
	sum := int64(0)
	pinned, last := true, int64(1<<62)
	for n, id := range order {
		if slices.Contains(order[:n], id) {
			w.fatal("%s is on the list twice", id)
		}
		c := w.page.Conversation(id)
		if c == nil {
			w.fatal("%s is on the list, and the page does not have it", id)
		}
		unread, _ := c["unreadCount"].(float64)
		sum += int64(unread)
		w.inGroup(id, c)
		if !w.m.Partial() {
			if isPinned := c["isPinned"] == true; isPinned != pinned {
				if isPinned {
					w.fatal("%s is pinned, and stands behind others", id)
				}
				pinned, last = false, 1<<62
			}
			if at := w.m.Last(id); at > last {
				w.fatal("%s is newer than those before it", id)
			} else {
				last = at
			}
		}
	}
	keys := w.m.GroupKeys()
	if keys != nil && (len(w.page.Groups(keys)) != len(keys) || w.page.GroupCount() != len(keys)) {
		w.fatal("the machine has the groups %v, the page %d of others", keys, w.page.GroupCount())
	}
	keys = slices.DeleteFunc(keys, func(id string) bool { return id == liveRoom }) // the list that the page is told has none
	if w.m.GroupKeys() != nil && w.m.State() == mailbox.Live && !slices.Equal(keys, w.groups) && len(keys)+len(w.groups) > 0 {
		w.fatal("the page was told of the groups %v, and the user is in %v", w.groups, keys)
	}
	if w.m.Total() != sum {
		w.fatal("the total is %d, the sum of the page's list %d", w.m.Total(), sum)
	}
	if w.m.Stray() {
		w.fatal("a conversation is on no list")
	}
	switch w.m.State() {
	case mailbox.Out:
		if w.in {
			w.fatal("out while the session lasts")
		}
		if !w.m.Empty() {
			w.fatal("nobody is logged in, and something is left of somebody")
		}
	case mailbox.First:
		if w.alarm == 0 && !slices.ContainsFunc(w.asked, func(a mailbox.Ask) bool {
			return a.Method == frame.SessionSync || a.Method == frame.SessionMore
		}) {
			w.fatal("calls may wait for a list that nobody asks for")
		}
	case mailbox.Lost:
	case mailbox.Live:
		if w.listed && !w.m.Partial() && w.total != sum {
			w.fatal("the page was told of %d unread messages, and there are %d", w.total, sum)
		}
		if len(w.noticed) > 0 && w.sane {
			w.fatal("%v came, and the page was not given it", w.noticed)
		}
	case mailbox.Ending:
		if !w.leaving {
			w.fatal("ending while the session goes on")
		}
	}
}

// inGroup checks what a conversation has if it is a group's.
func (w *world) inGroup(id string, c objects.Object) {
	if !strings.HasPrefix(id, "GROUP") {
		return
	}
	if g, ok := c["groupProfile"].(objects.Object); ok && "GROUP"+fmt.Sprint(g["groupID"]) != id {
		w.fatal("%s has the profile of %v", id, g["groupID"])
	} else if !ok && slices.Contains(w.m.GroupKeys(), strings.TrimPrefix(id, "GROUP")) {
		w.fatal("%s has no profile, and the group is known", id)
	}
	last := float64(w.m.ReadUpTo(id))
	list, _ := c["groupAtInfoList"].([]any)
	for _, item := range list {
		seq, _ := item.(objects.Object)["messageSequence"].(float64)
		if seq <= last {
			w.fatal("%s shows the mention %v, and %v is read or shown before", id, seq, last)
		}
		last = seq
	}
	for _, m := range w.page.Messages(id) {
		if seq, _ := m["sequence"].(float64); m["from"] != nil && (m["flow"] == "out") != (m["from"] == "alice") ||
			m["flow"] == "in" && seq != 0 && int64(seq) <= w.m.ReadUpTo(id) && m["isRead"] != true {
			w.fatal("%v is read up to %d", m, w.m.ReadUpTo(id))
		}
	}
}

func keysOf(groups []objects.Object) []string {
	keys := []string{}
	for _, g := range groups {
		keys = append(keys, g["groupID"].(string))
	}
	return keys
}
