package contacts

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// Friend is a friend as the SDK shows them.
type Friend struct {
	UserID    string          `json:"userID"`
	Remark    string          `json:"remark"`
	GroupList []string        `json:"groupList"`
	Source    string          `json:"source"`
	Wording   string          `json:"wording"`
	Profile   inbox.Profile   `json:"profile"`
	Custom    json.RawMessage `json:"friendCustomField"`
	Time      int64           `json:"-"` // Unix seconds: since when
}

// Application is an application as the SDK shows it.
type Application struct {
	UserID  string `json:"userID"`
	Nick    string `json:"nick"`
	Avatar  string `json:"avatar"`
	Time    int64  `json:"time"` // Unix seconds
	Source  string `json:"source"`
	Wording string `json:"wording"`
	Type    string `json:"type"`
}

// FriendGroup is a friend group as the SDK shows it. If it continues on the
// next page, UserIDList is only a part.
type FriendGroup struct {
	Name       string   `json:"name"`
	UserIDList []string `json:"userIDList"`
	Count      int      `json:"count"` // of all
}

// Page is a part of a list.
type Page[T any] struct {
	Items    []T    `json:"items"`
	Next     int    `json:"next,omitempty"` // where the next one begins; 0: there is none
	Revision uint64 `json:"revision"`       // of the user's book: another one once anything has changed
	// Unchanged says that the book still has the revision that was asked about.
	// Then there are no Items.
	Unchanged bool `json:"unchanged,omitempty"`
	Unread    int  `json:"unread,omitempty"` // of applications
}

// named is an entry with its name.
type named struct {
	name string
	kind kind
	held
}

// snapshot holds what lists are made of.
type snapshot struct {
	revision uint64
	entries  []named           // of the kinds that were asked for
	groups   map[string]string // names by ID
	read     int64             // up to when the applications were read
}

// snapshot copies the entries of some kinds, ordered by name.
func (c *Contacts) snapshot(ctx context.Context, u place.User, kinds ...kind) (s snapshot, err error) {
	s.groups = map[string]string{}
	err = c.books.with(ctx, u, func(b *book) {
		s.revision = b.revision
		s.read = b.entries[key{kindRead, readAll}].Time
		for k, h := range b.entries {
			if !h.there() {
				continue
			}
			if k.kind == kindGroup {
				s.groups[h.ID] = h.Name
			}
			if slices.Contains(kinds, k.kind) {
				s.entries = append(s.entries, named{k.name, k.kind, h})
			}
		}
	})
	inbox.Looked(ctx, len(s.entries))
	slices.SortFunc(s.entries, func(a, b named) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(string(a.kind), string(b.kind)))
	})
	return s, err
}

// names returns the names of a friend's groups.
func (s snapshot) names(ids []string) []string {
	names := []string{}
	for _, id := range ids {
		if name, ok := s.groups[id]; ok {
			names = append(names, name)
		}
	}
	return names
}

func size(v any) int {
	data, err := jsonframe.Marshal(v)
	if err != nil { // it was read from JSON
		return 0
	}
	return len(data) + len(",")
}

// atOnce is how many profiles are read first for a page; as many more follow
// while they fit.
const atOnce = 50

// page makes a page of the entries of a snapshot, beginning at from. item makes
// one of an entry and its user's profile.
func page[T any](ctx context.Context, c *Contacts, u place.User, s snapshot, from int, item func(e named, p inbox.Profile) T) (p Page[T], err error) {
	p = Page[T]{Items: []T{}, Revision: s.revision}
	room := c.o.Frame
	for from = max(0, from); from < len(s.entries); {
		some := s.entries[from:min(from+atOnce, len(s.entries))]
		ids := make([]string, len(some))
		for i, e := range some {
			ids[i] = e.name
		}
		profiles, err := c.o.People.Profiles(ctx, u.SDKAppID, ids)
		if err != nil {
			return p, err
		}
		for i, e := range some {
			v := item(e, profiles[i])
			if room -= size(v); room < 0 && len(p.Items) > 0 {
				p.Next = from
				return p, nil
			}
			p.Items = append(p.Items, v)
			from++
		}
	}
	return p, nil
}

// Ask says which page a client wants.
type Ask struct {
	Next  int    `json:"next"`
	Since uint64 `json:"since"` // the revision that it knows
}

func (a Ask) knows(revision uint64) bool { return a.Since != 0 && a.Since == revision }

// friendOf shows a friend.
func friendOf(s snapshot) func(e named, p inbox.Profile) Friend {
	return func(e named, p inbox.Profile) Friend {
		custom := e.Custom
		if len(custom) == 0 {
			custom = json.RawMessage("[]")
		}
		return Friend{
			UserID: e.name, Remark: e.Remark, GroupList: s.names(e.Groups), Source: e.Source, Wording: e.Wording,
			Profile: p, Custom: custom, Time: e.Time / 1000,
		}
	}
}

// Friends returns a page of a user's friends, ordered by UserID.
func (c *Contacts) Friends(ctx context.Context, u place.User, a Ask) (Page[Friend], error) {
	s, err := c.snapshot(ctx, u, kindFriend)
	if err != nil || a.knows(s.revision) {
		return Page[Friend]{Items: []Friend{}, Revision: s.revision, Unchanged: true}, err
	}
	return page(ctx, c, u, s, a.Next, friendOf(s))
}

// Applications returns a page of those that came and those that were sent,
// newest first.
func (c *Contacts) Applications(ctx context.Context, u place.User, a Ask) (Page[Application], error) {
	s, err := c.snapshot(ctx, u, kindIn, kindOut)
	if err != nil || a.knows(s.revision) {
		return Page[Application]{Items: []Application{}, Revision: s.revision, Unchanged: true}, err
	}
	slices.SortStableFunc(s.entries, func(a, b named) int { return cmp.Compare(b.Time, a.Time) })
	p, err := page(ctx, c, u, s, a.Next, func(e named, p inbox.Profile) Application {
		typ := comeIn
		if e.kind == kindOut {
			typ = sendOut
		}
		return Application{
			UserID: e.name, Nick: p.Nick, Avatar: p.Avatar, Time: e.Time / 1000, Source: e.Source, Wording: e.Wording, Type: typ,
		}
	})
	for _, e := range s.entries {
		if e.kind == kindIn && e.Time > s.read {
			p.Unread++
		}
	}
	return p, err
}

// groupsOf returns a user's groups in the order in which they were made, each
// with its friends.
func (c *Contacts) groupsOf(ctx context.Context, u place.User) (groups []FriendGroup, ids []string, revision uint64, err error) {
	s, err := c.snapshot(ctx, u, kindFriend, kindGroup)
	at := map[string]int{}
	var made []named
	for _, e := range s.entries {
		if e.kind == kindGroup {
			made = append(made, e)
		}
	}
	slices.SortStableFunc(made, func(a, b named) int { return cmp.Compare(a.Time, b.Time) })
	for i, e := range made {
		groups = append(groups, FriendGroup{Name: e.Name, UserIDList: []string{}})
		ids = append(ids, e.ID)
		at[e.ID] = i
	}
	for _, e := range s.entries {
		if e.kind != kindFriend {
			continue
		}
		for _, id := range e.Groups {
			if i, ok := at[id]; ok {
				groups[i].UserIDList = append(groups[i].UserIDList, e.name)
				groups[i].Count++
			}
		}
	}
	return groups, ids, s.revision, err
}

// maxShown is how many friends of a group the answer to a change shows; the
// list has all of them.
const maxShown = 1000

// group returns one friend group.
func (c *Contacts) group(ctx context.Context, u place.User, id string) (FriendGroup, error) {
	groups, ids, _, err := c.groupsOf(ctx, u)
	if err != nil {
		return FriendGroup{}, err
	}
	i := slices.Index(ids, id)
	if i < 0 {
		return FriendGroup{}, fault.New(fault.NoFriendGroup)
	}
	g := groups[i]
	g.UserIDList = g.UserIDList[:min(len(g.UserIDList), maxShown)]
	return g, nil
}

// Groups returns a page of a user's friend groups. Its Next counts groups and
// their friends.
func (c *Contacts) Groups(ctx context.Context, u place.User, a Ask) (Page[FriendGroup], error) {
	groups, _, revision, err := c.groupsOf(ctx, u)
	p := Page[FriendGroup]{Items: []FriendGroup{}, Revision: revision}
	if p.Unchanged = err != nil || a.knows(revision); p.Unchanged {
		return p, err
	}
	room, at := c.o.Frame, 0
	for _, g := range groups {
		last := at + max(1, g.Count) // the first of the next group
		if a.Next >= last {
			at = last
			continue
		}
		part := FriendGroup{Name: g.Name, UserIDList: []string{}, Count: g.Count}
		room -= size(part)
		for n := max(0, a.Next-at); n < g.Count; n++ {
			if room -= size(g.UserIDList[n]); room < 0 {
				p.Next = at + n
				break
			}
			part.UserIDList = append(part.UserIDList, g.UserIDList[n])
		}
		if len(part.UserIDList) > 0 || g.Count == 0 {
			p.Items = append(p.Items, part)
		}
		if p.Next > 0 {
			return p, nil
		}
		at = last
	}
	return p, nil
}

// Some returns up to most of a user's friends from a number on, ordered by
// UserID and without their profiles, and how many there are.
func (c *Contacts) Some(ctx context.Context, u place.User, from, most int) (some []Friend, all int, err error) {
	s, err := c.snapshot(ctx, u, kindFriend)
	if err != nil {
		return nil, 0, err
	}
	show, all := friendOf(s), len(s.entries)
	from = min(max(0, from), all)
	for _, e := range s.entries[from:min(from+most, all)] {
		some = append(some, show(e, inbox.Profile{}))
	}
	return some, all, nil
}
