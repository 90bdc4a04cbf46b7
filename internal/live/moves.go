package live

import "time"

// Cause is why a user has left a room.
type Cause int

// The causes.
const (
	Quit   Cause = iota // they have left it, or joined another one
	Lost                // their last session there has ended
	Kicked              // somebody has removed them
	ended               // the room has; this is told otherwise
)

// Move says that a user has come into a room on this gateway, or has left it.
type Move struct {
	UserID string
	Came   bool
	Cause  Cause  // of leaving
	By     string // who has removed them
}

// moves are those of a room that have not been told yet, one of a user at most.
type moves struct {
	list []Move
	at   map[string]int // in list, by user
}

// tellEvery is how often moves are told.
const tellEvery = time.Second

// moved notes a move. It needs mu. Somebody who comes and goes within tellEvery, or
// whose link was lost for a moment, is not told of.
func (r *Rooms) moved(k Key, m Move) {
	if r.o.Changed == nil || m.Cause == ended {
		return
	}
	all := r.untold[k]
	if all == nil {
		all = &moves{at: map[string]int{}}
		r.untold[k] = all
	}
	if i, before := all.at[m.UserID]; before {
		delete(all.at, m.UserID)
		all.list[i] = Move{}
		return
	}
	all.at[m.UserID] = len(all.list)
	all.list = append(all.list, m)
}

func (r *Rooms) tellMoves() {
	r.mu.Lock()
	untold := r.untold
	r.untold = map[Key]*moves{}
	r.mu.Unlock()
	for k, all := range untold {
		if r.ctx.Err() != nil {
			return
		}
		var told []Move
		for _, m := range all.list {
			if m.UserID != "" {
				told = append(told, m)
			}
		}
		if len(told) > 0 {
			r.o.Changed(k, told)
		}
	}
}
