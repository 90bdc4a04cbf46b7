package inbox

import (
	"context"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// What a member has read of a group, and what they have deleted, concerns only them:
// documents hold it, not the log.

// markRead marks a conversation as read, as far as the user's instance knows it.
func (s *Session) markRead(ctx context.Context, p pair, upTo positions) error {
	if _, ok := p.group(); ok {
		return s.readGroup(ctx, p, upTo)
	}
	return s.in.markRead(ctx, p, p.side(s.user.UserID), upTo)
}

func (s *Session) readGroup(ctx context.Context, p pair, upTo positions) error {
	newest, kept, err := s.in.look(ctx, s.user.User, p)
	if err != nil || newest == nil {
		return err
	}
	to, err := s.in.readInGroup(ctx, newest, kept, upTo)
	if err != nil || to.Seq <= newest.readIn(kept).Seq {
		return err
	}
	to.Time = s.in.now().Unix()
	names := []string{p.users[0]}
	s.user.begin(names)
	defer s.user.end(names)
	err = s.in.raiseRead(ctx, s.user, newest, to, false)
	s.user.refresh(ctx, names)
	return err
}

// readInGroup is readTo for a group.
func (in *Inbox) readInGroup(ctx context.Context, newest *record, kept peer, at positions) (mark, error) {
	positions, upTo := newest.positions(), at.in(newest.pos)
	if n := len(positions); n == 0 || positions[n-1] <= upTo {
		return mark{Seq: newest.Seq, Sent: newest.Sent[0]}, nil
	}
	for way := newWalk(ctx); !way.long(); {
		batch, err := in.messagesAt(ctx, newest.pair, positions, kept.view().Cleared)
		if err != nil || len(batch) == 0 {
			return mark{}, err
		}
		for i := len(batch) - 1; i >= 0; i-- {
			if m := batch[i]; m.pos <= upTo {
				return mark{Seq: m.Seq, Sent: m.Sent[0]}, nil
			}
		}
		positions = batch[0].Last
	}
	return mark{}, nil
}

// raiseRead stores how far a member has read the log whose newest record is r; sent
// says that a message of their own moved that.
func (in *Inbox) raiseRead(ctx context.Context, u *user, r *record, to mark, sent bool) error {
	p, err := in.storeRead(ctx, u.User, r, to, sent)
	if err == nil {
		u.set(r.pair.users[0], p)
	}
	return err
}

// storeRead is raiseRead for a user who may have no session here.
func (in *Inbox) storeRead(ctx context.Context, u place.User, r *record, to mark, sent bool) (peer, error) {
	return in.setDocument(ctx, u, r.pair.users[0], func(d *document) (bool, error) {
		g := &d.Group
		if !g.in(r) || g.Epoch == r.Epoch && g.Read.Seq >= to.Seq {
			return false, nil
		}
		g.Read, g.Epoch, g.Sent, d.Touched = to, r.Epoch, sent, in.now().Unix()
		return true, nil
	})
}

// deletedIn marks in the flags of a group's messages which of them a member has
// deleted for themself.
func (in *Inbox) deletedIn(ctx context.Context, u place.User, messages []*record, out []flags) error {
	subjects := make([]string, len(messages))
	for i, m := range messages {
		subjects[i] = m.pair.goneSubject(m.pos, u)
	}
	entries, err := in.store.marks.LastAll(ctx, subjects)
	for i, e := range entries {
		out[i].Deleted[1] = e.Seq != 0
	}
	return err
}

// deleteFor deletes messages of a group for one member.
func (in *Inbox) deleteFor(ctx context.Context, u place.User, messages []*record) error {
	subjects := make([]string, len(messages))
	for i, m := range messages {
		subjects[i] = m.pair.goneSubject(m.pos, u)
	}
	entries, err := in.store.marks.LastAll(ctx, subjects)
	if err != nil {
		return err
	}
	return bus.Spread(len(subjects), func(i int) error {
		return changeMark(ctx, in, subjects[i], entries[i], func(f *flags) bool {
			was := f.Deleted[1]
			f.Deleted[1] = true
			return !was
		})
	})
}

// goneSubject returns the subject of the document which says that a member has
// deleted a message for themself.
func (p pair) goneSubject(position uint64, u place.User) string {
	return p.markSubject(position) + "." + enc(u.UserID)
}

// visibleAt reads messages of a group, and what a member keeps of it. It fails if the
// member may not read one of the messages.
func (in *Inbox) visibleAt(ctx context.Context, u place.User, p pair, positions []uint64) ([]*record, peer, error) {
	newest, kept, err := in.look(ctx, u, p)
	if err != nil {
		return nil, peer{}, err
	}
	all, err := in.allMessages(ctx, p, positions)
	if err != nil {
		return nil, peer{}, err
	}
	for _, m := range all {
		if newest == nil || m.Born != newest.Born || m.pos <= kept.view().Cleared {
			return nil, peer{}, noSuchMessage()
		}
	}
	return all, kept, nil
}

// revokeInGroup revokes a message for all members. Its sender may do so for a while,
// whoever manages the group at any time.
func (in *Inbox) revokeInGroup(ctx context.Context, u place.User, p pair, pos uint64) (*record, error) {
	all, _, err := in.visibleAt(ctx, u, p, []uint64{pos})
	if err != nil {
		return nil, err
	}
	m := all[0]
	groupID, _ := p.group()
	as, err := in.standing(ctx, u, groupID)
	switch {
	case err != nil:
		return nil, err
	case m.Message.Type == typeGroupTip:
		return nil, noTips()
	case as.Manages:
	case m.From != u.UserID:
		return nil, fault.With(fault.GroupNotPermitted, "its sender can revoke a message, the owner, and administrators")
	case in.now().Sub(time.UnixMilli(m.At)) > in.o.Revoke:
		return nil, fault.With(fault.RevokeTooLate, in.o.Revoke.String())
	}
	return in.takeBack(ctx, u.UserID, m)
}

// takeBack revokes a message of a group, and tells the hooks.
func (in *Inbox) takeBack(ctx context.Context, by string, m *record) (*record, error) {
	r, err := in.revoked(ctx, by, m)
	if err == nil {
		err = in.afterRevoke(ctx, m, by)
	}
	return r, err
}

// revoked returns the record of a message's revocation, which it makes if there is none.
func (in *Inbox) revoked(ctx context.Context, by string, m *record) (*record, error) {
	again := false
	if err := in.flagAll(ctx, []*record{m}, func(_ *record, f *flags) bool {
		if again = f.Revoked; !again {
			f.Revoked, f.By = true, by
		}
		return !again
	}, func(m *record, f flags) { m.Message = m.Message.with(f.Edit) }); err != nil {
		return nil, err
	}
	if again {
		if r, err := in.revocationOf(ctx, m.pair, m.pos); r != nil || err != nil {
			return r, err
		}
	}
	return in.tellRevoked(ctx, by, m)
}

// tellRevoked appends the record of a revocation whose message is marked as revoked.
func (in *Inbox) tellRevoked(ctx context.Context, by string, m *record) (*record, error) {
	r, _, err := in.append(ctx, m.pair, revocationID(m.pair, 1, m.pos), func(prev *record) (*record, error) {
		if prev == nil || prev.Born != m.Born || prev.Gone {
			return nil, fault.New(fault.NoSuchGroup)
		}
		r := next(prev, kindRevoke, 1, in.now().UnixMilli())
		r.From, r.Target = by, &target{Pos: m.pos, Record: m}
		r.took(m)
		r.unpin(m.pos)
		return r, nil
	})
	if err == nil {
		in.release(ctx, m)
	}
	return r, err
}

func noTips() error {
	return fault.With(fault.InvalidOperation, "what the group itself has said cannot be changed or revoked")
}

// revokeInGroup answers message.revoke in a group.
func (s *Session) revokeInGroup(ctx context.Context, p pair, pos uint64) (any, error) {
	r, err := s.in.revokeInGroup(ctx, s.user.User, p, pos)
	if err != nil {
		return nil, err
	}
	s.in.delivery.reach(ctx, s.user.User, r.pos)
	return messageResult{groupMessage(r.changed(), r.flagged())}, nil
}

// mayHave refuses a change of a group's conversation by a user who is no member.
func (d document) mayHave(name string) error {
	if isGroup(name) && !d.Group.In {
		return fault.With(fault.NoConversation, strconv.Quote(idOf(name)))
	}
	return nil
}
