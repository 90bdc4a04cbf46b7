package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/session"
)

// callWithin is how long a call may take, in ms: a send takes up to 30 s, a call
// that needs the list two attempts of 20 s, a page of history several requests
// of 15 s.
const callWithin = 150_000

// page is the app of one user in one tab.
type page struct {
	w       *world
	name    string
	user    string
	h       *host
	objects *objects.Objects
	open    map[int]openCall
	calls   int
	sent    int
	ready   bool           // between SDK_READY and SDK_NOT_READY
	leaves  int64          // the clock's event in which a logout was asked for, 0 for none
	start   int64          // what lies up to here is not missed by this session
	given   map[int64]bool // positions, in this session
	warned  []string       // in this session
	visits  bool           // it has joined the live room, and nothing has ended that
	heard   string         // the newest message from there
}

type openCall struct {
	what string
	by   int64
}

func newPage(w *world, name, user string) *page {
	p := &page{w: w, name: name, user: user, open: map[int]openCall{}, given: map[int64]bool{}}
	p.objects = objects.New(p.event)
	p.h = &host{w: w, p: p, timers: map[session.Timer]*event{}, online: true}
	p.h.c = client.New(client.Options{SDKAppID: 1400000000, Platform: "Web", Early: true, Page: p.h}, p.h)
	return p
}

// instance returns the secret of the running session, as it is stored for a
// reload.
func (p *page) instance() string {
	secret, _, _ := strings.Cut(p.h.stored, "\n")
	return secret
}

// began notes a call, and returns the function to call at its end.
func (p *page) began(what string) func(err *fault.Error) {
	p.calls++
	n := p.calls
	p.open[n] = openCall{what, p.w.clock.now + callWithin}
	p.w.tell("%s: %s", p.name, what)
	return func(err *fault.Error) {
		if _, open := p.open[n]; !open {
			p.w.fail("%s: %s settles twice", p.name, what)
		}
		delete(p.open, n)
		if err != nil {
			p.w.tell("%s: %s: %d", p.name, what, err.Code)
		} else {
			p.w.tell("%s: %s: done", p.name, what)
		}
	}
}

func (p *page) login() {
	end := p.began("login")
	p.visits = p.visits && !p.h.online // offline a login fails at once, and ends nothing
	p.h.c.Login(p.user, "sig", func(_ frame.Body, err *fault.Error) { end(err) })
}

func (p *page) logout(then ...func()) {
	if p.ready && p.leaves == 0 {
		p.leaves = p.w.clock.ran
	}
	end := p.began("logout")
	p.h.c.Logout(func(_ frame.Body, err *fault.Error) {
		end(err)
		for _, f := range then {
			f()
		}
	})
}

// call makes a call of the mailbox.
func (p *page) call(what string, in func(mailbox.Call) mailbox.Input, then func(s mailbox.Settle)) {
	end := p.began(what)
	call := p.h.c.Mail().Call(func(s mailbox.Settle) {
		end(s.Err)
		for _, id := range s.Conversations {
			if p.objects.Conversation(id) == nil {
				p.w.fail("%s: %s gives %s, which the page does not have", p.name, what, id)
			}
		}
		if then != nil {
			then(s)
		}
	})
	p.h.c.Mail().Post(in(call))
}

func (p *page) send(conversation string) {
	p.sent++
	id := fmt.Sprintf("%s-%d", p.name, p.sent)
	p.objects.Hold(objects.Object{"ID": id, "conversationID": conversation, "from": p.user, "flow": "out", "status": "unSend"})
	to := frame.Field{Key: "groupID", Value: team}
	if conversation != theTeam {
		to = frame.Field{Key: "to", Value: conversation[len(c2c):]}
	}
	p.call("send "+id+" to "+conversation, func(c mailbox.Call) mailbox.Input {
		return mailbox.Send{Call: c, Conversation: conversation, Params: frame.Fields{{Key: "id", Value: id}, to}}
	}, func(s mailbox.Settle) {
		if s.Err == nil {
			p.objects.Hold(objects.ObjectOf(s.Result.Object("message")))
		}
	})
}

// read reads a conversation's history to its beginning.
func (p *page) read(id, next string, got []int64, then func([]int64)) {
	p.call("history of "+id, func(c mailbox.Call) mailbox.Input {
		return mailbox.ReadHistory{Call: c, Conversation: id, Next: next, Count: 3}
	}, func(s mailbox.Settle) {
		if s.Err != nil {
			return
		}
		var batch []int64
		for _, m := range p.objects.Take(mailbox.Pile(s.Call)) {
			batch = append(batch, int64(m["position"].(float64)))
		}
		got = append(batch, got...)
		if s.Complete {
			then(got)
			return
		}
		p.read(id, s.Next, got, then)
	})
}

// sessionEvent takes an event of the session.
func (p *page) sessionEvent(name string, data frame.Body) {
	switch name {
	case frame.EventSDKReady:
		p.ready, p.leaves = true, 0
		p.given, p.warned = map[int64]bool{}, nil
	case frame.EventSDKNotReady:
		p.ready = false
	case frame.EventError:
		p.visits = p.visits && fault.Code(data.Number("code")) != fault.NoSuchGroup
	}
	if data == nil {
		p.w.tell("%s: %s", p.name, name)
	} else {
		p.w.tell("%s: %s %s%s%s", p.name, name, data.Text("status"), data.Text("type"), data.Text("state"))
	}
}

// event takes an event of the mailbox.
func (p *page) event(name string, data any) {
	p.w.tell("%s: %s %s", p.name, name, brief(data))
	if list, ok := data.([]objects.Object); ok && name == frame.EventMessageReceived && list[0]["conversationID"] == theRoom {
		p.overhears(list[0]["ID"].(string))
		return
	}
	if !p.ready {
		p.w.fail("%s: %s behind SDK_NOT_READY", p.name, name)
	}
	if p.leaves != 0 && p.leaves != p.w.clock.ran {
		p.w.fail("%s: %s, though a logout has begun", p.name, name)
	}
	switch name {
	case frame.EventConversationListUpdated:
		seen := map[any]bool{}
		for _, c := range data.([]objects.Object) {
			if seen[c["conversationID"]] {
				p.w.fail("%s: %v is on the list twice", p.name, c["conversationID"])
			}
			seen[c["conversationID"]] = true
		}
	case frame.EventTotalUnreadMessageCountUpdated:
		if sum := p.sum(); sum != data.(int64) || p.h.c.Mail().Total() != sum {
			p.w.fail("%s: the total is %v, the sum of the list %d", p.name, data, sum)
		}
	case frame.EventMessageReceived:
		for _, m := range data.([]objects.Object) {
			at := int64(m["position"].(float64))
			if p.given[at] {
				p.w.fail("%s: position %d reaches the page twice", p.name, at)
			}
			p.given[at] = true
		}
	}
	p.listener(name, data)
}

func (p *page) sum() int64 {
	sum := 0.0
	for _, c := range p.objects.Conversations() {
		n, _ := c["unreadCount"].(float64)
		sum += n
	}
	return int64(sum)
}

// listener sometimes does what apps do in their listeners.
func (p *page) listener(name string, data any) {
	switch k := p.w.roll(100); {
	case k < 30 && name == frame.EventMessageReceived:
		id := data.([]objects.Object)[0]["conversationID"].(string)
		p.call("read "+id, func(c mailbox.Call) mailbox.Input { return mailbox.MarkRead{Call: c, Conversation: id} }, nil)
	case k < 31:
		p.logout()
	case k < 34 && name == frame.EventConversationListUpdated:
		p.call("list", func(c mailbox.Call) mailbox.Input { return mailbox.ListConversations{Call: c} }, nil)
	}
}

// acknowledged is called when an instance acknowledges everything up to a
// position.
func (w *world) acknowledged(pl *place, at int64) {
	p := w.pageOf(pl)
	if p == nil || !p.ready {
		return
	}
	for _, r := range w.gateway.log[min(p.start, at):at] {
		if w.isFor(r, pl) && !p.given[r.pos] {
			w.fail("%s acknowledges %d, and was not given %d", p.name, at, r.pos)
		}
	}
}

// leaves is called when the gateway hears that an instance logs out.
func (w *world) leaves(pl *place) {
	p := w.pageOf(pl)
	if p == nil || !p.ready || !pl.live || pl.unheard {
		return
	}
	for _, r := range w.gateway.log[w.gateway.user(p.user).cursor:] {
		if w.isFor(r, pl) && p.given[r.pos] {
			w.fail("%s logs out without having acknowledged %d, which it was given", p.name, r.pos)
		}
	}
}

// begins is called when the gateway lets a session begin after a position.
func (w *world) begins(pl *place, from int64) {
	if p := w.pageOf(pl); p != nil {
		p.start = from
	}
}

func (w *world) pageOf(pl *place) *page {
	for _, p := range w.pages {
		if p.user == pl.user && p.instance() == pl.instance {
			return p
		}
	}
	return nil
}

// isFor reports whether a record is a message that an instance must get.
func (w *world) isFor(r *record, pl *place) bool {
	return r.id != "" && w.gateway.concerns(r, w.gateway.user(pl.user)) && r.by != pl.instance
}

// atRest checks what must hold for a page that is logged in once the network has
// been good for a while.
func (p *page) atRest() {
	status, _ := p.h.c.Status()
	if status != session.StatusReady {
		if status != session.StatusLoggedOut {
			p.w.fail("%s: %s, though the network is good", p.name, status)
		}
		return
	}
	pl := p.w.gateway.place(p.user, p.instance())
	if pl == nil {
		p.w.fail("%s is ready, and the gateway has no place of it", p.name)
		return
	}
	for _, r := range p.w.gateway.log[p.start:] {
		if p.w.isFor(r, pl) && !p.given[r.pos] {
			p.w.fail("%s was never given position %d", p.name, r.pos)
		}
	}
	u, want := p.w.gateway.user(p.user), []string{}
	for _, peer := range u.peers {
		c := u.convs[peer]
		if c.last == 0 || c.hidden {
			continue
		}
		want = append(want, c.id())
		o := p.objects.Conversation(c.id())
		if o == nil {
			p.w.fail("%s: %s is missing", p.name, c.id())
			continue
		}
		pinned, _ := o["isPinned"].(bool) // of a group whose head alone has come there is none of these
		draft, _ := o["draftText"].(string)
		custom, _ := o["customData"].(string)
		peerRead, _ := o["peerReadSequence"].(float64)
		set := pinned == c.pinned && draft == c.draft && custom == c.custom
		if o["unreadCount"] != float64(c.unread) || peerRead != float64(c.peerRead) || !set && !p.refused(c.id()) {
			p.w.fail("%s: %s is %v, and at the gateway %+v", p.name, c.id(), o, *c)
		}
	}
	have, pinned, last := []string{}, true, float64(1<<62)
	for _, o := range p.objects.Conversations() {
		id := o["conversationID"].(string)
		m, stored := o["lastMessage"].(objects.Object)
		if stored {
			have = append(have, id)
		}
		if is := o["isPinned"] == true; is != pinned {
			pinned, last = is, 1<<62
			if is {
				p.w.fail("%s: %s is pinned, and stands behind others", p.name, id)
			}
		}
		if stored && m["position"].(float64) > last {
			p.w.fail("%s: %s is newer than those before it", p.name, id)
		} else if stored {
			last = m["position"].(float64)
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		p.w.fail("%s: the list is %v, and at the gateway %v", p.name, have, want)
	}
	if p.h.c.Mail().Total() != p.sum() {
		p.w.fail("%s: the total is %d, the sum of the list %d", p.name, p.h.c.Mail().Total(), p.sum())
	}
}

// refused reports whether the gateway has refused, or could not be told, the
// settings that a conversation had before its first message. The page keeps them
// then and logs a warning.
func (p *page) refused(id string) bool {
	return slices.ContainsFunc(p.warned, func(text string) bool {
		return strings.HasPrefix(text, "conversation.") && strings.Contains(text, " of "+id+":")
	})
}

// overdue checks that no call has been open for too long.
func (p *page) overdue() {
	for _, c := range p.open {
		if p.w.clock.now > c.by {
			p.w.fail("%s: %s is open for more than %d s", p.name, c.what, callWithin/1000)
		}
	}
}

// brief returns the data of an event as a story shows it.
func brief(data any) string {
	list, ok := data.([]objects.Object)
	if !ok {
		return fmt.Sprint(data)
	}
	var parts []string
	for _, o := range list {
		if at, ok := o["position"]; ok {
			parts = append(parts, fmt.Sprintf("%v@%v", o["ID"], at))
		} else {
			parts = append(parts, fmt.Sprintf("%v:%v", o["conversationID"], o["unreadCount"]))
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// network sets whether the host believes that it is online.
func (p *page) network(online bool) {
	p.h.online = online
	if !p.h.left {
		p.h.c.OnNetwork(online)
	}
}

// reload loads a new document in the same tab. Open calls never settle, and the
// new document finds its place by what is stored.
func (p *page) reload() {
	p.h.left = true
	if l := p.h.link; l != nil && !l.dead {
		l.dead = true
		p.w.gateway.gone(l)
	}
	fresh := newPage(p.w, p.name, p.user)
	fresh.h.stored, fresh.sent = p.h.stored, p.sent
	p.w.pages[slices.Index(p.w.pages, p)] = fresh
	fresh.login()
}

// ended makes a client.Done from a function that takes the end of a call.
func ended(end func(err *fault.Error)) client.Done {
	return func(_ frame.Body, err *fault.Error) { end(err) }
}
