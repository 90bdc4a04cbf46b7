package inbox

import (
	"cmp"
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// This file holds what the server API does with a user's list of conversations.

// Contacted is a conversation of a user's list.
type Contacted struct {
	UserID, GroupID string // one of them
	At              int64  // Unix seconds, of the last message; 0: there is none
	Pinned          bool
}

// ContactedBy returns the conversations that a user lists, the newest first. Errors
// are *fault.Error.
func (in *Inbox) ContactedBy(ctx context.Context, u place.User) ([]Contacted, error) {
	out, err := in.contactedBy(ctx, u)
	if err != nil {
		return nil, in.failed("recentcontact/get_list", err)
	}
	return out, nil
}

func (in *Inbox) contactedBy(ctx context.Context, u place.User) (out []Contacted, err error) {
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID); err != nil {
		return nil, err
	}
	all, err := in.peersOf(ctx, u)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(all.newestFirst(), func(other string) bool { return other == systemUser || pairOf(u.SDKAppID, u.UserID, other).ofTopic() })
	for some := range slices.Chunk(others, headsAtOnce) {
		heads, err := in.headsOf(ctx, u, some)
		if err != nil {
			return nil, err
		}
		list := make([]*Contacted, len(some)) // nil: it is not listed
		if err := bus.Spread(len(some), func(i int) error {
			last, _, listed, err := in.listed(ctx, u, heads[i], all[some[i]])
			if err == nil && listed {
				list[i] = contacted(heads[i], last, some[i], all[some[i]])
			}
			return err
		}); err != nil {
			return nil, err
		}
		for _, one := range list {
			if one != nil {
				out = append(out, *one)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Contacted) int { return cmp.Compare(b.At, a.At) })
	return out, nil
}

func contacted(h, last *record, other string, kept peer) *Contacted {
	one := &Contacted{Pinned: kept.Pinned}
	if id, group := h.pair.group(); group {
		one.GroupID = id
	} else {
		one.UserID = other
	}
	if last != nil {
		one.At = last.At / 1000
	}
	return one
}

// ForgetContact takes a conversation from a user's list, named as in Contacted, and
// with history also what was said there, for that user. Errors are *fault.Error.
func (in *Inbox) ForgetContact(ctx context.Context, u place.User, c Contacted, history bool) error {
	if err := in.forgetContact(ctx, u, c, history); err != nil {
		return in.failed("recentcontact/delete", err)
	}
	return nil
}

func (in *Inbox) forgetContact(ctx context.Context, u place.User, c Contacted, history bool) error {
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID); err != nil {
		return err
	}
	other := c.UserID
	if c.GroupID != "" {
		other = groupName(c.GroupID)
	}
	clear, err := in.clearing(ctx, u, []string{other}, everything, true, history)
	if err != nil {
		return err
	}
	_, err = in.setDocument(ctx, u, other, func(d *document) (bool, error) {
		if err := d.mayHave(other); err != nil {
			return false, err
		}
		was := d.settings
		clear(other, &d.settings)
		return was != d.settings, nil
	})
	return err
}
