package contacts

import (
	"context"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// apply asks another user to become a friend. Asked again, it updates what was
// said before.
func (c *Contacts) apply(ctx context.Context, u, peer place.User, p Add) error {
	sent, err := c.books.get(ctx, u, out(peer.UserID))
	if err != nil {
		return err
	}
	came, err := c.books.get(ctx, peer, in(u.UserID))
	if err != nil {
		return err
	}
	if !sent.there() {
		if err := c.room(ctx, u, kindOut, MaxApplications, fault.ApplicationsFull); err != nil {
			return err
		}
	}
	if !came.there() {
		if err := c.room(ctx, peer, kindIn, MaxApplications, fault.ApplicationsFull); err != nil {
			return err
		}
	}
	e := entry{Time: c.o.Now().UnixMilli(), Source: p.Source, Wording: p.Wording}
	if err := c.books.change(ctx, peer, in(u.UserID), applied(e)); err != nil {
		return err
	}
	e.Remark = p.Remark
	if p.GroupName != "" {
		e.Groups = []string{p.GroupName}
	}
	if err := c.books.change(ctx, u, out(peer.UserID), applied(e)); err != nil {
		return err
	}
	return fault.New(fault.FriendshipPending)
}

// applied writes an application unless it says the same already.
func applied(e entry) func(was held) (entry, bool, error) {
	return func(was held) (entry, bool, error) {
		same := was.there() && was.Source == e.Source && was.Wording == e.Wording && was.Remark == e.Remark &&
			len(was.Groups) == len(e.Groups) && (len(e.Groups) == 0 || was.Groups[0] == e.Groups[0])
		return e, !same, nil
	}
}

// answered checks that an application has come and is open; done reports that
// the same call has answered it before.
func (c *Contacts) answered(ctx context.Context, u place.User, id, nonce string) (done bool, err error) {
	if err := user(u.UserID, id); err != nil {
		return false, err
	}
	if err := checkNonce(nonce); err != nil {
		return false, err
	}
	came, err := c.books.get(ctx, u, in(id))
	switch {
	case err != nil:
		return false, err
	case came.there():
		return false, nil
	case nonce != "" && came.Nonce == nonce:
		return true, nil
	}
	return false, fault.With(fault.NoFriendApplication, id)
}

// Accept makes the user a friend of the applicant and, by type, the applicant a
// friend of the user.
func (c *Contacts) Accept(ctx context.Context, u place.User, id, typ, remark, nonce string) error {
	if err := oneOf("type", &typ, agreeAndAdd, agree); err != nil {
		return err
	}
	if err := text("remark", remark, maxRemark); err != nil {
		return err
	}
	done, err := c.answered(ctx, u, id, nonce)
	if err != nil || done {
		return err
	}
	peer := who(u, id)
	if err := c.unblocked(ctx, u, peer); err != nil {
		return err
	}
	mine, err := c.books.get(ctx, u, friend(id))
	if err != nil {
		return err
	}
	theirs, err := c.books.get(ctx, peer, friend(u.UserID))
	if err != nil {
		return err
	}
	if !theirs.there() {
		if err := c.room(ctx, peer, kindFriend, MaxFriends, fault.PeerFriendsFull); err != nil {
			return err
		}
	}
	if typ == agreeAndAdd && !mine.there() {
		if err := c.room(ctx, u, kindFriend, MaxFriends, fault.FriendsFull); err != nil {
			return err
		}
	}
	came, err := c.books.get(ctx, u, in(id))
	if err != nil {
		return err
	}
	sent, err := c.books.get(ctx, peer, out(u.UserID))
	if err != nil {
		return err
	}
	e := entry{Remark: sent.Remark, Source: came.Source, Wording: came.Wording}
	if sent.there() && len(sent.Groups) > 0 {
		// An applicant who may have no further friend group gets their friend
		// without one.
		e.Groups, err = c.groupNamed(ctx, peer, sent.Groups[0])
		if err != nil && !isCode(err, fault.FriendGroupsFull) {
			return err
		}
	}
	if err := c.befriend(ctx, peer, u.UserID, e); err != nil {
		return err
	}
	if typ == agreeAndAdd {
		if err := c.befriend(ctx, u, id, entry{Remark: remark, Source: came.Source, Wording: came.Wording}); err != nil {
			return err
		}
	}
	return c.settled(ctx, u, peer, nonce)
}

// Refuse ends an application that came.
func (c *Contacts) Refuse(ctx context.Context, u place.User, id, nonce string) error {
	done, err := c.answered(ctx, u, id, nonce)
	if err != nil || done {
		return err
	}
	return c.answer(ctx, u, who(u, id), nonce)
}

// answer ends an application on both sides.
func (c *Contacts) answer(ctx context.Context, u, peer place.User, nonce string) error {
	if err := c.books.end(ctx, peer, out(u.UserID), ""); err != nil {
		return err
	}
	return c.books.end(ctx, u, in(peer.UserID), nonce)
}

// Withdraw takes applications off a user's own list, those that came or those
// that were sent.
func (c *Contacts) Withdraw(ctx context.Context, u place.User, id, typ, nonce string) error {
	if err := oneOf("type", &typ, comeIn, sendOut, bothWays); err != nil {
		return err
	}
	if err := user(u.UserID, id); err != nil {
		return err
	}
	if err := checkNonce(nonce); err != nil {
		return err
	}
	found := false
	for _, k := range map[string][]key{comeIn: {in(id)}, sendOut: {out(id)}, bothWays: {in(id), out(id)}}[typ] {
		if err := c.books.change(ctx, u, k, func(was held) (entry, bool, error) {
			found = found || was.there() || nonce != "" && was.Nonce == nonce
			return entry{Gone: true, Nonce: nonce}, was.there(), nil
		}); err != nil {
			return err
		}
	}
	if !found {
		return fault.With(fault.NoFriendApplication, id)
	}
	return nil
}

// SetRead notes that the user has seen all applications that have come.
func (c *Contacts) SetRead(ctx context.Context, u place.User) error {
	var newest int64
	if err := c.books.with(ctx, u, func(b *book) {
		for k, h := range b.entries {
			if k.kind == kindIn && h.there() {
				newest = max(newest, h.Time)
			}
		}
	}); err != nil {
		return err
	}
	return c.books.change(ctx, u, key{kindRead, readAll}, func(was held) (entry, bool, error) {
		return entry{Time: newest}, newest > was.Time, nil
	})
}
