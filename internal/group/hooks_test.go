package group

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// backEnd is Hooks that note what they are asked and told.
type backEnd struct {
	mu    sync.Mutex // guards what follows
	judge func(e Event) ([]string, error)
	list  []string
	keys  map[string]bool
}

func (b *backEnd) Wants(EventKind) bool { return true }

func (b *backEnd) Before(_ context.Context, e Event) ([]string, error) {
	b.mu.Lock()
	b.list = append(b.list, eventText(e))
	judge := b.judge
	b.mu.Unlock()
	if judge == nil {
		return nil, nil
	}
	return judge(e)
}

func (b *backEnd) After(_ context.Context, e Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key := fmt.Sprint(e.Kind, e.Group, e.Key); e.Key == "" || b.keys[key] {
		return fmt.Errorf("an event with a key that is empty or used: %q", key)
	} else {
		b.keys[key] = true
	}
	b.list = append(b.list, eventText(e))
	return nil
}

func (b *backEnd) say(judge func(e Event) ([]string, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.judge = judge
}

// heard returns what the back end has heard since the last call.
func (b *backEnd) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.list
	b.list = nil
	return out
}

func eventText(e Event) string {
	name := [...]string{"create?", "join?", "invite?", "created", "joined", "left", "full", "ended", "changed", "member", "state", "topic?", "topic made", "topic changed", "topic ended"}[e.Kind]
	users := slices.Clone(e.Users)
	slices.Sort(users)
	text := strings.Join([]string{name, e.Group + e.Topic, string(e.Type), e.Name, e.Owner, e.Operator, strings.Join(users, "+")}, " ")
	if e.Asked {
		text += " asked"
	}
	if e.Kicked {
		text += " kicked"
	}
	if e.Kind == AfterState {
		text += fmt.Sprint(" ", e.Online, " ", [...]string{"join", "quit", "lost", "removed"}[e.Cause])
	}
	if e.Profile != nil {
		text += " " + string(encode(e.Profile))
	}
	if e.Member != nil {
		text += fmt.Sprintf(" role=%s mute=%t card=%t %v", e.Member.Role, e.Member.MuteUntil != nil, e.Member.NameCard != nil, e.Member.Custom)
	}
	return text
}

func newHookedWorld(t *testing.T) (*world, *backEnd) {
	b := &backEnd{keys: map[string]bool{}}
	w := &world{t: t, clock: newClock(), hooks: b}
	store := busmodel.New(busmodel.Options{})
	for i := range w.rooms {
		w.rooms[i] = w.open(store)
	}
	return w, b
}

// TestHooks: the back end hears of each change of a group once, in its order, and is
// asked before.
func TestHooks(t *testing.T) {
	w, b := newHookedWorld(t)
	alice, bob, carol := w.login(0, "alice"), w.login(1, "bob"), w.login(1, "carol")
	create := obj{"groupID": "g", "type": Public, "name": "n", "joinOption": "FreeAccess", "inviteOption": "FreeAccess", "maxMemberNum": 3,
		"groupCustomField": []Field{{"k", "v"}}, "memberList": []obj{{"userID": "dave"}}, "nonce": "1"}
	alice.must(frame.GroupCreate, create, nil)
	alice.must(frame.GroupCreate, create, nil)
	require.Equal(t, []string{
		"create? g Public n alice alice alice+dave",
		`created g Public n alice alice alice+dave {"groupCustomField":[{"key":"k","value":"v"}]}`,
	}, b.heard())
	bob.must(frame.GroupJoin, obj{"groupID": "g"}, nil)
	bob.must(frame.GroupJoin, obj{"groupID": "g"}, nil)
	require.Equal(t, []string{"join? g Public n alice bob bob", "joined g Public n alice bob bob asked", "full g Public n alice  "}, b.heard())
	alice.must(frame.GroupKick, obj{"groupID": "g", "userIDs": []string{"dave", "eve"}}, nil)
	alice.must(frame.GroupInvite, obj{"groupID": "g", "userIDs": []string{"bob", "carol"}}, nil)
	alice.must(frame.GroupInvite, obj{"groupID": "g", "userIDs": []string{"bob", "carol"}}, nil)
	require.Equal(t, []string{
		"left g Public n alice alice dave kicked", "invite? g Public n alice alice carol",
		"joined g Public n alice alice carol", "full g Public n alice  ",
	}, b.heard())
	carol.must(frame.GroupQuit, obj{"groupID": "g"}, nil)
	alice.must(frame.GroupRole, obj{"groupID": "g", "userID": "bob", "role": "Admin"}, nil)
	alice.must(frame.GroupRole, obj{"groupID": "g", "userID": "bob", "role": "Admin"}, nil)
	alice.must(frame.GroupMute, obj{"groupID": "g", "userID": "bob", "muteTime": 60}, nil)
	bob.must(frame.GroupCard, obj{"groupID": "g", "nameCard": "B"}, nil)
	bob.must(frame.GroupCustom, obj{"groupID": "g", "memberCustomField": []Field{{"k", "v"}}}, nil)
	alice.must(frame.GroupUpdate, obj{"groupID": "g", "name": "m"}, nil)
	alice.must(frame.GroupUpdate, obj{"groupID": "g", "name": "m"}, nil)
	alice.must(frame.GroupOwner, obj{"groupID": "g", "newOwnerID": "bob"}, nil)
	require.Equal(t, []string{
		"left g Public n alice carol carol",
		"member g Public n alice alice bob role=Admin mute=false card=false []", "member g Public n alice alice bob role= mute=true card=false []",
		"member g Public n alice bob bob role= mute=false card=true []", "member g Public n alice bob bob role= mute=false card=false [{k v}]",
		`changed g Public m alice alice  {"groupName":"m"}`, `changed g Public m alice alice  {"ownerID":"bob"}`,
	}, b.heard())
	bob.must(frame.GroupDismiss, obj{"groupID": "g"}, nil)
	bob.must(frame.GroupDismiss, obj{"groupID": "g"}, nil)
	require.Equal(t, []string{"ended g Public m bob bob alice+bob"}, b.heard())

	// A group ends when the last one quits. Whoever asks and is let in has asked.
	alice.must(frame.GroupCreate, obj{"groupID": "w", "name": "n"}, nil)
	alice.must(frame.GroupQuit, obj{"groupID": "w"}, nil)
	alice.must(frame.GroupCreate, obj{"groupID": "p", "type": Public, "name": "n"}, nil)
	bob.must(frame.GroupJoin, obj{"groupID": "p"}, nil)
	var waiting applicationsResult
	alice.must(frame.GroupApplications, obj{}, &waiting)
	alice.must(frame.GroupHandle, obj{"groupID": "p", "userID": "bob", "handleAction": "Agree", "authentication": waiting.ApplicationList[0].Authentication}, nil)
	require.NoError(t, w.rooms[0].Forget(t.Context(), place.User{SDKAppID: app, UserID: "alice"}))
	require.Equal(t, []string{
		"create? w Private n alice alice alice", "created w Private n alice alice alice",
		"left w Private n alice alice alice", "ended w Private n alice alice ",
		"create? p Public n alice alice alice", "created p Public n alice alice alice",
		"join? p Public n alice bob bob", "joined p Public n alice alice bob asked",
		"left p Public n alice alice alice", `changed p Public n alice alice  {"ownerID":"bob"}`,
	}, b.heard())
}

// TestHooksOfLiveRooms: the back end hears of live rooms what it hears of other groups.
func TestHooksOfLiveRooms(t *testing.T) {
	w, b := newHookedWorld(t)
	var owned []int
	b.say(func(e Event) ([]string, error) { owned = append(owned, e.Created); return nil, nil })
	alice := w.login(0, "alice")
	for _, id := range []string{"r", "s"} {
		alice.must(frame.GroupCreate, obj{"groupID": id, "type": Live, "name": "n"}, nil)
	}
	alice.must(frame.GroupDismiss, obj{"groupID": "s"}, nil)
	require.Equal(t, []int{0, 1}, owned)
	require.Equal(t, []string{
		"create? r AVChatRoom n alice alice alice", "created r AVChatRoom n alice alice ",
		"create? s AVChatRoom n alice alice alice", "created s AVChatRoom n alice alice ",
		"ended s AVChatRoom n alice alice ",
	}, b.heard())
}

// TestHooksOfJoins: the back end is asked about each session that comes into a live
// room, once, and is told who came and left, with the reason.
func TestHooksOfJoins(t *testing.T) {
	w, b := newHookedWorld(t)
	alice, bob := w.liveRoom(), w.login(1, "bob")
	b.heard()
	hears := func(want ...string) {
		t.Helper()
		var got []string
		bob.until(func() bool { got = append(got, b.heard()...); return len(got) >= len(want) })
		require.Equal(t, want, got)
	}
	b.say(func(Event) ([]string, error) { return nil, &fault.Error{Code: 10100, Message: "No."} })
	bob.refused(10100, frame.GroupJoin, obj{"groupID": "r"})
	require.False(t, bob.session.inRooms().In(keyOf(bob.session.user, "r").room()))
	b.say(nil)
	bob.joins("r")
	bob.joins("r")
	hears("join? r AVChatRoom Show alice bob bob", "join? r AVChatRoom Show alice bob bob",
		"joined r AVChatRoom Show alice bob bob asked", "state r AVChatRoom Show alice  bob true join")
	bob.must(frame.GroupQuit, obj{"groupID": "r"}, nil)
	hears("left r AVChatRoom Show alice bob bob", "state r AVChatRoom Show alice  bob false quit")
	bob.joins("r")
	hears("join? r AVChatRoom Show alice bob bob",
		"joined r AVChatRoom Show alice bob bob asked", "state r AVChatRoom Show alice  bob true join")
	alice.must(frame.GroupKick, obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60}, nil)
	hears("left r AVChatRoom Show alice alice bob kicked", "state r AVChatRoom Show alice  bob false removed")
	bob.refused(fault.GroupNotPermitted, frame.GroupJoin, obj{"groupID": "r"})
	require.Empty(t, b.heard(), "whoever is banned is not asked about")
	w.clock.pass(61e9)
	bob.joins("r")
	hears("join? r AVChatRoom Show alice bob bob",
		"joined r AVChatRoom Show alice bob bob asked", "state r AVChatRoom Show alice  bob true join")
	bob.session.Close()
	hears("left r AVChatRoom Show alice bob bob", "state r AVChatRoom Show alice  bob false lost")
}

// TestHooksOfACrowd: a storm of joins is told in few events.
func TestHooksOfACrowd(t *testing.T) {
	w, b := newHookedWorld(t)
	alice := w.liveRoom()
	b.heard()
	var all []live.Move
	for _, id := range numbered("u", 0, 2*maxTold+1) {
		all = append(all, live.Move{UserID: id, Came: true})
	}
	w.rooms[0].RoomChanged(keyOf(alice.session.user, "r").room(), all)
	require.Len(t, b.heard(), 2*3)
}

// TestHooksRefuse: what the back end refuses does not happen, and while it is asked
// nobody else waits.
func TestHooksRefuse(t *testing.T) {
	w, b := newHookedWorld(t)
	alice, bob, carol := w.login(0, "alice"), w.login(1, "bob"), w.login(1, "carol")
	alice.must(frame.GroupCreate, obj{"groupID": "g", "type": Public, "name": "n", "joinOption": "FreeAccess", "inviteOption": "FreeAccess"}, nil)
	created := 0
	b.say(func(e Event) ([]string, error) {
		switch {
		case e.Kind == BeforeCreate:
			created = e.Created
		case e.Kind == BeforeInvite:
			return []string{"dave", "alice", "nobody asked about"}, nil
		case e.Operator == "carol":
			return nil, nil
		}
		carol.must(frame.GroupJoin, obj{"groupID": "g"}, nil) // while bob waits
		return nil, &fault.Error{Code: 10100, Message: "No."}
	})
	alice.refused(10100, frame.GroupCreate, obj{"groupID": "h", "type": Public, "name": "n"})
	require.Equal(t, 1, created)
	bob.refused(10100, frame.GroupJoin, obj{"groupID": "g"})
	var out inviteResult
	alice.must(frame.GroupInvite, obj{"groupID": "g", "userIDs": []string{"dave", "eve", "carol"}}, &out)
	require.Equal(t, []string{"eve"}, out.Success)
	require.Equal(t, []string{"dave"}, out.Failure)
	require.Equal(t, []string{"carol"}, out.Existed)
	alice.must(frame.GroupInvite, obj{"groupID": "g", "userIDs": []string{"dave"}}, &out)
	require.Equal(t, []string{"dave"}, out.Failure)
	require.Equal(t, map[string]string{"alice": "Owner", "carol": "Member", "eve": "Member"}, alice.members("g", 100))
	require.Equal(t, []string{"g"}, alice.groups())
}
