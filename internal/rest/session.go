package rest

import (
	"context"
	"strings"

	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// user is a user of timd_session/list. Times are Unix ms, 0 for none.
type user struct {
	UserID       string
	Nick         string         `json:",omitempty"`
	FaceURL      string         `json:"FaceUrl,omitempty"`
	State        registry.State // online, disconnected
	KickedTime   int64          // of the last kick by the server API
	InstanceList []instance
}

type instance struct {
	InstanceID string // names it in timd_session/kick and in events
	Platform   place.Platform
	State      registry.State
	Gateway    string
	Address    string
	LoginTime  int64
	LostTime   int64 // of a disconnected one: since when
	ExpireTime int64 // end of its UserSig
}

// maxScanned is how many users timd_session/list looks at for a page of a
// search.
const maxScanned = 5000

// sessionList: {"Limit"?: 1–200, "Next"?, "Search"?} returns {"UserList",
// "Next"}: the users who have instances, with "Next" "" at the end. With
// Search, only those whose UserID contains it, ignoring case; a page of a
// search may be empty without being the last.
func (a *API) sessionList(ctx context.Context, c *call) (reply, error) {
	limit, cursor, err := c.body.page()
	if err != nil {
		return nil, err
	}
	search, err := c.body.text("Search", 64)
	if err != nil {
		return nil, err
	}
	want := ""
	if search != nil {
		want = strings.ToLower(*search)
	}
	found, cursor, err := a.find(ctx, c.app, cursor, want, limit)
	if err != nil {
		return nil, err
	}
	users := make([]user, len(found))
	errs := make([]error, len(found))
	each(len(found), func(i int) { users[i], errs[i] = a.describe(ctx, found[i]) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return reply{"UserList": users, "Next": cursor}, nil
}

// find reads pages until enough users match, or enough have been read.
func (a *API) find(ctx context.Context, app uint32, cursor, want string, limit int) ([]registry.View, string, error) {
	var found []registry.View
	for scanned := 0; ; {
		// Never more users than match: whatever lies beyond would be lost with
		// the cursor.
		page, next, err := a.o.Sessions.List(ctx, app, cursor, limit-len(found))
		if err != nil {
			return nil, "", err
		}
		for _, v := range page {
			if want == "" || strings.Contains(strings.ToLower(v.UserID), want) {
				found = append(found, v)
			}
		}
		cursor = next
		if scanned += len(page); cursor == "" || len(found) >= limit || scanned >= maxScanned {
			return found, cursor, nil
		}
	}
}

func (a *API) describe(ctx context.Context, v registry.View) (user, error) {
	acc, _, err := a.o.Accounts.Get(ctx, v.User)
	if err != nil {
		return user{}, err
	}
	return user{
		UserID: v.UserID, Nick: acc.Nick, FaceURL: acc.FaceURL,
		State: v.State, KickedTime: v.KickedAt * 1000, InstanceList: instancesOf(v),
	}, nil
}

func instancesOf(v registry.View) []instance {
	list := make([]instance, len(v.Instances))
	for i, in := range v.Instances {
		list[i] = instance{
			InstanceID: in.Instance, Platform: in.Platform, State: in.State, Gateway: in.Gateway, Address: in.Addr,
			LoginTime: in.LoginAt, LostTime: in.LostAt, ExpireTime: in.ExpiresAt,
		}
	}
	return list
}

// sessionKick: {"UserID", "InstanceID"} kicks one instance out; its UserSig
// stays valid. Kicked is false when the instance no longer had a place.
func (a *API) sessionKick(ctx context.Context, c *call) (reply, error) {
	id, err := c.body.userID("UserID")
	if err != nil {
		return nil, err
	}
	instance, err := c.body.text("InstanceID", 64)
	if err != nil {
		return nil, err
	}
	if instance == nil || *instance == "" {
		return nil, bad("InstanceID is missing")
	}
	kicked, err := a.o.Sessions.KickInstance(ctx, c.user(id), *instance)
	if err != nil {
		return nil, err
	}
	return reply{"Kicked": kicked}, nil
}
