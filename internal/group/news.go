package group

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// What a user is told of themself comes as fast as others change it: who brings
// them into a group and removes them again, and again, must not fill their
// connections, see tellPause. So a user is told of one group once in a pause, and
// of saidAtOnce groups; of the others at its end, in the order in which they have
// changed, and as it is then.

// saidAtOnce is of how many groups a user is told in one pause.
const saidAtOnce = 4

// news is what a user is yet to be told of themself. It needs listeners.mu.
type news struct {
	all     map[key]*ownNews
	waiting []key            // for the end of the pause, each once
	said    map[key]struct{} // told of in this pause; nil: there is none
}

// ownNews is what a user is yet to be told of what they are in one group.
type ownNews struct {
	left    *leftNote // that they have left it; this comes first
	joined  bool      // that they have come into it
	self    bool      // what has changed for them
	waiting bool      // news.waiting names the group
}

func (n *news) of(k key) *ownNews {
	one := n.all[k]
	if one == nil {
		one = &ownNews{}
		n.all[k] = one
	}
	return one
}

// The functions below need listeners.mu.

// sayLeft is for a user who has left a group, in which they were o.
func (r *Room) sayLeft(u place.User, k key, o *own, note leftNote) {
	one := r.listeners.users[u].news.of(k)
	one.joined, one.self = false, false
	if o.told {
		one.left = &note
	}
	r.say(u, k)
}

// saySelf is for a user for whom something has changed in a group. Who is yet to
// be told that they are in it is told everything then.
func (r *Room) saySelf(u place.User, k key, o *own) {
	if o.told {
		r.listeners.users[u].news.of(k).self = true
		r.say(u, k)
	}
}

// say tells a user what they are to know of a group, now or when the pause ends.
func (r *Room) say(u place.User, k key) {
	one := r.listeners.users[u]
	n := &one.news
	if n.said == nil {
		n.said = map[key]struct{}{}
		time.AfterFunc(tellPause, func() { r.sayWaiting(u, one) })
	}
	if _, again := n.said[k]; !again && len(n.said) < saidAtOnce {
		n.said[k] = struct{}{}
		r.sayNow(u, k)
		return
	}
	if news := n.of(k); !news.waiting {
		news.waiting = true
		n.waiting = append(n.waiting, k)
	}
}

// sayWaiting ends a pause. It is called without the lock.
func (r *Room) sayWaiting(u place.User, one *listener) {
	l := &r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users[u] != one || r.ctx.Err() != nil {
		return
	}
	waiting := one.news.waiting
	one.news.waiting, one.news.said = nil, nil
	for _, k := range waiting {
		one.news.of(k).waiting = false
		r.say(u, k)
	}
}

func (r *Room) sayNow(u place.User, k key) {
	l := &r.listeners
	one := l.users[u]
	what := *one.news.of(k)
	delete(one.news.all, k)
	if what.left != nil {
		l.tell(u, frame.NoteGroupLeft, encode(what.left))
	}
	o := one.groups[k]
	switch {
	case o == nil:
	case what.joined:
		if !r.jobs.add(func(ctx context.Context) { r.sayJoined(ctx, u, k) }) {
			l.tell(u, frame.NoteGroupsReset, []byte("{}"))
		}
	case what.self && o.told:
		l.tell(u, frame.NoteGroupSelf, encode(selfNote{k.id, o.member.self(l.groups[k].group, u.UserID)}))
	}
}

// sayJoined reads a group that a user has come into and tells them of it. It is
// called without the lock.
func (r *Room) sayJoined(ctx context.Context, u place.User, k key) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	profile, err := r.log.Last(ctx, k.profileSubject())
	l := &r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.users[u]
	if one == nil || one.groups[k] == nil {
		return
	}
	if err == nil {
		err = r.sawProfile(k, profile) // it may be ahead of the follower
	}
	if err != nil {
		r.report("a group that was joined", err)
		l.tell(u, frame.NoteGroupsReset, []byte("{}"))
		return
	}
	o, h := one.groups[k], l.groups[k]
	if o == nil || !o.member.in(h.group) {
		return
	}
	o.told = true
	shape := h.group.shape(k.id, true)
	shape.SelfInfo = o.member.self(h.group, u.UserID)
	by := o.member.By
	if by == "" {
		by = u.UserID
	}
	l.tell(u, frame.NoteGroupJoined, encode(joinedNote{shape, by}))
}
