package contacts

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

// call is a method with its params still to be decoded.
type call func(ctx context.Context, c *Contacts, u place.User, params json.RawMessage) (any, error)

// with decodes params for a method.
func with[P any](f func(ctx context.Context, c *Contacts, u place.User, p P) (any, error)) call {
	return func(ctx context.Context, c *Contacts, u place.User, params json.RawMessage) (any, error) {
		p, refused := jsonframe.ParamsOf[P](params)
		if refused != nil {
			return nil, refused
		}
		return f(ctx, c, u, p)
	}
}

// notifying is with for a call whose effect another user is notified of: it costs as
// much as a message.
func notifying[P any](f func(ctx context.Context, c *Contacts, u place.User, p P) (any, error)) call {
	return with(func(ctx context.Context, c *Contacts, u place.User, p P) (any, error) {
		if err := c.o.People.MaySay(ctx, u, "friends of "+u.UserID); err != nil {
			return nil, err
		}
		return f(ctx, c, u, p)
	})
}

type (
	nothing struct{}

	usersParams struct {
		UserIDs []string `json:"userIDs"`
		Type    string   `json:"type"`
		Nonce   string   `json:"nonce"`
	}
	userParams struct {
		UserID string          `json:"userID"`
		Type   string          `json:"type"`
		Remark *string         `json:"remark"`
		Custom json.RawMessage `json:"friendCustomField"`
		Nonce  string          `json:"nonce"`
	}
	groupParams struct {
		Name    string   `json:"name"`
		NewName string   `json:"newName"`
		UserIDs []string `json:"userIDs"`
		Nonce   string   `json:"nonce"`
	}

	addResult struct {
		Added added `json:"added"`
	}
	added struct {
		UserID  string     `json:"userID"`
		Code    fault.Code `json:"code,omitempty"` // not 0: the other user has to agree first
		Message string     `json:"message,omitempty"`
	}
	friendResult struct {
		Friend any `json:"friend"`
	}
	groupResult struct {
		Group   FriendGroup `json:"friendGroup"`
		Results []Result    `json:"results,omitempty"`
	}
)

type resultsResult[T any] struct {
	Results []T `json:"results"`
}

// results returns as many of a list as a frame holds, but at least one.
func results[T any](c *Contacts, list []T, err error) (any, error) {
	room := c.o.Frame
	for n, v := range list {
		if room -= size(v); room < 0 && n > 0 {
			list = list[:n]
			break
		}
	}
	return resultsResult[T]{list}, err
}

var calls = map[string]call{
	frame.FriendList: with(func(ctx context.Context, c *Contacts, u place.User, p Ask) (any, error) {
		return c.Friends(ctx, u, p)
	}),
	frame.FriendApplications: with(func(ctx context.Context, c *Contacts, u place.User, p Ask) (any, error) {
		return c.Applications(ctx, u, p)
	}),
	frame.FriendGroupList: with(func(ctx context.Context, c *Contacts, u place.User, p Ask) (any, error) {
		return c.Groups(ctx, u, p)
	}),
	frame.FriendGet: with(func(ctx context.Context, c *Contacts, u place.User, p usersParams) (any, error) {
		list, err := c.Find(ctx, u, p.UserIDs)
		return results(c, list, err)
	}),
	frame.FriendCheck: with(func(ctx context.Context, c *Contacts, u place.User, p usersParams) (any, error) {
		list, err := c.Check(ctx, u, p.UserIDs, p.Type)
		return results(c, list, err)
	}),
	frame.FriendAdd: notifying(func(ctx context.Context, c *Contacts, u place.User, p Add) (any, error) {
		err := c.Add(ctx, u, p)
		if isCode(err, fault.FriendshipPending) {
			return addResult{added{p.UserID, fault.FriendshipPending, err.Error()}}, nil
		}
		return addResult{added{UserID: p.UserID}}, err
	}),
	frame.FriendDelete: notifying(func(ctx context.Context, c *Contacts, u place.User, p usersParams) (any, error) {
		if _, err := users(p.UserIDs, maxEnded); err != nil {
			return nil, err
		}
		list, err := c.Delete(ctx, u, p.UserIDs, p.Type, p.Nonce)
		return resultsResult[Result]{list}, err
	}),
	frame.FriendUpdate: with(func(ctx context.Context, c *Contacts, u place.User, p userParams) (any, error) {
		if err := c.Update(ctx, u, p.UserID, p.Remark, p.Custom); err != nil {
			return nil, err
		}
		f, err := c.friendNow(ctx, u, p.UserID)
		return friendResult{f}, err
	}),
	frame.FriendAccept: notifying(func(ctx context.Context, c *Contacts, u place.User, p userParams) (any, error) {
		remark := ""
		if p.Remark != nil {
			remark = *p.Remark
		}
		return nothing{}, c.Accept(ctx, u, p.UserID, p.Type, remark, p.Nonce)
	}),
	frame.FriendRefuse: notifying(func(ctx context.Context, c *Contacts, u place.User, p userParams) (any, error) {
		return nothing{}, c.Refuse(ctx, u, p.UserID, p.Nonce)
	}),
	frame.FriendWithdraw: with(func(ctx context.Context, c *Contacts, u place.User, p userParams) (any, error) {
		return nothing{}, c.Withdraw(ctx, u, p.UserID, p.Type, p.Nonce)
	}),
	frame.FriendRead: with(func(ctx context.Context, c *Contacts, u place.User, _ nothing) (any, error) {
		return nothing{}, c.SetRead(ctx, u)
	}),
	frame.FriendGroupCreate: with(func(ctx context.Context, c *Contacts, u place.User, p groupParams) (any, error) {
		list, err := c.CreateGroup(ctx, u, p.Name, p.UserIDs, p.Nonce)
		return c.grouped(ctx, u, p.Name, list, err)
	}),
	frame.FriendGroupAdd: with(func(ctx context.Context, c *Contacts, u place.User, p groupParams) (any, error) {
		list, err := c.AddToGroup(ctx, u, p.Name, p.UserIDs)
		return c.grouped(ctx, u, p.Name, list, err)
	}),
	frame.FriendGroupRemove: with(func(ctx context.Context, c *Contacts, u place.User, p groupParams) (any, error) {
		list, err := c.RemoveFromGroup(ctx, u, p.Name, p.UserIDs)
		return c.grouped(ctx, u, p.Name, list, err)
	}),
	frame.FriendGroupDelete: with(func(ctx context.Context, c *Contacts, u place.User, p groupParams) (any, error) {
		g, err := c.DeleteGroup(ctx, u, p.Name, p.Nonce)
		return groupResult{Group: g}, err
	}),
	frame.FriendGroupRename: with(func(ctx context.Context, c *Contacts, u place.User, p groupParams) (any, error) {
		g, err := c.RenameGroup(ctx, u, p.Name, p.NewName, p.Nonce)
		return groupResult{Group: g}, err
	}),
}

// grouped returns a group after a change of it, and the users for whom the
// change failed.
func (c *Contacts) grouped(ctx context.Context, u place.User, name string, list []Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	_, group, err := c.existing(ctx, u, name, "")
	if err != nil {
		return nil, err
	}
	g, err := c.group(ctx, u, group.ID)
	failed := slices.DeleteFunc(list, func(r Result) bool { return r.Code == 0 })
	return groupResult{g, failed[:min(len(failed), maxUsers)]}, err
}

// growing are the methods that add to what is stored.
var growing = map[string]bool{
	frame.FriendAdd: true, frame.FriendAccept: true, frame.FriendUpdate: true,
	frame.FriendGroupCreate: true, frame.FriendGroupAdd: true, frame.FriendGroupRename: true,
}

// Grows reports whether a method adds to what is stored, and so has to be
// refused while the store is full.
func Grows(method string) bool { return growing[method] }

// Methods lists the calls that Call serves.
func Methods() []string { return slices.Sorted(maps.Keys(calls)) }

// Call serves one request of a client. A user's requests may overlap.
func (c *Contacts) Call(ctx context.Context, u place.User, method string, params json.RawMessage) (json.RawMessage, *fault.Error) {
	f, ok := calls[method]
	if !ok {
		return nil, &fault.Error{Code: frame.CodeNoMethod, Message: "There is no such method: check " + method + " against the version of the gateway."}
	}
	return c.o.People.Serve(ctx, u, method, params, growing[method], func(ctx context.Context) (any, error) { return f(ctx, c, u, params) })
}
