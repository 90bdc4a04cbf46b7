package inbox

import (
	"context"
	"errors"

	"github.com/tim-wasm/tim/internal/bus"
)

// peer is what is known here of one conversation of the user's.
func (u *user) peer(other string) peer {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.peers[other]
}

// load reads on in the documents of the user's conversations, and reports
// whether all of them are there: those of many conversations come in several
// calls. Once they are, the follower keeps them current.
//
// What the follower brings while they are read counts if it is newer. So the
// user is registered with the follower first, which in.enter did.
func (u *user) load(ctx context.Context) (all bool, err error) {
	u.mu.Lock()
	all, class := u.loaded == classes, u.loaded
	u.mu.Unlock()
	if all {
		return true, u.reachDocuments(ctx)
	}
	stands := u.in.conversations.Pos()
	if class == 0 { // most have them all in one answer
		values, err := u.in.readDocuments(ctx, u.User, classes)
		if !errors.Is(err, bus.ErrTooMany) {
			return true, u.took(values, err, classes, stands)
		}
	}
	values, err := u.in.readDocuments(ctx, u.User, class)
	return class+1 == classes, u.took(values, err, class+1, stands)
}

// took takes over the documents of the classes before loaded. stands is where
// the follower stood before they were read.
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
	if u.loaded == classes { // another session was faster, and the follower may have gone on
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

// reachDocuments waits, a second at most, until the follower has brought what this
// user, or somebody who wrote to them, has changed on other gateways.
func (u *user) reachDocuments(ctx context.Context) error {
	newest, err := u.in.store.conversations.Last(ctx, documentsOf(u.User))
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	u.in.conversations.Reach(ctx, newest.Seq)
	return nil
}

// adopt takes over a document, unless a newer one is known, and reports whether
// its settings are others; mu is held.
func (u *user) adopt(other string, p peer) (news bool) {
	before := u.peers[other]
	if p.rev <= before.rev {
		return false
	}
	u.texts += p.texts() - before.texts()
	if u.peers[other] = p; p.gone && u.loaded == classes {
		delete(u.peers, other)
	}
	return p.settings != before.settings
}

// documentCame takes over what the follower has brought, and has the sessions
// told of it once they are live.
func (u *user) documentCame(other string, p peer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.rev
	u.rev = max(u.rev, p.rev)
	// A conversation that is new is told of by its first message.
	if !u.adopt(other, p) || !u.changed(other) {
		return
	}
	if u.changing[other] > 0 { // it is told of by who changes it
		u.tells(other, before)
		return
	}
	u.stales(other, before)
	u.tellStale()
}

// begin notes that a session changes conversations, and will tell of them.
func (u *user) begin(others []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, other := range others {
		u.changing[other]++
	}
}

// end is called when it has told of them. What has come since is told in the
// background.
func (u *user) end(others []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, other := range others {
		if u.changing[other]--; u.changing[other] > 0 {
			continue
		}
		delete(u.changing, other)
		if _, ok := u.untold[other]; ok {
			u.stale[other] = struct{}{}
		}
	}
	u.tellStale()
}

// changed notes a conversation whose settings are others now for the sessions
// that are catching up, and reports whether any are live. Those that are neither
// will catch up from where they stand; mu is held.
func (u *user) changed(other string) (live bool) {
	for s := range u.sessions {
		if s.syncing != nil {
			s.syncing.changed[other] = struct{}{}
		}
		live = live || s.live
	}
	return live
}

// peersOf is peer for many, in that order.
func (u *user) peersOf(others []string) []peer {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]peer, len(others))
	for i, other := range others {
		out[i] = u.peers[other]
	}
	return out
}

// loadAll loads what is not there yet, in one call.
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

// set takes over what a session of the user has changed here; refresh tells of
// it.
func (u *user) set(other string, p peer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.adopt(other, p) && u.changed(other) {
		u.tells(other, u.rev)
	}
}

// keptTexts is how many bytes the user's drafts and custom data take.
func (u *user) keptTexts() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.texts
}
