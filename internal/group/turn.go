package group

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// Each member has a document, and the group's document has their number. To keep
// both in agreement, every change of membership takes the group's turn first: it
// writes into the group's document that it is under way, changes the documents of
// members, and then gives the turn back together with the new number. So at most
// one change of a group's membership is under way, on all gateways together. Topics
// of a community are made in its turn, too.
//
// A gateway that dies in between leaves its turn open. Whoever finds a turn older
// than turnAge takes it over and counts the members before doing anything else.
// What the dead gateway had done until then stays, since a member's own document
// decides. A gateway whose store fails in between counts in the same way by itself,
// in the background.

// turnAge is the age, in ms, from which a turn is taken over: more than a call
// lasts plus the difference between two gateways' clocks.
const turnAge = 15_000

// effect is what a change in a turn leaves in the group's document.
type effect struct {
	members int            // the change of the number of members
	set     func(g *group) // makes other changes; may be nil
	told    []told         // what the log is told, in this order
	quiet   bool           // the hooks are told of nothing
}

var (
	errBusy = errors.New("group: another change of this group is under way")
	errLost = errors.New("group: another change has taken over the turn")
)

// inTurn takes the group's turn and lets do change who is a member. If do refuses,
// it must have written nothing. The change goes on even if the caller hangs up.
func (r *Room) inTurn(ctx context.Context, k key, do func(ctx context.Context, g group) (effect, error)) (group, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	// The callers of this gateway queue here: by compare-and-set alone, the last of
	// a crowd would not get the turn in time.
	done, err := r.turns.Take(ctx, k)
	if err != nil {
		return group{}, err
	}
	defer done()
	id := r.random()
	g, err := r.takeTurn(ctx, k, id)
	if err != nil {
		r.settleUnless(err, k, id)
		return g, err
	}
	e, err := do(ctx, g)
	if isRefusal(err) {
		if g, give := r.giveTurn(ctx, k, id, g.Members, effect{}); give != nil {
			r.settleUnless(give, k, id)
			return g, give
		}
		return g, err
	}
	for i, t := range e.told {
		if err == nil {
			err = r.tell(ctx, k, g, id+strconv.Itoa(i), t)
		}
	}
	was := g
	if err == nil {
		r.afterTurn(ctx, k, g, id, e)
		g, err = r.giveTurn(ctx, k, id, g.Members, e)
	}
	if err != nil {
		r.settleUnless(err, k, id)
	}
	if g.Gone != nil { // nobody is left in it
		was.Members = 0
		r.afterEnd(ctx, k, was, g.Gone.By)
		r.tidy(k)
	}
	return g, err
}

// settleUnless settles, in the background, the turn of a call that failed, unless
// the call was refused.
func (r *Room) settleUnless(err error, k key, id string) {
	if !isRefusal(err) {
		r.jobs.add(func(ctx context.Context) { r.settle(ctx, k, id) })
	}
}

// takeTurn waits for a group's turn and takes it.
func (r *Room) takeTurn(ctx context.Context, k key, id string) (group, error) {
	for {
		left, from := false, int64(0)
		g, err := change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
			now := r.now().UnixMilli()
			switch {
			case !g.there(), g.Type == Live: // who was a member was one of an earlier group with this ID
				return false, fault.New(fault.NoSuchGroup)
			case g.Turn == nil:
			case g.Turn.ID != id && now-g.Turn.Since < turnAge:
				return false, errBusy
			default: // the turn was abandoned, or an earlier attempt has taken it
				left, from = true, g.Turn.since()
			}
			g.Turn = &turn{id, now, from}
			return true, nil
		})
		if errors.Is(err, errBusy) {
			if bus.Sleep(ctx, tryAgain) != nil {
				return g, fault.With(fault.ServerTimeout, "another change of this group takes long")
			}
			continue
		}
		if err == nil && left {
			err = r.recount(ctx, k, id, &g)
		}
		return g, err
	}
}

// recount brings a group's document in line with the documents of its members, as
// long as nobody else has taken the turn over. It ends a group without members,
// whose creation was never finished.
func (r *Room) recount(ctx context.Context, k key, id string, g *group) error {
	all, former, err := r.everybody(ctx, k, *g)
	if err == nil && g.Turn != nil {
		err = r.retell(ctx, k, *g, r.random(), g.Turn.since(), all, former)
	}
	if err != nil {
		return err
	}
	g.Members = len(all)
	if !slices.ContainsFunc(all, func(e entry) bool { return e.userID == g.Owner }) {
		g.Owner = heir(*g, all)
	}
	owner := g.Owner
	_, err = change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
		if !g.there() {
			return false, fault.New(fault.NoSuchGroup)
		}
		if g.Turn == nil || g.Turn.ID != id {
			return false, errLost
		}
		g.Turn.From = 0
		if g.Members, g.Owner = len(all), owner; len(all) == 0 {
			g.Gone = &gone{At: r.now().UnixMilli()}
		}
		return true, nil
	})
	if err == nil && len(all) == 0 {
		r.tidy(k)
		return fault.New(fault.NoSuchGroup)
	}
	return err
}

// heir returns who owns a group once its owner has left: its longest-standing
// administrator, or member if it has no administrator; nobody in a Work group.
func heir(g group, all []entry) string {
	if g.Type == Work || len(all) == 0 {
		return ""
	}
	return slices.MinFunc(all, func(a, b entry) int {
		if a.Admin != b.Admin {
			return map[bool]int{true: -1, false: 1}[a.Admin]
		}
		return cmp.Or(cmp.Compare(a.Joined, b.Joined), strings.Compare(a.userID, b.userID))
	}).userID
}

// giveTurn gives a turn back; members is the number of members when it was taken.
func (r *Room) giveTurn(ctx context.Context, k key, id string, members int, e effect) (group, error) {
	return change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
		if !g.there() { // dismissed meanwhile
			return false, fault.New(fault.NoSuchGroup)
		}
		if g.Turn == nil || g.Turn.ID != id { // an earlier attempt has stored it
			return false, nil
		}
		g.Turn, g.Members = nil, members+e.members
		if e.set != nil {
			e.set(g)
		}
		return true, nil
	})
}

// settle counts the members and ends a turn that may have been carried out in part.
func (r *Room) settle(ctx context.Context, k key, id string) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	g, _, err := get[group](ctx, r, k.profileSubject())
	if err == nil && (!g.there() || g.Turn == nil || g.Turn.ID != id) {
		return
	}
	if err == nil {
		err = r.recount(ctx, k, id, &g)
	}
	if err == nil {
		_, err = r.giveTurn(ctx, k, id, g.Members, effect{})
	}
	if err != nil && !errors.Is(err, errLost) && bus.Fault(err).Code != fault.NoSuchGroup {
		r.report("settling a turn", err) // the next change takes the turn over
	}
}

func (r *Room) now() time.Time { return r.o.Now() }
