package group

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// Whoever may come back before their ban ends can join again on every gateway, and
// the room is told of those who were banned.
func TestUnban(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.liveRoom(), w.login(1, "bob")
	unban := func(by string, ids ...string) error {
		return w.rooms[0].Unban(t.Context(), place.User{SDKAppID: app, UserID: by}, "r", ids)
	}
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"bob", "carol"}, "duration": 60}, nil)
	w.clock.pass(time.Second)
	alice.must("group.kick", obj{"groupID": "r", "userIDs": []string{"dave"}, "duration": 10}, nil)
	alice.must("group.mute", obj{"groupID": "r", "userID": "bob", "muteTime": 600}, nil)
	start := w.clock.Now().Unix()
	bans, err := w.rooms[1].Bans(t.Context(), alice.session.user, "r")
	require.NoError(t, err)
	require.Equal(t, []Banned{{"bob", start + 59}, {"carol", start + 59}, {"dave", start + 10}}, bans)

	bob.refused(fault.GroupNotPermitted, "group.join", obj{"groupID": "r"})
	for _, err := range []error{unban("bob", "bob"), unban("alice"), unban("alice", "")} {
		require.Error(t, err)
	}
	require.NoError(t, unban("alice", "bob", "erin", "bob"), "erin was never banned")
	require.NoError(t, unban("alice", "bob"), "once more")
	bob.joins("r")
	as, err := w.rooms[1].Standing(t.Context(), bob.session.user, "r")
	require.NoError(t, err)
	require.True(t, as.Muted, "a mute goes on")
	w.clock.pass(11 * time.Second)
	require.NoError(t, unban("alice", "dave"), "whose ban has ended")
	bans, err = w.rooms[1].Bans(t.Context(), alice.session.user, "r")
	require.NoError(t, err)
	require.Equal(t, []Banned{{"carol", start + 59}}, bans)

	tips := slices.DeleteFunc(w.chat.tips("r"), func(tip string) bool { // a tip that bob has come is told in a second
		return strings.HasPrefix(tip, "1 ") || strings.HasPrefix(tip, "2 ")
	})
	require.Equal(t, []string{"10 alice bob,carol", "10 alice dave", "7 alice bob", "11 alice bob"}, tips)
}

// Whoever was let back in stays, although their gateway sees the ban only then.
func TestABanThatIsSeenLate(t *testing.T) {
	store := busmodel.New(busmodel.Options{})
	b := &lagging{Bus: store}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(store)}
	bob, alice := w.login(0, "bob"), w.login(1, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "r", "type": "AVChatRoom"}, nil)
	here := func() bool {
		w.reach()
		_, in := w.rooms[0].o.Live.Since(live.Key{App: app, ID: "r"}, "bob")
		return in
	}
	ban := obj{"groupID": "r", "userIDs": []string{"bob"}, "duration": 60}
	func() {
		b.Lock()
		defer b.Unlock()
		alice.must("group.kick", ban, nil)
		require.NoError(t, w.rooms[1].Unban(t.Context(), alice.session.user, "r", []string{"bob"}))
		bob.joins("r")
	}()
	require.True(t, here())
	alice.must("group.kick", ban, nil)
	require.False(t, here())
}

func TestOnlyLiveRoomsHaveBans(t *testing.T) {
	w := newWorld(t)
	alice := w.login(0, "alice")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "Public"}, nil)
	err := w.rooms[0].Unban(t.Context(), alice.session.user, "g", []string{"bob"})
	require.Equal(t, fault.GroupNotPermitted, err.(*fault.Error).Code)
	err = w.rooms[0].Ban(t.Context(), alice.session.user, "g", []string{"bob"}, 5, "")
	require.Equal(t, fault.GroupNotPermitted, err.(*fault.Error).Code)
	_, err = w.rooms[0].Bans(t.Context(), alice.session.user, "g")
	require.Equal(t, fault.GroupNotPermitted, err.(*fault.Error).Code)
	_, err = w.rooms[0].Bans(t.Context(), alice.session.user, "none")
	require.Equal(t, fault.NoSuchGroup, err.(*fault.Error).Code)
}
