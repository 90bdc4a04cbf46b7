package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/frame"
)

// adopt keeps the settings for composing live frames, and has the live
// sessions told of what is new in them, but for those of some conversations
// that the caller refreshes. False: they were known already.
func (u *user) adopt(all peers, rev uint64, but ...string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.peers != nil && rev <= u.rev {
		return false
	}
	before := u.peers
	u.peers, u.rev = all, rev
	u.untold += len(but)
	if before != nil {
		u.changedSince(before, but...)
	}
	return true
}

// at is the cursor of a frame. While some settings were not told yet it names
// none, so that a link that breaks now brings them all; mu is held.
func (u *user) at(pos uint64) cursor {
	if u.untold > 0 {
		return cursor{pos: pos}
	}
	return cursor{pos, u.rev}
}

// changedSince has the sessions told of the conversations whose settings are no
// longer what they were, once they are live; mu is held.
func (u *user) changedSince(before peers, but ...string) {
	for other, set := range u.peers {
		// A conversation that is new has been told of by its first message.
		if before[other] == set {
			continue
		}
		for s := range u.sessions {
			if s.syncing != nil {
				s.syncing.changed[other] = struct{}{}
			}
		}
		if !slices.Contains(but, other) {
			u.stales(other)
		}
	}
	u.tellStale()
}

// changedMeanwhile notes what is newer than the settings that a sync has read.
func (u *user) changedMeanwhile(up *catchingUp, read peers, rev uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.rev <= rev {
		return
	}
	for other, set := range u.peers {
		if read[other] != set {
			up.changed[other] = struct{}{}
		}
	}
}

// stales notes a conversation for tellStale; mu is held.
func (u *user) stales(other string) {
	if _, ok := u.stale[other]; !ok {
		u.stale[other] = struct{}{}
		u.untold++
	}
}

// tellStale has one goroutine at a time refresh what is stale; mu is held.
func (u *user) tellStale() {
	if len(u.stale) > 0 && !u.telling {
		u.telling = u.in.work.goes(u.refreshStale)
	}
}

func (u *user) refreshStale() {
	for {
		other, ok := u.nextStale()
		if !ok {
			return
		}
		u.refresh(other, true)
	}
}

// nextStale takes one; false ends the goroutine that refreshes them.
func (u *user) nextStale() (other string, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.sessions) > 0 && u.in.work.ctx.Err() == nil {
		for other = range u.stale {
			delete(u.stale, other)
			return other, true
		}
	}
	u.telling = false
	return "", false
}

// documentChanged tells the sessions what a user changed elsewhere.
func (u *user) documentChanged(kind string, rev uint64, data []byte) error {
	switch kind {
	case docPeers:
		return u.peersChanged(rev, data)
	case docProfile:
		var p Profile
		if decodeJSON(data, &p) == nil {
			u.tell(frame.NoteProfile, profileNote{p.withDefaults(u.UserID)})
		}
	case docBlack:
		var ids []string
		if decodeJSON(data, &ids) == nil {
			u.tell(frame.NoteBlacklist, blacklist{orEmpty(ids)})
		}
	}
	return nil
}

// peersChanged: some conversations were pinned, drafted, cleared or deleted.
func (u *user) peersChanged(rev uint64, data []byte) error {
	all := peers{}
	if err := decodeJSON(data, &all); err != nil {
		return err
	}
	u.adopt(all, rev) // before the first sync, too: one may be reading older ones
	return nil
}

// refresh pushes a conversation as it is now to every live session; owed: it
// is one of the untold. A session that could not be told of it catches up.
func (u *user) refresh(other string, owed bool) {
	// One at a time: what is told last has been read last.
	u.refreshing.Lock()
	defer u.refreshing.Unlock()
	err := u.tellOf(other, owed)
	if err == nil {
		return
	}
	u.in.report(err)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hasTold(owed)
	for s := range u.sessions {
		s.stall()
	}
}

// tellOf needs refreshing.
func (u *user) tellOf(other string, owed bool) error {
	ctx, cancel := context.WithTimeout(u.in.work.ctx, storeTimeout)
	defer cancel()
	p := pairOf(u.SDKAppID, u.UserID, other)
	for ctx.Err() == nil {
		head, err := u.in.load(ctx, p)
		if err != nil {
			return err
		}
		if head == nil {
			u.mu.Lock()
			u.hasTold(owed)
			u.mu.Unlock()
			return nil
		}
		u.mu.Lock()
		all, rev := u.peers, u.rev
		u.mu.Unlock()
		list, err := u.in.compose(ctx, u.User, []*record{head}, all)
		if err != nil {
			return err
		}
		note := conversationsNote{Conversations: list}
		if len(list) == 0 {
			note = conversationsNote{Conversations: []Conversation{}, Removed: []string{c2c + other}}
		}
		u.mu.Lock()
		if u.rev != rev || u.seen[other] > head.pos {
			u.mu.Unlock()
			continue // it went on meanwhile: what would be told is old
		}
		u.hasTold(owed)
		for s := range u.sessions {
			if s.live {
				note.Cursor = u.at(s.pos).String()
				if !s.push(frame.NoteConversations, encode(note)) {
					s.stall()
				}
			}
		}
		u.mu.Unlock()
		return nil
	}
	return ctx.Err()
}

// hasTold needs mu.
func (u *user) hasTold(owed bool) {
	if owed {
		u.untold--
	}
}
