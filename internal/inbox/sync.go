package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

type syncParams struct {
	Cursor string   `json:"cursor"`
	Watch  []string `json:"watch"`
}

type syncResult struct {
	Cursor  string `json:"cursor,omitempty"`
	Resumed bool   `json:"resumed"`
	More    bool   `json:"more,omitempty"`
}

// catchingUp is a sync that is under way: what is still to be pushed before
// the session goes live.
type catchingUp struct {
	notes   []pending
	resumed bool
	at      cursor // where the session stands once they are pushed
	told    peers  // the settings that they tell of
	queue   []*record
	over    bool              // more came meanwhile than the queue holds
	lives   []json.RawMessage // online-only messages that came meanwhile
}

type pending struct {
	method string
	params json.RawMessage
}

// Limits of a sync: what is pushed for one call, so that a client that reads
// slowly asks for the rest in its own time, and what may come meanwhile.
const (
	syncBytes = 128 << 10
	syncQueue = 2000
)

// sync brings a session up to date and lets records flow to it from there on.
//
// It registers for records first and then reads where the follower stands:
// what is up to there comes from the stores, what is after it waits in the
// queue meanwhile. So nothing falls between, and nothing comes twice.
func (s *Session) sync(ctx context.Context, p syncParams) (any, error) {
	from, resumed := parseCursor(p.Cursor)
	if p.Cursor != "" && !resumed {
		return nil, badCursor()
	}
	if len(p.Watch) > 0 {
		if err := checkUsers(p.Watch, maxWatches); err != nil {
			return nil, err
		}
		if err := s.watchUsers(ctx, p.Watch); err != nil {
			return nil, err
		}
	}
	if err := s.begin(ctx, from, resumed); err != nil {
		return nil, err
	}
	return s.more(ctx)
}

// begin composes what a session has not seen.
func (s *Session) begin(ctx context.Context, from cursor, resumed bool) error {
	in, u := s.in, s.user
	up := &catchingUp{resumed: resumed}
	u.mu.Lock()
	if s.syncing != nil {
		up.lives = s.syncing.lives
	}
	s.live, s.syncing = false, up
	u.mu.Unlock()
	end, err := in.level(ctx)
	if err == nil {
		if from.pos > end {
			// The stores have been set back, from a backup perhaps: what this
			// instance has seen is not in them.
			from, up.resumed = cursor{}, false
			up.note(frame.NoteConversations, conversationsNote{Conversations: []Conversation{}, Reset: true})
		}
		up.at.pos = in.messages.pos.Load()
		err = s.catchUp(ctx, from, up)
	}
	// An instance that comes from a gateway that was ahead of this one has seen
	// more than this one's follower.
	up.at.pos = max(up.at.pos, from.pos)
	if err != nil {
		u.mu.Lock()
		s.syncing = nil
		u.mu.Unlock()
	}
	return err
}

// more pushes the next part of a sync; after the last one the session is live.
func (s *Session) more(ctx context.Context) (any, error) {
	u := s.user
	up := s.syncing
	if up == nil {
		return nil, fault.With(fault.InvalidOperation, "session.sync comes before session.more")
	}
	for bytes := 0; len(up.notes) > 0; up.notes = up.notes[1:] {
		if bytes >= syncBytes {
			return syncResult{Resumed: up.resumed, More: true}, nil
		}
		n := up.notes[0]
		bytes += len(n.params)
		u.mu.Lock()
		ok := !s.closed && s.push(n.method, n.params)
		u.mu.Unlock()
		if !ok {
			return nil, fault.New(fault.ServerTimeout)
		}
	}
	s.in.mu.Lock()
	u.mu.Lock()
	watched := s.in.watchedBy(s)
	s.in.mu.Unlock()
	if s.closed {
		u.mu.Unlock()
		return nil, fault.New(fault.NotLoggedIn)
	}
	if up.over {
		u.mu.Unlock()
		if err := s.begin(ctx, up.at, true); err != nil {
			return nil, err
		}
		return syncResult{Resumed: up.resumed, More: true}, nil
	}
	defer u.mu.Unlock()
	s.syncing = nil
	s.live, s.pos = true, up.at.pos
	for _, r := range up.queue {
		if s.live && r.pos > s.pos {
			var out outgoing
			s.send(r, r.pair.side(u.UserID), &out)
		}
	}
	for _, params := range up.lives {
		if s.live {
			s.push(frame.NoteMessages, params)
		}
	}
	u.changedSince(up.told)
	if len(watched) > 0 && s.live && !s.push(frame.NoteStatus, encode(statusNote{watched})) {
		s.stall()
	}
	return syncResult{Cursor: u.at(s.pos).String(), Resumed: up.resumed}, nil
}

// note adds a notification to those that a sync will push.
func (up *catchingUp) note(method string, v any) {
	up.notes = append(up.notes, pending{method, encode(v)})
}

// acknowledged is the cursor of a user: what any of his instances has shown.
func (in *Inbox) acknowledged(ctx context.Context, u User) (uint64, error) {
	in.mu.Lock()
	unsaved := in.unsaved[u] // before the read: it goes once it is stored
	in.mu.Unlock()
	d, err := in.docs.fresh(ctx, docSubject(u, docCursor))
	if err != nil || d.rev == 0 {
		return unsaved, err
	}
	var c userCursor
	err = json.Unmarshal(d.data, &c)
	return max(c.Pos, unsaved), err
}

// resumedMissed is how many messages a reconnect brings at most.
const resumedMissed = 5000

// level lets the follower come up to the stream's end, so that all that was
// sent before a sync is missed and not live. A follower that is too far behind
// is not waited for: it delivers the rest later. It gives where the end is.
func (in *Inbox) level(ctx context.Context) (end uint64, err error) {
	e, err := in.store.last(ctx, streamMsg, ">")
	if errors.Is(err, errNone) {
		// Everything may have expired: then the follower knows the end.
		return in.messages.pos.Load(), nil
	}
	if err != nil {
		return 0, err
	}
	in.told(ctx, e.pos)
	return max(e.pos, in.messages.pos.Load()), nil
}

// told waits, a second at most, until the sessions here were told of a record:
// what a client is told of its own call comes before the call's answer.
func (in *Inbox) told(ctx context.Context, pos uint64) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	in.messages.reach(ctx, pos)
}

// catchUp composes what a session has not seen up to a position.
func (s *Session) catchUp(ctx context.Context, from cursor, up *catchingUp) error {
	in, u, upTo, resumed := s.in, s.user.User, up.at.pos, up.resumed
	all, rev, err := in.peersOf(ctx, u)
	if err != nil {
		return err
	}
	heads, err := in.heads(ctx, u, all)
	if err != nil {
		return err
	}
	after := from.pos
	if !resumed {
		if after, err = in.acknowledged(ctx, u); err != nil {
			return err
		}
	}
	after = min(after, upTo)

	changed := heads
	whole := !resumed || from.rev != rev
	if !whole {
		n := slices.IndexFunc(heads, func(h *record) bool { return h.pos <= after })
		if n >= 0 {
			changed = heads[:n]
		}
	}
	limit := in.o.Missed
	if resumed {
		limit = max(limit, resumedMissed) // the page is open: it wants them all
	}
	missed, err := in.missed(ctx, u, heads, all, after, upTo, limit, func(m *record) bool {
		mine := m.pair.users[m.By] == u.UserID
		switch {
		case m.pair.users[0] == m.pair.users[1] && !resumed:
			return false
		case !mine:
			return true
		default: // sent by another instance while this one was away
			return resumed && !m.Message.NoSync && m.Message.Instance != s.instance
		}
	})
	if err != nil {
		return err
	}
	var revoked []*record
	if resumed {
		if revoked, err = in.revocations(ctx, changed, after, upTo); err != nil {
			return err
		}
	}
	list, err := in.compose(ctx, u, changed, all)
	if err != nil {
		return err
	}

	s.user.adopt(all, rev)
	up.told, up.at.rev = all, rev
	up.list(list, whole, in.o.Frame)
	return s.composeMissed(ctx, up, heads, all, missed, revoked)
}

// list adds conversations, in as many notifications as they need.
func (up *catchingUp) list(list []Conversation, whole bool, limit int) {
	for first := true; first || len(list) > 0; first = false {
		n, size := 0, 0
		for n < len(list) {
			size += sizeOfConversation(list[n])
			if size > limit && n > 0 {
				break
			}
			n++
		}
		part := list[:n]
		list = list[n:]
		if part == nil {
			part = []Conversation{}
		}
		up.note(frame.NoteConversations, conversationsNote{Conversations: part, All: whole, More: len(list) > 0})
	}
}

func sizeOfConversation(c Conversation) int {
	n := 900 + len(c.DraftText) + len(c.CustomData)
	if c.LastMessage != nil {
		n += (len(c.LastMessage.Payload)*2 + len(c.LastMessage.CloudCustomData)) * 5 / 4
	}
	if c.UserProfile != nil {
		n += len(c.UserProfile.Nick) + len(c.UserProfile.Avatar) + len(c.UserProfile.SelfSignature) + len(c.UserProfile.ProfileCustomField)
	}
	return n
}

// composeMissed adds missed messages, oldest first, then revocations.
func (s *Session) composeMissed(ctx context.Context, up *catchingUp, heads []*record, all peers, missed, revoked []*record) error {
	byPair := map[pair]*record{}
	for _, h := range heads {
		byPair[h.pair] = h
	}
	u := s.user.UserID
	messages := make([]Message, 0, len(missed))
	sizes := make([]int, 0, len(missed))
	for p, list := range groupByPair(missed) {
		side := p.side(u)
		marks, err := s.in.flagsOf(ctx, byPair[p], all[p.users[p.other(side)]], list)
		if err != nil {
			return err
		}
		for i, m := range list {
			if !marks[i].Deleted[side] {
				messages = append(messages, message(m, byPair[p], marks[i], side))
			}
		}
	}
	slices.SortFunc(messages, func(a, b Message) int { return cmp.Compare(a.Position, b.Position) })
	for _, m := range messages {
		sizes = append(sizes, 800+(len(m.Payload)+len(m.CloudCustomData))*5/4)
	}
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) {
			size += sizes[n]
			if size > s.in.o.Frame && n > 0 {
				break
			}
			n++
		}
		// A link that breaks in between goes on behind what came, but not behind
		// a revocation that is still to come.
		stands := cursor{messages[n-1].Position, up.at.rev}
		if len(revoked) > 0 {
			stands.pos = min(stands.pos, revoked[0].pos-1)
		}
		up.note(frame.NoteMessages, messagesNote{Messages: messages[:n], Missed: true, More: n < len(messages), Cursor: stands.String()})
		messages, sizes = messages[n:], sizes[n:]
	}
	for i, r := range revoked {
		side := r.pair.side(u)
		m := message(r.revoked(), byPair[r.pair], flags{Revoked: true, By: r.pair.users[r.By]}, side)
		stands := up.at
		if i+1 < len(revoked) {
			stands.pos = revoked[i+1].pos - 1
		}
		up.note(frame.NoteRevoked, messagesNote{Messages: []Message{m}, Cursor: stands.String(), Position: r.pos})
	}
	return nil
}

func groupByPair(records []*record) map[pair][]*record {
	out := map[pair][]*record{}
	for _, r := range records {
		out[r.pair] = append(out[r.pair], r)
	}
	return out
}
