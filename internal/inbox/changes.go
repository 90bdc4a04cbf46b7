package inbox

import (
	"context"
	"slices"
)

// adopt keeps the settings for composing live frames, and has the live
// sessions told of what is new in them, but for those of some conversations
// that the caller tells of.
func (u *user) adopt(all peers, rev uint64, but ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.peers != nil && rev <= u.rev {
		return
	}
	before := u.peers
	u.peers, u.rev = all, rev
	if before != nil {
		u.changedSince(before, but...)
	}
}

// changedSince has the live sessions told of the conversations whose settings
// are no longer what they were; mu is held.
func (u *user) changedSince(before peers, but ...string) {
	for other, set := range u.peers {
		// A conversation that is new has been told of by its first message.
		if before[other] != set && !slices.Contains(but, other) {
			go u.refresh(other)
		}
	}
}

// documentChanged tells the sessions what a user changed elsewhere.
func (u *user) documentChanged(kind string, rev uint64, data []byte) {
	switch kind {
	case docPeers:
		u.peersChanged(rev, data)
	case docProfile:
		var p Profile
		if decodeJSON(data, &p) == nil {
			u.tell(noteProfile, profileNote{p.withDefaults(u.UserID)}, nil)
		}
	case docBlack:
		var ids []string
		if decodeJSON(data, &ids) == nil {
			u.tell(noteBlacklist, blacklist{orEmpty(ids)}, nil)
		}
	}
}

// peersChanged: some conversations were pinned, drafted, cleared or deleted.
func (u *user) peersChanged(rev uint64, data []byte) {
	all := peers{}
	if err := decodeJSON(data, &all); err != nil {
		u.in.o.Report(err)
		return
	}
	u.mu.Lock()
	synced := u.peers != nil
	u.mu.Unlock()
	if synced {
		u.adopt(all, rev)
	}
}

// refresh pushes a conversation as it is now to every live session.
func (u *user) refresh(other string) {
	// One at a time: what is told last has been read last.
	u.refreshing.Lock()
	defer u.refreshing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	p := pairOf(u.SDKAppID, u.UserID, other)
	for ctx.Err() == nil {
		head, err := u.in.load(ctx, p)
		if err != nil {
			u.in.o.Report(err)
			return
		}
		if head == nil {
			return
		}
		u.mu.Lock()
		all, rev := u.peers, u.rev
		u.mu.Unlock()
		list, err := u.in.compose(ctx, u.User, []*record{head}, all)
		if err != nil {
			u.in.o.Report(err)
			return
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
		for s := range u.sessions {
			if s.live {
				note.Cursor = cursor{s.pos, u.rev}.String()
				s.push(noteConversations, encode(note))
			}
		}
		u.mu.Unlock()
		return
	}
}
