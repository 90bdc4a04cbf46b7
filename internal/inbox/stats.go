package inbox

// Stats says how much this gateway holds for the sessions that are attached to
// it, all of which is gone with the last of them or, of idle users, a while
// later; and has counters.
type Stats struct {
	Users   int // who have a session here
	Watched int // users whose status a session here watches
	Unsaved int // cursors that were acknowledged and are not stored yet
	// Idle are users whose last session here has ended, and of whom their
	// conversations are kept for a while; IdleBytes what that takes, and Returned
	// how many have come back in time.
	Idle, IdleBytes int
	Returned        uint64
	// HeldUp counts how often delivery waited because the records of some users
	// came faster than they could be pushed.
	HeldUp uint64
}

// Stats returns a snapshot.
func (in *Inbox) Stats() Stats {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := Stats{Users: len(in.users), Watched: len(in.watch), Unsaved: in.unsaved.len(), HeldUp: in.delivery.heldUp.Load()}
	in.idle.mu.Lock()
	defer in.idle.mu.Unlock()
	s.Idle, s.IdleBytes, s.Returned = len(in.idle.at), in.idle.bytes, in.idle.returned
	return s
}
