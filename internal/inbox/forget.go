package inbox

import (
	"context"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Forget removes what belongs to a user whose account is deleted: their view of
// their conversations, their profile, blacklist and status. Whoever gets the
// same UserID later starts with nothing. What the user wrote stays with those
// they wrote to. Forget can be repeated; errors are *fault.Error.
func (in *Inbox) Forget(ctx context.Context, u place.User) error {
	if err := in.forget(ctx, u); err != nil {
		return in.failed("forgetting an account", err)
	}
	return nil
}

func (in *Inbox) forget(ctx context.Context, u place.User) error {
	if err := in.forgetConversations(ctx, u); err != nil {
		return err
	}
	for _, end := range []func() error{
		func() error { return empty[Profile](ctx, in, u, docProfile) },
		func() error { return empty[[]string](ctx, in, u, docBlack) },
		func() error { return empty[string](ctx, in, u, docStatus) },
		func() error { return empty[convGroups](ctx, in, u, docConvGroups) },
		func() error { return empty[remindAll](ctx, in, u, docRemindAll) },
		func() error { return empty[quotaDoc](ctx, in, u, docQuota) },
	} {
		if err := end(); err != nil {
			return err
		}
	}
	in.idle.drop(u)
	return nil
}

func (in *Inbox) forgetConversations(ctx context.Context, u place.User) error {
	all, err := in.peersOf(ctx, u)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all.newestFirst(), headsAtOnce) {
		heads, err := in.headsOf(ctx, u, some)
		if err != nil {
			return err
		}
		if err := bus.Spread(len(some), func(i int) error {
			h, other := heads[i], some[i]
			if h == nil {
				return in.giveUp(ctx, u, other, all[other].rev)
			}
			side := h.pair.other(h.pair.side(u.UserID))
			gone := document{settings: settings{Cleared: h.pos, Hidden: h.pos, ClearedSent: h.Sent[side], Epoch: h.Epoch}}
			_, err := in.setDocument(ctx, u, other, func(d *document) (bool, error) {
				was := *d
				*d = gone
				return was != gone, nil
			})
			if errors.Is(err, fault.New(fault.NoConversation)) { // it has given way meanwhile
				err = nil
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// empty overwrites an existing document with its zero value.
func empty[T any](ctx context.Context, in *Inbox, u place.User, kind string) error {
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
