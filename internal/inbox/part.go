package inbox

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// part is one call's share of a sync: it pushes about syncBytes.
type part struct {
	s     *Session
	up    *catchingUp
	bytes int
	read  int              // how many newest records it has read
	began int64            // what the call had cost before
	over  bool             // the queue overflowed: what came meanwhile is only in the stores
	heads map[pair]*record // see readHeads; nil for conversations that have expired
}

// readAhead is how many records a part reads at once.
const readAhead = 16

func (p *part) full(ctx context.Context) bool {
	return p.bytes >= syncBytes || p.read >= syncHeads || spent(ctx)-p.began >= syncWork
}

// push pushes until the part is full or the session is live.
func (p *part) push(ctx context.Context) (live bool, err error) {
	for _, stage := range []func(context.Context) error{p.load, p.conversations, p.find, p.missed, p.changed} {
		if err := stage(ctx); err != nil || p.full(ctx) {
			return false, err
		}
	}
	for {
		if err := p.queued(ctx); err != nil || p.full(ctx) {
			return false, err
		}
		if live, again, err := p.goLive(); !again {
			return live, err
		}
	}
}

// note pushes one notification.
func (p *part) note(method string, v any) error {
	params := encode(v)
	p.bytes += len(params)
	u := p.s.user
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.s.closed {
		return fault.New(fault.NotLoggedIn)
	}
	if !p.s.push(method, params) {
		return fault.New(fault.ServerTimeout)
	}
	return nil
}

// records reads the records at positions; expired ones are left out.
func (p *part) records(ctx context.Context, positions []uint64) ([]*record, error) {
	out := make([]*record, len(positions))
	err := bus.Spread(len(positions), func(i int) (err error) {
		if out[i] = p.up.near.record(positions[i]); out[i] != nil {
			return nil
		}
		e, err := p.s.in.store.messages.At(ctx, positions[i])
		if err == nil {
			out[i], err = decode(e)
		}
		if errors.Is(err, bus.ErrNoValue) {
			err = nil
		}
		return err
	})
	return slices.DeleteFunc(out, func(r *record) bool { return r == nil }), err
}

// composed is what a sync pushes of one record.
type composed[T any] struct {
	v    T
	pos  uint64
	size int
}

// frames composes the records at positions and pushes them, as many at a time as
// fit a frame. It removes from positions what has been pushed, and reports
// whether that was all.
func frames[T any](ctx context.Context, p *part, positions *[]uint64,
	compose func(ctx context.Context, records []*record) ([]composed[T], error),
	push func(list []T, last uint64, more bool) error,
) (all bool, err error) {
	ahead := *positions
	var ready []composed[T]
	for !p.full(ctx) {
		list, last, size := []T{}, uint64(0), 0
		for {
			if len(ready) == 0 && len(ahead) > 0 {
				n := min(readAhead, len(ahead))
				records, err := p.records(ctx, ahead[:n])
				if err == nil {
					ready, err = compose(ctx, records)
				}
				if err != nil {
					return false, err
				}
				ahead = ahead[n:]
				continue
			}
			if len(ready) == 0 || len(list) > 0 && size+ready[0].size > p.s.in.o.Frame {
				break
			}
			list, last, size = append(list, ready[0].v), ready[0].pos, size+ready[0].size
			ready = ready[1:]
		}
		more := len(ready) > 0
		if err := push(list, last, more); err != nil {
			return false, err
		}
		if !more {
			*positions = nil
			return true, nil
		}
		*positions = (*positions)[slices.Index(*positions, last)+1:]
	}
	return false, nil
}

// missed pushes missed messages.
func (p *part) missed(ctx context.Context) error {
	up := p.up
	if len(up.missed) == 0 {
		return nil
	}
	_, err := frames(ctx, p, &up.missed, p.composeMissed, func(list []Message, last uint64, more bool) error {
		if len(list) == 0 {
			return nil
		}
		// If the link breaks now, the client continues after these messages, but
		// before any revocation that is still to come.
		stands := cursor{upTo(last), up.at.rev}
		i := slices.IndexFunc(up.changes, func(pos uint64) bool { return partitionOf(pos) == partitionOf(last) })
		if i >= 0 {
			stands.pos = upTo(min(last, up.changes[i]-1))
		}
		return p.note(frame.NoteMessages, messagesNote{Messages: list, Missed: true, More: more, Cursor: p.s.in.text(stands)})
	})
	return err
}

func (p *part) composeMissed(ctx context.Context, records []*record) ([]composed[Message], error) {
	records = slices.DeleteFunc(records, func(m *record) bool { return !p.up.wants(m) })
	if err := p.readHeads(ctx, records); err != nil {
		return nil, err
	}
	u := p.s.user
	out := make([]composed[Message], 0, len(records))
	for c, list := range groupByPair(records) {
		newest, side := p.heads[c], c.side(u.UserID)
		kept := u.peer(c.users[c.other(side)])
		if newest == nil || !kept.sees(newest) {
			continue // it has expired meanwhile, or they have left the group
		}
		marks, err := p.s.in.flagsOf(ctx, u.User, newest, kept.view(), list)
		if err != nil {
			return nil, err
		}
		for i, m := range list {
			if !marks[i].Deleted[side] {
				one := message(m, newest, marks[i], side)
				out = append(out, composed[Message]{one, m.pos, sizeOf(one)})
			}
		}
	}
	slices.SortFunc(out, func(a, b composed[Message]) int { return cmp.Compare(a.pos, b.pos) })
	return out, nil
}

func groupByPair(records []*record) map[pair][]*record {
	out := map[pair][]*record{}
	for _, r := range records {
		out[r.pair] = append(out[r.pair], r)
	}
	return out
}

// readHeads puts the newest record of each conversation of some records into
// p.heads, unless it is there.
func (p *part) readHeads(ctx context.Context, records []*record) error {
	u := p.s.user.User
	var missing []pair
	var others []string
	for _, r := range records {
		if _, ok := p.heads[r.pair]; !ok {
			p.heads[r.pair] = nil
			missing = append(missing, r.pair)
			others = append(others, r.pair.users[r.pair.other(r.pair.side(u.UserID))])
		}
	}
	heads, err := p.s.in.headsOf(ctx, u, others)
	for i, h := range heads {
		if h != nil {
			p.heads[missing[i]] = h.lean()
		}
	}
	return err
}

// changed pushes revocations and edits.
func (p *part) changed(ctx context.Context) error {
	up := p.up
	for len(up.changes) > 0 && !p.full(ctx) {
		n := min(readAhead, len(up.changes))
		records, err := p.records(ctx, up.changes[:n])
		if err != nil {
			return err
		}
		if err := p.readHeads(ctx, records); err != nil {
			return err
		}
		rest := up.changes[n:]
		for _, r := range records {
			if p.full(ctx) {
				return nil
			}
			up.changes = up.changes[slices.Index(up.changes, r.pos):]
			if err := p.change(r); err != nil {
				return err
			}
			up.changes = up.changes[1:]
		}
		up.changes = rest
	}
	return nil
}

func (p *part) change(r *record) error {
	newest := p.heads[r.pair]
	if newest == nil {
		return nil // the conversation has expired meanwhile
	}
	u := p.s.user
	side := r.pair.side(u.UserID)
	if kept := u.peer(r.pair.users[r.pair.other(side)]); !kept.sees(newest) || r.hidden(side, kept) {
		return nil
	}
	stands := cursor{upTo(p.up.at.pos.in(r.pos)), p.up.at.rev}
	if rest := p.up.changes[1:]; len(rest) > 0 && partitionOf(rest[0]) == partitionOf(r.pos) {
		stands.pos = upTo(rest[0] - 1)
	}
	if r.Kind == kindPin {
		return p.note(frame.NotePinned, r.pinNote(p.s.in.text(stands)))
	}
	method, m := r.noteOf(newest, side)
	return p.note(method, messagesNote{Messages: []Message{m}, Cursor: p.s.in.text(stands), Position: r.pos})
}

// queued pushes the records that came since the sync began.
func (p *part) queued(ctx context.Context) error {
	up, u := p.up, p.s.user
	for !p.full(ctx) {
		u.mu.Lock()
		some := slices.Clone(up.queue[:min(readAhead, len(up.queue))])
		u.mu.Unlock()
		if len(some) == 0 {
			return nil
		}
		records, err := p.records(ctx, some)
		if err != nil {
			return err
		}
		if err := p.pushQueued(ctx, some, records); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) pushQueued(ctx context.Context, some []uint64, records []*record) error {
	s, up, u := p.s, p.up, p.s.user
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, pos := range some {
		switch {
		case s.closed:
			return fault.New(fault.NotLoggedIn)
		case up.over || p.full(ctx):
			return nil
		}
		i := slices.IndexFunc(records, func(r *record) bool { return r.pos == pos })
		if i >= 0 && !up.at.pos.covers(pos) {
			at := u.at(upTo(pos))
			if len(up.changed) > 0 {
				at.rev = up.at.rev // the session has yet to be told of these settings
			}
			var out outgoing
			r := records[i]
			method, params := out.frame(s, r, r.pair.side(u.UserID), s.in.text(at))
			if params != nil && !s.push(method, params) {
				return fault.New(fault.ServerTimeout)
			}
			p.bytes += len(params)
		}
		up.at.pos = up.at.pos.union(upTo(pos))
		up.queue = up.queue[1:]
	}
	return nil
}

// goLive lets records flow to the session, unless some are queued: then again is
// true.
func (p *part) goLive() (live, again bool, err error) {
	s, up, u := p.s, p.up, p.s.user
	s.in.mu.Lock()
	u.mu.Lock()
	defer u.mu.Unlock()
	watched := s.in.watchedBy(s)
	s.in.mu.Unlock()
	switch {
	case s.closed:
		return false, false, fault.New(fault.NotLoggedIn)
	case up.over:
		p.over = true
		return false, false, nil
	case len(up.queue) > 0:
		return false, true, nil
	}
	s.syncing = nil
	s.live, s.pos, s.rev = true, reachedTo(s.in, up.at.pos), up.at.rev
	for _, params := range up.lives {
		s.push(frame.NoteMessages, params)
	}
	for method, params := range s.owed {
		if !s.push(method, params) {
			s.stall()
			break
		}
		delete(s.owed, method)
	}
	for other := range up.changed {
		u.stales(other, up.at.rev)
	}
	u.tellStale()
	if len(watched) > 0 && !s.push(frame.NoteStatus, encode(statusNote{watched})) {
		s.stall()
	}
	return true, false, nil
}
