package inbox

import (
	"context"

	"github.com/tim-wasm/tim/internal/frame"
)

type usersParams struct {
	UserIDs []string `json:"userIDs"`
}

type statusParams struct {
	CustomStatus string `json:"customStatus"`
}

var peopleCalls = map[string]call{
	frame.ProfileGet: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		if len(p.UserIDs) == 0 {
			p.UserIDs = []string{s.user.UserID}
		}
		if err := checkUsers(p.UserIDs, maxUsers); err != nil {
			return nil, err
		}
		list, err := s.in.profiles(ctx, s.user.SDKAppID, p.UserIDs)
		return profilesResult{fitting(list, s.in.o.Frame)}, err
	}),
	frame.ProfileSet: with(func(ctx context.Context, s *Session, p profileFields) (any, error) {
		if err := s.in.maySay(ctx, s.user.User, "profiles of "+s.user.UserID); err != nil {
			return nil, err
		}
		v, err := s.in.setProfile(ctx, s.user.User, p)
		return profileNote{v}, err
	}),
	frame.ProfileSearch: with(func(ctx context.Context, s *Session, p searchParams) (any, error) { return s.searchUsers(ctx, p) }),
	frame.BlacklistGet: with(func(ctx context.Context, s *Session, _ nothing) (any, error) {
		v, err := read[[]string](ctx, s.in, s.user.User, docBlack)
		return blacklist{orEmpty(v)}, err
	}),
	frame.BlacklistAdd: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxBlacklist)
		if err != nil {
			return nil, err
		}
		v, err := s.in.changeBlacklist(ctx, s.user.User, ids, nil)
		return blacklist{v}, err
	}),
	frame.BlacklistRemove: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxBlacklist)
		if err != nil {
			return nil, err
		}
		v, err := s.in.changeBlacklist(ctx, s.user.User, nil, ids)
		return blacklist{v}, err
	}),
	frame.StatusGet: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		if err := checkUsers(p.UserIDs, maxUsers); err != nil {
			return nil, err
		}
		list, err := s.in.statuses(ctx, s.user.SDKAppID, p.UserIDs, false)
		return statusNote{fitting(list, s.in.o.Frame)}, err
	}),
	frame.StatusSet: with(func(ctx context.Context, s *Session, p statusParams) (any, error) {
		st, err := s.setStatus(ctx, p.CustomStatus)
		return struct {
			Status Status `json:"status"`
		}{st}, err
	}),
	frame.StatusWatch: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxUsers)
		if err != nil {
			return nil, err
		}
		return nothing{}, s.watchUsers(ctx, ids)
	}),
	frame.StatusUnwatch: with(func(_ context.Context, s *Session, p usersParams) (any, error) {
		if len(p.UserIDs) == 0 {
			s.unwatchUsers(nil) // all of them
			return nothing{}, nil
		}
		ids, err := distinctUsers(p.UserIDs, maxWatches)
		if err != nil {
			return nil, err
		}
		s.unwatchUsers(ids)
		return nothing{}, nil
	}),
}

// fitting returns as much of the beginning of a list as fits a frame, and at
// least its first element.
func fitting[T any](list []T, frame int) []T {
	size := 0
	for n, v := range list {
		size += sizeOf(v)
		if size > frame && n > 0 {
			return list[:n]
		}
	}
	return list
}
