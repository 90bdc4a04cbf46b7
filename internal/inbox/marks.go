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
	"github.com/tim-wasm/tim/internal/place"
)

// flagsOf returns the flags of messages of one conversation, in their order, as a
// user sees them.
func (in *Inbox) flagsOf(ctx context.Context, u place.User, newest *record, set settings, messages []*record) ([]flags, error) {
	_, group := newest.pair.group()
	changed := newest.change() != 0 || set.Deleted // otherwise nothing was ever revoked, edited or deleted
	out := make([]flags, len(messages))
	var wanted, asking []int // of messages
	for i, m := range messages {
		asks := m.asks(u)
		if asks {
			asking = append(asking, i)
		}
		if changed || asks && !group {
			wanted = append(wanted, i)
		}
	}
	marks, err := in.flagsAt(ctx, newest.pair, positionsOf(messages, wanted))
	for n, f := range marks {
		out[wanted[n]] = f
	}
	if group && set.Deleted && err == nil {
		err = in.deletedIn(ctx, u, messages, out)
	}
	if err == nil {
		err = in.receiptsIn(ctx, messages, asking, out)
	}
	return out, err
}

// positionsOf returns the positions of some messages of a list.
func positionsOf(messages []*record, some []int) []uint64 {
	out := make([]uint64, len(some))
	for n, i := range some {
		out[n] = messages[i].pos
	}
	return out
}

// flagsAt returns the flags of what stands at positions of a conversation.
func (in *Inbox) flagsAt(ctx context.Context, p pair, positions []uint64) ([]flags, error) {
	return marksAt[flags](ctx, in, positions, p.markSubject)
}

// marksAt reads the documents of one kind that belong to positions of a conversation,
// in their order; that of a position without one is empty.
func marksAt[T any](ctx context.Context, in *Inbox, positions []uint64, subjectOf func(position uint64) string) ([]T, error) {
	subjects := make([]string, len(positions))
	for i, pos := range positions {
		subjects[i] = subjectOf(pos)
	}
	entries, err := in.store.marks.LastAll(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(positions))
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
		err := changeMark(ctx, in, subjects[i], entries[i], func(f *flags) bool {
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

// changeMark changes a document of TIM_MARK by compare-and-set; e is the value to
// begin with.
func changeMark[T any](ctx context.Context, in *Inbox, subject string, e bus.Value, change func(v *T) bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		var v T
		if e.Seq != 0 {
			if err := json.Unmarshal(e.Data, &v); err != nil {
				return err
			}
		}
		if !change(&v) {
			return nil
		}
		data, err := jsonframe.Marshal(v)
		if err != nil {
			return err
		}
		if _, _, err = in.store.marks.Append(ctx, subject, data, e.Seq, ""); err == nil {
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

// changeInTurn is changeMark for a document that many users change in the same moment.
// They take turns, so that here one write does not refuse the others.
func changeInTurn[T any](ctx context.Context, in *Inbox, subject string, change func(v *T) bool) error {
	done, err := in.marking.Take(ctx, subject)
	if err != nil {
		return err
	}
	defer done()
	e, err := in.store.marks.Last(ctx, subject)
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return err
	}
	return changeMark(ctx, in, subject, e, change)
}

// messageAt reads a message of a conversation. It fails with 70402 if there is
// no message of that conversation at the position.
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
		if !out[i].isMessage() {
			return nil, noSuchMessage()
		}
	}
	return out, nil
}

func noSuchMessage() error {
	return fault.With(fault.BadParameters, "there is no such message in the conversation; it may be older than messages are kept")
}

// markRead records that a user has read a conversation as far as their instance
// knew it. Messages beyond that position stay unread: they came meanwhile,
// perhaps while the link was lost, and nobody has seen them. It returns once the
// user's sessions here were told.
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
		if err := in.enter(ctx, p.user(side), p.users[peer], true, new(entered)); err != nil {
			in.report(err) // the read mark is stored nevertheless
		}
		in.delivery.reach(ctx, p.user(side), r.pos)
	}
	return err
}

// readTo returns the mark of a user who has read everything up to a position.
// It returns the zero mark if that is nothing new, or so long ago that finding
// the position would cost too much.
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
				return mark{}, nil // it and everything before it were read already
			case m.pos > upTo:
				continue
			}
			to := mark{Seq: m.Seq, Sent: m.Sent[peer]}
			err := in.eachChange(ctx, newest, m.pos, func(r *record) bool {
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

// revoke takes back one of the user's own messages, for both users.
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
	return in.takeBackFrom(ctx, p, side, m)
}

// takeBackFrom revokes a message in the name of its sender, who is the user of a side,
// and tells the hooks.
func (in *Inbox) takeBackFrom(ctx context.Context, p pair, side int, m *record) (*record, error) {
	r, err := in.revokedFrom(ctx, p, side, m)
	if err == nil {
		err = in.afterRevoke(ctx, m, p.users[side])
	}
	return r, err
}

// revokedFrom returns the record of a message's revocation, which it makes if there is
// none.
func (in *Inbox) revokedFrom(ctx context.Context, p pair, side int, m *record) (*record, error) {
	by, again, pos := p.users[side], false, m.pos
	if err := in.flagAll(ctx, []*record{m}, func(_ *record, f *flags) bool {
		again = f.Revoked
		f.Revoked, f.By = true, by
		return !again
	}, func(m *record, f flags) { m.Message = m.Message.with(f.Edit) }); err != nil {
		return nil, err
	}
	if again { // perhaps too long ago for the stream to recognise the repetition
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
		// The message no longer counts as unread, if it still did: it was neither
		// read nor cleared.
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

// revocationOf finds the revocation of a message; nil if there is none. It gives
// up with an error once so many others have been read that it costs too much.
func (in *Inbox) revocationOf(ctx context.Context, p pair, pos uint64) (found *record, err error) {
	newest, err := in.load(ctx, p)
	if err != nil || newest == nil {
		return nil, err
	}
	way := newWalk(ctx)
	err = in.eachChange(ctx, newest, pos, func(r *record) bool {
		if r.Kind == kindRevoke && r.Target.Pos == pos {
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
	_, group := p.group()
	var messages []*record
	var err error
	if group {
		messages, _, err = s.in.visibleAt(ctx, s.user.User, p, positions)
	} else {
		messages, err = s.in.allMessages(ctx, p, positions)
	}
	if err != nil {
		return err
	}
	others := []string{p.users[p.other(side)]}
	s.user.begin(others)
	defer s.user.end(others)
	// The setting Deleted comes first: only conversations that have it are searched
	// for deleted messages.
	err = s.keep(ctx, others, func(_ string, v *settings) { v.Deleted = true })
	switch {
	case err != nil:
	case group:
		err = s.in.deleteFor(ctx, s.user.User, messages)
	default:
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
