package sim

import (
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

const c2c = "C2C"

// gateway is the model of a gateway; it makes no mistakes and answers at once.
type gateway struct {
	w       *world
	log     []*record
	team    group
	users   map[string]*user
	places  []*place // in the order in which they were admitted
	evicted map[string]string
	down    bool // refuses connections
	ailing  bool // answers what synchronises, and some other calls, with 70169
	limit   int  // instances of a user
	said    int  // in the live room
}

// place is an instance that is logged in, attached or not.
type place struct {
	user, instance string
	link           *link // nil while it is away
	live           bool  // gets what comes
	unheard        bool  // its last acknowledgement was answered with 70169
	from, upTo     int64 // a synchronisation that has not ended: behind the one, up to the other
	parts          int   // of it that have gone out
}

func newGateway(w *world) *gateway {
	return &gateway{w: w, users: map[string]*user{}, team: newGroup(), evicted: map[string]string{}, limit: 1}
}

// request handles a frame of a client.
func (g *gateway) request(l *link, r frame.Request) {
	if g.down {
		return
	}
	if r.Params == nil {
		r.Params = frame.Fields{}
	}
	switch r.Method {
	case frame.Login:
		g.login(l, r)
		return
	case frame.Farewell:
		g.answer(l, r, nil, nil)
		return
	case frame.RoomVisit:
		g.visit(l, r)
		return
	case frame.Ping:
		g.answer(l, r, frame.Fields{{Key: "serverTime", Value: epoch + g.w.clock.now}}, nil)
		return
	}
	p := l.session
	if p == nil || p.link != l {
		g.answer(l, r, nil, fault.New(fault.NotLoggedIn))
		return
	}
	if r.Method == frame.Logout {
		g.w.leaves(p)
		l.ripen()
		g.drop(p)
		g.answer(l, r, nil, nil)
		l.shut(frame.CloseLoggedOut, "")
		return
	}
	result, err := g.call(p, r)
	if r.Method == frame.MessageAck && err == nil {
		g.answerLater(l, r)
		return
	}
	g.answer(l, r, result, err)
}

// answerLater answers an acknowledgement once others may have gathered.
func (g *gateway) answerLater(l *link, r frame.Request) {
	l.late = append(l.late, r)
	g.w.clock.after(250, l.ripen)
}

func (g *gateway) answer(l *link, r frame.Request, result frame.Fields, err *fault.Error) {
	if result == nil {
		result = frame.Fields{}
	}
	m := frame.Message{ID: r.ID, Err: err}
	if err == nil {
		m.Body = result
	}
	l.toClient(m)
}

// epoch is the gateway's clock at the start of a run.
const epoch = 1_700_000_000_000

func (g *gateway) login(l *link, r frame.Request) {
	name, instance := r.Params.Text("userID"), r.Params.Text("instance")
	l.room = false
	if why, gone := g.evicted[instance]; gone && r.Params.Text("intent") == frame.IntentResume {
		g.kick(&place{link: l}, why)
		return
	}
	delete(g.evicted, instance)
	p := g.place(name, instance)
	if p == nil {
		for _, other := range g.of(name) {
			if len(g.of(name)) >= g.limit {
				g.evict(other, frame.KickMultipleAccount)
			}
		}
		p = &place{user: name, instance: instance}
		g.places = append(g.places, p)
	} else if old := p.link; old != nil && old != l {
		p.link = nil
		old.shut(frame.CloseSuperseded, "")
	}
	p.link, p.live, p.parts, l.session = l, false, 0, p
	g.answer(l, r, frame.Fields{
		{Key: "userID", Value: name}, {Key: "serverTime", Value: epoch + g.w.clock.now}, {Key: "expiresIn", Value: int64(86_400_000)},
		{Key: "heartbeat", Value: int64(frame.Heartbeat)}, {Key: "farewell", Value: "sealed"},
	}, nil)
}

func (g *gateway) place(name, instance string) *place {
	for _, p := range g.places {
		if p.user == name && p.instance == instance {
			return p
		}
	}
	return nil
}

func (g *gateway) of(name string) (of []*place) {
	for _, p := range g.places {
		if p.user == name {
			of = append(of, p)
		}
	}
	return of
}

// evict ends an instance for good.
func (g *gateway) evict(p *place, why string) {
	g.evicted[p.instance] = why
	g.drop(p)
	if p.link != nil {
		g.kick(p, why)
	}
}

func (g *gateway) kick(p *place, why string) {
	p.link.toClient(frame.Message{Method: frame.Evicted, Body: frame.Fields{{Key: "type", Value: why}}})
	p.link.shut(frame.CloseEvicted, why)
}

func (g *gateway) drop(p *place) {
	for i, q := range g.places {
		if p == q {
			g.places = append(g.places[:i:i], g.places[i+1:]...)
			return
		}
	}
}

// gone is called when a link has ended; the place waits for its instance.
func (g *gateway) gone(l *link) {
	if p := l.session; p != nil && p.link == l {
		p.link, p.live = nil, false
	}
}

// restart ends every connection; the store stays.
func (g *gateway) restart() {
	for _, p := range g.places {
		if l := p.link; l != nil {
			l.end(1006, "")
		}
	}
}

// tell calls f for the live instances of a user.
func (g *gateway) tell(name string, f func(p *place)) {
	for _, p := range g.places {
		if p.user == name && p.live {
			f(p)
		}
	}
}

func (g *gateway) note(p *place, method string, f frame.Fields) {
	p.link.toClient(frame.Message{Method: method, Body: f})
}

// cursor returns how far an instance is in the log, as a field.
func cursor(at int64) frame.Field {
	return frame.Field{Key: "cursor", Value: "2.0." + strconv.FormatInt(at, 10)}
}

func (g *gateway) cursor(*place) frame.Field { return cursor(g.at()) }

// call answers a call of an instance.
func (g *gateway) call(p *place, r frame.Request) (frame.Fields, *fault.Error) {
	in, u := r.Params, g.user(p.user)
	id := in.Text("conversationID")
	if g.ailing && (r.Method == frame.SessionSync || r.Method == frame.SessionMore || g.w.roll(3) == 0) {
		p.unheard = p.unheard || r.Method == frame.MessageAck
		return nil, fault.New(fault.ServerTimeout)
	}
	c := u.of(id)
	switch r.Method {
	case frame.SessionSync:
		return g.sync(p, u, in.Text("cursor")), nil
	case frame.SessionMore:
		if p.live || p.parts == 0 {
			return nil, fault.New(fault.BadParameters)
		}
		return g.more(p, u), nil
	case frame.MessageSend:
		if in.Text("groupID") != "" {
			r, err := g.storeInGroup(p.user, p.instance, in.Text("id"))
			if err != nil {
				return nil, err
			}
			return frame.Fields{{Key: "message", Value: g.message(r, "")}}, nil
		}
		return frame.Fields{{Key: "message", Value: g.message(g.store(p.user, p.instance, in.Text("to"), in.Text("id")), p.user)}}, nil
	case frame.GroupList, frame.GroupGet:
		return g.groups(p.user), nil
	case frame.MessageList:
		if id == theTeam && !g.team.has(p.user) {
			return nil, fault.New(fault.GroupNotPermitted)
		}
		return g.list(p.user, c, id, in.Number("before"), in.Number("count")), nil
	case frame.MessageAck:
		at, _ := cut(in.Text("cursor"))
		g.w.acknowledged(p, at)
		u.cursor, p.unheard = max(u.cursor, at), false
	case frame.MessageRead:
		if c == nil {
			return nil, fault.New(fault.NoConversation)
		}
		at, _ := cut(in.Text("cursor"))
		g.markRead(u, c, at)
	case frame.MessageReadAll:
		at, _ := cut(in.Text("cursor"))
		for _, peer := range u.peers {
			g.markRead(u, u.convs[peer], at)
		}
	case frame.MessageRevoke:
		at := in.Number("position")
		if at < 1 || at > g.at() || g.log[at-1].from != p.user || g.log[at-1].id == "" {
			return nil, fault.New(fault.BadParameters)
		}
		g.revoke(g.log[at-1])
		return frame.Fields{{Key: "message", Value: g.message(g.log[at-1], p.user)}}, nil
	case frame.ConversationPin, frame.ConversationDraft:
		if c == nil || c.last == 0 || c.peer == theTeam && c.hidden { // a head, which brings it back, would not say it
			return nil, fault.New(fault.NoConversation)
		}
		if r.Method == frame.ConversationPin {
			c.pinned = in.Bool("isPinned")
		} else {
			c.draft = in.Text("draftText")
		}
		g.change(u, c)
	case frame.ConversationCustom, frame.ConversationDelete:
		for _, id := range in.Texts("conversationIDs") {
			g.changeOne(u, id, r.Method, in)
		}
	case frame.ProfileGet:
		var list []frame.Body
		for _, id := range in.Texts("userIDs") {
			list = append(list, frame.Fields{{Key: "userID", Value: id}, {Key: "nick", Value: "N " + id}})
		}
		return frame.Fields{{Key: "profiles", Value: list}}, nil
	}
	return nil, nil
}

func (g *gateway) changeOne(u *user, id, method string, in frame.Body) {
	c := u.of(id)
	if c == nil || c.last == 0 || c.hidden {
		return
	}
	if method == frame.ConversationCustom {
		c.custom = in.Text("customData")
	} else {
		c.hidden, c.unread, c.readSeq, c.pinned = true, 0, c.lastSeq, false
		if c.peer == theTeam {
			c.draft, c.custom = "", ""
		}
		if in.Bool("clearHistory") {
			c.floor = g.at()
		}
	}
	g.change(u, c)
}
