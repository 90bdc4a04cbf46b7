package group

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Groups of another system are imported by the server API: first the group, then
// its members. Nobody gets a notice or a tip, the hooks are neither asked nor told,
// and a repetition changes nothing.

// importNonce marks a group or topic that was imported: no call of a client has made it,
// since the nonces of those have another form.
const importNonce = "imported group"

func (g group) imported() bool { return g.Nonce == importNonce }

// dated gives the first member of an imported group the time of its creation.
func (r *Room) dated(g group, m member) member {
	if g.imported() {
		m.Joined, m.Imported = g.Created, r.now().Unix()
	}
	return m
}

// since returns Change.Since of the members of an imported group; nil of any other.
func (g group) since(all []entry) (since []int64) {
	if g.imported() {
		for _, e := range all {
			since = append(since, e.Joined)
		}
	}
	return since
}

type importParams struct {
	createParams
	CreateTime int64 `json:"createTime"` // Unix seconds; 0: now
}

// checkImportedID is checkGroupID for a group that had its ID in another system,
// which may be one that the vendor's gateway has made.
func checkImportedID(id string, t Type) error {
	made, ok := strings.CutPrefix(id, madePrefix)
	if t == Community || !ok || made == "" || strings.HasPrefix(id, communityPrefix) || strings.Contains(id, topicMark) || !validGroupID(id) {
		return checkGroupID(id, t)
	}
	return nil
}

// importGroup creates a group with the time that it had in another system. Its owner
// is the user of the call.
func importGroup(ctx context.Context, r *Room, u place.User, p importParams) (any, error) {
	id := p.GroupID
	p.GroupID = "" // its form is checked here
	g, _, err := p.check(0)
	switch {
	case err != nil:
		return nil, err
	case g.Type == Live:
		return nil, notImported()
	}
	if id != "" {
		if err := checkImportedID(id, g.Type); err != nil {
			return nil, err
		}
	}
	if g.Created, err = r.pastTime("CreateTime", p.CreateTime); err != nil {
		return nil, err
	}
	if err := r.mayCome(ctx, u); err != nil {
		return nil, err
	}
	p.GroupID, p.Nonce = id, ""
	return answer(r.create(ctx, keyOf(u, p.id(u, g.Type)), u, g, []newMember{{UserID: u.UserID}}, importNonce))
}

func notImported() error {
	return fault.With(fault.GroupNotPermitted, "groups of type AVChatRoom are not imported: they keep neither members nor messages")
}

// pastTime checks a time of another system, in Unix seconds; 0 means now.
func (r *Room) pastTime(name string, at int64) (int64, error) {
	now := r.now().Unix()
	if at < 0 || at > now {
		return 0, fault.With(fault.GroupBadParameters, name+" "+strconv.FormatInt(at, 10)+" is no time in the past, in Unix seconds")
	}
	return cmp.Or(at, now), nil
}

type importTopicParams struct {
	topicParams
	CreateTime int64 `json:"createTime"` // Unix seconds; 0: now
}

// importTopic makes a topic with the time that it had in another system, so that its
// messages can be imported.
func importTopic(ctx context.Context, r *Room, u place.User, p importTopicParams) (any, error) {
	began, err := r.pastTime("CreateTime", p.CreateTime)
	if err == nil {
		err = p.checkNew()
	}
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	if _, err := r.community(ctx, k, u, Update); err != nil {
		return nil, err
	}
	p.Nonce = r.random()
	id, err := p.id(u)
	if err != nil {
		return nil, err
	}
	p.Nonce = importNonce
	if _, err := r.makeTopic(ctx, k, u, id, p.topicParams, began); err != nil {
		return nil, err
	}
	return topicResult{id}, nil
}

type importMembersParams struct {
	GroupID    string           `json:"groupID"`
	MemberList []importedMember `json:"memberList"`
}

type importedMember struct {
	newMember
	NameCard string `json:"nameCard"`
	JoinTime int64  `json:"joinTime"` // Unix seconds; 0: now
}

// importMembers makes users members of a group with the times at which they joined it
// in another system.
func importMembers(ctx context.Context, r *Room, u place.User, p importMembersParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, err := r.group(ctx, k)
	if err == nil && g.Type == Live {
		err = notImported()
	}
	if err != nil {
		return nil, err
	}
	ids, as, err := r.checkImported(p.MemberList, table[g.Type], mostOf(ctx, maxInvited))
	if err != nil {
		return nil, err
	}
	out := inviteResult{Success: []string{}, Failure: []string{}, Existed: []string{}, OverLimit: []string{}, Waiting: []string{}}
	_, err = r.inTurn(ctx, k, func(ctx context.Context, g group) (effect, error) {
		e, err := r.bring(ctx, k, g, ids, member{}, func(userID string) member { return as[userID] }, &out)
		e.quiet, e.told = true, nil
		// Members, too, are told of: the gateway of an earlier attempt may have died
		// before it did that.
		t := told{joined: append(append([]string{}, out.Success...), out.Existed...)}
		for _, id := range t.joined {
			t.since = append(t.since, as[id].Joined)
		}
		if len(t.joined) > 0 {
			e.told = []told{t}
		}
		return e, err
	})
	return out, err
}

// checkImported checks the members of an import, and returns their documents and
// their IDs without repetitions.
func (r *Room) checkImported(list []importedMember, rules rules, most int) (ids []string, as map[string]member, err error) {
	plain := make([]newMember, len(list))
	for i, m := range list {
		plain[i] = m.newMember
	}
	if plain, err = checkFirsts(plain, rules, most); err != nil {
		return nil, nil, err
	}
	as = map[string]member{}
	for _, m := range plain {
		ids = append(ids, m.UserID)
		as[m.UserID] = member{Admin: m.Role == Admin.String(), Custom: m.MemberCustomField, Imported: r.now().Unix()}
	}
	for _, m := range list {
		one := as[m.UserID]
		if one.Joined != 0 {
			continue // named twice
		}
		if one.Joined, err = r.pastTime("JoinTime", m.JoinTime); err != nil {
			return nil, nil, err
		}
		if err := checkText("NameCard", &m.NameCard, maxNameCard); err != nil {
			return nil, nil, err
		}
		one.Card = m.NameCard
		as[m.UserID] = one
	}
	return ids, as, nil
}
