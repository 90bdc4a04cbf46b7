package rest

import "context"

// past is a login, or how one ended.
type past struct {
	Time int64 // Unix ms
	*event
}

// accountGet: {"UserID"} returns all that is known of a user, whether or not they
// are online, were imported or ever logged in.
func (a *API) accountGet(ctx context.Context, c *call) (reply, error) {
	id, err := c.body.userID("UserID")
	if err != nil {
		return nil, err
	}
	u := c.user(id)
	v, err := a.o.Sessions.Get(ctx, u)
	if err != nil {
		return nil, err
	}
	acc, _, err := a.o.Accounts.Get(ctx, u)
	if err != nil {
		return nil, err
	}
	r := reply{
		"UserID": id, "Nick": acc.Nick, "FaceUrl": acc.FaceURL, "ImportTime": acc.ImportedAt,
		"State": v.State, "KickedTime": v.KickedAt * 1000, "InstanceList": instancesOf(v),
	}
	if v.Ban != nil {
		r["Ban"] = banOf(*v.Ban)
	}
	if a.o.People != nil { // users change their profiles themselves
		list, err := a.o.People.Profiles(ctx, c.app, []string{id})
		if err != nil {
			return nil, err
		}
		r["Nick"], r["FaceUrl"] = list[0].Nick, list[0].Avatar
	}
	if a.o.Groups != nil {
		if r["GroupNum"], err = a.o.Groups.Joined(ctx, u); err != nil {
			return nil, err
		}
	}
	if a.o.Contacts != nil {
		if _, r["FriendNum"], err = a.o.Contacts.Some(ctx, u, 0, 1); err != nil {
			return nil, err
		}
	}
	events, kept, err := a.o.Sessions.History(ctx, u)
	list := make([]past, len(events))
	for i, e := range events {
		list[i] = past{e.Time, eventOf(e)}
	}
	r["HistoryKept"], r["HistoryList"] = kept, list
	return r, err
}
