package inbox

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// This file is what rooms beside the inbox use of it: their calls cost a user
// as much as the inbox's own, and profiles and blacklists are here.

// Charged is a stream whose reads and writes are charged to the calls that they
// are made for.
func Charged(l bus.Log) bus.Log { return charged{l} }

// Looked charges a call with a look at n of all that a user keeps.
func Looked(ctx context.Context, n int) { spend(ctx, n*costStanding) }

// Asked charges a call with operations on what is no stream, a registry's record
// for example.
func Asked(ctx context.Context, operations int) {
	for range operations {
		spend(ctx, 0)
	}
}

// Serve carries out a client's call of another room at its user's cost; grows
// says that it adds to what is stored. The result is JSON.
func (in *Inbox) Serve(ctx context.Context, u place.User, method string, params json.RawMessage, grows bool, f func(ctx context.Context) (any, error)) (json.RawMessage, *fault.Error) {
	if !in.rates.mayWork(u, in.now()) {
		return nil, tooCostly(u)
	}
	return in.charging(ctx, u, method, params, func(ctx context.Context) (any, error) {
		if grows {
			if err := in.may(ctx, u, quotaBytes, 1); err != nil {
				return nil, err
			}
		}
		return f(ctx)
	})
}

func tooCostly(u place.User) *fault.Error {
	return fault.With(fault.TooFrequent, "what "+u.UserID+" asks for costs too much")
}

// MaySay takes one of the messages that a user may send in a time, for what
// somebody else is told of.
func (in *Inbox) MaySay(ctx context.Context, u place.User, what string) error {
	return in.maySay(ctx, u, what)
}

// Profiles returns the profiles of users of one app, in that order.
func (in *Inbox) Profiles(ctx context.Context, app uint32, userIDs []string) ([]Profile, error) {
	return in.profiles(ctx, app, userIDs)
}

// Blocks reports whether another user is on a user's blacklist.
func (in *Inbox) Blocks(ctx context.Context, u place.User, other string) (bool, error) {
	black, err := read[[]string](ctx, in, u, docBlack)
	return slices.Contains(black, other), err
}

// ProfileChange is what of a profile is to change; what is nil stays.
type ProfileChange = profileFields

// SetProfile changes a profile for an administrator.
func (in *Inbox) SetProfile(ctx context.Context, u place.User, f ProfileChange) (Profile, error) {
	return in.setProfile(ctx, u, f)
}

// Blacklist returns whom a user has blocked.
func (in *Inbox) Blacklist(ctx context.Context, u place.User) ([]string, error) {
	return read[[]string](ctx, in, u, docBlack)
}

// ChangeBlacklist changes it for an administrator.
func (in *Inbox) ChangeBlacklist(ctx context.Context, u place.User, add, remove []string) error {
	_, err := in.changeBlacklist(ctx, u, add, remove)
	return err
}

// CleanCustom returns custom fields, a list of {key, value}, as they are kept;
// of is their name in an error.
func CleanCustom(of string, sent json.RawMessage) (json.RawMessage, error) {
	return cleanCustom(of, sent)
}
