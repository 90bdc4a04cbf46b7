package inbox

import (
	"container/list"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

// idle are users whose last session here has ended, for a while: whoever comes
// back finds the documents of their conversations, which are a read each 1,024,
// or each class of them, and much to decode.
//
// What is kept of an idle user stays right, so that it never has to be marked as
// old: the follower applies documents to idle users as it does to others
// (Inbox.known), and a user is always one or the other, because moves between
// the two hold Inbox.mu. Of records a user keeps nothing that a session which
// begins later could miss. Nothing tells a gateway that a user has logged in at
// another one; what it keeps of them goes with time.
type idle struct {
	mu    sync.Mutex // guards what follows
	order list.List  // of *idleUser, the one that has been idle longest first
	at    map[place.User]*list.Element
	bytes int
	// returned counts those who came back in time.
	returned uint64
}

type idleUser struct {
	*user
	since time.Time
	bytes int
}

const (
	// idleFor is how long a user is kept, to within sweepEvery.
	idleFor = 5 * time.Minute
	// idleBytes bounds all of them together; the longest idle go first.
	idleBytes = 64 << 20
)

// add keeps a user whose documents take so many bytes.
func (i *idle) add(u *user, bytes int, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at[u.User] = i.order.PushBack(&idleUser{u, now, bytes})
	i.bytes += bytes
	i.fit()
}

// fit needs mu.
func (i *idle) fit() {
	for i.bytes > idleBytes {
		i.remove(i.order.Front())
	}
}

// remove needs mu.
func (i *idle) remove(e *list.Element) *user {
	one := i.order.Remove(e).(*idleUser)
	delete(i.at, one.User)
	i.bytes -= one.bytes
	return one.user
}

// find returns an idle user, nil for none.
func (i *idle) find(u place.User) *user {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e := i.at[u]; e != nil {
		return e.Value.(*idleUser).user
	}
	return nil
}

// take is find for a user who is back.
func (i *idle) take(u place.User) *user {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e := i.at[u]; e != nil {
		i.returned++
		return i.remove(e)
	}
	return nil
}

// resize notes how many bytes a user takes now, if they are idle.
func (i *idle) resize(u *user, bytes int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e := i.at[u.User]; e != nil && e.Value.(*idleUser).user == u {
		one := e.Value.(*idleUser)
		i.bytes += bytes - one.bytes
		one.bytes = bytes
		i.fit()
	}
}

// drop forgets a user.
func (i *idle) drop(u place.User) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if e := i.at[u]; e != nil {
		i.remove(e)
	}
}

// dropSince forgets those who have been idle since a time, or longer.
func (i *idle) dropSince(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for e := i.order.Front(); e != nil && !e.Value.(*idleUser).since.After(t); e = i.order.Front() {
		i.remove(e)
	}
}

// clear forgets all of them.
func (i *idle) clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.order.Init()
	clear(i.at)
	i.bytes = 0
}

// known returns a user who has a session here, or who had one a while ago.
func (in *Inbox) known(u place.User) *user {
	in.mu.Lock()
	defer in.mu.Unlock()
	if l := in.users[u]; l != nil {
		return l
	}
	return in.idle.find(u)
}

// rest has a user be idle. It needs Inbox.mu and mu.
func (u *user) rest() {
	if u.in.closed || u.loaded == 0 { // there is nothing to keep
		return
	}
	// The next session is told where it stands, and catches up.
	u.untold, u.stale, u.seen, u.lives = nil, nil, nil, nil
	u.in.idle.add(u, u.size(), u.in.now())
}

// What a user takes besides the texts that they have set, about.
const (
	userBytes = 1 << 10
	peerBytes = 320 // a document, and the name of its peer
)

// size is about how many bytes a user takes; mu is held.
func (u *user) size() int { return userBytes + peerBytes*len(u.peers) + u.texts }
