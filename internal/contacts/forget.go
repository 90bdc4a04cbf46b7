package contacts

import (
	"context"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// Blocked ends the friendships of a user with the users whom they have put on
// their blacklist.
func (c *Contacts) Blocked(ctx context.Context, u place.User, ids []string) error {
	return bus.Spread(len(ids), func(i int) error { return c.part(ctx, u, ids[i]) })
}

// part ends a friendship on both sides, the user's own last.
func (c *Contacts) part(ctx context.Context, u place.User, id string) error {
	if err := c.books.end(ctx, who(u, id), friend(u.UserID), ""); err != nil {
		return err
	}
	return c.books.end(ctx, u, friend(id), "")
}

// Forget removes all contacts of a user whose account is deleted. It takes the
// user off the lists of their friends, of those whom they have asked and of
// those who have asked them. Somebody who has the user as a one-sided friend
// keeps an entry of an account that has gone. Forget can be repeated; its
// errors are *fault.Error.
func (c *Contacts) Forget(ctx context.Context, u place.User) error {
	var all []key
	err := c.books.with(ctx, u, func(b *book) {
		for k, h := range b.entries {
			if h.there() {
				all = append(all, k)
			}
		}
	})
	if err == nil {
		err = bus.Spread(len(all), func(i int) error { return c.forget(ctx, u, all[i]) })
	}
	if err != nil {
		return c.fault("forgetting an account", err)
	}
	return nil
}

// forget ends an entry after its counterpart in somebody else's book.
func (c *Contacts) forget(ctx context.Context, u place.User, k key) (err error) {
	peer := who(u, k.name)
	switch k.kind {
	case kindFriend:
		err = c.books.end(ctx, peer, friend(u.UserID), "")
	case kindIn:
		err = c.books.end(ctx, peer, out(u.UserID), "")
	case kindOut:
		err = c.books.end(ctx, peer, in(u.UserID), "")
	case kindGroup, kindRead:
	}
	if err != nil {
		return err
	}
	return c.books.end(ctx, u, k, "")
}
