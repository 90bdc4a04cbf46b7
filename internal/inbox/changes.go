package inbox

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/frame"
)

// at returns the cursor of a frame. While sessions have not been told of some
// settings the cursor stands before those, so that they come again if the link
// breaks now; mu is held.
func (u *user) at(pos positions) cursor {
	if len(u.untold) > 0 {
		return cursor{pos, u.told}
	}
	return cursor{pos, u.rev}
}

// tells notes that sessions know the settings of a conversation only up to
// told; mu is held.
func (u *user) tells(other string, told uint64) {
	if len(u.untold) == 0 || told < u.told {
		u.told = told
	}
	put(&u.untold, other, struct{}{})
}

// stales does what tells does and has the conversation refreshed in the
// background; mu is held.
func (u *user) stales(other string, told uint64) {
	u.tells(other, told)
	put(&u.stale, other, struct{}{})
}

// hasTold notes that the sessions know the settings of conversations; mu is
// held.
func (u *user) hasTold(others ...string) {
	for _, other := range others {
		delete(u.untold, other)
		delete(u.stale, other)
	}
}

// tellStale starts the goroutine that refreshes what is stale unless it is
// running; mu is held.
func (u *user) tellStale() {
	if len(u.stale) > 0 && !u.telling {
		u.telling = u.in.work.goes(u.refreshStale)
	}
}

func (u *user) refreshStale() {
	for {
		others, ok := u.nextStale()
		if !ok {
			return
		}
		u.refresh(u.in.work.ctx, others)
	}
}

// nextStale takes the next conversations to refresh. It returns false when
// there are none, and the goroutine that refreshes them has to end.
func (u *user) nextStale() (others []string, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.sessions) > 0 && u.in.work.ctx.Err() == nil {
		for other := range u.stale {
			delete(u.stale, other)
			if others = append(others, other); len(others) == headsAtOnce {
				break
			}
		}
	}
	u.telling = len(others) > 0
	return others, u.telling
}

// documentChanged tells the sessions about a profile, a blacklist, conversation groups
// or quiet hours that the user has changed, here or elsewhere.
func (u *user) documentChanged(kind string, rev uint64, data []byte) {
	switch kind {
	case docConvGroups:
		u.convGroupsChanged(doc{rev, data})
	case docProfile:
		var p Profile
		if decodeJSON(data, &p) == nil {
			u.owe(frame.NoteProfile, profileNote{p.withDefaults(u.UserID)})
		}
	case docRemindAll:
		var r remindAll
		if decodeJSON(data, &r) == nil {
			u.owe(frame.NoteRemindAll, remindAllNote{r.usual()})
		}
	case docBlack:
		var ids []string
		if decodeJSON(data, &ids) == nil {
			u.owe(frame.NoteBlacklist, blacklist{orEmpty(ids)})
		}
	}
}

// owe is tell for what a sync does not bring: a session that does not take it now, or that
// is neither live nor catching up, gets the newest of it when it goes live.
func (u *user) owe(method string, v any) {
	params := encode(v)
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.sessions {
		s.owe(method, params)
	}
}

// owe tells one session, which is live or catching up if it can be told now; user.mu is
// held.
func (s *Session) owe(method string, params json.RawMessage) {
	if (s.live || s.syncing != nil) && s.push(method, params) {
		delete(s.owed, method)
		return
	}
	put(&s.owed, method, params)
	s.stall()
}

// refresh pushes conversations as they are now to every live session. A session
// that could not be told of them catches up. If ctx ends before it is this one's
// turn, they are told of in the background.
func (u *user) refresh(ctx context.Context, others []string) {
	done, err := u.refreshing.Take(ctx)
	if err != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		for _, other := range others {
			u.stales(other, u.rev)
		}
		u.tellStale()
		return
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if !u.anyLive() { // sessions that are not live will catch up
		u.mu.Lock()
		defer u.mu.Unlock()
		u.hasTold(others...)
		return
	}
	for len(others) > 0 && err == nil {
		if err = ctx.Err(); err == nil {
			others, err = u.tellOf(ctx, others)
		}
	}
	if err == nil {
		return
	}
	u.in.report(err)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hasTold(others...)
	for _, s := range u.sessions {
		s.stall()
	}
}

func (u *user) anyLive() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.sessions {
		if s.live {
			return true
		}
	}
	return false
}

// tellOf pushes conversations to the live sessions, and returns those that
// changed again meanwhile. It is the turn of u.refreshing.
func (u *user) tellOf(ctx context.Context, others []string) (left []string, err error) {
	heads, err := u.in.headsOf(ctx, u.User, others)
	if err != nil {
		return others, err
	}
	docs := u.peersOf(others)
	list, err := u.in.compose(ctx, u.User, heads, docs)
	if err != nil {
		return others, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	note, size := conversationsNote{Conversations: []Conversation{}}, 0
	push := func() {
		for _, s := range u.sessions {
			if s.live && size > 0 {
				at := u.at(s.pos.all())
				note.Cursor = u.in.text(at)
				s.pushed(s.push(frame.NoteConversations, encode(note)), at)
			}
		}
		note, size = conversationsNote{Conversations: []Conversation{}}, 0
	}
	for i, other := range others {
		switch c := list[i]; {
		case heads[i] == nil: // nothing was written there, or it has expired
		case u.peers[other].rev != docs[i].rev || u.seen[other] > heads[i].pos:
			left = append(left, other) // what was read is old by now
			continue
		case c == nil:
			note.Removed = append(note.Removed, idOf(other))
			size += sizeOf(idOf(other))
		default:
			one := sizeOf(c)
			if size > 0 && size+one > u.in.o.Frame {
				push()
			}
			note.Conversations = append(note.Conversations, *c)
			size += one
		}
		u.hasTold(other)
	}
	push()
	return left, nil
}
