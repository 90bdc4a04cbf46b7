package inbox

import (
	"context"
	"errors"

	"github.com/tim-wasm/tim/internal/bus"
)

// peer returns the user's document of one conversation, as far as it is known
// here.
func (u *user) peer(other string) peer {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.peers[other]
}

// load reads the next of the user's documents, and reports whether all have been
// read: those of many conversations take several calls. From then on the
// follower keeps them current.
//
// The follower may bring newer ones meanwhile. So the user has to be registered
// with the follower first, which Session.enter has done.
func (u *user) load(ctx context.Context) (all bool, err error) {
	u.mu.Lock()
	all, class := u.loaded == classes, u.loaded
	u.mu.Unlock()
	if all {
		return true, u.reachDocuments(ctx)
	}
	stands := u.in.conversations.Pos()
	if class == 0 { // for most users one answer holds all of them
		values, err := u.in.readDocuments(ctx, u.User, classes)
		if !errors.Is(err, bus.ErrTooMany) {
			return true, u.took(values, err, classes, stands)
		}
	}
	values, err := u.in.readDocuments(ctx, u.User, class)
	if err = u.took(values, err, class+1, stands); err != nil || class+1 < classes {
		return false, err
	}
	return true, u.reachDocuments(ctx) // it may be a while since the first ones were read
}

// took adopts the documents of the classes before loaded. stands is where the
// follower was before they were read.
func (u *user) took(values []bus.Value, err error, loaded uint32, stands uint64) error {
	if err != nil {
		return err
	}
	all := peers{}
	if err := all.take(values); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.loaded == classes { // another session was faster, and the follower may have moved on
		u.overtake(all)
		return nil
	}
	for other, p := range all {
		u.adopt(other, p)
	}
	if u.loaded == 0 {
		u.first = stands
	}
	if u.loaded = max(u.loaded, loaded); u.loaded == classes {
		u.rev = max(u.rev, u.first)
		for other, p := range u.peers {
			if p.gone {
				delete(u.peers, other)
			}
		}
	}
	return nil
}

// reachDocuments waits, for reachWithin at most, until the follower has brought
// what was changed on other gateways by this user or by somebody who wrote to
// them. If it is further behind, the documents are read: without that of its conversation
// a sync does not find a message which has come already.
func (u *user) reachDocuments(ctx context.Context) error {
	newest, err := u.in.store.conversations.Last(ctx, documentsOf(u.User))
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return err
	}
	u.mu.Lock()
	known := newest.Seq <= max(u.rev, u.overtook)
	u.mu.Unlock()
	if known {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, u.in.o.reach)
	defer cancel()
	if u.in.conversations.Reach(wait, newest.Seq); wait.Err() == nil {
		return nil
	}
	all, err := u.in.peersOf(ctx, u.User)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.overtake(all)
	u.overtook = max(u.overtook, newest.Seq)
	return nil
}

// readUnknown reads the documents of those conversations that are not known here.
func (u *user) readUnknown(ctx context.Context, names ...map[string]bool) error {
	var subjects []string
	u.mu.Lock()
	for _, some := range names {
		for other := range some {
			if _, known := u.peers[other]; !known {
				subjects = append(subjects, convSubject(u.User, other))
			}
		}
	}
	u.mu.Unlock()
	if len(subjects) == 0 {
		return nil
	}
	values, err := u.in.store.conversations.LastAll(ctx, subjects)
	if err != nil {
		return err
	}
	some := peers{}
	if err := some.take(values); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.overtake(some)
	return nil
}

// overtake adopts documents that were read because the follower is late with them; mu is
// held. What it has brought is as new as they are, or has gone since.
func (u *user) overtake(some peers) {
	for other, p := range some {
		if p.rev > u.rev {
			u.documentRead(other, p, u.rev)
		}
	}
}

// adopt replaces a document by a newer one, and reports whether its settings
// have changed; mu is held.
func (u *user) adopt(other string, p peer) (news bool) {
	before := u.peers[other]
	if p.rev <= before.rev {
		return false
	}
	if isGroup(other) {
		u.memberOf(other, p.Group)
	}
	u.texts += p.texts() - before.texts()
	if put(&u.peers, other, p); p.gone && u.loaded == classes {
		delete(u.peers, other)
	}
	if len(u.sessions) == 0 {
		u.in.idle.resize(u, u.size())
	}
	return p.settings != before.settings || !p.Group.says(before.Group)
}

// documentCame adopts a document that the follower has brought, and tells the
// sessions about it once they are live.
func (u *user) documentCame(other string, p peer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.rev
	u.rev = max(u.rev, p.rev)
	u.documentRead(other, p, before)
}

// documentRead adopts a document and tells the live sessions, which were told of
// settings up to told; mu is held.
func (u *user) documentRead(other string, p peer, told uint64) {
	// A new conversation is announced by its first message.
	if !u.adopt(other, p) || !u.changed(other) {
		return
	}
	if u.changing[other] > 0 { // the session that changes it will tell
		u.tells(other, told)
		return
	}
	u.stales(other, told)
	u.tellStale()
}

// begin notes that a session is changing conversations, and will push them.
func (u *user) begin(others []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, other := range others {
		put(&u.changing, other, u.changing[other]+1)
	}
}

// end is called once the session has pushed them. What has changed since then is
// pushed in the background.
func (u *user) end(others []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, other := range others {
		if u.changing[other]--; u.changing[other] > 0 {
			continue
		}
		delete(u.changing, other)
		if _, ok := u.untold[other]; ok {
			put(&u.stale, other, struct{}{})
		}
	}
	u.tellStale()
}

// changed notes for the sessions that are catching up that a conversation's
// settings have changed, and reports whether any session is live. Sessions that
// are neither will get the settings when they catch up; mu is held.
func (u *user) changed(other string) (live bool) {
	for _, s := range u.sessions {
		if s.syncing != nil {
			s.syncing.changed[other] = struct{}{}
		}
		live = live || s.live
	}
	return live
}

// peersOf returns the documents of many conversations, in their order.
func (u *user) peersOf(others []string) []peer {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]peer, len(others))
	for i, other := range others {
		out[i] = u.peers[other]
	}
	return out
}

// loadAll loads all documents that have not been loaded yet.
func (u *user) loadAll(ctx context.Context) error {
	u.mu.Lock()
	all := u.loaded == classes
	u.mu.Unlock()
	for !all {
		var err error
		if all, err = u.load(ctx); err != nil {
			return err
		}
	}
	return nil
}

// set adopts a document that a session of the user has changed here; refresh
// pushes it.
func (u *user) set(other string, p peer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.adopt(other, p) && u.changed(other) {
		u.tells(other, u.rev)
	}
}

// keptTexts returns how many bytes the user's drafts and custom data take.
func (u *user) keptTexts() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.texts
}
