package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// Whoever is in a live room hears at once that it was dismissed, or that they were
// removed from it: each gateway tells those who are there once it sees the document that
// says so.

// endRoom takes everybody out of a live room that a profile says is dismissed, or is
// not the one that they were let into.
func (r *Room) endRoom(k key, v bus.Value) {
	if r.o.Live == nil || !r.o.Live.Here(k.room()) {
		return
	}
	g, err := decode[group](v.Data)
	switch {
	case err != nil:
	case g.there():
		r.o.Live.Renew(k.room(), g.Born, r.farewell(k, group{Type: Live, Name: g.Name}))
	default:
		r.o.Live.End(k.room(), g.Born, r.farewell(k, g))
	}
}

// endStay takes a user out of a live room if their document says that they are
// banned. This gateway may see it late, so the newest one decides: they may have been
// let back in meanwhile.
func (r *Room) endStay(k key, userID string, v bus.Value) error {
	if r.o.Live == nil {
		return nil
	}
	if _, here := r.o.Live.Since(k.room(), userID); !here {
		return nil
	}
	m, err := decode[member](v.Data)
	if err != nil || m.Ban <= r.now().Unix() {
		return err
	}
	ctx, cancel := context.WithTimeout(r.ctx, callTime)
	defer cancel()
	newest, _, err := get[member](ctx, r, v.Subject)
	if err == nil {
		m = newest
	}
	if m.Ban > r.now().Unix() { // also where the newest one cannot be read
		r.o.Live.Remove(k.room(), userID, r.removal(ctx, k, m))
	}
	return err
}

// farewell returns what those hear who were in a live room that is no more, the same
// on all gateways.
func (r *Room) farewell(k key, g group) live.Farewell {
	at := r.now().UnixMilli()
	if g.Gone != nil {
		at = g.Gone.At
	}
	by := dismisser(g)
	return live.Farewell{By: by, Notice: r.untold(k, g, "gone "+strconv.FormatInt(g.Born, 10), at, notice{OperatorID: by, OperationType: noticeDismissed})}
}

// removal returns what a user hears who was removed from a live room.
func (r *Room) removal(ctx context.Context, k key, m member) live.Farewell {
	g, err := r.group(ctx, k)
	if err != nil {
		g = group{Type: Live} // its name is all that is missed
	}
	n := notice{OperatorID: m.LeftBy, OperationType: noticeKicked, HandleMessage: m.Why}
	return live.Farewell{By: m.LeftBy, Notice: r.untold(k, g, "kicked "+strconv.FormatInt(m.Ban, 10), r.now().UnixMilli(), n)}
}

// joinAgain brings the calling session back into the live room that a lost link has
// taken it out of. If it may not be there any more, it is told why as those were who
// have stayed.
func (r *Room) joinAgain(ctx context.Context, k key, u place.User) (any, error) {
	g, m, role, err := r.as(ctx, k, u)
	if err == nil && g.Type != Live { // a later group with its ID
		err = fault.New(fault.NoSuchGroup)
	}
	var out any
	if err == nil {
		out, err = r.joinRoom(ctx, k, u, g, m, role)
	}
	s := sessionOf(ctx)
	if err == nil || s == nil {
		return out, err
	}
	if bus.Fault(err).Code == fault.NoSuchGroup {
		was, _, e := get[group](ctx, r, k.profileSubject())
		if e != nil || was.there() || was.Type != Live { // of other groups nobody else is told
			was = group{Type: Live} // its name is all that is missed
		}
		s.TellGone(k.room(), r.farewell(k, was))
	} else if m, _, e := get[member](ctx, r, k.memberSubject(u.UserID)); e == nil && m.Ban > r.now().Unix() {
		s.TellRemoved(k.room(), r.removal(ctx, k, m))
	}
	return out, err
}
