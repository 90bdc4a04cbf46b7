package inbox

// Stats says how much this gateway holds for the sessions that are attached to
// it, all of which is gone with the last of them, and has a counter.
type Stats struct {
	Users   int // who have a session here
	Watched int // users whose status a session here watches
	Unsaved int // cursors that were acknowledged and are not stored yet
	// HeldUp counts how often delivery waited because the records of some users
	// came faster than they could be pushed.
	HeldUp uint64
}

// Stats returns a snapshot.
func (in *Inbox) Stats() Stats {
	in.mu.Lock()
	defer in.mu.Unlock()
	return Stats{Users: len(in.users), Watched: len(in.watch), Unsaved: len(in.unsaved), HeldUp: in.delivery.heldUp.Load()}
}
