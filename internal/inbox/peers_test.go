package inbox

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// TestManyPeers: the list of a user who writes to everybody is bounded. It has the
// newest conversations and all that have settings; an old one comes back with its
// next message, and what was deleted stays deleted.
func TestManyPeers(t *testing.T) {
	const most = 4 * classes
	b := openBus(t, bus.Memory)
	in := open(t, b, Options{Conversations: most})
	admin := login(t, in, "admin", "x1")
	user := func(n int) string { return fmt.Sprintf("u%03d", n) }
	id := func(n int) string { return c2c + user(n) }
	for n := range 3 * most {
		admin.send(user(n), fmt.Sprint(n))
		switch n {
		case 1:
			admin.must("conversation.pin", conversationParams{ConversationID: id(n), IsPinned: true}, nil)
		case 2:
			admin.must("conversation.delete", conversationParams{ConversationIDs: []string{id(n)}, ClearHistory: true}, nil)
		}
	}
	again := login(t, in, "admin", "x2")
	list, err := in.peersOf(t.Context(), place.User{SDKAppID: app, UserID: "admin"})
	require.NoError(t, err)
	require.LessOrEqual(t, len(list), most)
	require.Len(t, again.list(), len(list)-1, "all but the one that was deleted")
	require.Greater(t, len(again.list()), most/2)
	for n := 3*most - 3; n < 3*most; n++ {
		require.NotNil(t, again.conv(user(n)))
	}
	require.Equal(t, true, again.conv(user(1))["isPinned"])
	require.Nil(t, again.conv(user(2)))
	gone := 3
	for again.conv(user(gone)) != nil {
		gone++
	}
	require.NotNil(t, login(t, in, user(gone), "i").conv("admin"), "the other one's list is their own")

	other := open(t, b, Options{Conversations: most}) // another gateway
	c := login(t, other, user(gone), "c")
	c.send("admin", "answer")
	c2 := login(t, other, user(2), "c2")
	c2.send("admin", "new")
	last := login(t, in, "admin", "x3")
	require.Equal(t, []string{"answer", "new"}, last.texts()[len(last.texts())-2:])
	require.EqualValues(t, 1, last.conv(user(gone))["unreadCount"])
	require.Len(t, last.history(user(gone)), 2)
	require.Len(t, last.history(user(2)), 1, "what was deleted stays deleted")

	all, err := in.store.conversations.LastUnder(t.Context(), documentsOf(place.User{SDKAppID: app, UserID: "admin"}))
	require.NoError(t, err)
	require.Greater(t, len(all), most)
	later := open(t, b, Options{Conversations: most, Now: func() time.Time { return time.Now().Add(2 * emptyFor) }})
	for n := range 3 * most {
		_, err := later.Send(t.Context(), ServerMessage{SDKAppID: app, From: "admin", To: "later" + strconv.Itoa(n), Type: typeText, Payload: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
	}
	for _, v := range all {
		if len(v.Data) == 0 {
			_, err := in.store.conversations.At(t.Context(), v.Seq)
			require.ErrorIs(t, err, bus.ErrNoValue, "what gave way is removed in the end")
		}
	}
}

// TestStrangersDoNotLockOut: if strangers flood a user, conversations give way that
// the user has never answered or read, the strangers' among them.
func TestStrangersDoNotLockOut(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Conversations: 4 * classes})
	a, bob := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	friends := []string{"bob", "carol", "dave", "erin"}
	for _, friend := range friends[:2] {
		a.send(friend, "mine")
	}
	for _, friend := range friends[2:] {
		login(t, in, friend, "i").send("alice", "hello")
		a.must("message.read", conversationParams{ConversationID: c2c + friend}, nil)
	}
	for n := range 20 * classes {
		_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "stranger" + strconv.Itoa(n), To: "alice", Type: typeText, Payload: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
	}
	again := login(t, in, "alice", "a2")
	for _, friend := range friends {
		require.NotNil(t, again.conv(friend), friend)
	}
	list, err := in.peersOf(t.Context(), place.User{SDKAppID: app, UserID: "alice"})
	require.NoError(t, err)
	require.LessOrEqual(t, len(list), 4*classes)
	bob.send("alice", "still heard")
	login(t, in, "frank", "f1").send("alice", "a new one, too")
	a.until("both", func() bool {
		texts := a.textsLocked()
		return slices.Contains(texts, "still heard") && slices.Contains(texts, "a new one, too")
	})
	a.send("grace", "and may write")
}

// TestFirstWriters: if five hundred users write their first message to the same
// user at the same moment, all messages are stored and all are in the user's list.
func TestFirstWriters(t *testing.T) {
	const all = 500
	in := open(t, openBus(t, bus.Memory), Options{})
	var wait sync.WaitGroup
	for n := range all {
		wait.Go(func() {
			_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprintf("u%d", n), To: "desk", Type: typeText, Payload: []byte(`{"text":"x"}`)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	list, err := in.peersOf(t.Context(), place.User{SDKAppID: app, UserID: "desk"})
	require.NoError(t, err)
	require.Len(t, list, all)
	require.Zero(t, in.peers.writing.Len(), "nobody waits any more")
	require.Empty(t, in.peers.reading)
	require.Len(t, login(t, in, "desk", "d1").list(), all)
}

// TestManyBeginAtOnce: a conversation whose first message is being stored while
// others give way is not among them.
func TestManyBeginAtOnce(t *testing.T) {
	const most, senders, each = 8 * classes, 4, 80
	in := open(t, openBus(t, bus.Memory), Options{Conversations: most})
	var wait sync.WaitGroup
	var names []string
	for n := range senders {
		for i := range each {
			names = append(names, fmt.Sprintf("u%d-%d", n, i))
		}
		wait.Go(func() {
			for i := range each {
				_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprintf("u%d-%d", n, i), To: "desk", Type: typeText, Payload: []byte(`{"text":"x"}`)})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	desk := place.User{SDKAppID: app, UserID: "desk"}
	heads, err := in.headsOf(t.Context(), desk, names)
	require.NoError(t, err)
	list, err := in.peersOf(t.Context(), desk)
	require.NoError(t, err)
	require.LessOrEqual(t, len(list), most+senders*classes)
	newest := map[uint32]string{}
	pos := map[uint32]uint64{}
	for i, h := range heads {
		require.NotNil(t, h, names[i])
		if class := classOf(convToken(names[i])); h.pos > pos[class] {
			newest[class], pos[class] = names[i], h.pos
		}
	}
	for _, name := range newest {
		require.Contains(t, list, name)
	}
}

// TestAMessageBesideGivingWay: a message that a gateway stores before it has heard
// that the conversation has given way brings it back.
func TestAMessageBesideGivingWay(t *testing.T) {
	b, c := openBus(t, bus.Memory), &clock{now: time.Now()}
	in := open(t, b, Options{Conversations: 2 * classes, Now: c.Now, AfterFunc: c.AfterFunc})
	other := open(t, b, Options{Conversations: 2 * classes})
	var same []string
	for n := 0; len(same) < 3; n++ {
		if name := "u" + strconv.Itoa(n); classOf(convToken(name)) == 7 {
			same = append(same, name)
		}
	}
	alice := place.User{SDKAppID: app, UserID: "alice"}
	login(t, other, same[0], "i").send("alice", "0")
	before, err := in.document(t.Context(), alice, same[0])
	require.NoError(t, err)
	for _, name := range same[1:] {
		login(t, in, name, "i").send("alice", "x")
	}
	gone, err := in.document(t.Context(), alice, same[0])
	require.NoError(t, err)
	require.True(t, gone.gone, "it has given way")

	// The other gateway is behind: it knows the document as it was.
	reached, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	other.conversations.Reach(reached, gone.rev)
	other.peers.mu.Lock()
	other.peers.cache[convSubject(alice, same[0])] = doc{before.rev, encode(before.document)}
	other.peers.mu.Unlock()
	login(t, other, same[0], "i").send("alice", "1")
	require.Nil(t, login(t, in, "alice", "a1").conv(same[0]))
	c.forward(emptyFor)
	caughtUp(t, in)
	caughtUp(t, other)
	require.EqualValues(t, 2, login(t, in, "alice", "a2").conv(same[0])["unreadCount"])
	require.NotNil(t, login(t, other, "alice", "a3").conv(same[0]))
}

// write makes documents without a message behind them.
func write(t testing.TB, in *Inbox, u place.User, others []string, d document) {
	t.Helper()
	require.NoError(t, bus.Spread(len(others), func(i int) error {
		_, _, err := in.store.conversations.Append(t.Context(), convSubject(u, others[i]), encode(d), 0, "")
		return err
	}))
}

// TestMoreThanOneReadGives: if one read cannot return all documents of a user they
// are read by class, and of a class that is too large for one read none is lost.
func TestMoreThanOneReadGives(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	u := place.User{SDKAppID: app, UserID: "alice"}
	var many []string
	perClass := map[uint32]int{}
	for n := 0; len(many) < bus.MaxUnder+100; n++ {
		name := "u" + strconv.Itoa(n)
		if class := classOf(convToken(name)); class != 3 && perClass[class] > 4 {
			continue
		}
		perClass[classOf(convToken(name))]++
		many = append(many, name)
	}
	require.Greater(t, perClass[3], bus.MaxUnder)
	write(t, in, u, many, document{settings: settings{Pinned: true}})
	a := login(t, in, "alice", "a1")
	l := in.local(u)
	require.EqualValues(t, classes, l.loaded)
	require.Len(t, l.peers, len(many))
	for _, name := range []string{many[0], many[500], many[len(many)-1]} {
		login(t, in, name, "i").send("alice", "hello")
		a.until("it", func() bool { return a.field(name, "isPinned") == true })
	}
}

// TestAResumeBringsWhatHasChanged: a resume brings what has changed, and not the
// whole list.
func TestAResumeBringsWhatHasChanged(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b, other := login(t, in, "alice", "a1"), login(t, in, "bob", "b1"), login(t, in, "bob", "b2")
	for n := range 5 {
		a.send("peer", "x")
		login(t, in, "u"+strconv.Itoa(n), "i").send("bob", "hello")
	}
	a.send("bob", "hello")
	b.until("all of them", func() bool { return len(b.messages) == 6 })
	newest, err := in.store.conversations.Last(t.Context(), ">")
	require.NoError(t, err)
	in.conversations.Reach(t.Context(), newest.Seq)
	a.send("bob", "and now a cursor that says so")
	b.until("it", func() bool { return len(b.messages) == 7 })
	b.drop()
	other.must("conversation.pin", conversationParams{ConversationID: "C2Cu1", IsPinned: true}, nil)
	other.must("conversation.delete", conversationParams{ConversationIDs: []string{"C2Cu2"}}, nil)
	a.send("bob", "again")
	b.mu.Lock()
	seen := len(b.notes)
	b.mu.Unlock()
	b.attach(in)
	require.True(t, b.sync().Resumed)
	require.Nil(t, b.conv("u2"))
	require.Equal(t, true, b.conv("u1")["isPinned"])
	require.EqualValues(t, 3, b.conv("alice")["unreadCount"])
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notes[seen:] {
		for _, id := range []string{"C2Cu0", "C2Cu3", "C2Cu4"} {
			require.NotContains(t, string(n.params), id)
		}
		require.NotContains(t, string(n.params), `"all"`)
	}
}

// TestSettingsFromTwoGateways: instances on two gateways change settings at the
// same time while links break, and in the end all of them know all settings.
func TestSettingsFromTwoGateways(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	b := openBus(t, bus.Memory)
	gateways := []*Inbox{open(t, b, Options{}), open(t, b, Options{})}
	const peers, each = 5, 60
	for n := range peers {
		login(t, gateways[0], "u"+strconv.Itoa(n), "i").send("bob", "hello")
	}
	var wait sync.WaitGroup
	var all []*client
	for i := range 4 {
		c := newClient(t, "bob", "b"+strconv.Itoa(i))
		all = append(all, c)
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wait.Go(func() {
			c.attach(gateways[i%2])
			c.sync()
			for n := range each {
				id := "C2Cu" + strconv.Itoa(r.IntN(peers))
				switch r.IntN(6) {
				case 0:
					c.drop()
					c.attach(gateways[r.IntN(2)])
					c.sync()
				case 1:
					c.must("conversation.pin", conversationParams{ConversationID: id, IsPinned: r.IntN(2) == 0}, nil)
				case 2:
					c.must("conversation.custom", conversationParams{ConversationIDs: []string{id, "C2Cu0"}, CustomData: fmt.Sprint(i, "-", n)}, nil)
				default:
					c.must("conversation.draft", conversationParams{ConversationID: id, DraftText: fmt.Sprint(i, "-", n)}, nil)
				}
			}
		})
	}
	wait.Wait()
	want, err := gateways[0].peersOf(t.Context(), place.User{SDKAppID: app, UserID: "bob"})
	require.NoError(t, err)
	require.Len(t, want, peers)
	for _, c := range all {
		for _, other := range slices.Sorted(maps.Keys(want)) {
			p := want[other]
			c.until(other, func() bool {
				return c.field(other, "isPinned") == p.Pinned && c.field(other, "draftText") == p.Draft && c.field(other, "customData") == p.Custom
			})
		}
		c.until("a cursor that says that all was told", func() bool {
			at, _ := c.s.in.parse(c.cursor)
			return at.rev != 0
		})
		c.drop()
		c.mu.Lock()
		seen := len(c.notes)
		c.mu.Unlock()
		c.attach(gateways[0])
		c.sync()
		require.LessOrEqual(t, len(c.notes)-seen, 2)
	}
}

// TestDocsAreBounded: the cache of documents is bounded by its bytes.
func TestDocsAreBounded(t *testing.T) {
	d := newDocs(nil, maxCached)
	large := []byte(strings.Repeat("x", 1<<20))
	for n := range 200 {
		subject := fmt.Sprint(n)
		d.put(subject, doc{1, large})
		d.put(subject, doc{2, large})
		d.saw(subject, 3, large[1:])
	}
	sum := 0
	for _, v := range d.cache {
		sum += len(v.data)
	}
	require.Equal(t, sum, d.bytes)
	require.LessOrEqual(t, sum, maxCachedBytes+len(large))
}

// TestReadsThatAreOvertaken: a document that the follower brings while one is read
// wins if it is newer.
func TestReadsThatAreOvertaken(t *testing.T) {
	d := newDocs(nil, maxCached)
	d.begin("a")
	d.begin("a")
	d.saw("a", 7, []byte("new"))
	require.Equal(t, "new", string(d.end("a", doc{5, []byte("old")}, nil).data))
	require.Equal(t, "newest", string(d.end("a", doc{8, []byte("newest")}, nil).data))
	require.Equal(t, doc{8, []byte("newest")}, d.cache["a"])
	require.Empty(t, d.reading)
}

// TestForget: whoever gets the UserID of a deleted account finds nothing of it.
func TestForget(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	require.NoError(t, in.Forget(t.Context(), alice), "there is nothing yet")
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.must("profile.set", map[string]any{"nick": "Alice"}, nil)
	a.must("status.set", statusParams{"busy"}, nil)
	a.must("blacklist.add", usersParams{[]string{"carol"}}, nil)
	a.send("bob", "mine")
	b.send("alice", "unread")
	a.must("conversation.pin", conversationParams{ConversationID: "C2Cbob", IsPinned: true}, nil)
	a.drop()
	b.send("alice", "missed")
	for range 2 {
		require.NoError(t, in.Forget(t.Context(), alice))
	}

	a = login(t, in, "alice", "a2")
	require.Empty(t, a.list())
	require.Empty(t, a.texts())
	require.Empty(t, a.history("bob"))
	var got profilesResult
	a.must("profile.get", nothing{}, &got)
	require.Equal(t, Profile{}.withDefaults("alice"), got.Profiles[0])
	var black blacklist
	a.must("blacklist.get", nothing{}, &black)
	require.Empty(t, black.UserIDs)
	require.Len(t, b.history("alice"), 3, "it stays with the other one")
	b.send("alice", "to the new one")
	a.until("it", func() bool { return len(a.messages) == 1 })
	require.EqualValues(t, 1, a.conv("bob")["unreadCount"])
	require.Len(t, a.history("bob"), 1)
}
