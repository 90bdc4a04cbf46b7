package rest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// People is what the API needs of profiles and blacklists.
type People interface {
	Profiles(ctx context.Context, app uint32, userIDs []string) ([]inbox.Profile, error)
	SetProfile(ctx context.Context, u place.User, f inbox.ProfileChange) (inbox.Profile, error)
	Blacklist(ctx context.Context, u place.User) ([]string, error)
	ChangeBlacklist(ctx context.Context, u place.User, add, remove []string) error
}

const maxProfiles = 100

// Tags of custom fields begin so.
const customTag = "Tag_Profile_Custom_"

// profileTags read and change the fields of a profile, in the order of the
// vendor's list.
var profileTags = []struct {
	tag    string
	get    func(p inbox.Profile) any
	text   func(f *inbox.ProfileChange) **string // of texts
	number func(f *inbox.ProfileChange) **int64  // of numbers
}{
	{"Tag_Profile_IM_Nick", func(p inbox.Profile) any { return p.Nick }, func(f *inbox.ProfileChange) **string { return &f.Nick }, nil},
	{"Tag_Profile_IM_Gender", func(p inbox.Profile) any { return p.Gender }, func(f *inbox.ProfileChange) **string { return &f.Gender }, nil},
	{"Tag_Profile_IM_BirthDay", func(p inbox.Profile) any { return p.Birthday }, nil, func(f *inbox.ProfileChange) **int64 { return &f.Birthday }},
	{"Tag_Profile_IM_Location", func(p inbox.Profile) any { return p.Location }, func(f *inbox.ProfileChange) **string { return &f.Location }, nil},
	{"Tag_Profile_IM_SelfSignature", func(p inbox.Profile) any { return p.SelfSignature }, func(f *inbox.ProfileChange) **string { return &f.SelfSignature }, nil},
	{"Tag_Profile_IM_AllowType", func(p inbox.Profile) any { return p.AllowType }, func(f *inbox.ProfileChange) **string { return &f.AllowType }, nil},
	{"Tag_Profile_IM_Language", func(p inbox.Profile) any { return p.Language }, nil, func(f *inbox.ProfileChange) **int64 { return &f.Language }},
	{"Tag_Profile_IM_Image", func(p inbox.Profile) any { return p.Avatar }, func(f *inbox.ProfileChange) **string { return &f.Avatar }, nil},
	{"Tag_Profile_IM_MsgSettings", func(p inbox.Profile) any { return p.MessageSettings }, nil, func(f *inbox.ProfileChange) **int64 { return &f.MessageSettings }},
	{"Tag_Profile_IM_AdminForbidType", func(p inbox.Profile) any { return p.AdminForbidType }, func(f *inbox.ProfileChange) **string { return &f.AdminForbidType }, nil},
	{"Tag_Profile_IM_Level", func(p inbox.Profile) any { return p.Level }, nil, func(f *inbox.ProfileChange) **int64 { return &f.Level }},
	{"Tag_Profile_IM_Role", func(p inbox.Profile) any { return p.Role }, nil, func(f *inbox.ProfileChange) **int64 { return &f.Role }},
}

type tagged struct {
	Tag   string
	Value any
}

type profileField struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// customOf returns a profile's custom fields; they were checked when they were
// stored.
func customOf(p inbox.Profile) (fields []profileField) {
	_ = json.Unmarshal(p.ProfileCustomField, &fields)
	return fields
}

type portrait struct {
	ToAccount   string `json:"To_Account"`
	ProfileItem []tagged
	ResultCode  fault.Code
	ResultInfo  string
}

// people returns Options.People, or an error that says why there is none.
func (a *API) people() (People, error) {
	if a.o.People == nil {
		return nil, noMessages()
	}
	return a.o.People, nil
}

// portraitGet: {"To_Account": [≤ 100], "TagList": [tags]}.
func (a *API) portraitGet(ctx context.Context, c *call) (reply, error) {
	people, err := a.people()
	if err != nil {
		return nil, err
	}
	ids, err := c.body.userIDs("To_Account", maxProfiles)
	if err != nil {
		return nil, err
	}
	var tags []string
	if json.Unmarshal(c.body["TagList"], &tags) != nil || len(tags) == 0 {
		return nil, bad("TagList is not a list with a tag")
	}
	profiles, err := people.Profiles(ctx, c.app, ids)
	if err != nil {
		return nil, err
	}
	items := make([]portrait, len(ids))
	for i, p := range profiles {
		items[i] = portrait{ToAccount: ids[i], ProfileItem: []tagged{}}
		for _, t := range profileTags {
			if slices.Contains(tags, t.tag) {
				items[i].ProfileItem = append(items[i].ProfileItem, tagged{t.tag, t.get(p)})
			}
		}
		for _, f := range customOf(p) {
			if slices.Contains(tags, f.Key) {
				items[i].ProfileItem = append(items[i].ProfileItem, tagged{f.Key, f.Value})
			}
		}
	}
	return reply{"UserProfileItem": items}, nil
}

// portraitSet: {"From_Account", "ProfileItem": [{"Tag", "Value"}]}; custom fields
// that are not named stay.
func (a *API) portraitSet(ctx context.Context, c *call) (reply, error) {
	people, err := a.people()
	if err != nil {
		return nil, err
	}
	u, err := a.fromAccount(ctx, c)
	if err != nil {
		return nil, err
	}
	list, err := c.body.objects("ProfileItem", maxProfiles)
	if err != nil {
		return nil, err
	}
	var change inbox.ProfileChange
	var custom []profileField
	for i, o := range list {
		var tag string
		if json.Unmarshal(o["Tag"], &tag) != nil {
			return nil, bad("ProfileItem[%d] has no Tag", i)
		}
		if strings.HasPrefix(tag, customTag) {
			f := profileField{Key: tag}
			if json.Unmarshal(o["Value"], &f.Value) != nil {
				return nil, bad("ProfileItem[%d] has no Value", i)
			}
			custom = append(custom, f)
			continue
		}
		if err := setTag(&change, tag, o["Value"]); err != nil {
			return nil, err
		}
	}
	if len(custom) > 0 {
		profiles, err := people.Profiles(ctx, c.app, []string{u.UserID})
		if err != nil {
			return nil, err
		}
		kept := slices.DeleteFunc(customOf(profiles[0]), func(f profileField) bool {
			return slices.ContainsFunc(custom, func(g profileField) bool { return f.Key == g.Key })
		})
		if change.ProfileCustomField, err = json.Marshal(append(kept, custom...)); err != nil {
			return nil, err
		}
	}
	_, err = people.SetProfile(ctx, u, change)
	return nil, err
}

// setTag takes one field into a change.
func setTag(f *inbox.ProfileChange, tag string, value json.RawMessage) error {
	for _, t := range profileTags {
		switch {
		case t.tag != tag:
		case t.text != nil:
			if json.Unmarshal(value, t.text(f)) != nil || *t.text(f) == nil {
				return bad("the Value of %s is not a string", tag)
			}
			return nil
		default:
			if json.Unmarshal(value, t.number(f)) != nil || *t.number(f) == nil {
				return bad("the Value of %s is not a whole number", tag)
			}
			return nil
		}
	}
	return bad("there is no tag %.64q", tag)
}
