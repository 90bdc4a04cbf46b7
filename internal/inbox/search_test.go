package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// search makes one call.
func (c *client) search(p searchParams) searchResult {
	c.t.Helper()
	var r searchResult
	c.must(frame.MessageSearch, p, &r)
	return r
}

// searchOn makes calls until the cursor says that there is no more. It returns
// what they have found, one text or count a line, and how many there were.
func (c *client) searchOn(p searchParams) (lines []string, calls int) {
	c.t.Helper()
	for {
		r := c.search(p)
		calls++
		lines = append(lines, told(r)...)
		if r.Cursor == "" {
			return lines, calls
		}
		require.NotEqual(c.t, p.Cursor, r.Cursor, "it goes on")
		p.Cursor = r.Cursor
	}
}

func told(r searchResult) (lines []string) {
	for _, f := range r.List {
		if len(f.MessageList) == 0 {
			lines = append(lines, fmt.Sprint(f.ConversationID, ": ", f.MessageCount))
		}
		for _, m := range f.MessageList {
			lines = append(lines, f.ConversationID+": "+textOf(m))
		}
	}
	return lines
}

func TestSearchInEverything(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	for _, m := range [][2]string{
		{"bob", "the Cat sat"}, {"bob", "on a mat"}, {"carol", "a cat and a dog"}, {"carol", "CATS"}, {"dave", "nothing of it"}, {"alice", "a cat for myself"},
	} {
		a.send(m[0], m[1])
	}
	lines, _ := a.searchOn(searchParams{KeywordList: []string{"cat"}})
	require.Equal(t, []string{"C2Calice: a cat for myself", "C2Ccarol: 2", "C2Cbob: the Cat sat"}, lines)
	lines, _ = a.searchOn(searchParams{KeywordList: []string{"cat", "mat"}})
	require.Equal(t, []string{"C2Calice: a cat for myself", "C2Ccarol: 2", "C2Cbob: 2"}, lines)
	lines, _ = a.searchOn(searchParams{KeywordList: []string{"cat", "dog"}, Match: "and"})
	require.Equal(t, []string{"C2Ccarol: a cat and a dog"}, lines)
	lines, _ = a.searchOn(searchParams{KeywordList: []string{"bird"}})
	require.Empty(t, lines)
	// Each as its user sees it, and of others' conversations nothing.
	bob := login(t, in, "bob", "b1")
	got := bob.search(searchParams{KeywordList: []string{"cat"}})
	require.Equal(t, []string{"C2Calice: the Cat sat"}, told(got))
	require.Equal(t, "in", got.List[0].MessageList[0].Flow)
	// A page holds so many conversations.
	r := a.search(searchParams{KeywordList: []string{"a"}, Count: 2})
	require.Len(t, r.List, 2)
	lines, calls := a.searchOn(searchParams{KeywordList: []string{"t"}, Count: 2})
	require.Equal(t, []string{"C2Calice: a cat for myself", "C2Cdave: nothing of it", "C2Ccarol: 2", "C2Cbob: 2"}, lines)
	require.Equal(t, 2, calls)
}

func TestSearchInAConversation(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	for n := range 40 {
		a.send("bob", fmt.Sprint("number ", n))
		a.send("bob", "between")
	}
	a.send("carol", "number 7")
	p := searchParams{KeywordList: []string{"number"}, ConversationID: "C2Cbob", Count: 25}
	r := a.search(p)
	require.Len(t, r.List, 1)
	require.Equal(t, 25, r.List[0].MessageCount)
	require.Equal(t, "number 39", textOf(r.List[0].MessageList[0]))
	require.Equal(t, "number 15", textOf(r.List[0].MessageList[24]))
	p.Cursor = r.Cursor
	r = a.search(p)
	require.Equal(t, 15, r.List[0].MessageCount)
	require.Equal(t, "number 0", textOf(r.List[0].MessageList[14]))
	require.Empty(t, r.Cursor)
	require.Empty(t, a.search(searchParams{KeywordList: []string{"bird"}, ConversationID: "C2Cbob"}).List)
	// Messages that fill a frame.
	for range 8 {
		a.send("dave", "number "+strings.Repeat("x", 10_000))
	}
	lines, calls := a.searchOn(searchParams{KeywordList: []string{"number"}, ConversationID: "C2Cdave"})
	require.Len(t, lines, 8)
	require.Greater(t, calls, 1)
	// One conversation that fills a frame does not take the next ones with it.
	for _, other := range []string{"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"} {
		a.send(other, "large "+strings.Repeat("x", 10_000))
	}
	lines, calls = a.searchOn(searchParams{KeywordList: []string{"large"}})
	require.Len(t, lines, 8)
	require.Greater(t, calls, 1)
}

// What the history does not show, a search does not find.
func TestSearchAsTheHistoryShows(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	cleared := a.send("bob", "a cat, cleared")
	b.must(frame.ConversationClear, conversationParams{ConversationID: "C2Calice"}, nil)
	revoked, deleted, kept := a.send("bob", "a cat, revoked"), a.send("bob", "a cat, deleted"), a.send("bob", "a cat, kept")
	a.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Cbob", Position: revoked.Position}, nil)
	b.must(frame.MessageDelete, conversationParams{ConversationID: "C2Calice", Positions: []uint64{deleted.Position}}, nil)
	for _, c := range []struct {
		who  *client
		peer string
		want []Message
	}{{a, "bob", []Message{kept, deleted, cleared}}, {b, "alice", []Message{kept}}} {
		r := c.who.search(searchParams{KeywordList: []string{"cat"}, ConversationID: "C2C" + c.peer})
		var ids, want []string
		for _, m := range r.List[0].MessageList {
			ids = append(ids, m.ID)
		}
		for _, m := range c.want {
			want = append(want, m.ID)
		}
		require.Equal(t, want, ids, c.who.userID)
	}
}

func TestSearchByPeopleTypesTimes(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "old")
	now = now.Add(time.Hour)
	b.send("alice", "middle")
	now = now.Add(time.Hour)
	a.send("bob", "new")
	a.must(frame.MessageSend, map[string]any{
		"id": messageID("alice", now, "custom"), "to": "bob", "type": typeCustom,
		"payload": map[string]string{"data": "secret", "description": "a drawing", "extension": "x"},
	}, nil)
	texts := func(p searchParams) (out []string) {
		p.ConversationID = "C2Cbob"
		for _, f := range a.search(p).List {
			for _, m := range f.MessageList {
				out = append(out, m.Type[3:7]+" "+textOf(m))
			}
		}
		return out
	}
	require.Equal(t, []string{"Cust ", "Text new", "Text middle", "Text old"}, texts(searchParams{}))
	require.Equal(t, []string{"Text middle"}, texts(searchParams{Senders: []string{"bob"}}))
	require.Equal(t, []string{"Cust "}, texts(searchParams{Types: []string{typeCustom}}))
	require.Equal(t, []string{"Cust "}, texts(searchParams{KeywordList: []string{"draw"}}))
	require.Empty(t, texts(searchParams{KeywordList: []string{"secret"}}), "nobody reads the data of a custom message")
	then := now.Add(-time.Hour).Unix()
	require.Equal(t, []string{"Text middle", "Text old"}, texts(searchParams{TimePosition: then}))
	require.Equal(t, []string{"Text middle"}, texts(searchParams{TimePosition: then, TimePeriod: 60}))
	require.Equal(t, []string{"Cust ", "Text new"}, texts(searchParams{TimePeriod: 60}))
}

// A search that costs too much for one call stops, in the middle of a
// conversation, and goes on there: nothing twice, nothing left out.
func TestSearchStopsAndGoesOn(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	a.send("bob", "a needle")
	for n := range 700 {
		a.send("bob", fmt.Sprint("straw ", n))
	}
	a.send("carol", "another needle")
	lines, calls := a.searchOn(searchParams{KeywordList: []string{"needle"}})
	require.Equal(t, []string{"C2Ccarol: another needle", "C2Cbob: a needle"}, lines)
	require.Greater(t, calls, 2)
	lines, calls = a.searchOn(searchParams{KeywordList: []string{"needle"}, ConversationID: "C2Cbob"})
	require.Equal(t, []string{"C2Cbob: a needle"}, lines)
	require.Greater(t, calls, 2)
	all := 0
	p := searchParams{KeywordList: []string{"straw"}}
	for {
		r := a.search(p)
		for _, f := range r.List {
			all += f.MessageCount
		}
		if p.Cursor = r.Cursor; p.Cursor == "" {
			break
		}
	}
	require.Equal(t, 700, all)
	// Another user's cursor names a message that is not theirs.
	b := login(t, in, "bob", "b1")
	r := a.search(searchParams{KeywordList: []string{"straw"}})
	require.NotEmpty(t, r.Cursor)
	got := b.search(searchParams{Cursor: r.Cursor})
	require.Empty(t, got.List)
}

func TestSearchForUsers(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	for id, nick := range map[string]string{"bob": "Robert", "Carol": "Karoline", "dave": "", "eve": "Robert, too", "Mallory": "Robert"} {
		if nick != "" {
			require.NoError(t, in.Import(t.Context(), place.User{SDKAppID: app, UserID: id}, &nick, nil))
		}
	}
	for _, peer := range []string{"eve", "dave", "Carol", "bob"} {
		a.send(peer, "hello")
	}
	find := func(p searchParams) (ids []string, cursor string) {
		var r usersFound
		a.must(frame.ProfileSearch, p, &r)
		for _, of := range r.List {
			ids = append(ids, of.UserID)
		}
		return ids, r.Cursor
	}
	for _, c := range []struct {
		words []string
		want  []string
	}{
		{[]string{"robert"}, []string{"bob", "eve"}},
		{[]string{"CAROL"}, []string{"Carol"}},
		{[]string{"av", "kar"}, []string{"Carol", "dave"}},
		{[]string{"mallory"}, nil},                 // a stranger is named, not looked for
		{[]string{"Mallory"}, []string{"Mallory"}}, // by their whole userID
		{[]string{"nobody"}, nil},                  // and only if they are there
	} {
		ids, cursor := find(searchParams{KeywordList: c.words})
		require.Equal(t, c.want, ids, "%v", c.words)
		require.Empty(t, cursor)
	}
	ids, cursor := find(searchParams{KeywordList: []string{"robert"}, Count: 1})
	require.Equal(t, []string{"bob"}, ids)
	ids, _ = find(searchParams{KeywordList: []string{"robert"}, Count: 1, Cursor: cursor})
	require.Equal(t, []string{"eve"}, ids)
	a.must(frame.ProfileSet, map[string]any{"gender": "Gender_Type_Female", "birthday": 19900101}, nil)
	a.send("alice", "to myself")
	ids, _ = find(searchParams{Gender: "Gender_Type_Female", MinBirthday: 19900101, MaxBirthday: 19900101})
	require.Equal(t, []string{"alice"}, ids)
	ids, _ = find(searchParams{MinBirthday: 19900102})
	require.Empty(t, ids)
}

// TestSearchLeavesSomething: who has searched much may still do everything else.
func TestSearchLeavesSomething(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	in.rates.called(a.s.user.User, now, workBurst/2, 0)
	for _, method := range []string{frame.MessageSearch, frame.ProfileSearch} {
		f := a.call(method, searchParams{KeywordList: []string{"x"}}, nil)
		require.NotNil(t, f)
		require.Equal(t, fault.TooFrequent, f.Code)
		require.Contains(t, f.Message, "search again")
	}
	require.Len(t, a.history("bob"), 1)
	now = now.Add(time.Minute)
	require.Len(t, a.search(searchParams{KeywordList: []string{"x"}}).List, 1)
}

func TestSearchRefusesBadArguments(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	for want, p := range map[string]searchParams{
		"at most 5 keywords": {KeywordList: numbered("k", 6)},
		"at most 5 senders":  {Senders: numbered("k", 6)},
		"at most 32 types":   {Types: numbered("k", 33)},
		`"or" or "and"`:      {Match: "xor"},
		"over 256 bytes":     {KeywordList: []string{strings.Repeat("x", 257)}},
		"cursor":             {Cursor: "1.2"},
		"the cursor is":      {Cursor: "1.2.%"},
	} {
		f := a.call(frame.MessageSearch, p, nil)
		require.NotNil(t, f, want)
		require.Equal(t, fault.BadParameters, f.Code)
		require.Contains(t, f.Message, want)
	}
	f := a.call(frame.MessageSearch, searchParams{ConversationID: "bob"}, nil)
	require.NotNil(t, f)
	require.Equal(t, fault.NoConversation, f.Code)
	require.Empty(t, a.search(searchParams{ConversationID: "C2Cbob", KeywordList: []string{"x"}}).List)
	require.Empty(t, a.search(searchParams{KeywordList: []string{"x"}, Count: -1}).List)
}
