package group

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// A dismissed group leaves documents that count no longer: those of its members,
// and the entries by which they find it. They are removed in the background, some
// at a time, however many there are and even if the store fails for a while. If the
// gateway dies before it is done, another one goes on as soon as a member lists
// their groups there: the group's document says whether everything was removed.

// tidyAgain is the pause before a failed removal is tried again.
const tidyAgain = 10 * time.Second

// tidiedWhole is the size up to which all members of a dismissed group are listed
// at once.
const tidiedWhole = 800

// tidying holds the groups that this gateway is tidying.
type tidying struct {
	mu     sync.Mutex // guards groups; held alone
	groups map[key]struct{}
}

func (t *tidying) begin(k key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, under := t.groups[k]
	t.groups[k] = struct{}{}
	return !under
}

func (t *tidying) end(k key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.groups, k)
}

// tidy removes the documents of a dismissed group in the background.
func (r *Room) tidy(k key) {
	if r.tidying.begin(k) {
		r.tidyOn(&remains{key: k})
	}
}

// tidyOn queues the next removal, behind other jobs.
func (r *Room) tidyOn(left *remains) {
	if !r.chores.add(func(ctx context.Context) { r.tidySome(ctx, left) }) {
		r.tidyLater(left)
	}
}

func (r *Room) tidyLater(left *remains) {
	time.AfterFunc(tidyAgain, func() {
		if r.ctx.Err() == nil {
			r.tidyOn(left)
		}
	})
}

// tidySome removes removedAtOnce documents, and queues the next removal.
func (r *Room) tidySome(ctx context.Context, left *remains) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	over, err := r.removeSome(ctx, left)
	switch {
	case err != nil:
		r.report("removing a dismissed group", err)
		r.tidyLater(left)
	case over:
		r.tidying.end(left.key)
	default:
		r.tidyOn(left)
	}
}

// remains says what is still to be removed of a dismissed group.
type remains struct {
	key    key
	upTo   uint64   // the revision that dismissed the group; 0: not read yet
	group  group    // as it was dismissed
	all    bool     // all classes of members are listed at once
	class  int      // the next class to list
	listed []string // subjects
}

// removeSome removes removedAtOnce documents, and reports whether that is over:
// nothing is left, or a new group has the ID. What is left of the old group is then
// removed as the members of the new one are listed.
func (r *Room) removeSome(ctx context.Context, left *remains) (over bool, err error) {
	k := left.key
	if left.upTo == 0 {
		g, rev, err := get[group](ctx, r, k.profileSubject())
		if err != nil || g.Gone == nil || g.Gone.Tidy {
			return true, err
		}
		left.upTo, left.group, left.all = rev, g, g.Members <= tidiedWhole
		// The gateway that dismissed it may have died before it told the log.
		if err := r.tell(ctx, k, g, "gone", told{gone: true}); err != nil {
			left.upTo = 0
			return false, err
		}
		if left.listed, err = r.log.Subjects(ctx, k.applicationPattern()); err != nil {
			left.upTo = 0
			return false, err
		}
		topics, err := r.log.Subjects(ctx, k.topicPattern())
		if err != nil {
			left.upTo = 0
			return false, err
		}
		left.listed = append(append(left.listed, topics...), k.attributesSubject(), k.countersSubject())
	}
	if len(left.listed) == 0 {
		if left.class == classes {
			return true, r.markTidy(ctx, left)
		}
		return false, r.listSome(ctx, left)
	}
	if err := r.tellDismissed(ctx, left, left.listed[:min(len(left.listed), removedAtOnce)]); err != nil {
		return false, err
	}
	for range min(len(left.listed), removedAtOnce) {
		subject := left.listed[0]
		if err := r.log.Remove(ctx, subject, left.upTo); err != nil {
			return false, err
		}
		if p, err := parse(subject); err == nil && p.kind == kindMember {
			if err := r.log.Remove(ctx, k.joinedSubject(p.userID), left.upTo); err != nil {
				return false, err
			}
		}
		left.listed = left.listed[1:]
	}
	return false, nil
}

// tellDismissed tells the former members of the group that it was dismissed.
func (r *Room) tellDismissed(ctx context.Context, left *remains, subjects []string) error {
	if r.o.Log == nil || left.group.Gone.By == "" {
		return nil
	}
	var ids, members []string
	for _, s := range subjects {
		if p, err := parse(s); err == nil && p.kind == kindMember {
			ids, members = append(ids, p.userID), append(members, s)
		}
	}
	list, _, err := getAll[member](ctx, r, members)
	if err != nil {
		return err
	}
	var to []string
	for i, m := range list {
		if m.Born == left.group.Born && m.Left == 0 {
			to = append(to, ids[i])
		}
	}
	if len(to) == 0 {
		return nil
	}
	n := notice{OperatorID: left.group.Gone.By, OperationType: noticeDismissed}
	return r.sendNotice(ctx, left.key, left.group, "gone "+strconv.FormatInt(left.group.Born, 10), n, to)
}

// listSome lists the members of the next class, or all of a small group.
func (r *Room) listSome(ctx context.Context, left *remains) (err error) {
	class := left.class
	if left.all {
		class = classes
	}
	if left.listed, err = r.log.Subjects(ctx, left.key.memberPattern(class)); err == nil {
		left.class = min(class+1, classes)
	}
	return err
}

// markTidy notes that nothing is left of a group.
func (r *Room) markTidy(ctx context.Context, left *remains) error {
	_, err := change(ctx, r, left.key.profileSubject(), func(g *group) (bool, error) {
		if g.Gone == nil || g.Born != left.group.Born || g.Gone.Tidy {
			return false, nil
		}
		g.Gone = &gone{By: g.Gone.By, At: g.Gone.At, Tidy: true}
		return true, nil
	})
	return err
}

// tidyIfGone tidies a dismissed group for which a member still has an entry.
func (r *Room) tidyIfGone(k key, profile bus.Value) {
	if g, err := decode[group](profile.Data); err == nil && g.Gone != nil && !g.Gone.Tidy {
		r.tidy(k)
	}
}
