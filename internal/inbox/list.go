package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/frame"
)

// load reads the user's documents of their conversations, and finds out which
// newest records have to be read.
func (p *part) load(ctx context.Context) error {
	up, u := p.up, p.s.user
	if up.loaded {
		return nil
	}
	for all := false; !all; {
		if p.full(ctx) {
			return nil
		}
		var err error
		if all, err = u.load(ctx); err != nil {
			return err
		}
	}
	if err := p.convGroups(ctx); err != nil {
		return err
	}
	at, err := p.begun(ctx)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	up.at.pos = at
	// A position beyond what this gateway knows comes from before the store was
	// set back, or from a gateway that is ahead.
	known := max(u.rev, p.s.in.conversations.Pos())
	up.whole = !up.resumed || up.from.rev == 0 || up.from.rev > known
	up.at.rev = u.rev
	if up.whole {
		clear(up.changed) // all are listed as they are now
	}
	list := u.peers.standings()
	if others, ok := p.s.in.recent.since(u.User, u.groups, up.after, up.at.pos); ok && !up.whole {
		list = slices.DeleteFunc(list, func(one standing) bool {
			return !others[one.other] && one.rev <= up.from.rev
		})
	}
	newestDocumentsFirst(list)
	up.pending = namesOf(list)
	up.loaded = true
	return nil
}

// begun returns up to where this sync finds everything in the stores, and reads the
// documents of conversations that have begun since the user's were read: their followers
// are two, and a record may have come here before the document.
//
// Records of groups are told of from when their documents, or the log, have said that the
// user is a member. So it is not where begin found the follower, but where it is now.
func (p *part) begun(ctx context.Context) (at positions, err error) {
	in, u := p.s.in, p.s.user
	here := in.messages.Pos()
	wait, cancel := context.WithTimeout(ctx, in.o.reach)
	defer cancel()
	in.messages.Reach(wait, here) // it stands at a record before that is handled
	at = p.up.at.pos.union(here)
	others, ok := in.recent.since(u.User, nil, p.up.at.pos, at)
	if !ok {
		return at, u.reachDocuments(ctx)
	}
	return at, u.readUnknown(ctx, others, in.crowds.namesOf(u))
}

// conversations pushes all conversations, or those that have changed, in as many
// notifications as they need and at least one. It notes which of them have news.
func (p *part) conversations(ctx context.Context) error {
	up := p.up
	if up.reset {
		if err := p.note(frame.NoteConversations, conversationsNote{Conversations: []Conversation{}, Reset: true}); err != nil {
			return err
		}
		up.reset = false
	}
	if up.listed {
		return nil
	}
	l := listing{p: p}
	for len(up.pending) > 0 && !p.full(ctx) {
		some := up.pending[:min(len(up.pending), headsAtOnce, syncHeads-p.read)]
		heads, err := p.s.in.headsOf(ctx, p.s.user.User, some)
		if err != nil {
			return err
		}
		for len(some) > 0 && !p.full(ctx) {
			n := min(readAhead, len(some))
			if err := l.add(ctx, some[:n], heads[:n]); err != nil {
				return err
			}
			p.read += n
			some, heads, up.pending = some[n:], heads[n:], up.pending[n:]
		}
	}
	up.listed = len(up.pending) == 0
	return l.push(!up.listed)
}

// listing is a notification of conversations that is being filled.
type listing struct {
	p       *part
	list    []Conversation
	removed []string
	size    int
}

// add adds the conversations with some peers, given their newest records, and
// pushes the notification whenever a frame is full.
func (l *listing) add(ctx context.Context, some []string, heads []*record) error {
	up, u := l.p.up, l.p.s.user
	kept := u.peersOf(some)
	shown := make([]*record, len(heads))
	for i, h := range heads {
		if h == nil {
			continue
		}
		l.p.heads[h.pair] = h.lean()
		if !up.after.covers(h.pos) && kept[i].sees(h) {
			up.news = append(up.news, h.lean())
			up.near.keep(h)
		}
		if up.whole || !up.from.pos.covers(h.pos) || kept[i].rev > up.from.rev {
			shown[i] = h
		}
	}
	list, err := l.p.s.in.compose(ctx, u.User, shown, kept)
	if err != nil {
		return err
	}
	for i, c := range list {
		switch {
		case c == nil && shown[i] != nil && !up.whole:
			l.removed = append(l.removed, idOf(some[i]))
		case c != nil:
			size := sizeOf(c)
			if l.size+size > l.p.s.in.o.Frame && len(l.list) > 0 {
				if err := l.push(true); err != nil {
					return err
				}
			}
			l.list, l.size = append(l.list, *c), l.size+size
		}
	}
	return nil
}

func (l *listing) push(more bool) error {
	note := conversationsNote{Conversations: l.list, All: l.p.up.whole, Removed: l.removed, More: more}
	if note.Conversations == nil {
		note.Conversations = []Conversation{}
	}
	l.list, l.removed, l.size = nil, nil, 0
	return l.p.note(frame.NoteConversations, note)
}

// find finds out what was missed.
func (p *part) find(ctx context.Context) error {
	up := p.up
	if up.found {
		return nil
	}
	if up.search == nil {
		up.search, up.news = p.s.in.newSearch(up.news), nil
	}
	all, err := p.search(ctx)
	if all {
		up.missed, up.changes = up.search.missed(), up.search.changed()
		up.search, up.found = nil, true
	}
	return err
}
