package rest

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tim-wasm/tim/internal/contacts"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Contacts is what the API needs of contacts.
type Contacts interface {
	Add(ctx context.Context, u place.User, p contacts.Add) error
	Import(ctx context.Context, u place.User, p contacts.Add, groups []string) error
	Delete(ctx context.Context, u place.User, ids []string, typ, once string) ([]contacts.Result, error)
	Check(ctx context.Context, u place.User, ids []string, typ string) ([]contacts.Result, error)
	Some(ctx context.Context, u place.User, from, most int) (some []contacts.Friend, all int, err error)
}

const (
	maxFriends    = 1000 // users of one call
	friendsAtOnce = 100  // that contacts take at once, and of a page of friend_get
)

// contacts returns Options.Contacts and the user whom a call is for.
func (a *API) contactsOf(ctx context.Context, c *call) (Contacts, place.User, error) {
	if a.o.Contacts == nil {
		return nil, place.User{}, fault.With(fault.InvalidOperation, "this timd keeps no contacts")
	}
	u, err := a.fromAccount(ctx, c)
	return a.o.Contacts, u, err
}

// fromAccount reads From_Account, which has to be an account.
func (a *API) fromAccount(ctx context.Context, c *call) (place.User, error) {
	id, err := c.body.userID("From_Account")
	if err != nil {
		return place.User{}, err
	}
	may, err := a.o.Accounts.MayLogIn(ctx, c.user(id))
	if err == nil && !may {
		err = fault.With(fault.SNSUnknownAccount, id)
	}
	return c.user(id), err
}

// friendAdd: {"From_Account", "AddFriendItem": [{"To_Account", "Remark"?,
// "GroupName"?, "AddSource"?, "AddWording"?}], "AddType"?, "ForceAddFlags"?: 1}.
// Without that flag blacklists and the other's profile count, and 30539 means
// that the other one is asked.
func (a *API) friendAdd(ctx context.Context, c *call) (reply, error) {
	to, u, err := a.contactsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	typ, err := c.body.text("AddType", maxBody)
	if err != nil {
		return nil, err
	}
	force, err := c.body.number("ForceAddFlags", 0, 1, 0)
	if err != nil {
		return nil, err
	}
	return eachFriend(c, func(o object, add contacts.Add) error {
		if typ != nil {
			add.Type = *typ
		}
		add.Force = force == 1
		group, err := o.text("GroupName", maxBody)
		if err != nil {
			return err
		}
		if group != nil {
			add.GroupName = *group
		}
		return to.Add(ctx, u, add)
	})
}

// friendImport: {"From_Account", "AddFriendItem": [{"To_Account", "Remark"?,
// "AddTime"?, "GroupName"?: [names], "AddSource"?, "AddWording"?, "CustomItem"?:
// [{"Tag", "Value"}]}]}: one-sided friends, with what was noted of them. A
// repetition changes nothing.
func (a *API) friendImport(ctx context.Context, c *call) (reply, error) {
	to, u, err := a.contactsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return eachFriend(c, func(o object, add contacts.Add) error {
		at, err := o.number("AddTime", 0, 1<<40, 0)
		if err != nil {
			return err
		}
		add.Time = at * 1000
		var groups []string
		if o.has("GroupName") && json.Unmarshal(o["GroupName"], &groups) != nil {
			return bad("GroupName is not a list of names")
		}
		if len(groups) > contacts.MaxGroups {
			return bad("GroupName has more than %d names", contacts.MaxGroups)
		}
		if o.has("CustomItem") {
			var items []tagged
			if json.Unmarshal(o["CustomItem"], &items) != nil {
				return bad("CustomItem is not a list of {Tag, Value}")
			}
			fields := []profileField{}
			for _, t := range items {
				fields = append(fields, profileField{t.Tag, t.Value})
			}
			if add.Custom, err = json.Marshal(fields); err != nil {
				return err
			}
		}
		return to.Import(ctx, u, add, groups)
	})
}

// eachFriend does something with each AddFriendItem, several at once: a mistake
// in one does not affect the others.
func eachFriend(c *call, do func(o object, add contacts.Add) error) (reply, error) {
	list, err := c.body.objects("AddFriendItem", maxFriends)
	if err != nil {
		return nil, err
	}
	results := make([]accountResult, len(list))
	each(len(list), func(i int) {
		o, r := list[i], &results[i]
		r.ToAccount = plain(o["To_Account"])
		add, err := readFriend(o)
		if err == nil {
			err = do(o, add)
		}
		if err != nil {
			f := asFault(err)
			r.ResultCode, r.ResultInfo = f.Code, f.Message
		}
	})
	return accountResults(results), nil
}

// readFriend reads what both ways of adding a friend have in common.
func readFriend(o object) (add contacts.Add, err error) {
	if add.UserID, err = o.userID("To_Account"); err != nil {
		return add, err
	}
	for name, to := range map[string]*string{"Remark": &add.Remark, "AddSource": &add.Source, "AddWording": &add.Wording} {
		text, err := o.text(name, maxBody)
		if err != nil {
			return add, err
		}
		if text != nil {
			*to = *text
		}
	}
	return add, nil
}

// friendDelete: {"From_Account", "To_Account": [≤ 1000], "DeleteType"?}.
func (a *API) friendDelete(ctx context.Context, c *call) (reply, error) {
	to, u, err := a.contactsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	done, err := a.inParts(c, "DeleteType", "Delete_Type_Single", func(ids []string, typ string) ([]contacts.Result, error) {
		return to.Delete(ctx, u, ids, typ, "")
	})
	if err != nil {
		return nil, err
	}
	results := make([]accountResult, len(done))
	for i, r := range done {
		results[i] = accountResult{r.UserID, r.Code, r.Message}
	}
	return accountResults(results), nil
}

type friendRelation struct {
	ToAccount  string `json:"To_Account"`
	Relation   string
	ResultCode fault.Code
	ResultInfo string
}

// friendCheck: {"From_Account", "To_Account": [≤ 1000], "CheckType"?}.
func (a *API) friendCheck(ctx context.Context, c *call) (reply, error) {
	to, u, err := a.contactsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	checked, err := a.inParts(c, "CheckType", "CheckResult_Type_Both", func(ids []string, typ string) ([]contacts.Result, error) {
		return to.Check(ctx, u, ids, typ)
	})
	if err != nil {
		return nil, err
	}
	results := make([]friendRelation, len(checked))
	for i, r := range checked {
		results[i] = friendRelation{r.UserID, r.Relation, r.Code, r.Message}
	}
	return reply{"InfoItem": results}, nil
}

// inParts does something with the users of a list, as many at once as contacts
// take.
func (a *API) inParts(c *call, typeName, usual string, do func(ids []string, typ string) ([]contacts.Result, error)) (all []contacts.Result, err error) {
	ids, err := c.body.userIDs("To_Account", maxFriends)
	if err != nil {
		return nil, err
	}
	typ, err := c.body.text(typeName, maxBody)
	if err != nil {
		return nil, err
	}
	if typ == nil {
		typ = &usual
	}
	for part := range slices.Chunk(ids, friendsAtOnce) {
		some, err := do(part, *typ)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

type userData struct {
	ToAccount string `json:"To_Account"`
	ValueItem []tagged
}

// friendGet: {"From_Account", "StartIndex"?}: 100 friends at once. The vendor's
// sequences are always 0.
func (a *API) friendGet(ctx context.Context, c *call) (reply, error) {
	of, u, err := a.contactsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	from, err := c.body.number("StartIndex", 0, 1<<20, 0)
	if err != nil {
		return nil, err
	}
	friends, all, err := of.Some(ctx, u, int(from), friendsAtOnce)
	if err != nil {
		return nil, err
	}
	items := []userData{}
	for _, f := range friends {
		values := []tagged{
			{"Tag_SNS_IM_Remark", f.Remark}, {"Tag_SNS_IM_Group", f.GroupList}, {"Tag_SNS_IM_AddSource", f.Source},
			{"Tag_SNS_IM_AddWording", f.Wording}, {"Tag_SNS_IM_AddTime", f.Time},
		}
		var custom []profileField
		if err := json.Unmarshal(f.Custom, &custom); err != nil {
			return nil, err
		}
		for _, v := range custom {
			values = append(values, tagged{v.Key, v.Value})
		}
		items = append(items, userData{f.UserID, values})
	}
	next := min(int(from)+len(friends), all)
	return reply{
		"UserDataItem": items, "FriendNum": all, "NextStartIndex": next, "CompleteFlag": btoi(next == all),
		"StandardSequence": 0, "CustomSequence": 0,
	}, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
