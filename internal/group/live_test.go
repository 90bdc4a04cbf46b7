package group

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// liveRoom creates a live room r of alice's.
func (w *world) liveRoom() (alice *client) {
	alice = w.login(0, "alice")
	alice.must("group.create", obj{"name": "Show", "groupID": "r", "type": "AVChatRoom"}, nil)
	return alice
}

func (c *client) joins(id string) joinResult {
	c.t.Helper()
	var out joinResult
	c.must("group.join", obj{"groupID": id}, &out)
	return out
}

// until waits for what gateways tell each other.
func (c *client) until(is func() bool) {
	c.t.Helper()
	for began := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		require.Less(c.t, time.Since(began), time.Minute)
	}
}

func TestLiveRoomIsCreated(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.refused(fault.GroupNotPermitted, "group.create", obj{"name": "n", "type": "AVChatRoom", "memberList": []obj{{"userID": "bob"}}})
	p := obj{"name": "Show", "groupID": "r", "type": "AVChatRoom", "nonce": "n", "maxMemberNum": 7}
	var made createResult
	alice.must("group.create", p, &made)
	alice.must("group.create", p, nil) // the repetition
	alice.refused(fault.GroupNotPermitted, "group.create", obj{"more": true, "groupID": "r", "nonce": "n", "memberList": []obj{{"userID": "bob"}}})
	require.Equal(t, "alice", made.Group.OwnerID)
	require.Zero(t, made.Group.MemberCount)
	require.Zero(t, made.Group.MaxMemberCount)
	require.Nil(t, made.Group.SelfInfo, "the owner joins like anybody else")
	require.Empty(t, alice.groups())
	w.login(1, "bob").refused(fault.GroupIDTaken, "group.create", obj{"name": "n", "groupID": "r", "type": "AVChatRoom"})
	alice.refused(fault.GroupNotPermitted, "group.invite", obj{"groupID": "r", "userIDs": []string{"bob"}})
	alice.refused(fault.GroupNotPermitted, "group.owner", obj{"groupID": "r", "newOwnerID": "bob"})

	r, err := Open(t.Context(), busmodel.New(busmodel.Options{}), Options{})
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Do(t.Context(), place.User{SDKAppID: app, UserID: "a"}, "group.create", p)
	require.Equal(t, fault.NotBuiltYet, err.(*fault.Error).Code)
}

// Nobody has to be in a live room, so how many a user owns is bounded by itself.
func TestOwnedLiveRooms(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	create := func(id string) *fault.Error {
		w.clock.pass(1e12)
		return alice.call("group.create", obj{"name": "n", "groupID": id, "type": "AVChatRoom"}, nil)
	}
	for n := range maxOwned {
		require.Nil(t, create(numbered("r", n, 1)[0]))
	}
	require.Equal(t, fault.TooManyGroups, create("more").Code)
	alice.must("group.dismiss", obj{"groupID": "r0"}, nil)
	require.Nil(t, create("more"))
	require.NoError(t, w.rooms[1].Forget(t.Context(), place.User{SDKAppID: app, UserID: "alice"}))
	for _, id := range []string{"r1", "more"} {
		alice.refused(fault.NoSuchGroup, "group.search", obj{"groupID": id})
	}
	left, err := w.rooms[0].log.Subjects(t.Context(), ownedPattern(place.User{SDKAppID: app, UserID: "alice"}))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestLiveRoomIsJoinedAndLeft(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.liveRoom(), w.login(1, "bob")
	bob.refused(fault.GroupNotPermitted, "group.members", obj{"groupID": "r"})
	bob.refused(fault.GroupNotPermitted, "group.attributes.get", obj{"groupID": "r"})
	bob.refused(fault.NoSuchGroup, "group.join", obj{"groupID": "none"})
	got := bob.joins("r")
	require.Equal(t, statusJoined, got.Status)
	require.Equal(t, Member.String(), got.Group.SelfInfo.Role)
	require.Equal(t, 1, got.Group.MemberCount)
	require.Equal(t, statusAlready, bob.joins("r").Status)
	require.Equal(t, Owner.String(), alice.joins("r").Group.SelfInfo.Role)
	require.Empty(t, bob.groups(), "no membership is stored")
	both := map[string]string{"bob": "Member", "alice": "Owner"}
	for _, c := range []*client{alice, bob} { // on two gateways, which learn of each other's members
		c.until(func() bool { return maps.Equal(both, c.members("r", 10)) })
	}
	var some memberListResult
	bob.until(func() bool {
		bob.must("group.member.get", obj{"groupID": "r", "userIDs": []string{"bob", "carol", "alice"}}, &some)
		return len(some.MemberList) == 2
	})
	require.Equal(t, "nick of bob", some.MemberList[0].Nick)
	require.Equal(t, "alice", some.MemberList[1].UserID)
	var none membersResult
	bob.must("group.members", obj{"groupID": "r", "offset": strconv.Itoa(math.MaxInt)}, &none)
	require.Equal(t, membersResult{MemberList: []GroupMember{}}, none)
	var online countResult
	bob.must("group.online", obj{"groupID": "r"}, &online)
	require.Positive(t, online.MemberCount)
	bob.must("group.attributes.get", obj{"groupID": "r"}, nil)
	bob.refused(fault.GroupNotPermitted, "group.update", obj{"groupID": "r", "name": "x"})
	bob.refused(fault.GroupNotPermitted, "group.card", obj{"groupID": "r", "nameCard": "x"})
	alice.must("group.update", obj{"groupID": "r", "name": "x"}, nil)

	alice.refused(fault.OwnerMayNotQuit, "group.quit", obj{"groupID": "r"})
	bob.must("group.quit", obj{"groupID": "r"}, nil)
	bob.refused(fault.GroupNotPermitted, "group.quit", obj{"groupID": "r"})
	bob.joins("r")
	bob.session.Close()
	_, here := w.rooms[1].o.Live.Since(keyOf(bob.session.user, "r").room(), "bob")
	require.False(t, here)
	_, err := w.rooms[0].Do(t.Context(), bob.session.user, "group.join", obj{"groupID": "r"})
	require.Equal(t, fault.GroupNotPermitted, err.(*fault.Error).Code)
}

func TestNewestMembersArePaged(t *testing.T) {
	w := newWorld(t)
	alice := w.liveRoom()
	for _, id := range numbered("m", 0, 5) {
		w.login(0, id).joins("r")
	}
	var got []string
	for p := (obj{"groupID": "r", "count": 2}); ; {
		var page membersResult
		alice.must("group.members", p, &page)
		for _, m := range page.MemberList {
			got = append(got, m.UserID)
		}
		if p["offset"] = page.Offset; page.Offset == "" {
			break
		}
	}
	require.Equal(t, []string{"m4", "m3", "m2", "m1", "m0"}, got)
	alice.refused(fault.GroupBadParameters, "group.members", obj{"groupID": "r", "offset": "-1"})
	alice.must("group.members", obj{"groupID": "r", "offset": "7"}, nil)
}

func TestBanAndMuteInLiveRoom(t *testing.T) {
	w := newWorld(t)
	alice, bob, carol := w.liveRoom(), w.login(1, "bob"), w.login(0, "carol")
	bob.joins("r")
	carol.joins("r")
	standing := func(c *client) Standing {
		s, err := c.session.r.Standing(t.Context(), c.session.user, "r")
		require.NoError(t, err)
		return s
	}
	require.True(t, standing(bob).Live && standing(bob).Member && !standing(bob).Muted && !standing(bob).Counts)
	require.False(t, standing(alice).Member, "the owner has not joined")
	alice.must("group.mute", obj{"groupID": "r", "userID": "bob", "muteTime": 60}, nil)
	require.True(t, standing(bob).Muted)
	alice.must("group.mute", obj{"groupID": "r", "userID": "bob", "muteTime": 0}, nil)
	require.False(t, standing(bob).Muted)
	alice.must("group.update", obj{"groupID": "r", "muteAllMembers": true}, nil)
	require.True(t, standing(bob).Muted)
	require.False(t, standing(alice).Muted)

	carol.refused(fault.GroupNotPermitted, "group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60})
	carol.refused(fault.GroupNotPermitted, "group.mute", obj{"groupID": "r", "userID": "bob", "muteTime": 60})
	alice.refused(fault.GroupBadParameters, "group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}})
	alice.refused(fault.GroupNotPermitted, "group.kick", obj{"groupID": "r", "userIDs": []string{"alice"}, "duration": 60})
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60, "reason": "he shouts"}, nil)
	require.Equal(t, obj{"groupID": "r", "reason": "kicked", "operatorID": "alice"}, bob.toldOf(frame.NoteGroupLeft).params)
	require.Equal(t, "r 4 alice Show: he shouts", bob.toldNotice())
	require.False(t, standing(bob).Member)
	bob.refused(fault.GroupNotPermitted, "group.join", obj{"groupID": "r"})
	w.clock.pass(61e9)
	bob.joins("r")
	require.True(t, standing(bob).Member)

	alice.must("group.dismiss", obj{"groupID": "r"}, nil)
	for _, c := range []*client{bob, carol} {
		c.told("the end of the room", func(n note) bool { return n.method == frame.NoteGroupLeft && n.params["reason"] == "dismissed" })
	}
	_, err := bob.session.r.Standing(t.Context(), bob.session.user, "r")
	require.Equal(t, fault.NoSuchGroup, err.(*fault.Error).Code)
	w.liveRoom() // of the same ID, where nobody is muted or in
	require.False(t, standing(bob).Member || standing(bob).Muted)
}

// toldNotice waits for the notice that a client gets in a live room, in short.
func (c *client) toldNotice() string {
	n := c.toldOf(frame.NoteMessages)
	one := n.params["messages"].([]any)[0].(obj)
	p := one["payload"].(obj)
	text := fmt.Sprint(one["to"], " ", p["operationType"], " ", p["operatorID"], " ", p["groupProfile"].(obj)["name"])
	if why := p["handleMessage"]; why != "" {
		text += fmt.Sprint(": ", why)
	}
	return text
}

// A client that a lost link has taken out of a live room comes back, and otherwise hears
// why it cannot as those did who were there.
func TestComingBackIntoALiveRoom(t *testing.T) {
	w := newWorld(t)
	alice := w.liveRoom()
	again := obj{"groupID": "r", "again": true}
	back := func(code fault.Code) *client {
		t.Helper()
		bob := w.login(1, "bob")
		if code == 0 {
			bob.must("group.join", again, nil)
		} else {
			bob.refused(code, "group.join", again)
		}
		return bob
	}
	require.Empty(t, back(0).notes)
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60, "reason": "spam"}, nil)
	bob := back(fault.GroupNotPermitted)
	require.Equal(t, obj{"groupID": "r", "reason": "kicked", "operatorID": "alice"}, bob.toldOf(frame.NoteGroupLeft).params)
	require.Equal(t, "r 4 alice Show: spam", bob.toldNotice())
	alice.must("group.dismiss", obj{"groupID": "r"}, nil)
	bob = back(fault.NoSuchGroup)
	require.Equal(t, obj{"groupID": "r", "reason": "dismissed", "operatorID": "alice"}, bob.toldOf(frame.NoteGroupLeft).params)
	require.Equal(t, "r 5 alice Show", bob.toldNotice())
	bob.refused(fault.NoSuchGroup, "group.join", obj{"groupID": "r"})
	require.Empty(t, bob.notes, "who was not there hears nothing")
	alice.must("group.create", obj{"name": "Another", "groupID": "r", "type": "ChatRoom"}, nil)
	bob = back(fault.NoSuchGroup)
	require.Equal(t, "r 5  ", bob.toldNotice(), "another group's name is not told")
	require.Empty(t, bob.groups())
	alice.must("group.dismiss", obj{"groupID": "r"}, nil)
	require.Equal(t, "r 5  ", back(fault.NoSuchGroup).toldNotice(), "nor once that is dismissed")
}

// The owner of a live room may ban and mute whomever they name, but not without end:
// each one is stored. Those that have ended make room again.
func TestBansOfALiveRoomAreBounded(t *testing.T) {
	w := newWorld(t)
	alice := w.liveRoom()
	k := key{app, "r"}
	g, err := w.rooms[0].group(t.Context(), k)
	require.NoError(t, err)
	for n := range maxHeld - 1 {
		m := member{}.stored(g)
		m.Ban = w.clock.Now().Unix() + 60
		require.NoError(t, w.rooms[0].put(t.Context(), k.memberSubject(fmt.Sprint("u", n)), encode(m), 0))
	}
	ban := func(ids ...string) obj { return obj{"groupID": "r", "userIDs": ids, "duration": 3600} }
	mute := func(id string, seconds int) obj { return obj{"groupID": "r", "userID": id, "muteTime": seconds} }
	alice.refused(fault.GroupTooFrequent, "group.kick", ban("v1", "v2"))
	alice.must("group.mute", mute("v0", 3600), nil)
	alice.refused(fault.GroupTooFrequent, "group.mute", mute("v1", 60))
	alice.must("group.mute", mute("v0", 0), nil)
	alice.must("group.mute", mute("v0", 3600), nil)

	w.rooms[0].behind() // nothing has ended yet
	w.clock.pass(2 * time.Minute)
	alice.refused(fault.GroupTooFrequent, "group.kick", ban("v1"))
	w.rooms[0].behind()
	alice.must("group.kick", ban("v1"), nil)
	left, err := w.rooms[0].log.Count(t.Context(), k.memberPattern(classes))
	require.NoError(t, err)
	require.Equal(t, maxHeld-removedAtOnce+1, left)
	_, rev, err := get[member](t.Context(), w.rooms[0], k.memberSubject("v0"))
	require.NoError(t, err)
	require.NotZero(t, rev, "who is still muted stays so")
}

// lossy is a bus that loses all signals.
type lossy struct{ *busmodel.Bus }

func (lossy) Publish(string, []byte) error { return nil }

// Whoever is banned is out on every gateway, also if a connection to the bus is lost
// for a moment, and says nothing until they are.
func TestBanWhileSignalsAreLost(t *testing.T) {
	b := lossy{busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	for i := range w.rooms {
		w.rooms[i] = w.open(b)
	}
	alice, bob := w.liveRoom(), w.login(1, "bob")
	bob.joins("r")
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60}, nil)
	as, err := w.rooms[1].Standing(t.Context(), bob.session.user, "r")
	require.NoError(t, err)
	require.False(t, as.Member)
	require.Equal(t, obj{"groupID": "r", "reason": "kicked", "operatorID": "alice"}, bob.toldOf(frame.NoteGroupLeft).params)
	require.False(t, w.rooms[1].o.Live.Here(keyOf(bob.session.user, "r").room()))
}

// What is left of a group that had a live room's ID before ends neither the room nor
// what is stored of who may not speak there.
func TestLiveRoomAfterAnotherGroup(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.liveRoom(), place.User{SDKAppID: app, UserID: "bob"}
	k := keyOf(bob, "r")
	entry := k.joinedSubject("bob")
	alice.must("group.mute", obj{"groupID": "r", "userID": "carol", "muteTime": 60}, nil)
	require.NoError(t, w.rooms[0].put(t.Context(), entry, encode(joined{1, w.clock.Now().UnixMilli()}), 0))
	require.NoError(t, w.rooms[0].Forget(t.Context(), bob))
	require.Equal(t, fault.NoSuchGroup, bus.Fault(w.rooms[0].quit(t.Context(), k, "bob")).Code)
	w.rooms[0].behind()
	require.Equal(t, "alice", alice.group("r").OwnerID)
	m, _, err := get[member](t.Context(), w.rooms[0], k.memberSubject("carol"))
	require.NoError(t, err)
	require.Positive(t, m.Mute)
}

// Whoever hangs up while they join are in no room.
func TestHangUpWhileJoining(t *testing.T) {
	w := newWorld(t)
	w.liveRoom()
	bob := w.login(0, "bob")
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	require.NotNil(t, bob.callIn(ctx, "group.join", obj{"groupID": "r"}, nil))
	require.False(t, w.rooms[0].o.Live.Here(keyOf(bob.session.user, "r").room()))
}

// A session that ends while its first join is under way is in no room, which it would
// never leave.
func TestJoinAfterTheEnd(t *testing.T) {
	w := newWorld(t)
	w.liveRoom()
	bob := w.login(0, "bob")
	bob.session.Close()
	bob.refused(fault.NotLoggedIn, "group.join", obj{"groupID": "r"})
	require.False(t, w.rooms[0].o.Live.Here(keyOf(bob.session.user, "r").room()))
}

// Whoever joins a live room once more while the store fails stays there; whoever joins
// it for the first time is not there.
func TestJoinWhileTheStoreFails(t *testing.T) {
	b := &faulty{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock(), untold: true}
	w.rooms[0] = w.open(b)
	w.liveRoom()
	for first := range 2 {
		bob := w.login(0, "bob")
		for n := 0; ; n++ {
			if first == 0 {
				b.arm(1<<30, false, false)
				bob.joins("r")
			}
			b.arm(n, false, false)
			err := bob.call("group.join", obj{"groupID": "r"}, nil)
			if !b.failed() {
				require.Nil(t, err)
				require.Positive(t, n)
				break
			}
			require.NotNil(t, err)
			require.Equal(t, first == 0, bob.session.inRooms().In(keyOf(bob.session.user, "r").room()), n)
		}
		bob.session.Close()
	}
}

// Tips of a live room are for who is there: the log has no members of it.
func TestLiveRoomsTips(t *testing.T) {
	w := newWorld(t)
	alice := w.liveRoom()
	k := keyOf(alice.session.user, "r")
	tips := func() []string {
		w.chat.mu.Lock()
		defer w.chat.mu.Unlock()
		return slices.Clone(w.chat.groups["r"].tips)
	}
	var came []live.Move
	for _, id := range numbered("u", 10, crowdShown+1) {
		came = append(came, live.Move{UserID: id, Came: true})
	}
	w.rooms[0].RoomChanged(k.room(), append(came, live.Move{UserID: "dave"}))
	alice.must("group.update", obj{"groupID": "r", "name": "x"}, nil)
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60}, nil)
	require.Equal(t, []string{"1 u10 " + strings.Join(numbered("u", 10, crowdShown), ","), "2 dave dave", "6 alice ", "10 alice bob"}, tips())
	w.rooms[0].RoomChanged(k.room(), nil)
	w.rooms[0].RoomChanged(keyOf(alice.session.user, "none").room(), came[:1])
	require.Len(t, tips(), 4)
}
