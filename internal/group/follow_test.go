package group

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Members on every gateway are notified of changes once they have listed their
// groups; nobody else is.
func TestMembersAreTold(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.login(0, "alice"), w.login(1, "bob"), w.login(1, "carol")
	silent := w.login(0, "alice") // has listed nothing
	for _, c := range []*client{alice, bob, carol} {
		require.Empty(t, c.groups())
	}
	alice.must("group.create", obj{"name": "n", "groupID": "p", "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
	for _, c := range []*client{alice, bob} {
		n := c.toldOf(frame.NoteGroupJoined)
		require.Equal(t, "alice", n.params["operatorID"])
		g := n.params["group"].(obj)
		require.Equal(t, "p", g["groupID"])
		require.Equal(t, c.userID, g["selfInfo"].(obj)["userID"])
	}
	alice.must("group.update", obj{"groupID": "p", "name": "m"}, nil)
	for _, c := range []*client{alice, bob} {
		g := c.told("the name", func(n note) bool {
			return n.method == frame.NoteGroup && n.params["group"].(obj)["name"] == "m"
		}).params["group"].(obj)
		require.NotContains(t, g, "selfInfo", "the same frame goes to everybody")
	}
	alice.must("group.role", obj{"groupID": "p", "userID": "bob", "role": "Admin"}, nil)
	require.Equal(t, "Admin", bob.toldOf(frame.NoteGroupSelf).params["selfInfo"].(obj)["role"])
	carol.must("group.join", obj{"groupID": "p"}, nil)
	for _, c := range []*client{alice, bob} {
		require.Equal(t, obj{"groupID": "p"}, c.toldOf(frame.NoteGroupApplication).params)
	}
	var list applicationsResult
	bob.must("group.applications", obj{}, &list)
	bob.must("group.handle", obj{
		"groupID": "p", "userID": "carol", "handleAction": "Reject", "handleMessage": "sorry", "authentication": list.ApplicationList[0].Authentication,
	}, nil)
	require.Equal(t, obj{"groupID": "p", "operatorID": "bob", "handleAction": "Reject", "handleMessage": "sorry"},
		carol.toldOf(frame.NoteGroupHandled).params)
	alice.must("group.attributes.init", obj{"groupID": "p", "groupAttributes": obj{"a": "1"}}, nil)
	require.Equal(t, obj{"groupID": "p", "groupAttributes": obj{"a": "1"}}, bob.toldOf(frame.NoteGroupAttributes).params)
	alice.must("group.counters.set", obj{"groupID": "p", "counters": obj{"a": 1}}, nil)
	alice.must("group.counters.add", obj{"groupID": "p", "key": "b", "value": 2}, nil)
	bob.toldOf(frame.NoteGroupCounters)
	require.Equal(t, obj{"groupID": "p", "counters": obj{"b": 2.0}}, bob.toldOf(frame.NoteGroupCounters).params)
	w.server("root", ServerDeleteCounters, obj{"groupID": "p", "keyList": []string{"a", "none"}})
	require.Equal(t, obj{"groupID": "p", "counters": obj{"a": 0.0}}, bob.toldOf(frame.NoteGroupCounters).params)
	w.server("root", ServerDeleteCounters, obj{"groupID": "p"})
	require.Equal(t, obj{"groupID": "p", "counters": obj{"b": 0.0}}, bob.toldOf(frame.NoteGroupCounters).params)
	alice.must("group.owner", obj{"groupID": "p", "newOwnerID": "bob"}, nil)
	require.Equal(t, "Owner", bob.toldOf(frame.NoteGroupSelf).params["selfInfo"].(obj)["role"])
	require.Equal(t, "Member", alice.toldOf(frame.NoteGroupSelf).params["selfInfo"].(obj)["role"])
	bob.must("group.kick", obj{"groupID": "p", "userIDs": []string{"alice"}}, nil)
	require.Equal(t, obj{"groupID": "p", "reason": leftKicked, "operatorID": "bob"}, alice.toldOf(frame.NoteGroupLeft).params)
	bob.must("group.dismiss", obj{"groupID": "p"}, nil)
	require.Equal(t, obj{"groupID": "p", "reason": leftDismissed, "operatorID": "bob"}, bob.toldOf(frame.NoteGroupLeft).params)
	bob.must("group.create", obj{"name": "n", "groupID": "w"}, nil)
	bob.toldOf(frame.NoteGroupJoined)
	bob.must("group.quit", obj{"groupID": "w"}, nil)
	require.Equal(t, obj{"groupID": "w", "reason": leftQuit, "operatorID": "bob"}, bob.toldOf(frame.NoteGroupLeft).params)

	silent.mu.Lock()
	defer silent.mu.Unlock()
	require.Empty(t, silent.notes)
	carol.mu.Lock()
	defer carol.mu.Unlock()
	require.Empty(t, carol.notes, "who waits is no member")
}

// A new number of members is told a moment later, once for all who joined.
func TestTheNumberOfMembersIsTold(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.groups()
	alice.must("group.create", obj{"name": "n", "groupID": "m", "type": "ChatRoom"}, nil)
	alice.toldOf(frame.NoteGroupJoined)
	for n := range 5 {
		w.login(1, "u"+strconv.Itoa(n)).must("group.join", obj{"groupID": "m"}, nil)
	}
	alice.told("six members", func(n note) bool {
		return n.method == frame.NoteGroup && n.params["group"].(obj)["memberCount"] == 6.0
	})
}

// A user who changes a group again and again does not fill the connections of its
// members: these are told about once a second, and miss nothing in the end.
func TestManyChangesAreToldOnceASecond(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "memberList": []obj{{"userID": "bob"}}}, nil)
	bob.groups()
	const changes = 30
	start := time.Now()
	for n := range changes {
		alice.must("group.update", obj{"groupID": "g", "name": strconv.Itoa(n)}, nil)
		alice.must("group.attributes.set", obj{"groupID": "g", "groupAttributes": obj{"a": strconv.Itoa(n)}}, nil)
		alice.must("group.counters.set", obj{"groupID": "g", "counters": obj{strconv.Itoa(n % 10): n}}, nil)
	}
	told, newest, last := map[string]int{}, obj{}, strconv.Itoa(changes-1)
	var name, attribute any
	for name != last || attribute != last || newest["9"] != float64(changes-1) {
		n := bob.told("the newest of all", func(note) bool { return true })
		told[n.method]++
		switch n.method {
		case frame.NoteGroup:
			name = n.params["group"].(obj)["name"]
		case frame.NoteGroupAttributes:
			attribute = n.params["groupAttributes"].(obj)["a"]
		case frame.NoteGroupCounters:
			maps.Copy(newest, n.params["counters"].(obj))
		}
	}
	for method, n := range told {
		require.LessOrEqual(t, n, 1+int(time.Since(start)/tellPause), method)
	}
	for n := range 10 {
		require.EqualValues(t, changes-10+n, newest[strconv.Itoa(n)])
	}
}

// Once a session is closed, nothing is pushed to it, and nothing of it is kept.
func TestAClosedSessionIsForgotten(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(0, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "w", "memberList": []obj{{"userID": "bob"}}}, nil)
	require.Equal(t, []string{"w"}, alice.groups())
	second := w.login(0, "bob")
	bob.groups()
	second.groups()
	bob.session.Close()
	bob.mu.Lock()
	bob.notes = nil // the follower may have brought the group after the list was asked for
	bob.mu.Unlock()
	alice.must("group.update", obj{"groupID": "w", "name": "m"}, nil)
	second.toldOf(frame.NoteGroup)
	alice.toldOf(frame.NoteGroup)
	bob.mu.Lock()
	require.Empty(t, bob.notes)
	bob.mu.Unlock()
	second.session.Close()
	users, groups := w.rooms[0].Listeners()
	require.Equal(t, []int{1, 1}, []int{users, groups})
	alice.session.Close()
	alice.session.Close()
	alice.session.listen() // as a call that was under way does
	users, groups = w.rooms[0].Listeners()
	require.Equal(t, []int{0, 0}, []int{users, groups})
}

// A session that could not be told of something is told to list again.
func TestADeafSessionListsAgain(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(1, "bob")
	alice.must("group.create", obj{"name": "n", "groupID": "w", "memberList": []obj{{"userID": "bob"}}}, nil)
	alice.groups()
	bob.groups()
	bob.mu.Lock()
	bob.deaf = true
	bob.mu.Unlock()
	alice.must("group.update", obj{"groupID": "w", "name": "m"}, nil)
	alice.toldOf(frame.NoteGroup)
	require.Eventually(t, func() bool { // it may be held back for a moment
		bob.mu.Lock()
		defer bob.mu.Unlock()
		return bob.missed > 0
	}, 30*time.Second, time.Millisecond)
	bob.mu.Lock()
	bob.deaf = false
	bob.mu.Unlock()
	require.Equal(t, note{frame.NoteGroupsReset, obj{}}, bob.toldOf(frame.NoteGroupsReset))
	alice.must("group.update", obj{"groupID": "w", "name": "k"}, nil)
	bob.toldOf(frame.NoteGroup)
}

func TestSubjects(t *testing.T) {
	k := key{app, "my group"}
	for subject, want := range map[string]parsed{
		k.profileSubject():          {kindProfile, k, "", ""},
		k.memberSubject("alice"):    {kindMember, k, "alice", ""},
		k.joinedSubject("alice"):    {kindJoined, k, "alice", ""},
		k.applicationSubject("bob"): {kindApplication, k, "bob", ""},
		k.attributesSubject():       {kindAttributes, k, "", ""},
		k.countersSubject():         {kindCounters, k, "", ""},
		k.topicSubject("my topic"):  {kindTopic, k, "", "my topic"},
	} {
		got, err := parse(subject)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "tim.group.1", "tim.group.x.p.Zw", "tim.group.1.p.Zw.Zw", "tim.group.1.z.Zw", "tim.doc.1.p.Zw", "tim.group.1.p.!"} {
		_, err := parse(bad)
		require.Error(t, err, bad)
	}
	require.Equal(t, bus.SubjectGroups+"1400000000.m.bXkgZ3JvdXA.>", k.memberPattern(classes))
}

// The changes that one user may make are bounded, and a refused user is told so.
func TestRates(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.login(0, "alice"), w.login(0, "bob")
	for n := range createBurst {
		alice.must("group.create", obj{"name": "n", "groupID": strconv.Itoa(n)}, nil)
	}
	alice.refused(fault.GroupTooFrequent, "group.create", obj{"name": "n"})
	w.clock.pass(30e9)
	alice.must("group.create", obj{"name": "n"}, nil)
	alice.refused(fault.GroupTooFrequent, "group.create", obj{"name": "n"})
	bob.must("group.create", obj{"name": "n", "groupID": "b"}, nil)
	for range changeBurst - 1 {
		bob.must("group.update", obj{"groupID": "b", "name": "n"}, nil)
	}
	bob.refused(fault.GroupTooFrequent, "group.update", obj{"groupID": "b", "name": "n"})
	many := make([]string, maxMoved)
	for i := range many {
		many[i] = "u" + strconv.Itoa(i)
	}
	carol := w.login(1, "carol")
	carol.must("group.create", obj{"name": "n", "groupID": "c", "maxMemberNum": 2000}, nil)
	for range bringBurst / maxMoved {
		carol.must("group.invite", obj{"groupID": "c", "userIDs": many}, nil)
	}
	require.Equal(t, 1+maxMoved, carol.group("c").MemberCount)
	carol.refused(fault.GroupTooFrequent, "group.kick", obj{"groupID": "c", "userIDs": many[:1]})
}

// The number of a user's groups is bounded, whoever brings them in.
func TestManyGroups(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.login(0, "alice"), w.login(1, "bob"), w.login(0, "carol")
	for n := range maxJoined {
		k := key{app, "g" + strconv.Itoa(n)}
		require.NoError(t, w.rooms[0].put(t.Context(), k.joinedSubject("bob"), encode(joined{1, w.clock.Now().UnixMilli()}), 0))
	}
	bob.refused(fault.TooManyGroups, "group.create", obj{"name": "n"})
	carol.must("group.create", obj{"name": "n", "groupID": "c", "memberList": []obj{{"userID": "alice"}}}, nil)
	var out inviteResult
	alice.must("group.invite", obj{"groupID": "c", "userIDs": []string{"bob", "dave"}}, &out)
	require.Equal(t, [][]string{{"bob"}, {"dave"}}, [][]string{out.OverLimit, out.Success})

	require.Empty(t, bob.groups(), "there are no such groups")
	w.rooms[1].behind()
	bob.refused(fault.TooManyGroups, "group.create", obj{"name": "n"})
	w.clock.pass(2 * turnAge * 1e6)
	require.Empty(t, bob.groups(), "and none of them is being made")
	w.rooms[1].behind()
	bob.must("group.create", obj{"name": "n", "groupID": "b"}, nil)
	require.Equal(t, []string{"b"}, bob.groups())
}

// A change that happens while a user's groups are being listed is part of the list
// or is told, whenever it happens. The user learns of every group that they come
// into meanwhile, and of none that they leave.
func TestChangesDuringAList(t *testing.T) {
	for _, before := range []bool{true, false} {
		b := &listing{Bus: busmodel.New(busmodel.Options{})}
		w := &world{t: t, clock: newClock()}
		w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
		alice := w.login(1, "alice")
		for _, id := range []string{"stays", "kicks", "ends"} {
			alice.must("group.create", obj{"name": "n", "groupID": id, "type": "Public", "memberList": []obj{{"userID": "bob"}}}, nil)
		}
		bob := w.login(0, "bob")
		b.during(before, func() {
			alice.must("group.kick", obj{"groupID": "kicks", "userIDs": []string{"bob"}}, nil)
			alice.must("group.dismiss", obj{"groupID": "ends"}, nil)
			alice.must("group.create", obj{"name": "n", "groupID": "new", "memberList": []obj{{"userID": "bob"}}}, nil)
			w.reach()
		})
		require.Equal(t, []string{"stays"}, bob.groups())
		bob.told("the new group", func(n note) bool {
			return n.method == frame.NoteGroupJoined && n.params["group"].(obj)["groupID"] == "new"
		})
		alice.must("group.create", obj{"name": "again", "groupID": "ends", "type": "Public"}, nil)
		for _, id := range []string{"kicks", "ends", "stays"} {
			alice.must("group.update", obj{"groupID": id, "name": "m"}, nil)
		}
		n := bob.told("an old group", func(n note) bool { // the number of members of the new one may be told at any time
			return n.method == frame.NoteGroup && n.params["group"].(obj)["groupID"] != "new"
		})
		require.Equal(t, "stays", n.params["group"].(obj)["groupID"], "no longer of the others")
		users, groups := w.rooms[0].Listeners()
		require.Equal(t, []int{1, 2}, []int{users, groups})
	}
}

// A call that creates a group and its repetition may run at the same time, on two
// gateways. Each counts the members whom the other one brings.
func TestACreateBesideItsRepetition(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b, dying := &listing{Bus: store}, &faulty{Bus: store}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(dying)}
	params := obj{"name": "n", "groupID": "g", "nonce": "x", "memberList": []obj{{"userID": "bob"}}}
	first, again := w.login(1, "alice"), w.login(0, "alice")
	b.during(true, func() { // the repetition has counted and is about to look who is missing
		dying.arm(5, false, true) // before the first call gives the turn back
		require.NotNil(t, first.call("group.create", params, nil))
	})
	var made createResult
	again.must("group.create", params, &made)
	require.Equal(t, 2, made.Group.MemberCount)
	require.Len(t, again.members("g", 100), 2)
}

// listing is a store in which something happens before or after the first read of
// groups.
type listing struct {
	*busmodel.Bus
	mu     sync.Mutex
	before bool
	what   func()
}

// during calls what before or after that read.
func (l *listing) during(before bool, what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before, l.what = before, what
}

func (l *listing) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	log, err := l.Bus.OpenLog(ctx, c)
	return &listingLog{log, l}, err
}

type listingLog struct {
	bus.Log
	l *listing
}

func (l *listingLog) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	l.l.mu.Lock()
	before, what := l.l.before, l.l.what
	l.l.what = nil
	l.l.mu.Unlock()
	if what != nil && before {
		what()
	}
	values, err := l.Log.LastAll(ctx, subjects)
	if what != nil && !before {
		what()
	}
	return values, err
}
