package inbox

import (
	"context"
	"encoding/json"

	"github.com/tim-wasm/tim/internal/fault"
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

// catchingUp is a sync that is under way. It holds the positions of what is
// still to be pushed and composes nothing ahead, so a sync whose client does not
// ask for more costs little.
//
// Fields that user.mu does not guard belong to whoever has the turn of Session.calls.
type catchingUp struct {
	s       *Session
	resumed bool
	reset   bool   // the stores were set back: the client is told to begin anew
	whole   bool   // all conversations are listed, not only those that changed
	from    cursor // where the session was
	at      cursor // where the session will be once everything is pushed

	after   positions // messages beyond these were missed
	loaded  bool      // the user's documents have been read, and pending is set
	pending []string  // conversations whose newest record is still to be read, newest first
	news    []*record // newest records beyond after, without their content
	listed  bool      // conversations have been pushed, even if there are none
	search  *search   // begun: finds out what has been missed
	found   bool      // what has been missed is known
	missed  []uint64  // messages, oldest first
	changes []uint64  // revocations and edits, oldest first
	near    *near     // records that were read to find them; nil after the first part

	// Guarded by user.mu.
	queue     []uint64            // records that came meanwhile
	over      bool                // more came meanwhile than the queue holds
	lives     []json.RawMessage   // online-only messages that came meanwhile
	liveBytes int                 // of lives
	changed   map[string]struct{} // conversations whose settings changed meanwhile
	turn      int                 // changes whenever the client asks for more, or is waited for
	idle      Timer               // gives the sync up if the client does not ask
}

// Limits of a sync. The first three end a part, so that a client that reads
// slowly asks for the rest in its own time.
const (
	syncBytes    = 128 << 10 // that a part pushes
	syncHeads    = 200       // conversations that a part reads
	syncWork     = 400       // operations that a part costs, see cost.go
	syncQueue    = 2000      // records that come meanwhile
	syncLives    = 64 << 10  // bytes of online-only messages that come meanwhile
	syncsAtOnce  = 64        // syncs that read from the stores, on one gateway
	syncsWaiting = 128 << 20 // bytes of syncs whose client has yet to ask for more
)

// sync brings a session up to date and lets records flow to it from there on.
//
// It registers for records first and then reads where the follower is. Records
// up to there come from the stores; later ones wait in the queue meanwhile. So
// no record is lost, and none comes twice.
func (s *Session) sync(ctx context.Context, p syncParams) (any, error) {
	from, resumed := s.in.parse(p.Cursor)
	if p.Cursor != "" && !resumed {
		return nil, badCursor()
	}
	if !s.in.rates.sync(s.user.User, s.in.now()) {
		return nil, fault.With(fault.TooFrequent, "synchronisations of "+s.user.UserID)
	}
	if len(p.Watch) > 0 {
		watch, err := distinctUsers(p.Watch, maxWatches)
		if err != nil {
			return nil, err
		}
		if err := s.watchUsers(ctx, watch); err != nil {
			return nil, err
		}
	}
	up, err := s.begin(ctx, from, resumed)
	if err != nil {
		return nil, err
	}
	return s.part(ctx, up)
}

// more continues a sync whose last answer had more set.
func (s *Session) more(ctx context.Context) (any, error) {
	s.user.mu.Lock()
	up := s.syncing
	s.asked(up)
	s.user.mu.Unlock()
	if up == nil {
		return nil, fault.With(fault.InvalidOperation,
			"no synchronisation is under way, or it waited too long to be asked on: begin with session.sync")
	}
	return s.part(ctx, up)
}

// begin finds out what a session has not seen.
func (s *Session) begin(ctx context.Context, from cursor, resumed bool) (*catchingUp, error) {
	in, u := s.in, s.user
	up := &catchingUp{s: s, resumed: resumed, near: newNear(), changed: map[string]struct{}{}}
	u.mu.Lock()
	if s.closed {
		u.mu.Unlock()
		return nil, fault.New(fault.NotLoggedIn)
	}
	if before := s.syncing; before != nil {
		s.asked(before)
		up.lives, up.liveBytes = before.lives, before.liveBytes
	}
	s.live, s.syncing = false, up
	u.mu.Unlock()
	end, err := in.catchUpFollowers(ctx)
	if err == nil {
		if !from.pos.within(end) {
			// The stores have been set back, from a backup perhaps: what this
			// instance has seen is not in them.
			from, up.resumed, up.reset = cursor{}, false, true
		}
		// An instance may have seen more than this gateway's follower if it comes
		// from a gateway that was ahead.
		up.at.pos = in.messages.Pos().union(from.pos)
		up.from, up.after = from, from.pos
		if !up.resumed {
			up.after, err = u.acknowledged(ctx)
			// Nor does what another instance has acknowledged come as new.
			up.after = up.after.common(end)
			up.at.pos = up.at.pos.union(up.after)
		}
		up.after = up.after.common(up.at.pos)
	}
	if err != nil {
		s.abandon(up)
		return nil, err
	}
	return up, nil
}

// abandon drops a sync, which the client has to begin again.
func (s *Session) abandon(up *catchingUp) {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if s.syncing == up {
		s.endSync()
	}
}

// endSync ends the session's sync, if there is one; user.mu is held.
func (s *Session) endSync() {
	s.asked(s.syncing)
	s.syncing = nil
}

// part pushes the next part of a sync; after the last one the session is live.
func (s *Session) part(ctx context.Context, up *catchingUp) (any, error) {
	live, over, err := s.pushPart(ctx, up)
	switch {
	case err != nil:
		_ = s.wait(up) // it is given up in time, or by the next session.sync
		return nil, err
	case live:
		return s.stands(up), nil
	case over: // the queue overflowed: what came meanwhile is only in the stores
		next, err := s.begin(ctx, up.at, true)
		if err != nil {
			return nil, err
		}
		next.near = nil // the client may never ask for it
		up = next
	}
	if err := s.wait(up); err != nil {
		return nil, err
	}
	return syncResult{Resumed: up.resumed, More: true}, nil
}

func (s *Session) pushPart(ctx context.Context, up *catchingUp) (live, over bool, err error) {
	defer func() { up.near = nil }()
	done, err := s.in.syncTurn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	p := &part{s: s, up: up, heads: map[pair]*record{}, began: spent(ctx)}
	live, err = p.push(ctx)
	return live, p.over, err
}

// stands is the answer to the last part of a sync.
func (s *Session) stands(up *catchingUp) syncResult {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	return syncResult{Cursor: s.in.text(s.user.at(s.pos.all())), Resumed: up.resumed}
}

// syncTurn waits until fewer than syncsAtOnce others read from the stores.
func (in *Inbox) syncTurn(ctx context.Context) (done func(), err error) {
	select {
	case in.syncTurns <- struct{}{}:
		return func() { <-in.syncTurns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// resumedMissed is how many messages a reconnect brings at most.
const resumedMissed = 5000

// catchUpFollowers waits until the followers have reached the streams' ends, so
// that everything sent before a sync counts as missed and not as live. It waits
// for reachWithin at most: a follower that is further behind delivers the rest
// later. It returns where the streams end.
func (in *Inbox) catchUpFollowers(ctx context.Context) (positions, error) {
	ends, err := in.store.messages.ends(ctx)
	if err != nil {
		return positions{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, in.o.reach)
	defer cancel()
	in.messages.Reach(ctx, ends)
	return ends.union(in.messages.Pos()), nil // only the followers know of expired records
}

// wants reports whether a missed message is news to the session.
func (up *catchingUp) wants(m *record) bool {
	mine := m.from() == up.s.user.UserID
	switch {
	case m.Message.Quiet:
		return false
	case m.pair.users[0] == m.pair.users[1] && !up.resumed:
		return false
	case !mine:
		return true
	default: // sent by another instance while this one was away
		return up.resumed && !m.Message.NoSync && m.Message.Instance != up.s.instance
	}
}
