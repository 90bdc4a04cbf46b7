package inbox

import (
	"bytes"
	"context"
)

// introduce enters a conversation in its users' peers; before its first
// record is stored, so that no record is ever without.
func (in *Inbox) introduce(ctx context.Context, p pair) error {
	for side := range 2 {
		u, other := p.user(side), p.users[p.other(side)]
		_, _, err := update(ctx, in, u, docPeers, func(v *peers) (bool, error) {
			if _, ok := (*v)[other]; ok {
				return false, nil
			}
			if *v == nil {
				*v = peers{}
			}
			(*v)[other] = settings{}
			// Not each time: it reads them all.
			if n := len(*v); n > in.o.Peers && n%max(in.o.Peers/8, 1) == 0 {
				return true, in.prune(ctx, u, *v, other)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		if p.users[0] == p.users[1] {
			break
		}
	}
	return nil
}

// reintroduce enters a conversation again that prune has left out.
func (in *Inbox) reintroduce(ctx context.Context, p pair) error {
	for side := range 2 {
		d, err := in.docs.get(ctx, docSubject(p.user(side), docPeers))
		if err != nil {
			return err
		}
		// Decoded for each message a large one would take a millisecond. In a
		// value the closing quote would follow a backslash.
		if !bytes.Contains(d.data, []byte(quote(p.users[p.other(side)])+":")) {
			return in.introduce(ctx, p)
		}
	}
	return nil
}

// prune bounds what a user who writes to everybody, an administrator perhaps,
// has in his list: conversations that retention has removed go, then the oldest
// ones. One whose settings say something stays: what was deleted must not come
// back. A conversation that was left out comes back with its next message.
func (in *Inbox) prune(ctx context.Context, u User, all peers, but string) error {
	heads, err := in.heads(ctx, u, all)
	if err != nil {
		return err
	}
	has := make(map[string]bool, len(heads))
	for _, h := range heads {
		has[h.pair.users[h.pair.other(h.pair.side(u.UserID))]] = true
	}
	for other := range all {
		if !has[other] && other != but {
			delete(all, other)
		}
	}
	for i := len(heads) - 1; i >= 0 && len(all) > in.o.Peers; i-- {
		other := heads[i].pair.users[heads[i].pair.other(heads[i].pair.side(u.UserID))]
		if all[other] == (settings{}) && other != but {
			delete(all, other)
		}
	}
	return nil
}

// Forget takes from a user, whose account is deleted, what he has: his view of
// his conversations, his profile, blacklist and status. Who gets the same
// UserID later is somebody else. What he wrote stays with those he wrote to.
// It can be repeated; errors are *fault.Error.
func (in *Inbox) Forget(ctx context.Context, u User) error {
	if err := in.forget(ctx, u); err != nil {
		return asFault(err)
	}
	return nil
}

func (in *Inbox) forget(ctx context.Context, u User) error {
	_, _, err := update(ctx, in, u, docPeers, func(v *peers) (bool, error) {
		heads, err := in.heads(ctx, u, *v)
		if err != nil || len(*v) == 0 {
			return false, err
		}
		*v = peers{}
		for _, h := range heads {
			peer := h.pair.other(h.pair.side(u.UserID))
			(*v)[h.pair.users[peer]] = settings{Cleared: h.pos, Hidden: h.pos, ClearedSent: h.Sent[peer], Epoch: h.Epoch}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, end := range []func() error{
		func() error { return empty[Profile](ctx, in, u, docProfile) },
		func() error { return empty[[]string](ctx, in, u, docBlack) },
		func() error { return empty[string](ctx, in, u, docStatus) },
	} {
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

// empty makes a document that is there what none is.
func empty[T any](ctx context.Context, in *Inbox, u User, kind string) error {
	d, err := in.docs.fresh(ctx, docSubject(u, kind))
	if err != nil || d.rev == 0 {
		return err
	}
	_, _, err = update(ctx, in, u, kind, func(v *T) (bool, error) {
		*v = *new(T)
		return true, nil
	})
	return err
}
