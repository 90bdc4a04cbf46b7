package contacts

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

func isCode(err error, code fault.Code) bool { return errors.Is(err, fault.New(code)) }

// groupOf returns the group of a user that has a name, or the zero held.
func (c *Contacts) groupOf(ctx context.Context, u place.User, name string) (k key, group held, err error) {
	err = c.books.with(ctx, u, func(b *book) {
		for at, h := range b.entries {
			// A group of another name may have been renamed at the same moment:
			// then the older one counts.
			if at.kind == kindGroup && h.there() && h.Name == name && (group.rev == 0 || h.rev < group.rev) {
				k, group = at, h
			}
		}
	})
	return k, group, err
}

// groupNamed returns the ID of the group that has a name, which it makes if
// there is none, as a list; no name makes an empty list.
func (c *Contacts) groupNamed(ctx context.Context, u place.User, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	_, group, err := c.groupOf(ctx, u, name)
	if err == nil && group.rev == 0 {
		group.entry, err = c.newGroup(ctx, u, name, "")
	}
	if err != nil {
		return nil, err
	}
	return []string{group.ID}, nil
}

// newGroup makes a group, or returns the one that somebody else has made at the
// same moment. Its subject is made of its name and a number, because a group
// that was renamed keeps its own subject.
func (c *Contacts) newGroup(ctx context.Context, u place.User, name, nonce string) (group entry, err error) {
	if err := c.room(ctx, u, kindGroup, MaxGroups, fault.FriendGroupsFull); err != nil {
		return entry{}, err
	}
	for n := 0; ; n++ {
		err := c.books.change(ctx, u, key{kindGroup, name + "/" + strconv.Itoa(n)}, func(was held) (entry, bool, error) {
			if group = was.entry; !was.there() {
				group = entry{Time: c.o.Now().UnixMilli(), ID: rand.Text(), Name: name, Nonce: nonce}
			}
			return group, !was.there(), nil
		})
		if err != nil || group.Name == name {
			return group, err
		}
	}
}

// existing returns a group, and fails if it does not exist.
func (c *Contacts) existing(ctx context.Context, u place.User, name, nonce string) (k key, group held, err error) {
	if err := groupName(name); err != nil {
		return key{}, held{}, err
	}
	if err := checkNonce(nonce); err != nil {
		return key{}, held{}, err
	}
	k, group, err = c.groupOf(ctx, u, name)
	if err == nil && group.rev == 0 {
		err = fault.With(fault.NoFriendGroup, name)
	}
	return k, group, err
}

// CreateGroup makes a friend group and puts the named friends into it.
func (c *Contacts) CreateGroup(ctx context.Context, u place.User, name string, ids []string, nonce string) ([]Result, error) {
	if len(ids) > 0 {
		var err error
		if ids, err = users(ids, maxMember); err != nil {
			return nil, err
		}
	}
	_, group, err := c.existing(ctx, u, name, nonce)
	made := isCode(err, fault.NoFriendGroup)
	if made {
		group.entry, err = c.newGroup(ctx, u, name, nonce)
	}
	switch {
	case err != nil:
		return nil, err
	case group.Nonce != nonce || nonce == "" && !made: // else a repetition, which goes on
		return nil, fault.With(fault.FriendGroupExists, name)
	}
	return c.member(ctx, u, group.ID, ids, true)
}

// AddToGroup puts friends into a group, RemoveFromGroup takes them out of it.
func (c *Contacts) AddToGroup(ctx context.Context, u place.User, name string, ids []string) ([]Result, error) {
	return c.regroup(ctx, u, name, ids, true)
}

// RemoveFromGroup takes friends out of a group.
func (c *Contacts) RemoveFromGroup(ctx context.Context, u place.User, name string, ids []string) ([]Result, error) {
	return c.regroup(ctx, u, name, ids, false)
}

func (c *Contacts) regroup(ctx context.Context, u place.User, name string, ids []string, into bool) ([]Result, error) {
	ids, err := users(ids, maxMember)
	if err != nil {
		return nil, err
	}
	_, group, err := c.existing(ctx, u, name, "")
	if err != nil {
		return nil, err
	}
	return c.member(ctx, u, group.ID, ids, into)
}

// member puts friends into a group, or takes them out. It also drops groups
// that have ended from what a friend names.
func (c *Contacts) member(ctx context.Context, u place.User, group string, ids []string, into bool) ([]Result, error) {
	there := map[string]bool{}
	if err := c.books.with(ctx, u, func(b *book) {
		for k, h := range b.entries {
			if k.kind == kindGroup && h.there() {
				there[h.ID] = true
			}
		}
	}); err != nil {
		return nil, err
	}
	there[group] = true // it may have been made a moment ago
	return each(ids, func(r *Result) error {
		return c.books.change(ctx, u, friend(r.UserID), func(was held) (entry, bool, error) {
			if !was.there() {
				return entry{}, false, fault.With(fault.NotAFriend, r.UserID)
			}
			e := was.entry
			e.Groups = nil
			for _, g := range was.Groups {
				if there[g] && g != group {
					e.Groups = append(e.Groups, g)
				}
			}
			if into {
				e.Groups = append(e.Groups, group)
			}
			return e, slices.Contains(was.Groups, group) != into, nil
		})
	})
}

// DeleteGroup ends a group; its friends stay friends.
func (c *Contacts) DeleteGroup(ctx context.Context, u place.User, name, nonce string) (FriendGroup, error) {
	k, group, err := c.existing(ctx, u, name, nonce)
	if isCode(err, fault.NoFriendGroup) && c.repeated(ctx, u, nonce) {
		return FriendGroup{Name: name, UserIDList: []string{}}, nil
	}
	if err != nil {
		return FriendGroup{}, err
	}
	was, err := c.group(ctx, u, group.ID)
	if err != nil {
		return FriendGroup{}, err
	}
	return was, c.books.end(ctx, u, k, nonce)
}

// repeated reports whether this call has changed a group before.
func (c *Contacts) repeated(ctx context.Context, u place.User, nonce string) (yes bool) {
	if nonce == "" {
		return false
	}
	_ = c.books.with(ctx, u, func(b *book) { // whoever asks has just read it
		for k, h := range b.entries {
			yes = yes || k.kind == kindGroup && h.Nonce == nonce
		}
	})
	return yes
}

// RenameGroup gives a group another name.
func (c *Contacts) RenameGroup(ctx context.Context, u place.User, name, to, nonce string) (FriendGroup, error) {
	if err := groupName(to); err != nil {
		return FriendGroup{}, err
	}
	_, other, err := c.groupOf(ctx, u, to)
	if err != nil {
		return FriendGroup{}, err
	}
	if other.rev != 0 && (nonce == "" || other.Nonce != nonce) {
		return FriendGroup{}, fault.With(fault.FriendGroupExists, to)
	}
	if other.rev != 0 { // a repetition
		return c.group(ctx, u, other.ID)
	}
	k, group, err := c.existing(ctx, u, name, nonce)
	if err != nil {
		return FriendGroup{}, err
	}
	if err := c.books.change(ctx, u, k, func(was held) (entry, bool, error) {
		if !was.there() {
			return entry{}, false, fault.With(fault.NoFriendGroup, name)
		}
		e := was.entry
		e.Name, e.Nonce = to, nonce
		return e, true, nil
	}); err != nil {
		return FriendGroup{}, err
	}
	return c.group(ctx, u, group.ID)
}
