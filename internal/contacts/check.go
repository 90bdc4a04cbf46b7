package contacts

import (
	"context"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// relations are named by who has whom as a friend: the user the other one, and
// the other one the user.
var relations = map[[2]bool]string{
	{false, false}: "CheckResult_Type_NoRelation",
	{true, false}:  "CheckResult_Type_AWithB",
	{false, true}:  "CheckResult_Type_BWithA",
	{true, true}:   "CheckResult_Type_BothWay",
}

// Check reports whether others are friends of a user and, unless typ is single,
// whether that is mutual.
func (c *Contacts) Check(ctx context.Context, u place.User, ids []string, typ string) ([]Result, error) {
	ids, err := users(ids, maxUsers)
	if err == nil {
		err = oneOf("type", &typ, checkBoth, checkSingle)
	}
	if err != nil {
		return nil, err
	}
	return each(ids, func(r *Result) error {
		mine, err := c.books.get(ctx, u, friend(r.UserID))
		if err != nil {
			return err
		}
		var theirs held
		if typ == checkBoth {
			if theirs, err = c.books.get(ctx, who(u, r.UserID), friend(u.UserID)); err != nil {
				return err
			}
		}
		r.Relation = relations[[2]bool{mine.there(), theirs.there()}]
		return nil
	})
}

// Found is a friend, or a Result that says why there is none.
type Found any

// Find returns the friends among a list of users, in its order.
func (c *Contacts) Find(ctx context.Context, u place.User, ids []string) ([]Found, error) {
	ids, err := users(ids, maxUsers)
	if err != nil {
		return nil, err
	}
	s, err := c.snapshot(ctx, u, kindFriend)
	if err != nil {
		return nil, err
	}
	friends := make(map[string]named, len(s.entries))
	for _, e := range s.entries {
		friends[e.name] = e
	}
	profiles, err := c.o.People.Profiles(ctx, u.SDKAppID, ids)
	if err != nil {
		return nil, err
	}
	show := friendOf(s)
	found := make([]Found, len(ids))
	for i, id := range ids {
		if e, ok := friends[id]; ok {
			found[i] = show(e, profiles[i])
			continue
		}
		f := fault.With(fault.NotAFriend, id)
		found[i] = Result{UserID: id, Code: f.Code, Message: f.Message}
	}
	return found, nil
}

// friendNow returns one friend.
func (c *Contacts) friendNow(ctx context.Context, u place.User, id string) (any, error) {
	found, err := c.Find(ctx, u, []string{id})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}
