package group

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Notifications about a user come as fast as others cause them. Somebody who brings
// a user into a group and removes them, again and again, must not fill their
// connections (see tellPause). So in one pause a user is told once of each group,
// and of saidAtOnce groups in all. The others follow when the pause ends, in the
// order in which they changed, as things stand then.

// saidAtOnce is the number of groups of which a user is told in one pause.
const saidAtOnce = 4

// news holds what a user is yet to be told about themself. It needs listeners.mu.
type news struct {
	all     map[key]*ownNews
	waiting []key            // groups to tell of when the pause ends, each once
	said    map[key]struct{} // groups told of in this pause; nil: there is no pause
}

// ownNews is what a user is yet to be told about themself in one group.
type ownNews struct {
	left    *leftNote // they have left the group; this is told first
	joined  bool      // they have come into the group
	self    bool      // their own role, mute, name card, … has changed
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

// sayLeft notes for a user, whose state in a group was o, that they have left it.
func (r *Room) sayLeft(u place.User, k key, o *own, note leftNote) {
	one := r.listeners.users[u].news.of(k)
	one.joined, one.self = false, false
	if o.told {
		one.left = &note
	}
	r.say(u, k)
}

// saySelf notes for a user that something has changed for them in a group. A user
// who does not know yet that they are in the group learns it with groupJoined.
func (r *Room) saySelf(u place.User, k key, o *own) {
	if o.told {
		r.listeners.users[u].news.of(k).self = true
		r.say(u, k)
	}
}

// say tells a user the news of a group, now or when the pause ends.
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
		err = r.sawProfile(k, profile) // what was read may be ahead of the follower
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
