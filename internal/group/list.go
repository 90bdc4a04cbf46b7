package group

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type listParams struct {
	Next string `json:"next"`
}

type listResult struct {
	Groups []Group `json:"groups"`
	Next   string  `json:"next,omitempty"`
}

// listAtOnce is the number of a user's groups that are read at once. A page of
// group.list has listMost of them if they fit into a frame: every page lists the
// subjects of all groups of its user anew, and this many cost less than a part of a
// synchronisation may.
const (
	listAtOnce = 25
	listMost   = 4 * listAtOnce
)

// list lists the groups of the session's user, in the order of their IDs, and makes
// the session a listener of them. It enters the session before it looks the
// groups up, and the groups before it reads them, so that no change in between is
// lost.
func (s *Session) list(ctx context.Context, p listParams) (any, error) {
	s.listen()
	ids, err := s.r.groupIDs(ctx, s.user, p.Next)
	if err != nil {
		return nil, err
	}
	out, size := listResult{Groups: []Group{}}, 0
	if len(ids) > listMost {
		out.Next, ids = ids[listMost], ids[:listMost]
	}
	for some := range slices.Chunk(ids, listAtOnce) {
		entries, err := s.r.entriesOf(ctx, s.user, some)
		if err != nil {
			return nil, err
		}
		s.expects(entries)
		subjects := make([]string, 0, 2*len(entries))
		for _, one := range entries {
			subjects = append(subjects, one.key.profileSubject(), one.key.memberSubject(s.user.UserID))
		}
		values, err := s.r.log.LastAll(ctx, subjects)
		if err != nil {
			return nil, err
		}
		for i, one := range entries {
			g, m, in, err := s.knows(one, values[2*i], values[2*i+1])
			if err != nil { // their other groups are there nevertheless
				s.r.report("listing "+one.key.profileSubject(), err)
				continue
			}
			if !in {
				s.r.drop(s.user, one)
				s.r.tidyIfGone(one.key, values[2*i])
				continue
			}
			shape := g.seen(one.key.id, s.user.UserID, m, m.role(g, s.user.UserID))
			if size += len(encode(shape)) + 1; size > s.r.o.Frame && len(out.Groups) > 0 {
				out.Next = one.key.id
				return out, nil
			}
			out.Groups = append(out.Groups, shape)
		}
	}
	return out, nil
}

// mine is a user's own entry for a group; rev is the revision of its document.
type mine struct {
	key key
	rev uint64
	joined
}

// groupsOf returns a page of a user's own entries for groups, in the order of group
// IDs: those not before from. It also returns the ID that the next page begins
// with, "" after the last. It reads the entries of this page only.
func (r *Room) groupsOf(ctx context.Context, u place.User, from string) (page []mine, next string, err error) {
	ids, err := r.groupIDs(ctx, u, from)
	if err != nil {
		return nil, "", err
	}
	if len(ids) > listAtOnce {
		next, ids = ids[listAtOnce], ids[:listAtOnce]
	}
	page, err = r.entriesOf(ctx, u, ids)
	return page, next, err
}

// groupIDs returns, in order, the IDs of a user's groups that are not before from. It
// reads no entry.
func (r *Room) groupIDs(ctx context.Context, u place.User, from string) (ids []string, err error) {
	subjects, err := r.log.Subjects(ctx, joinedPattern(u))
	if err != nil {
		return nil, err
	}
	for _, subject := range subjects {
		if p, err := parse(subject); err == nil && p.key.id >= from {
			ids = append(ids, p.key.id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// entriesOf reads a user's own entries for some groups, without those that are gone.
func (r *Room) entriesOf(ctx context.Context, u place.User, ids []string) ([]mine, error) {
	subjects := make([]string, len(ids))
	for i, id := range ids {
		subjects[i] = keyOf(u, id).joinedSubject(u.UserID)
	}
	have, revs, err := getAll[joined](ctx, r, subjects)
	if err != nil {
		return nil, err
	}
	var page []mine
	for i, id := range ids {
		if revs[i] != 0 { // else it was removed meanwhile
			page = append(page, mine{keyOf(u, id), revs[i], have[i]})
		}
	}
	return page, nil
}

// under reads the newest values of all subjects that one of some patterns matches,
// even if they are too many for one read.
func (r *Room) under(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	values, err := r.log.LastUnder(ctx, patterns...)
	if !errors.Is(err, bus.ErrTooMany) {
		return values, err
	}
	var all []string
	for _, pattern := range patterns {
		subjects, err := r.log.Subjects(ctx, pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, subjects...)
	}
	return r.log.LastAll(ctx, all)
}

// drop removes, in the background, a user's own entry for a group that they are not
// in: the group was dismissed, or a gateway died before it made them a member. A
// young entry stays, since the turn that wrote it may still be under way.
func (r *Room) drop(u place.User, one mine) {
	if r.now().UnixMilli()-one.At < 2*turnAge {
		return
	}
	r.chores.add(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		if err := r.log.Remove(ctx, one.key.joinedSubject(u.UserID), one.rev); err != nil {
			r.report("removing a group from a list", err)
		}
	})
}

type membersParams struct {
	GroupID string `json:"groupID"`
	Count   int    `json:"count"`
	Offset  string `json:"offset"`
	Role    string `json:"role"`
}

type membersResult struct {
	MemberList []GroupMember `json:"memberList"`
	Offset     string        `json:"offset,omitempty"`
}

// memberPage lists members in the order of their classes and tokens, which stays
// the same while others come and go.
func memberPage(ctx context.Context, r *Room, u place.User, p membersParams) (any, error) {
	if p.Count <= 0 {
		p.Count = membersPage
	}
	p.Count = min(p.Count, maxMembersPage)
	k := keyOf(u, p.GroupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err != nil {
		return nil, err
	}
	if g.Type == Live {
		return r.newestPage(ctx, k, g, p)
	}
	class, after, err := parseOffset(p.Offset)
	if err != nil {
		return nil, err
	}
	fits := func(e entry) bool {
		return (classOf(e.token) != class || e.token > after) && (p.Role == "" || e.role(g, e.userID).String() == p.Role)
	}
	var all []entry
	to, last := class, min(classes, class+classesOf(g, wholeAtOnce))
	for to < last && len(all) <= p.Count {
		from := to
		if to = min(last, to+classesOf(g, p.Count+1)); g.Members <= wholeAtOnce { // one read brings all
			to = classes
		}
		some, err := r.members(ctx, k, g, from, to)
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(some, func(e entry) bool { return !fits(e) })...)
	}
	out := membersResult{}
	if to < classes {
		out.Offset = offsetAt(to, "")
	}
	if len(all) > p.Count {
		all = all[:p.Count]
		out.Offset = offsetAfter(all[p.Count-1])
	}
	if out.MemberList, err = r.shapes(ctx, k, g, all); err != nil {
		return nil, err
	}
	if n := fitting(out.MemberList, r.o.Frame); n < len(all) {
		out.MemberList, out.Offset = out.MemberList[:n], offsetAfter(all[n-1])
	}
	return out, nil
}

func offsetAfter(e entry) string { return offsetAt(classOf(e.token), e.token) }

func offsetAt(class int, token string) string { return strconv.Itoa(class) + "." + token }

func parseOffset(s string) (class int, token string, err error) {
	if s == "" {
		return 0, "", nil
	}
	number, token, ok := strings.Cut(s, ".")
	class, err = strconv.Atoi(number)
	if err != nil || !ok || class < 0 || class >= classes {
		return 0, "", fault.With(fault.GroupBadParameters, "offset must be that of the page before, or empty")
	}
	return class, token, nil
}

type memberListResult struct {
	MemberList []GroupMember `json:"memberList"`
}

func memberProfiles(ctx context.Context, r *Room, u place.User, p usersParams) (any, error) {
	ids, err := checkUsers(p.UserIDs, maxProfiles)
	if err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err != nil {
		return nil, err
	}
	if g.Type == Live {
		return r.presentProfiles(ctx, k, g, ids)
	}
	have, err := r.membersNamed(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	var list []entry
	for i, m := range have {
		if m.in(g) {
			list = append(list, entry{userID: ids[i], member: m})
		}
	}
	shapes, err := r.shapes(ctx, k, g, list)
	if err != nil {
		return nil, err
	}
	return memberListResult{shapes[:fitting(shapes, r.o.Frame)]}, nil
}

type countResult struct {
	MemberCount int `json:"memberCount"`
}

// countedFor is how long a number of online members holds. countedMost is the most
// members, those of the first classes, for whom it is counted.
const (
	countedFor  = time.Minute
	countedMost = 200
)

// looksABring is the number of users whose presence may be looked up at the price
// of bringing one user in: both are charged to the same rate.
const looksABring = 5

// counts keeps the numbers of online members that this gateway has counted.
type counts struct {
	mu  sync.Mutex // guards all
	all map[key]count
}

type count struct {
	n  int
	at time.Time
}

// keptCounts is the most numbers that counts keeps.
const keptCounts = 4096

// known returns the number of a group, if it still holds.
func (c *counts) known(k key, now time.Time) (n int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.all[k]
	return v.n, ok && now.Sub(v.at) < countedFor
}

func (c *counts) put(k key, n int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= keptCounts {
		clear(c.all)
	}
	c.all[k] = count{n, now}
}

// onlineCount counts the members of a group who are online. In a group of more than
// countedMost members it counts among that many, and takes the same share of the
// others to be online.
func onlineCount(ctx context.Context, r *Room, u place.User, p groupParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err != nil {
		return nil, err
	}
	if g.Type == Live {
		return countResult{g.Members}, nil
	}
	if n, ok := r.online.known(k, r.now()); ok {
		return countResult{n}, nil
	}
	to := classes
	if g.Members > countedMost {
		to = classesOf(g, countedMost)
	}
	all, err := r.members(ctx, k, g, 0, to)
	if err != nil {
		return nil, err
	}
	all = all[:min(len(all), countedMost)]
	if err := r.take(ctx, u, len(all)/looksABring, false); err != nil {
		return nil, err
	}
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.userID
	}
	online, err := r.o.Online(ctx, k.app, ids)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, on := range online {
		if on {
			n++
		}
	}
	if len(all) > 0 && len(all) < g.Members {
		n = n * g.Members / len(all)
	}
	r.online.put(k, n, r.now())
	return countResult{n}, nil
}
