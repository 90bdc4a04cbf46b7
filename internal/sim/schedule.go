package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/session"
)

// world is one run of a schedule.
type world struct {
	clock   clock
	gateway *gateway
	pages   []*page
	chance  *rand.Rand
	telling bool
	story   []string
	broken  string // the first thing that did not hold
}

// Action is one thing that a user or the network does.
type Action struct {
	At   int64
	Page int
	Do   string
	Arg  int
}

// String writes an action as a story does.
func (a Action) String() string { return fmt.Sprintf("%d page %d %s %d", a.At, a.Page, a.Do, a.Arg) }

// Schedule is everything that happens in a run.
type Schedule struct {
	Seed    uint64
	Actions []Action
}

var users = []string{"alice", "bob", "eve"}

// deeds are what actions can do. One that is named twice is chosen twice as often.
var deeds = strings.Fields(`login login login login logout
	send send send send send send send send send send send send send send send send read read read readall open open open
	pin pin draft draft custom delete clear list list history history watch unwatch revoke revoke
	join quit
	cut cut cut freeze offline online restart ail heal down up kick shown reload
	visit visit visit unvisit say say dismiss`)

// ofUsers is how many of the deeds are the users'.
var ofUsers = slices.Index(deeds, "cut")

// Make makes a schedule from a seed: some minutes with a few pages.
func Make(seed uint64) Schedule {
	chance := rand.New(rand.NewPCG(seed, 1))
	s := Schedule{Seed: seed}
	pages := 2 + chance.IntN(3)
	at := int64(0)
	for n := range pages {
		s.Actions = append(s.Actions, Action{At: at, Page: n, Do: "login"})
		at += chance.Int64N(200)
	}
	for range 30 + chance.IntN(90) {
		if chance.IntN(3) > 0 {
			at += chance.Int64N(400) // close together: that is where things go wrong
		} else {
			at += chance.Int64N(9_000)
		}
		s.Actions = append(s.Actions, Action{At: at, Page: chance.IntN(pages), Do: deeds[chance.IntN(len(deeds))], Arg: chance.IntN(1000)})
	}
	return s
}

// Run runs a schedule. It returns the invariant that was broken, or "", and with
// tell the story.
func (s Schedule) Run(tell bool) (broken string, story []string) {
	w := &world{chance: rand.New(rand.NewPCG(s.Seed, 2)), telling: tell}
	w.gateway = newGateway(w)
	if w.roll(3) == 0 {
		w.gateway.limit = 2
	}
	for n := range 4 {
		w.pages = append(w.pages, newPage(w, fmt.Sprintf("page %d (%s)", n, users[n%len(users)]), users[n%len(users)]))
	}
	for _, a := range s.Actions {
		w.clock.until(a.At)
		if w.broken != "" {
			return w.broken, w.story
		}
		w.tell("-- %s", a)
		w.do(a)
		for _, p := range w.pages {
			p.overdue()
		}
	}
	w.heal()
	return w.broken, w.story
}

// heal makes the network good, and checks what must hold then.
func (w *world) heal() {
	w.tell("-- all is well from here on")
	w.gateway.down, w.gateway.ailing = false, false
	for _, p := range w.pages {
		p.network(true)
		if l := p.h.link; l != nil && l.frozen {
			l.end(1006, "")
		}
	}
	w.pass(120_000)
	for _, p := range w.pages {
		p.atRest()
		if p.ready {
			p.checkHistory()
		}
	}
	w.pass(60_000)
	w.checkRoom()
	for _, p := range w.pages {
		if status, _ := p.h.c.Status(); status == session.StatusReady {
			p.logout()
		}
	}
	w.pass(callWithin)
	for _, p := range w.pages {
		p.overdue()
		for _, c := range p.open {
			w.fail("%s: %s never settles", p.name, c.what)
		}
		if total := p.h.c.Mail().Total(); total != 0 {
			w.fail("%s: nobody is logged in, and %d messages are unread", p.name, total)
		}
	}
}

// pass lets time pass in which nothing is done, unless something is broken
// already.
func (w *world) pass(ms int64) {
	for end := w.clock.now + ms; w.broken == "" && w.clock.now < end; {
		w.clock.until(min(end, w.clock.now+5_000))
	}
}

// checkHistory reads every conversation to its beginning.
func (p *page) checkHistory() {
	u := p.w.gateway.user(p.user)
	for _, peer := range u.peers {
		c, want := u.convs[peer], []int64(nil)
		if peer == theTeam && !p.w.gateway.team.has(p.user) {
			continue
		}
		for _, r := range p.w.gateway.log[c.floor:] {
			if r.id != "" && (peer == theTeam && r.to == theTeam || r.from == p.user && r.to == peer || r.from == peer && r.to == p.user) {
				want = append(want, r.pos)
			}
		}
		p.read(c.id(), "", nil, func(got []int64) {
			if !slices.Equal(want, got) {
				p.w.fail("%s: the history of %s is %v, and at the gateway %v", p.name, peer, got, want)
			}
		})
	}
}

func (w *world) roll(n int64) int64 { return w.chance.Int64N(n) }

func (w *world) tell(format string, args ...any) {
	if w.telling {
		w.story = append(w.story, fmt.Sprintf("%7d ", w.clock.now)+fmt.Sprintf(format, args...))
	}
}

// fail notes the first invariant that is broken.
func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.tell("!! %s", w.broken)
	}
}

// do carries out an action.
func (w *world) do(a Action) {
	p := w.pages[a.Page]
	peer := users[a.Arg%len(users)]
	if peer == p.user && a.Arg%10 > 0 { // few write to themselves
		peer = users[(a.Arg+1)%len(users)]
	}
	if status, _ := p.h.c.Status(); status == session.StatusLoggedOut && a.Arg%8 > 0 && a.Do != "login" && slices.Contains(deeds[:ofUsers], a.Do) {
		p.login() // who does something is logged in, most of the time
	}
	id := c2c + peer
	if a.Arg%3 == 0 {
		id = theTeam
	}
	call := func(what string, in func(mailbox.Call) mailbox.Input) { p.call(what, in, nil) }
	switch a.Do {
	case "login":
		p.login()
	case "logout":
		p.logout()
	case "send":
		p.send(id)
	case "read":
		call("read "+id, func(c mailbox.Call) mailbox.Input { return mailbox.MarkRead{Call: c, Conversation: id} })
	case "readall":
		call("read all", func(c mailbox.Call) mailbox.Input { return mailbox.MarkAllRead{Call: c} })
	case "open":
		call("open "+id, func(c mailbox.Call) mailbox.Input { return mailbox.OpenConversation{Call: c, Conversation: id} })
	case "pin":
		call("pin "+id, func(c mailbox.Call) mailbox.Input {
			return mailbox.Pin{Call: c, Conversation: id, Pinned: a.Arg%2 == 0}
		})
	case "draft":
		call("draft of "+id, func(c mailbox.Call) mailbox.Input {
			return mailbox.SetDraft{Call: c, Conversation: id, Text: fmt.Sprint(a.Arg % 4)}
		})
	case "custom":
		call("custom data of "+id, func(c mailbox.Call) mailbox.Input {
			return mailbox.SetCustomData{Call: c, IDs: []string{id}, Data: fmt.Sprint(a.Arg % 4)}
		})
	case "delete", "clear":
		call(a.Do+" "+id, func(c mailbox.Call) mailbox.Input {
			return mailbox.DeleteConversations{Call: c, IDs: []string{id}, ClearHistory: a.Do == "clear"}
		})
	case "list":
		call("list", func(c mailbox.Call) mailbox.Input { return mailbox.ListConversations{Call: c, Unread: a.Arg%2 == 0} })
	case "history":
		p.read(id, "", nil, func([]int64) {})
	case "watch":
		call("watch "+peer, func(c mailbox.Call) mailbox.Input { return mailbox.Watch{Call: c, IDs: []string{peer}} })
	case "unwatch":
		call("unwatch", func(c mailbox.Call) mailbox.Input { return mailbox.Unwatch{Call: c} })
	case "revoke":
		w.revoke(p)
	case "join":
		w.gateway.join(w.gateway.user(p.user))
	case "quit":
		w.gateway.leave(w.gateway.user(p.user))
	default:
		w.disturb(a, p)
	}
}

// revoke takes back the newest message that a page's user has sent.
func (w *world) revoke(p *page) {
	for n := len(w.gateway.log) - 1; n >= 0; n-- {
		if r := w.gateway.log[n]; r.id != "" && r.from == p.user {
			end := p.began("revoke " + r.id)
			p.h.c.Send(frame.MessageRevoke, frame.Fields{{Key: "position", Value: r.pos}}, 0, ended(end))
			return
		}
	}
}

// disturb carries out an action of the network, the gateway or the host.
func (w *world) disturb(a Action, p *page) {
	l := p.h.link
	switch a.Do {
	case "cut":
		if l != nil {
			l.end(1006, "")
		}
	case "freeze": // half open: the client has to notice by itself
		if l != nil && l.open {
			l.frozen = true
		}
	case "offline", "online":
		p.network(a.Do == "online")
		w.clock.after(int64(a.Arg)*20, func() { p.network(true) })
	case "restart":
		w.gateway.restart()
	case "ail", "heal":
		w.gateway.ailing = a.Do == "ail"
		w.clock.after(int64(a.Arg)*10, func() { w.gateway.ailing = false })
	case "down":
		w.gateway.down = true
		w.gateway.restart()
		w.clock.after(int64(a.Arg)*10, func() { w.gateway.down = false })
	case "up":
		w.gateway.down = false
	case "kick":
		if pl := w.gateway.place(p.user, p.instance()); pl != nil {
			w.gateway.evict(pl, frame.KickRESTAPI)
		}
	case "shown":
		p.h.c.OnShown()
	case "reload":
		p.reload()
	case "visit":
		p.visit()
	case "unvisit":
		p.unvisit()
	case "say":
		w.gateway.say()
	case "dismiss":
		w.gateway.dismiss()
	}
}

// Shrink returns the shortest schedule that it can find which still breaks an
// invariant.
func (s Schedule) Shrink() Schedule {
	for size := len(s.Actions) / 2; size > 0; {
		shorter := false
		for from := 0; from < len(s.Actions); {
			fewer := s
			fewer.Actions = slices.Delete(slices.Clone(s.Actions), from, min(from+size, len(s.Actions)))
			if broken, _ := fewer.Run(false); broken != "" {
				s, shorter = fewer, true
			} else {
				from += size
			}
		}
		if !shorter {
			size /= 2
		}
	}
	return s
}
