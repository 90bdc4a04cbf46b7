package contacts

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

func friend(id string) key { return key{kindFriend, id} }
func in(id string) key     { return key{kindIn, id} }
func out(id string) key    { return key{kindOut, id} }

// count returns how many entries of a kind a user has.
func (c *Contacts) count(ctx context.Context, u place.User, of kind) (n int, err error) {
	err = c.books.with(ctx, u, func(b *book) {
		for k, h := range b.entries {
			if k.kind == of && h.there() {
				n++
			}
		}
	})
	return n, err
}

// room fails with a code if a user has as many entries of a kind as they may
// have.
func (c *Contacts) room(ctx context.Context, u place.User, of kind, most int, full fault.Code) error {
	n, err := c.count(ctx, u, of)
	if err == nil && n >= most {
		err = fault.With(full, u.UserID)
	}
	return err
}

// Add makes two users friends, or, one-sidedly, the other one a friend of the
// user. If the other one wants to be asked first, Add makes an application
// instead and fails with FriendshipPending.
func (c *Contacts) Add(ctx context.Context, u place.User, p Add) error {
	if err := p.check(u.UserID); err != nil {
		return err
	}
	peer := who(u, p.UserID)
	mine, err := c.books.get(ctx, u, friend(peer.UserID))
	if err != nil {
		return err
	}
	theirs, err := c.books.get(ctx, peer, friend(u.UserID))
	if err != nil {
		return err
	}
	if mine.there() && (p.Type == addSingle || theirs.there()) {
		if p.Nonce != "" && mine.Nonce == p.Nonce {
			return nil // a repetition
		}
		return bad(peer.UserID + " is a friend already")
	}
	ask, err := c.mayAdd(ctx, u, peer, p)
	if err != nil {
		return err
	}
	if !mine.there() {
		if err := c.room(ctx, u, kindFriend, MaxFriends, fault.FriendsFull); err != nil {
			return err
		}
	}
	if ask {
		return c.apply(ctx, u, peer, p)
	}
	if p.Type == addBoth && !theirs.there() {
		if err := c.room(ctx, peer, kindFriend, MaxFriends, fault.PeerFriendsFull); err != nil {
			return err
		}
		if err := c.befriend(ctx, peer, u.UserID, entry{Source: p.Source, Wording: p.Wording}); err != nil {
			return err
		}
	}
	if err := c.settled(ctx, u, peer, ""); err != nil {
		return err
	}
	groups, err := c.groupNamed(ctx, u, p.GroupName)
	if err != nil {
		return err
	}
	return c.befriend(ctx, u, peer.UserID, entry{Remark: p.Remark, Groups: groups, Source: p.Source, Wording: p.Wording, Nonce: p.Nonce})
}

// Import makes another user a friend, with what another system has noted about
// them. Neither the other user nor their profile is asked. Repeated, it changes
// nothing.
func (c *Contacts) Import(ctx context.Context, u place.User, p Add, groups []string) error {
	p.Type = addSingle
	if err := p.check(u.UserID); err != nil {
		return err
	}
	if len(p.Custom) > 0 {
		var err error
		if p.Custom, err = inbox.CleanCustom("CustomItem", p.Custom); err != nil {
			return err
		}
	}
	mine, err := c.books.get(ctx, u, friend(p.UserID))
	if err != nil || mine.there() {
		return err
	}
	if known, err := c.o.Known(ctx, who(u, p.UserID)); err != nil || !known {
		return orElse(err, fault.With(fault.SNSUnknownAccount, p.UserID))
	}
	if err := c.room(ctx, u, kindFriend, MaxFriends, fault.FriendsFull); err != nil {
		return err
	}
	e := entry{Time: p.Time, Remark: p.Remark, Source: p.Source, Wording: p.Wording, Custom: p.Custom}
	for _, name := range groups {
		if err := groupName(name); err != nil {
			return err
		}
		ids, err := c.groupNamed(ctx, u, name)
		if err != nil {
			return err
		}
		e.Groups = append(e.Groups, ids...)
	}
	return c.befriend(ctx, u, p.UserID, e)
}

// mayAdd reports whether the other user has to be asked first, or fails with
// why they cannot become a friend.
func (c *Contacts) mayAdd(ctx context.Context, u, peer place.User, p Add) (ask bool, err error) {
	if known, err := c.o.Known(ctx, peer); err != nil || !known {
		return false, orElse(err, fault.With(fault.SNSUnknownAccount, peer.UserID))
	}
	if p.Force {
		return false, nil
	}
	if err := c.unblocked(ctx, u, peer); err != nil {
		return false, err
	}
	profiles, err := c.o.People.Profiles(ctx, u.SDKAppID, []string{u.UserID, peer.UserID})
	switch {
	case err != nil:
		return false, err
	case profiles[0].AdminForbidType == inbox.ForbidSendOut:
		return false, fault.New(fault.SNSForbidden)
	case profiles[1].AllowType == inbox.AllowNobody:
		return false, fault.New(fault.FriendshipDenied)
	}
	return profiles[1].AllowType == inbox.AllowAsked, nil
}

// unblocked fails when one of two users has the other on their blacklist.
func (c *Contacts) unblocked(ctx context.Context, u, peer place.User) error {
	if blocked, err := c.o.People.Blocks(ctx, u, peer.UserID); err != nil || blocked {
		return orElse(err, fault.New(fault.SNSBlockedByOneself))
	}
	if blocked, err := c.o.People.Blocks(ctx, peer, u.UserID); err != nil || blocked {
		return orElse(err, fault.New(fault.SNSBlocked))
	}
	return nil
}

func orElse(err error, f *fault.Error) error {
	if err != nil {
		return err
	}
	return f
}

// befriend adds a friend, unless they are one already.
func (c *Contacts) befriend(ctx context.Context, u place.User, id string, e entry) error {
	if e.Time == 0 {
		e.Time = c.o.Now().UnixMilli()
	}
	return c.books.change(ctx, u, friend(id), func(was held) (entry, bool, error) { return e, !was.there(), nil })
}

// settled ends the applications between two users, and last the one that u
// answers.
func (c *Contacts) settled(ctx context.Context, u, peer place.User, nonce string) error {
	if err := c.books.end(ctx, peer, in(u.UserID), ""); err != nil {
		return err
	}
	if err := c.books.end(ctx, u, out(peer.UserID), ""); err != nil {
		return err
	}
	return c.answer(ctx, u, peer, nonce)
}

// Result says what became of one user of a list.
type Result struct {
	UserID   string     `json:"userID"`
	Code     fault.Code `json:"code"`
	Message  string     `json:"message,omitempty"`
	Relation string     `json:"relation,omitempty"`
}

// each does something with each user of a list. An error about one of them
// becomes a result, any other error ends it.
func each(ids []string, do func(r *Result) error) ([]Result, error) {
	results := make([]Result, len(ids))
	return results, bus.Spread(len(ids), func(i int) error {
		results[i].UserID = ids[i]
		err := do(&results[i])
		if err == nil {
			return nil
		}
		f := bus.Fault(err)
		if f.Code == fault.Internal || f.Code == fault.ServerTimeout || f.Code == fault.StoreFull {
			return err
		}
		results[i].Code, results[i].Message = f.Code, f.Message
		return nil
	})
}

// Delete ends friendships, on both sides or only on the user's own.
func (c *Contacts) Delete(ctx context.Context, u place.User, ids []string, typ, nonce string) ([]Result, error) {
	ids, err := users(ids, maxDelete)
	if err == nil {
		err = oneOf("type", &typ, deleteBoth, deleteSingle)
	}
	if err == nil {
		err = checkNonce(nonce)
	}
	if err != nil {
		return nil, err
	}
	return each(ids, func(r *Result) error {
		id := r.UserID
		mine, err := c.books.get(ctx, u, friend(id))
		switch {
		case err != nil:
			return err
		case !mine.there() && nonce != "" && mine.Nonce == nonce:
			return nil // a repetition
		case !mine.there():
			return fault.With(fault.NotAFriend, id)
		}
		if typ == deleteBoth {
			if err := c.books.end(ctx, who(u, id), friend(u.UserID), ""); err != nil {
				return err
			}
		}
		return c.books.end(ctx, u, friend(id), nonce)
	})
}

// Update changes what a user has noted about a friend; nil keeps what is there.
func (c *Contacts) Update(ctx context.Context, u place.User, id string, remark *string, custom json.RawMessage) error {
	if remark == nil && len(custom) == 0 {
		return fault.New(fault.FriendUnchanged)
	}
	if remark != nil {
		if err := text("remark", *remark, maxRemark); err != nil {
			return err
		}
	}
	if len(custom) > 0 {
		var err error
		if custom, err = inbox.CleanCustom("friendCustomField", custom); err != nil {
			return err
		}
	}
	return c.books.change(ctx, u, friend(id), func(was held) (entry, bool, error) {
		if !was.there() {
			return entry{}, false, fault.With(fault.FriendUnchanged, id+" is no friend")
		}
		e := was.entry
		if remark != nil {
			e.Remark = *remark
		}
		if len(custom) > 0 {
			e.Custom = custom
		}
		return e, e.Remark != was.Remark || !slices.Equal(e.Custom, was.Custom), nil
	})
}
