package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// modelGroups is a Groups in memory. Users whose names begin with "boss" manage the
// groups that they are in.
type modelGroups struct {
	mu     sync.Mutex // guards what follows
	groups map[string]*modelGroup
}

type modelGroup struct {
	Standing // of every member
	members  map[string]bool
	muted    map[string]bool
	pin      bool // every member may pin messages
	changes  int
}

func (m *modelGroups) Standing(_ context.Context, u place.User, groupID string) (Standing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.groups[groupID]
	switch {
	case g == nil:
		return Standing{}, fault.New(fault.NoSuchGroup)
	case u.UserID == "root": // an administrator of the app
		as := g.Standing
		as.Manages, as.AtAll = true, true
		return as, nil
	case !g.members[u.UserID]:
		return Standing{}, fault.New(fault.GroupNotPermitted)
	}
	as := g.Standing
	as.Member, as.Muted = true, g.muted[u.UserID]
	as.Manages = strings.HasPrefix(u.UserID, "boss")
	as.Pins, as.AtAll, as.Readers = as.Manages || g.pin, as.Manages, len(g.members)-1
	return as, nil
}

// Members implements Groups: they have all joined long ago.
func (m *modelGroups) Members(_ context.Context, _ place.User, groupID string, most int) (out []Joined, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.groups[groupID].members {
		out = append(out, Joined{UserID: id})
	}
	if len(out) > most {
		err = fault.New(fault.InvalidOperation)
	}
	return out, err
}

// make makes a group without members, whose messages count as unread.
func (m *modelGroups) make(groupID string, born int64, older bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups == nil {
		m.groups = map[string]*modelGroup{}
	}
	m.groups[groupID] = &modelGroup{Standing: Standing{Born: born, Counts: true, Older: older}, members: map[string]bool{}, muted: map[string]bool{}}
}

// change makes users join and leave a group, as package group does.
func (m *modelGroups) change(in *Inbox, groupID string, joined, left []string) error {
	m.mu.Lock()
	g := m.groups[groupID]
	for _, id := range joined {
		g.members[id] = true
	}
	for _, id := range left {
		delete(g.members, id)
	}
	g.changes++
	c := GroupChange{
		App: app, Group: groupID, Born: g.Born, Key: freshID(), Joined: joined, Left: left, Older: g.Older,
		From: append(slices.Clone(joined), left...)[0], Tip: json.RawMessage(`{"operationType":1}`),
	}
	m.mu.Unlock()
	return in.GroupChanged(context.Background(), c)
}

// openGroups opens an inbox with groups.
func openGroups(t testing.TB, b Bus, o Options) (*Inbox, *modelGroups) {
	t.Helper()
	groups := &modelGroups{}
	if o.Groups == nil {
		o.Groups = groups
	}
	return open(t, b, o), groups
}

// ear is an instance that keeps what it is told of groups as the SDK does.
type ear struct {
	t                testing.TB
	userID, instance string
	s                *Session

	mu       sync.Mutex // guards what follows
	changed  *sync.Cond
	broken   bool
	notes    []note
	cursor   cursor
	convs    map[string]*heardOf
	messages []Message // of groups, tips left out
	revoked  []Message
	modified []Message
}

// heardOf is what an ear knows of a conversation.
type heardOf struct {
	counted, read, readSequence uint64
	taken                       []uint64
	whole                       bool
	reached                     uint64 // position of the newest message
	last                        *LastMessage
	unreadCount                 uint64 // as the server last said
	pinned                      bool
	mentions                    []Mention
}

func (h *heardOf) unread() uint64 {
	if !h.whole || h.counted <= h.read {
		return 0
	}
	taken := 0
	for _, n := range h.taken {
		if n > h.read {
			taken++
		}
	}
	return h.counted - h.read - uint64(taken)
}

// mention adds messages that mention the user, and forgets those that are read.
func (h *heardOf) mention(list []Mention) {
	for _, m := range list {
		if !slices.ContainsFunc(h.mentions, func(o Mention) bool { return o.MessageSequence == m.MessageSequence }) {
			h.mentions = append(h.mentions, m)
		}
	}
	slices.SortFunc(h.mentions, func(a, b Mention) int { return cmp.Compare(a.MessageSequence, b.MessageSequence) })
	h.mentions = slices.DeleteFunc(h.mentions, func(m Mention) bool { return m.MessageSequence <= h.readSequence })
	h.mentions = h.mentions[max(0, len(h.mentions)-maxMentions):]
}

func newEar(t testing.TB, userID, instance string) *ear {
	e := &ear{t: t, userID: userID, instance: instance, convs: map[string]*heardOf{}}
	e.changed = sync.NewCond(&e.mu)
	return e
}

// listen attaches and syncs a new instance.
func listen(t testing.TB, in *Inbox, userID, instance string) *ear {
	t.Helper()
	e := newEar(t, userID, instance)
	e.attach(in)
	e.sync()
	return e
}

func (e *ear) attach(in *Inbox) {
	e.mu.Lock()
	e.broken = false
	e.mu.Unlock()
	e.s = in.Attach(place.User{SDKAppID: app, UserID: e.userID}, e.instance, e.push)
}

// drop ends the session as a lost link does.
func (e *ear) drop() {
	e.mu.Lock()
	e.broken = true
	e.mu.Unlock()
	e.s.Close()
}

// sync catches up, and tries again if the store was too slow, as a page does.
func (e *ear) sync() {
	e.t.Helper()
	e.mu.Lock()
	p := syncParams{Cursor: e.cursorText()}
	e.mu.Unlock()
	var r syncResult
	f := e.call(frame.SessionSync, p, &r)
	for r.More && f == nil {
		r = syncResult{}
		f = e.call(frame.SessionMore, nothing{}, &r)
	}
	if f != nil {
		if f.Code != fault.ServerTimeout {
			e.t.Fatalf("a sync failed: %d %s", f.Code, f.Message)
		}
		e.sync()
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.merge(r.Cursor)
}

// cursorText needs mu.
func (e *ear) cursorText() string {
	if e.cursor == (cursor{}) {
		return ""
	}
	return e.s.in.text(e.cursor)
}

// merge needs mu.
func (e *ear) merge(text string) {
	if c, ok := e.s.in.parse(text); ok && text != "" {
		e.cursor.pos, e.cursor.rev = e.cursor.pos.union(c.pos), max(e.cursor.rev, c.rev)
	}
}

func (e *ear) push(method string, params json.RawMessage) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken {
		return false
	}
	e.notes = append(e.notes, note{method, params})
	var n struct {
		Messages      []Message
		Conversations []struct {
			Conversation
			Counted      *uint64  `json:"counted"`
			Read         *uint64  `json:"read"`
			ReadSequence uint64   `json:"readSequence"`
			Taken        []uint64 `json:"taken"`
		}
		Removed []string
		All     bool
		Cursor  string
	}
	if err := json.Unmarshal(params, &n); err != nil {
		e.t.Error(err)
	}
	e.merge(n.Cursor)
	for _, m := range n.Messages {
		if m.ConversationType != groupKind {
			continue
		}
		c := e.of(m.ConversationID)
		switch {
		case method == frame.NoteRevoked:
			e.revoked = append(e.revoked, m)
		case method == frame.NoteModified:
			e.modified = append(e.modified, m)
		case method == frame.NoteMessages && (m.OnlineOnly || m.Position > c.reached):
			c.reached = max(c.reached, m.Position)
			if m.Type != typeGroupTip {
				e.messages = append(e.messages, m)
			}
		}
	}
	for _, c := range n.Conversations {
		if c.Type != groupKind {
			continue
		}
		have := e.of(c.ConversationID)
		if c.Counted != nil && *c.Counted >= have.counted {
			have.counted, have.taken = *c.Counted, c.Taken
		}
		if c.LastMessage != nil {
			have.last = c.LastMessage
		}
		if c.Read != nil {
			have.whole, have.read, have.readSequence = true, max(have.read, *c.Read), max(have.readSequence, c.ReadSequence)
			have.unreadCount, have.pinned = c.UnreadCount, c.IsPinned
			have.mention(c.GroupAtInfoList)
		}
		own := method == frame.NoteConversations || method == frame.NoteMessages
		if l := c.LastMessage; own && c.Read == nil && l != nil && l.FromAccount == e.userID && l.Type != typeGroupTip {
			have.read = max(have.read, *c.Counted)
		}
	}
	for _, id := range n.Removed {
		delete(e.convs, id)
	}
	e.changed.Broadcast()
	return true
}

// of needs mu.
func (e *ear) of(conversationID string) *heardOf {
	if e.convs[conversationID] == nil {
		e.convs[conversationID] = &heardOf{}
	}
	return e.convs[conversationID]
}

// known returns what is known of a conversation that has been heard of.
func (e *ear) known(conversationID string) heardOf {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	require.Contains(e.t, e.convs, conversationID)
	c := *e.convs[conversationID]
	c.mentions, c.taken = slices.Clone(c.mentions), slices.Clone(c.taken)
	return c
}

// texts returns those of all messages that have been heard.
func (e *ear) texts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return textsOf(e.messages)
}

// until waits until done returns true; it calls done with mu held.
func (e *ear) until(what string, done func() bool) {
	e.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { e.changed.Broadcast() })
	defer late.Stop()
	start := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for !done() {
		if time.Since(start) > 29*time.Second {
			e.t.Fatalf("%s/%s: %s did not happen; notes: %s", e.userID, e.instance, what, e.notes)
		}
		e.changed.Wait()
	}
}

func (e *ear) hears(texts ...string) {
	e.t.Helper()
	e.until("hearing "+strings.Join(texts, ", "), func() bool { return len(e.messages) >= len(texts) })
	e.mu.Lock()
	defer e.mu.Unlock()
	require.Equal(e.t, texts, textsOf(e.messages))
}

// unreads waits until n messages of a group are unread.
func (e *ear) unreads(groupID string, n uint64) {
	e.t.Helper()
	e.until(fmt.Sprint(n, " unread"), func() bool {
		h := e.convs[groupKind+groupID]
		return h != nil && h.whole && h.unread() == n
	})
}

func (e *ear) lists(groupID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.convs[groupKind+groupID] != nil
}

func (e *ear) call(method string, params, result any) *fault.Error {
	out, f := e.s.Call(context.Background(), method, encode(params))
	if f == nil && result != nil {
		if err := json.Unmarshal(out, result); err != nil {
			e.t.Fatal(err)
		}
	}
	return f
}

func (e *ear) must(method string, params, result any) {
	e.t.Helper()
	if f := e.call(method, params, result); f != nil {
		e.t.Fatalf("%s: %d %s", method, f.Code, f.Message)
	}
}

// says sends a text to a group.
func (e *ear) says(groupID, text string, more ...map[string]any) Message {
	e.t.Helper()
	var r messageResult
	e.must(frame.MessageSend, toGroup(e.id(text), groupID, text, more...), &r)
	return r.Message
}

func (e *ear) id(text string) string { return messageID(e.userID, e.s.in.now(), text) }

func toGroup(id, groupID, text string, more ...map[string]any) map[string]any {
	p := sendText(id, "", text)
	delete(p, "to")
	p["groupID"] = groupID
	for _, m := range more {
		for k, v := range m {
			p[k] = v
		}
	}
	return p
}

// history returns the texts of a group's history, page by page, oldest first; tips
// are "*".
func (e *ear) history(groupID string) (out []string) {
	e.t.Helper()
	for before := uint64(0); ; {
		var r listResult
		e.must(frame.MessageList, conversationParams{ConversationID: groupKind + groupID, Before: before, Count: window}, &r)
		out = append(textsOf(r.Messages), out...)
		if before = r.Next; r.IsCompleted {
			return out
		}
	}
}

func textsOf(list []Message) []string {
	out := []string{}
	for _, m := range list {
		if m.Type == typeGroupTip {
			out = append(out, "*")
			continue
		}
		out = append(out, textOf(m))
	}
	return out
}

func code(f *fault.Error) fault.Code {
	if f == nil {
		return 0
	}
	return f.Code
}
