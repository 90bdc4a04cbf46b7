package inbox

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Profile is a user's profile, with the original's fields.
type Profile struct {
	UserID             string          `json:"userID"`
	Nick               string          `json:"nick"`
	Avatar             string          `json:"avatar"`
	Gender             string          `json:"gender"`
	Birthday           int64           `json:"birthday"`
	Location           string          `json:"location"`
	SelfSignature      string          `json:"selfSignature"`
	AllowType          string          `json:"allowType"`
	Language           int64           `json:"language"`
	MessageSettings    int64           `json:"messageSettings"`
	AdminForbidType    string          `json:"adminForbidType"`
	Level              int64           `json:"level"`
	Role               int64           `json:"role"`
	LastUpdatedTime    int64           `json:"lastUpdatedTime"` // Unix ms
	ProfileCustomField json.RawMessage `json:"profileCustomField,omitempty"`
}

// Values of AllowType and AdminForbidType.
const (
	AllowAnybody  = "AllowType_Type_AllowAny"
	AllowAsked    = "AllowType_Type_NeedConfirm"
	AllowNobody   = "AllowType_Type_DenyAny"
	ForbidNothing = "AdminForbid_Type_None"
	ForbidSendOut = "AdminForbid_Type_SendOut"
)

func (p Profile) withDefaults(userID string) Profile {
	p.UserID = userID
	if p.Gender == "" {
		p.Gender = "Gender_Type_Unknown"
	}
	if p.AllowType == "" {
		p.AllowType = AllowAnybody
	}
	if p.AdminForbidType == "" {
		p.AdminForbidType = ForbidNothing
	}
	if len(p.ProfileCustomField) == 0 {
		p.ProfileCustomField = json.RawMessage("[]")
	}
	return p
}

// profileFields are what updateMyProfile may set; absent ones stay.
type profileFields struct {
	Nick               *string         `json:"nick"`
	Avatar             *string         `json:"avatar"`
	Gender             *string         `json:"gender"`
	Birthday           *int64          `json:"birthday"`
	Location           *string         `json:"location"`
	SelfSignature      *string         `json:"selfSignature"`
	AllowType          *string         `json:"allowType"`
	Language           *int64          `json:"language"`
	MessageSettings    *int64          `json:"messageSettings"`
	AdminForbidType    *string         `json:"adminForbidType"`
	Level              *int64          `json:"level"`
	Role               *int64          `json:"role"`
	ProfileCustomField json.RawMessage `json:"profileCustomField"`
}

func (f profileFields) check() error {
	for _, c := range []struct {
		name string
		text *string
		max  int
	}{
		{"nick", f.Nick, 500}, {"avatar", f.Avatar, 500}, {"selfSignature", f.SelfSignature, 500}, {"location", f.Location, 16},
	} {
		if c.text != nil && !validText(*c.text, c.max) {
			return fault.With(fault.BadParameters, c.name+" is over "+strconv.Itoa(c.max)+" bytes")
		}
	}
	for _, c := range []struct {
		name string
		text *string
		of   []string
	}{
		{"gender", f.Gender, []string{"Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"}},
		{"allowType", f.AllowType, []string{AllowAnybody, AllowAsked, AllowNobody}},
		{"adminForbidType", f.AdminForbidType, []string{ForbidNothing, ForbidSendOut}},
	} {
		if c.text != nil && !slices.Contains(c.of, *c.text) {
			return fault.With(fault.BadParameters, c.name+" must be one of "+strings.Join(c.of, ", "))
		}
	}
	return nil
}

// maxCustomFields bounds the custom fields of a profile together, in bytes of
// JSON.
const maxCustomFields = 4096

// cleanCustom returns custom fields as they are kept: what else was sent with keys
// and values, everybody would get. of is their name in an error.
func cleanCustom(of string, sent json.RawMessage) (json.RawMessage, error) {
	bad := fault.With(fault.BadParameters, of+" must be an array of {key, value}, each value a string or a number, "+
		strconv.Itoa(maxCustomFields)+" bytes together at most")
	var fields []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	if json.Unmarshal(sent, &fields) != nil {
		return nil, bad
	}
	for _, f := range fields {
		switch f.Value.(type) {
		case string, float64:
			if f.Key == "" {
				return nil, bad
			}
		default:
			return nil, bad
		}
	}
	kept := encode(orEmpty(fields))
	if len(kept) > maxCustomFields {
		return nil, bad
	}
	return kept, nil
}

func (f profileFields) apply(p *Profile) {
	set(&p.Nick, f.Nick)
	set(&p.Avatar, f.Avatar)
	set(&p.Gender, f.Gender)
	set(&p.Birthday, f.Birthday)
	set(&p.Location, f.Location)
	set(&p.SelfSignature, f.SelfSignature)
	set(&p.AllowType, f.AllowType)
	set(&p.Language, f.Language)
	set(&p.MessageSettings, f.MessageSettings)
	set(&p.AdminForbidType, f.AdminForbidType)
	set(&p.Level, f.Level)
	set(&p.Role, f.Role)
	if len(f.ProfileCustomField) > 0 {
		p.ProfileCustomField = f.ProfileCustomField
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

type profileNote struct {
	Profile Profile `json:"profile"`
}

type profilesResult struct {
	Profiles []Profile `json:"profiles"`
}

func (in *Inbox) setProfile(ctx context.Context, u place.User, f profileFields) (Profile, error) {
	if err := f.check(); err != nil {
		return Profile{}, err
	}
	if len(f.ProfileCustomField) > 0 {
		var err error
		if f.ProfileCustomField, err = cleanCustom("profileCustomField", f.ProfileCustomField); err != nil {
			return Profile{}, err
		}
	}
	p, _, err := update(ctx, in, u, docProfile, func(p *Profile) (bool, error) {
		f.apply(p)
		p.UserID = u.UserID
		p.LastUpdatedTime = in.now().UnixMilli()
		return true, nil
	})
	return p.withDefaults(u.UserID), err
}

// Import sets the nick and avatar that a server API import gave; nil leaves
// what is there.
func (in *Inbox) Import(ctx context.Context, u place.User, nick, avatar *string) error {
	if nick == nil && avatar == nil {
		return nil
	}
	if _, err := in.setProfile(ctx, u, profileFields{Nick: nick, Avatar: avatar}); err != nil {
		return in.failed("importing a profile", err)
	}
	return nil
}

// profiles returns the profiles of users of one app, in their order.
func (in *Inbox) profiles(ctx context.Context, app uint32, userIDs []string) ([]Profile, error) {
	out, err := readAll[Profile](ctx, in, app, userIDs, docProfile)
	for i := range out {
		out[i] = out[i].withDefaults(userIDs[i])
	}
	return out, err
}

type blacklist struct {
	UserIDs []string `json:"userIDs"`
}

func (in *Inbox) changeBlacklist(ctx context.Context, u place.User, add, remove []string) ([]string, error) {
	if slices.Contains(add, u.UserID) {
		return nil, fault.With(fault.BadParameters, "nobody can be on their own blacklist")
	}
	v, _, err := update(ctx, in, u, docBlack, func(v *[]string) (bool, error) {
		was := len(*v)
		on := make(map[string]bool, was+len(add))
		for _, id := range *v {
			on[id] = true
		}
		for _, id := range add {
			if !on[id] {
				*v, on[id] = append(*v, id), true
			}
		}
		for _, id := range remove {
			on[id] = false
		}
		if len(remove) > 0 {
			*v = slices.DeleteFunc(*v, func(id string) bool { return !on[id] })
		}
		if len(*v) > maxBlacklist {
			return false, fault.With(fault.BlacklistFull, "it holds "+strconv.Itoa(maxBlacklist))
		}
		return len(*v) != was, nil
	})
	if err == nil && len(add) > 0 {
		err = in.o.OnBlock(ctx, u, add)
	}
	return orEmpty(v), err
}

func orEmpty[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func decodeJSON(data []byte, v any) error { return json.Unmarshal(data, v) }
