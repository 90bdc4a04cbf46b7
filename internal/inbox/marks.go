package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// flagsOf gives the flags of messages of one conversation, in that order.
func (in *Inbox) flagsOf(ctx context.Context, newest *record, set settings, messages []*record) ([]flags, error) {
	out := make([]flags, len(messages))
	if newest.revocation() == 0 && !set.Deleted || len(messages) == 0 {
		return out, nil // nothing was ever revoked or deleted: spare the reads
	}
	subjects := make([]string, len(messages))
	for i, m := range messages {
		subjects[i] = m.pair.markSubject(m.pos)
	}
	entries, err := in.store.marks.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if e.Seq != 0 {
			if err := json.Unmarshal(e.Data, &out[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// flagAll changes the flags of messages of one conversation. done is called for
// each with its flags, changed or not.
func (in *Inbox) flagAll(ctx context.Context, messages []*record, change func(m *record, f *flags) bool, done func(m *record, f flags)) error {
	subjects := make([]string, len(messages))
	for i, m := range messages {
		subjects[i] = m.pair.markSubject(m.pos)
	}
	entries, err := in.store.marks.LastAll(ctx, subjects)
	if err != nil {
		return err
	}
	return bus.Spread(len(messages), func(i int) error {
		var now flags
		err := in.flag(ctx, subjects[i], entries[i], func(f *flags) bool {
			changed := change(messages[i], f)
			now = *f
			return changed
		})
		if err == nil {
			done(messages[i], now)
		}
		return err
	})
}

// flag changes the flags of a message by compare-and-set; e is what is known of
// them, for a start.
func (in *Inbox) flag(ctx context.Context, subject string, e bus.Value, change func(f *flags) bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		var f flags
		if e.Seq != 0 {
			if err := json.Unmarshal(e.Data, &f); err != nil {
				return err
			}
		}
		if !change(&f) {
			return nil
		}
		data, err := jsonframe.Marshal(f)
		if err != nil {
			return err
		}
		if _, _, err = appendOnce(ctx, in.store.marks, subject, data, e.Seq, ""); err == nil {
			return nil
		}
		if !in.retry(ctx, err) {
			return err
		}
		if e, err = in.store.marks.Last(ctx, subject); errors.Is(err, bus.ErrNoValue) {
			e, err = bus.Value{}, nil
		}
		if err != nil {
			return err
		}
	}
}

// messageAt reads a message of a conversation and fails clearly when it is
// not one.
func (in *Inbox) messageAt(ctx context.Context, p pair, pos uint64) (*record, error) {
	m, err := in.allMessages(ctx, p, []uint64{pos})
	if err != nil {
		return nil, err
	}
	return m[0], nil
}

// allMessages is messageAt for many.
func (in *Inbox) allMessages(ctx context.Context, p pair, positions []uint64) ([]*record, error) {
	if slices.Contains(positions, 0) { // they begin at 1
		return nil, noSuchMessage()
	}
	entries, err := in.store.messages.AtAll(ctx, positions)
	if err != nil {
		return nil, err
	}
	out := make([]*record, len(entries))
	for i, e := range entries {
		if e.Seq == 0 || e.Subject != p.subject() {
			return nil, noSuchMessage()
		}
		if out[i], err = decode(e); err != nil {
			return nil, err
		}
		if out[i].Kind != kindMessage {
			return nil, noSuchMessage()
		}
	}
	return out, nil
}

func noSuchMessage() error {
	return fault.With(fault.BadParameters, "there is no such message in the conversation; it may be older than messages are kept")
}

// markRead says that the session's user has read a conversation as far as his
// instance knew it: up to a position, or everything. What came
// meanwhile, while a link was lost perhaps, nobody has seen. It returns when
// the user's sessions here were told.
func (in *Inbox) markRead(ctx context.Context, p pair, side int, upTo positions) error {
	peer := p.other(side)
	r, _, err := in.append(ctx, p, "", func(prev *record) (*record, error) {
		if prev == nil || peer == side {
			return nil, nil
		}
		now := in.now()
		to, err := in.readTo(ctx, prev, side, upTo)
		if err != nil || prev.Read[side].Seq >= to.Seq {
			return nil, err
		}
		r := next(prev, kindRead, side, now.UnixMilli())
		to.Time = now.Unix()
		r.Read[side] = to
		return r, nil
	})
	if err == nil && r != nil {
		if err := in.enter(ctx, p.user(side), p.users[peer], true); err != nil {
			in.report(err) // it is read all the same
		}
		in.delivery.reach(ctx, p.user(side), r.pos)
	}
	return err
}

// readTo is the mark of a user who has read everything up to a position, or
// none where that is nothing new, or so long ago that it is not looked for.
func (in *Inbox) readTo(ctx context.Context, newest *record, side int, at positions) (mark, error) {
	peer, positions, upTo := newest.pair.other(side), newest.positions(), at.in(newest.pos)
	if n := len(positions); n == 0 || positions[n-1] <= upTo {
		return mark{Seq: newest.Seq, Sent: newest.Sent[peer]}, nil
	}
	for way := newWalk(ctx); !way.long(); {
		batch, err := in.messagesAt(ctx, newest.pair, positions, 0)
		if err != nil || len(batch) == 0 {
			return mark{}, err
		}
		for _, m := range slices.Backward(batch) {
			switch {
			case m.Seq <= newest.Read[side].Seq:
				return mark{}, nil // it and all before it are read
			case m.pos > upTo:
				continue
			}
			to := mark{Seq: m.Seq, Sent: m.Sent[peer]}
			err := in.eachRevocation(ctx, newest, m.pos, func(r *record) bool {
				if r.By == peer && r.Target.Took && r.Target.Pos <= m.pos && to.Sent > 0 {
					to.Sent--
				}
				return !way.long()
			})
			if err != nil || way.long() {
				return mark{}, err
			}
			return to, nil
		}
		positions = batch[0].Last
	}
	return mark{}, nil
}

// revoke takes back a message of the user's own, for both.
func (in *Inbox) revoke(ctx context.Context, p pair, side int, pos uint64) (*record, error) {
	m, err := in.messageAt(ctx, p, pos)
	if err != nil {
		return nil, err
	}
	if m.By != side {
		return nil, fault.With(fault.InvalidOperation, "only its sender can revoke a message")
	}
	if in.now().Sub(time.UnixMilli(m.At)) > in.o.Revoke {
		return nil, fault.With(fault.RevokeTooLate, in.o.Revoke.String())
	}
	by, again := p.users[side], false
	if err := in.flagAll(ctx, []*record{m}, func(_ *record, f *flags) bool {
		again = f.Revoked
		f.Revoked, f.By = true, by
		return !again
	}, func(*record, flags) {}); err != nil {
		return nil, err
	}
	if again { // perhaps longer ago than the stream recognises
		if r, err := in.revocationOf(ctx, p, pos); r != nil || err != nil {
			return r, err
		}
	}
	other := p.other(side)
	theirs, err := in.document(ctx, p.user(other), by)
	if err != nil {
		return nil, err
	}
	r, _, err := in.append(ctx, p, revocationID(p, side, pos), func(prev *record) (*record, error) {
		r := next(prev, kindRevoke, side, in.now().UnixMilli())
		r.Target = &target{Pos: pos, Record: m}
		// What was not read yet is no longer unread, unless it was cleared: then
		// it no longer was.
		if other != side && m.Seq > r.Read[other].Seq && pos > theirs.cleared() && r.Sent[side] > 0 {
			r.Sent[side]--
			r.Target.Took = true
		}
		return r, nil
	})
	if err == nil {
		in.release(ctx, m)
		in.delivery.reach(ctx, p.user(side), r.pos)
	}
	return r, err
}

// revocationOf finds the revocation of a message, nil when there is none. It is
// not looked for behind so many others that it would cost too much.
func (in *Inbox) revocationOf(ctx context.Context, p pair, pos uint64) (found *record, err error) {
	newest, err := in.load(ctx, p)
	if err != nil || newest == nil {
		return nil, err
	}
	way := newWalk(ctx)
	err = in.eachRevocation(ctx, newest, pos, func(r *record) bool {
		if r.Target.Pos == pos {
			found = r
		}
		return found == nil && !way.long()
	})
	if err == nil && found == nil && way.long() {
		err = fault.With(fault.InvalidOperation, "the message was revoked before")
	}
	return found, err
}

// deleteMessages removes messages from one user's view of a conversation.
func (s *Session) deleteMessages(ctx context.Context, p pair, side int, positions []uint64) error {
	positions = distinct(positions)
	if err := bounded(positions, maxDelete, "messages"); err != nil {
		return err
	}
	messages, err := s.in.allMessages(ctx, p, positions)
	if err != nil {
		return err
	}
	others := []string{p.users[p.other(side)]}
	s.user.begin(others)
	defer s.user.end(others)
	// The note that there are deleted ones comes first: without it nobody
	// would look for them.
	err = s.keep(ctx, others, func(_ string, v *settings) { v.Deleted = true })
	if err == nil {
		err = s.in.flagAll(ctx, messages, func(m *record, f *flags) bool {
			was := f.Deleted[side]
			f.Deleted[side] = true
			return !was
		}, func(m *record, f flags) {
			if f.Deleted[p.other(side)] {
				s.in.release(ctx, m)
			}
		})
	}
	s.user.refresh(ctx, others) // another message may be the last one now
	return err
}
