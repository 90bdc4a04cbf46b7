package group

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is a simple model of groups: one map, no store, no gateways.
type reference struct {
	groups map[string]*refGroup
}

type refGroup struct {
	typ     Type
	owner   string
	join    Option
	name    string
	muted   bool
	members map[string]*refMember
	most    int
	tips    []string // the tips to the members, in the form of tipText
	topics  map[string]*refTopic
}

func (g *refGroup) tip(operation int, by string, users string) {
	g.tips = append(g.tips, fmt.Sprint(operation, " ", by, " ", users))
}

type refMember struct {
	admin bool
	since int
	card  string
	mute  bool
}

func (g *refGroup) role(user string) Role {
	m := g.members[user]
	switch {
	case user == "root":
		return AppAdmin
	case m == nil:
		return Stranger
	case g.owner == user:
		return Owner
	case m.admin:
		return Admin
	}
	return Member
}

// target returns a user's role as the target of an action: an administrator of the
// app is a plain member there.
func (g *refGroup) target(user string) Role {
	m := g.members[user]
	switch {
	case m == nil:
		return Stranger
	case g.owner == user:
		return Owner
	case m.admin:
		return Admin
	}
	return Member
}

// may follows the facts of rules_test.go, not the table under test.
func (g *refGroup) may(a Action, user string) bool { return facts[g.typ][a].may(g.role(user)) }

// operation is one call. do carries it out in the reference and reports whether it
// is allowed.
type operation struct {
	method string
	params obj
	do     func() bool
}

var modelUsers = []string{"ann", "bea", "cem", "dan", "eva", "fay", "root"}

// draw draws a call by a user.
func (m *reference) draw(r *rand.Rand, user string, now int) operation {
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	id := pick([]string{"g0", "g1", "g2", refCommunity})
	g, other := m.groups[id], pick(modelUsers)
	p := obj{"groupID": id}
	on := func(method string, do func() bool) operation {
		return operation{method, p, func() bool { return g != nil && do() }}
	}
	if id == refCommunity && r.IntN(2) == 0 {
		return m.drawTopic(r, user, pick)
	}
	switch r.IntN(12) {
	case 0, 1:
		typ := []Type{Work, Public, Meeting}[r.IntN(3)]
		if id == refCommunity {
			typ, p["isSupportTopic"] = Community, true
		}
		p["type"], p["name"], p["maxMemberNum"] = typ, "new", 5
		p["memberList"] = []obj{{"userID": other}}
		return operation{"group.create", p, func() bool {
			if g != nil {
				return false
			}
			join := table[typ].join
			m.groups[id] = &refGroup{typ: typ, owner: user, join: join, name: "new", most: 5, members: map[string]*refMember{user: {since: now}}, topics: map[string]*refTopic{}}
			if m.groups[id].members[other] = (&refMember{since: now}); other != user {
				m.groups[id].tip(tipJoined, user, other)
			}
			return true
		}}
	case 2, 3:
		return on("group.join", func() bool {
			switch {
			case g.members[user] != nil:
				return true
			case g.join == NoJoin && user != "root":
				return false
			case g.join == Approval && user != "root":
				return true // waits
			case len(g.members) == g.most:
				return false
			}
			g.members[user] = &refMember{since: now}
			g.tip(tipJoined, user, user)
			return true
		})
	case 4:
		return on("group.quit", func() bool {
			if g.members[user] == nil || g.owner == user && !facts[g.typ][Quit].may(Owner) {
				return false
			}
			g.leave(user)
			g.tip(tipQuit, user, user)
			if g.owner == user {
				g.owner = ""
			}
			if len(g.members) == 0 {
				delete(m.groups, id)
			}
			return true
		})
	case 5:
		p["userIDs"] = []string{other}
		return on("group.invite", func() bool {
			switch {
			case user != "root" && (g.typ != Work && g.typ != Community || g.members[user] == nil):
				return false
			case g.members[other] != nil:
				return true
			case len(g.members) == g.most:
				return false
			}
			g.members[other] = &refMember{since: now}
			g.tip(tipJoined, user, other)
			return true
		})
	case 6:
		p["userIDs"] = []string{other}
		return on("group.kick", func() bool {
			if !g.may(Kick, user) || g.members[other] != nil && g.target(other) >= g.role(user) {
				return false
			}
			if g.members[other] != nil {
				g.tip(tipKicked, user, other)
				g.leave(other)
			}
			return true
		})
	case 7:
		role := pick([]string{"Admin", "Member"})
		p["userID"], p["role"] = other, role
		return on("group.role", func() bool {
			if !g.may(SetRole, user) || g.members[other] == nil || g.owner == other {
				return false
			}
			if was := g.members[other].admin; was != (role == "Admin") {
				g.tip(map[bool]int{true: tipNoAdmin, false: tipAdmin}[was], user, other)
			}
			g.members[other].admin = role == "Admin"
			return true
		})
	case 8:
		p["userID"], p["muteTime"] = other, r.IntN(2)
		return on("group.mute", func() bool {
			if !g.may(Mute, user) || g.members[other] == nil || g.target(other) >= g.role(user) {
				return false
			}
			if p["muteTime"] == 1 || g.members[other].mute {
				g.tip(tipMemberMute, user, other)
			}
			g.members[other].mute = p["muteTime"] == 1
			return true
		})
	case 9:
		p["newOwnerID"] = other
		return on("group.owner", func() bool {
			switch {
			case g.owner == other && g.role(user) >= Member:
				return true
			case !g.may(Transfer, user) || g.members[other] == nil:
				return false
			}
			if was := g.members[g.owner]; was != nil {
				was.admin = false
			}
			g.owner = other
			g.tip(tipProfile, user, other)
			return true
		})
	case 10:
		if r.IntN(3) > 0 {
			p["name"], p["muteAllMembers"] = "n"+strconv.Itoa(r.IntN(9)), r.IntN(2) == 0
			return on("group.update", func() bool {
				if !g.may(Update, user) || !g.may(MuteAll, user) {
					return false
				}
				name, muted := p["name"].(string), p["muteAllMembers"].(bool)
				if g.name != name || g.muted != muted {
					g.tip(tipProfile, user, "")
				}
				g.name, g.muted = name, muted
				return true
			})
		}
		return on("group.dismiss", func() bool {
			if !g.may(Dismiss, user) {
				return false
			}
			delete(m.groups, id)
			return true
		})
	default:
		p["userID"], p["nameCard"] = other, "c"+strconv.Itoa(r.IntN(9))
		return on("group.card", func() bool {
			switch {
			case g.members[other] == nil || g.role(user) == Stranger:
				return false
			case user != other && (!g.may(SetMember, user) || g.target(other) >= g.role(user)):
				return false
			}
			g.members[other].card = p["nameCard"].(string)
			return true
		})
	}
}

// Random calls of random users over two gateways end as they do in the reference:
// each is allowed or refused as it is there, and afterwards both gateways and the
// log show what the reference has.
func TestModel(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Log("seed", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(t)
		var clients [2]map[string]*client
		for i := range clients {
			clients[i] = map[string]*client{}
			for _, user := range modelUsers {
				clients[i][user] = w.login(i, user)
				clients[i][user].groups()
			}
		}
		m := &reference{groups: map[string]*refGroup{}}
		var said []string
		for n := range 250 {
			w.clock.pass(3 * repeatedWithin * 1e6) // so that no call counts as a repetition
			user := modelUsers[r.IntN(len(modelUsers))]
			op := m.draw(r, user, n)
			f := clients[r.IntN(2)][user].call(op.method, op.params, nil)
			allowed := op.do()
			said = append(said, fmt.Sprint(user, " ", op.method, " ", op.params, " ", allowed))
			require.Equal(t, allowed, f == nil, "seed %d\n%s\n%v", seed, said, f)
			if n%10 == 0 {
				m.compare(t, w.chat, clients[r.IntN(2)], fmt.Sprint("seed ", seed, "\n", said))
			}
		}
		m.compare(t, w.chat, clients[0], fmt.Sprint("seed ", seed))
	}
}

// compare compares what a gateway shows, and what the log told the members, with the
// reference.
func (m *reference) compare(t *testing.T, log *chat, clients map[string]*client, name string) {
	in := map[string][]string{}
	for id, g := range m.groups {
		shown := clients["root"].group(id)
		require.Equal(t, []any{g.typ, g.owner, g.name, g.muted, len(g.members)},
			[]any{shown.Type, shown.OwnerID, shown.Name, shown.MuteAllMembers, shown.MemberCount}, "%s: %s", name, id)
		var page membersResult
		clients["root"].must("group.members", obj{"groupID": id, "count": 100}, &page)
		var got, want []string
		for _, one := range page.MemberList {
			got = append(got, fmt.Sprint(one.UserID, one.Role, one.NameCard, one.MuteUntil != 0))
		}
		for user, one := range g.members {
			want = append(want, fmt.Sprint(user, g.target(user), one.card, one.mute))
			in[user] = append(in[user], id)
		}
		require.ElementsMatch(t, want, got, "%s: %s", name, id)
		require.Equal(t, g.tips, log.tips(id), "%s: %s", name, id)
		require.Equal(t, slices.Sorted(maps.Keys(g.members)), log.members(id), "%s: %s", name, id)
	}
	m.compareTopics(t, log, clients["root"], name)
	for _, user := range modelUsers {
		slices.SortFunc(in[user], cmp.Compare)
		require.ElementsMatch(t, in[user], clients[user].groups(), "%s: %s", name, user)
	}
}
