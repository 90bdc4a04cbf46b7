package inbox

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A user's conversation groups have nothing to do with groups of users: they are what
// a user sorts their conversations into. One document of TIM_DOC holds all their
// names. The settings of a conversation hold the numbers of those that it is in, so
// that a new name or the end of a group changes one document, however many
// conversations are in it. A number is never used twice; one that no group has any
// more counts for nothing.

const (
	docConvGroups = "convgroups"

	// As many as the originals allow.
	maxConvGroups    = 20
	maxConvGroupName = 32 // bytes
)

// convGroups is the document.
type convGroups struct {
	Last   int         `json:"l,omitempty"` // the number that was given last
	Groups []convGroup `json:"g,omitempty"` // in the order in which they were made
}

type convGroup struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func (g *convGroups) index(name string) int {
	return slices.IndexFunc(g.Groups, func(one convGroup) bool { return one.Name == name })
}

// convGroupsNote tells of all of them. A later one has a higher revision: what a sync
// tells may have been overtaken.
type convGroupsNote struct {
	Groups   []convGroup `json:"groups"`
	Revision uint64      `json:"revision"`
}

type convGroupsResult struct {
	Names []string `json:"names"`
}

// inGroups returns the numbers of the groups that a conversation is in, ascending.
func (v settings) inGroups() (ids []int) {
	for text := range strings.SplitSeq(v.Groups, ",") {
		if id, err := strconv.Atoi(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// group puts a conversation into a group, or takes it out. Of its other groups only
// those that still exist stay.
func (v *settings) group(id int, in bool, existing []convGroup) {
	var texts []string
	was := v.inGroups()
	for _, g := range existing { // their numbers ascend
		if g.ID == id && in || g.ID != id && slices.Contains(was, g.ID) {
			texts = append(texts, strconv.Itoa(g.ID))
		}
	}
	v.Groups = strings.Join(texts, ",")
}

type convGroupParams struct {
	GroupName       string   `json:"groupName"`
	NewName         string   `json:"newName"`
	ConversationIDs []string `json:"conversationIDs"`
}

var convGroupCalls = map[string]call{
	frame.ConversationGroupList: with(func(ctx context.Context, s *Session, _ nothing) (any, error) {
		v, err := s.convGroups(ctx)
		out := convGroupsResult{Names: []string{}}
		for _, g := range v.Groups {
			out.Names = append(out.Names, g.Name)
		}
		return out, err
	}),
	frame.ConversationGroupCreate: with(func(ctx context.Context, s *Session, p convGroupParams) (any, error) {
		var others []string
		if len(p.ConversationIDs) > 0 {
			var err error
			if others, err = peersIn(p.ConversationIDs); err != nil {
				return nil, err
			}
		}
		err := s.changeConvGroups(ctx, func(g *convGroups) (bool, error) {
			switch {
			case g.index(p.GroupName) >= 0: // perhaps a repetition after a lost connection
				return false, nil
			case len(g.Groups) >= maxConvGroups:
				return false, fault.With(fault.BadParameters, "a user has "+strconv.Itoa(maxConvGroups)+" conversation groups at most: delete one first")
			}
			g.Last++
			g.Groups = append(g.Groups, convGroup{g.Last, p.GroupName})
			return true, nil
		}, p.GroupName)
		if err != nil || len(others) == 0 {
			return eachResult{}, err
		}
		return s.sortInto(ctx, p.GroupName, others, true)
	}),
	frame.ConversationGroupDelete: with(func(ctx context.Context, s *Session, p convGroupParams) (any, error) {
		return nothing{}, s.changeConvGroups(ctx, func(g *convGroups) (bool, error) {
			i := g.index(p.GroupName)
			if i < 0 {
				return false, nil
			}
			g.Groups = slices.Delete(g.Groups, i, i+1)
			return true, nil
		}, p.GroupName)
	}),
	frame.ConversationGroupRename: with(func(ctx context.Context, s *Session, p convGroupParams) (any, error) {
		return nothing{}, s.changeConvGroups(ctx, func(g *convGroups) (bool, error) {
			i, taken := g.index(p.GroupName), g.index(p.NewName)
			switch {
			case i < 0 && taken >= 0, i >= 0 && i == taken: // perhaps a repetition
				return false, nil
			case i < 0:
				return false, noConvGroup(p.GroupName)
			case taken >= 0:
				return false, fault.With(fault.BadParameters, "there is a conversation group "+strconv.Quote(p.NewName)+" already")
			}
			g.Groups[i].Name = p.NewName
			return true, nil
		}, p.GroupName, p.NewName)
	}),
	frame.ConversationGroupAdd:    sorting(true),
	frame.ConversationGroupRemove: sorting(false),
}

func noConvGroup(name string) error {
	return fault.With(fault.BadParameters, "there is no conversation group "+strconv.Quote(name))
}

// convGroups reads the user's document from the store: by an old one a conversation
// would lose the groups that were made meanwhile.
func (s *Session) convGroups(ctx context.Context) (g convGroups, err error) {
	d, err := s.in.docs.fresh(ctx, docSubject(s.user.User, docConvGroups))
	if err == nil && d.rev != 0 {
		err = decodeJSON(d.data, &g)
	}
	return g, err
}

// changeConvGroups changes the user's document, whose follower tells the sessions.
func (s *Session) changeConvGroups(ctx context.Context, change func(g *convGroups) (bool, error), names ...string) error {
	for _, name := range names {
		if name == "" || !validText(name, maxConvGroupName) {
			return fault.With(fault.BadParameters, "the name of a conversation group has 1 to "+strconv.Itoa(maxConvGroupName)+" bytes")
		}
	}
	_, _, err := update(ctx, s.in, s.user.User, docConvGroups, change)
	return err
}

// sorting makes the call that puts conversations into a group, or takes them out.
func sorting(in bool) call {
	return with(func(ctx context.Context, s *Session, p convGroupParams) (any, error) {
		others, err := peersIn(p.ConversationIDs)
		if err != nil {
			return nil, err
		}
		return s.sortInto(ctx, p.GroupName, others, in)
	})
}

func (s *Session) sortInto(ctx context.Context, name string, others []string, in bool) (any, error) {
	g, err := s.convGroups(ctx)
	if err != nil {
		return nil, err
	}
	i := g.index(name)
	if i < 0 {
		return nil, noConvGroup(name)
	}
	return s.changeEach(ctx, others, func(v *settings) { v.group(g.Groups[i].ID, in, g.Groups) })
}

// convGroups tells a session that is catching up the names of its user's conversation
// groups. At a login it does so only if some conversation is in one.
func (p *part) convGroups(ctx context.Context) error {
	u := p.s.user
	sorted := p.up.resumed
	u.mu.Lock()
	for _, kept := range u.peers {
		if sorted = sorted || kept.Groups != ""; sorted {
			break
		}
	}
	u.mu.Unlock()
	if !sorted {
		return nil
	}
	d, err := p.s.in.docs.get(ctx, docSubject(u.User, docConvGroups))
	if err != nil || d.rev == 0 {
		return err
	}
	note, err := convGroupsIn(d)
	if err != nil {
		return err
	}
	return p.note(frame.NoteConversationGroups, note)
}

func convGroupsIn(d doc) (convGroupsNote, error) {
	var g convGroups
	err := decodeJSON(d.data, &g)
	return convGroupsNote{orEmpty(g.Groups), d.rev}, err
}

// convGroupsChanged tells the user's sessions, and those that are catching up, too,
// for they may have been told before.
func (u *user) convGroupsChanged(d doc) {
	note, err := convGroupsIn(d)
	if err != nil {
		return
	}
	params := encode(note)
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.sessions {
		if s.live || s.syncing != nil { // the others are told when they catch up
			s.owe(frame.NoteConversationGroups, params)
		}
	}
}
