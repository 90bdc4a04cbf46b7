package rest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Limits of an import.
const (
	maxAccounts = 100
	maxProfile  = 500 // bytes of Nick and of FaceUrl
)

// kick: {"UserID"}, formerly {"Identifier"}. It replies once the second of the
// kick has ended, so a UserSig that is signed after the reply is valid.
func (a *API) kick(ctx context.Context, c *call) (reply, error) {
	name := "UserID"
	if !c.body.has(name) && c.body.has("Identifier") {
		name = "Identifier"
	}
	id, err := c.body.userID(name)
	if err != nil {
		return nil, err
	}
	if may, err := a.o.Accounts.MayLogIn(ctx, c.user(id)); err != nil {
		return nil, err
	} else if !may {
		return nil, fault.New(fault.NoSuchAccount)
	}
	return nil, a.o.Sessions.KickUser(ctx, c.user(id))
}

// accountImport: {"UserID", "Nick"?, "FaceUrl"?}; a repetition changes what is
// given.
func (a *API) accountImport(ctx context.Context, c *call) (reply, error) {
	return nil, a.importOne(ctx, c, c.body)
}

func (a *API) importOne(ctx context.Context, c *call, o object) error {
	id, err := o.userID("UserID")
	if err != nil {
		return err
	}
	nick, err := o.text("Nick", maxProfile)
	if err != nil {
		return err
	}
	face, err := o.text("FaceUrl", maxProfile)
	if err != nil {
		return err
	}
	if err := a.o.Accounts.Import(ctx, c.user(id), nick, face); err != nil {
		return err
	}
	if a.o.Profile != nil && (nick != nil || face != nil) {
		return a.o.Profile(ctx, c.user(id), nick, face)
	}
	return nil
}

// accountImportMany: {"AccountList": [{"UserID", …}]} or {"Accounts": [UserID
// or the same objects]}. Accounts that could not be imported are in
// FailAccounts.
func (a *API) accountImportMany(ctx context.Context, c *call) (reply, error) {
	name := "AccountList"
	if !c.body.has(name) && c.body.has("Accounts") {
		name = "Accounts"
	}
	list, err := c.body.list(name, maxAccounts)
	if err != nil {
		return nil, err
	}
	objects := make([]object, len(list))
	for i, raw := range list {
		var id string
		if name == "Accounts" && json.Unmarshal(raw, &id) == nil {
			objects[i] = object{"UserID": raw}
		} else if json.Unmarshal(raw, &objects[i]) != nil || !objects[i].has("UserID") {
			return nil, bad("%s[%d] has no UserID", name, i)
		}
	}
	errs := make([]error, len(list))
	each(len(list), func(i int) { errs[i] = a.importOne(ctx, c, objects[i]) })
	failed := []string{}
	for i, err := range errs {
		if err != nil {
			failed = append(failed, plain(objects[i]["UserID"]))
		}
	}
	if len(failed) == len(errs) && !errors.Is(errs[0], fault.New(fault.BadParameters)) {
		return nil, errs[0] // the store failed, not the accounts
	}
	return reply{"FailAccounts": failed}, nil
}

type checkResult struct {
	UserID        string
	ResultCode    fault.Code
	ResultInfo    string
	AccountStatus string `json:",omitempty"`
}

func (r *checkResult) fail(err error) {
	f := asFault(err)
	r.ResultCode, r.ResultInfo = f.Code, f.Message
}

// accountCheck: {"CheckItem": [{"UserID"}]}. Where any account may log in, one
// that has logged in counts as imported as long as the registry knows of it.
func (a *API) accountCheck(ctx context.Context, c *call) (reply, error) {
	return eachAccount(c, "CheckItem", func(u place.User, r *checkResult) error {
		known, err := a.exists(ctx, u)
		switch {
		case err != nil:
			return err
		case known:
			r.AccountStatus = "Imported"
		default:
			r.AccountStatus = "NotImported"
		}
		return nil
	})
}

// eachAccount calls do for each user of a list in the body, several at once,
// and returns a result for each: a mistake in one does not affect another.
func eachAccount(c *call, list string, do func(place.User, *checkResult) error) (reply, error) {
	items, err := c.body.users(list, maxAccounts)
	if err != nil {
		return nil, err
	}
	results := make([]checkResult, len(items))
	each(len(items), func(i int) {
		r := &results[i]
		r.UserID = plain(items[i]["UserID"])
		_, err := items[i].userID("UserID")
		if err == nil {
			err = do(c.user(r.UserID), r)
		}
		if err != nil {
			r.fail(err)
		}
	})
	return reply{"ResultItem": results}, nil
}

func (a *API) exists(ctx context.Context, u place.User) (bool, error) {
	if known, err := a.o.Accounts.Known(ctx, u); err != nil || known {
		return known, err
	}
	// Without --require-import, a user exists who is online now.
	if may, err := a.o.Accounts.MayLogIn(ctx, u); err != nil || !may {
		return false, err
	}
	v, err := a.o.Sessions.Get(ctx, u)
	return len(v.Instances) > 0, err
}

// accountDelete: {"DeleteItem": [{"UserID"}]}. The user's instances are kicked
// out, UserSigs signed for them are void, and conversations, profile,
// blacklist and status are deleted. An administrator cannot be deleted.
func (a *API) accountDelete(ctx context.Context, c *call) (reply, error) {
	return eachAccount(c, "DeleteItem", func(u place.User, _ *checkResult) error { return a.deleteOne(ctx, u) })
}

func (a *API) deleteOne(ctx context.Context, u place.User) error {
	if a.o.Accounts.Admin(u.UserID) {
		return bad("an administrator cannot be deleted")
	}
	known, err := a.exists(ctx, u)
	if err != nil {
		return err
	}
	if !known {
		return fault.New(fault.NoSuchAccount)
	}
	// If this fails, the call can be repeated, because the account is still
	// there.
	if err := a.forget(ctx, u); err != nil {
		return err
	}
	// First make sure that no new instance comes in, then kick those that are
	// there.
	if _, err := a.o.Accounts.Delete(ctx, u); err != nil {
		return err
	}
	if err := a.o.Sessions.KickUser(ctx, u); err != nil {
		return err
	}
	// Delete what an instance wrote until it was kicked out, so that the next
	// owner of the UserID does not inherit it.
	return a.forget(ctx, u)
}

func (a *API) forget(ctx context.Context, u place.User) error {
	if a.o.Forget == nil {
		return nil
	}
	return a.o.Forget(ctx, u)
}

// width is how many entries of a list are worked on at once. A deletion waits
// for the end of its second, so all entries of a list wait for it together.
const width = maxAccounts

// each calls f for 0 to n-1, several at once, and returns when all are done.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for w := range min(n, width) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < n; i += width {
				f(i)
			}
		}()
	}
	wg.Wait()
}
