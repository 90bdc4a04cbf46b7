package group

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// callTime bounds the time that one call spends on the store; after that the call
// fails with 70169.
const callTime = 8 * time.Second

// tryTime bounds one attempt to write: a write may be lost while the stream elects
// a leader.
const tryTime = 2 * time.Second

// get reads the newest version of a document; rev is 0 where there is none.
func get[T any](ctx context.Context, r *Room, subject string) (v T, rev uint64, err error) {
	e, err := r.log.Last(ctx, subject)
	if errors.Is(err, bus.ErrNoValue) {
		return v, 0, nil
	}
	if err == nil {
		v, err = decode[T](e.Data)
	}
	return v, e.Seq, err
}

// getAll reads many documents, in the order of subjects.
func getAll[T any](ctx context.Context, r *Room, subjects []string) ([]T, []uint64, error) {
	values, err := r.log.LastAll(ctx, subjects)
	if err != nil {
		return nil, nil, err
	}
	out, revs := make([]T, len(values)), make([]uint64, len(values))
	for i, e := range values {
		if out[i], err = decode[T](e.Data); err != nil {
			return nil, nil, err
		}
		revs[i] = e.Seq
	}
	return out, revs, nil
}

// membersNamed reads the members' documents of users, in their order; that of a user
// without one is empty.
func (r *Room) membersNamed(ctx context.Context, k key, userIDs []string) ([]member, error) {
	subjects := make([]string, len(userIDs))
	for i, id := range userIDs {
		subjects[i] = k.memberSubject(id)
	}
	all, _, err := getAll[member](ctx, r, subjects)
	return all, err
}

// change changes a document by compare-and-set. f may be called more than once;
// it returns false when there is nothing to write. f may see what an earlier
// attempt of the same change has written, if that attempt only seemed to fail.
func change[T any](ctx context.Context, r *Room, subject string, f func(v *T) (bool, error)) (v T, err error) {
	for {
		have, rev, err := get[T](ctx, r, subject)
		if err != nil {
			return v, err
		}
		v = have
		write, err := f(&v)
		if err != nil || !write {
			return v, err
		}
		if err = r.put(ctx, subject, encode(v), rev); err == nil {
			return v, nil
		}
		if !r.again(ctx, err) {
			return v, err
		}
	}
}

func (r *Room) put(ctx context.Context, subject string, data []byte, expect uint64) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	_, _, err := r.log.Append(ctx, subject, data, expect, "")
	return err
}

// again reports whether to try a write again. Where the store needs a moment, it
// waits first.
func (r *Room) again(ctx context.Context, err error) bool {
	if errors.Is(err, bus.ErrConflict) {
		return ctx.Err() == nil
	}
	return bus.Fault(err).Code == fault.ServerTimeout && bus.Sleep(ctx, tryAgain) == nil
}

// tryAgain is the pause before a failed write is tried again, and before looking
// again whether another gateway has given a turn back.
const tryAgain = 50 * time.Millisecond

// group reads a group, and fails where it does not exist.
func (r *Room) group(ctx context.Context, k key) (group, error) {
	if !validGroupID(k.id) {
		return group{}, fault.New(fault.BadGroupID)
	}
	g, _, err := get[group](ctx, r, k.profileSubject())
	if err == nil && !g.there() {
		err = fault.New(fault.NoSuchGroup)
	}
	return r.counted(k, g), err
}

// as reads a group and a user's document and role in it.
func (r *Room) as(ctx context.Context, k key, u place.User) (group, member, Role, error) {
	g, err := r.group(ctx, k)
	if err != nil {
		return g, member{}, Stranger, err
	}
	m, role, err := r.role(ctx, k, g, u.UserID)
	return g, m, role, err
}

// role reads a user's document and returns it with their role in the group.
func (r *Room) role(ctx context.Context, k key, g group, userID string) (member, Role, error) {
	m, _, err := get[member](ctx, r, k.memberSubject(userID))
	m = r.asPresent(k, g, userID, m)
	return m, r.roleOf(g, userID, m), err
}

// roleOf returns the role of a user whose document is m.
func (r *Room) roleOf(g group, userID string, m member) Role {
	switch {
	case r.o.Admin(userID):
		return AppAdmin
	case g.Type == Live && g.Owner == userID: // whether or not they are there
		return Owner
	}
	return m.role(g, userID)
}

// may is as for a user who must be allowed to do a.
func (r *Room) may(ctx context.Context, k key, u place.User, a Action) (group, member, Role, error) {
	g, m, role, err := r.as(ctx, k, u)
	if err == nil {
		err = g.Type.May(a, role, Stranger)
	}
	return g, m, role, err
}

// entry is a member in a list.
type entry struct {
	token, userID string
	member
}

// wholeAtOnce is the size up to which one read brings all members of a group.
const wholeAtOnce = 200

// classesOf returns how many classes have about n members of a group.
func classesOf(g group, n int) int { return max(1, classes*n/max(g.Members, 1)) }

// readAtOnce is about how many members one read brings of a larger group.
const readAtOnce = 128

// members reads the members of the classes from (included) to to (excluded), in
// the order of classes and tokens; 0 and classes mean all.
func (r *Room) members(ctx context.Context, k key, g group, from, to int) ([]entry, error) {
	all, _, err := r.documents(ctx, k, g, from, to)
	return all, err
}

// everybody reads all members, and those who have left since the group's turn
// began, or since an abandoned turn before it did.
func (r *Room) everybody(ctx context.Context, k key, g group) (all []entry, former []string, err error) {
	return r.documents(ctx, k, g, 0, classes)
}

// documents reads the documents of some classes, see members and everybody.
func (r *Room) documents(ctx context.Context, k key, g group, from, to int) (all []entry, former []string, err error) {
	if from == 0 && to == classes || g.Members <= wholeAtOnce {
		values, err := r.log.LastUnder(ctx, k.memberPattern(classes))
		if err == nil {
			r.dropFormer(g, values)
			all, former, err := entries(values, g)
			return slices.DeleteFunc(all, func(e entry) bool {
				c := classOf(e.token)
				return c < from || c >= to
			}), former, err
		}
		if !errors.Is(err, bus.ErrTooMany) {
			return nil, nil, err
		}
	}
	for from < to {
		n := classesOf(g, readAtOnce)
		var patterns []string
		for ; from < to && len(patterns) < n; from++ {
			patterns = append(patterns, k.memberPattern(from))
		}
		values, err := r.under(ctx, patterns...)
		if err != nil {
			return nil, nil, err
		}
		r.dropFormer(g, values)
		some, left, err := entries(values, g)
		if err != nil {
			return nil, nil, err
		}
		all, former = append(all, some...), append(former, left...)
	}
	return all, former, nil
}

// dropFormer removes, in the background, the documents of those who left a while
// ago, once the log is sure to know that they have. A document that has changed
// since it was read stays.
func (r *Room) dropFormer(g group, values []bus.Value) {
	var old []bus.Value
	for _, v := range values {
		m, err := decode[member](v.Data)
		if err == nil && m.Left != 0 && r.now().UnixMilli()-m.Left >= repeatedWithin && !m.leftSince(g) {
			old = append(old, v)
		}
	}
	if len(old) > 0 {
		r.chores.add(func(ctx context.Context) { r.remove(ctx, old) })
	}
}

// leftSince reports whether somebody has left a group since its turn began.
func (m member) leftSince(g group) bool {
	return g.Turn != nil && m.Born == g.Born && m.Left >= g.Turn.since()-turnAge
}

// entries returns the members of a group among the documents, and those who have
// left since its turn began.
func entries(values []bus.Value, g group) (all []entry, former []string, err error) {
	for _, v := range values {
		m, err := decode[member](v.Data)
		if err != nil {
			return nil, nil, err
		}
		if !m.in(g) && !m.leftSince(g) {
			continue
		}
		p, err := parse(v.Subject)
		if err != nil {
			return nil, nil, err
		}
		if m.in(g) {
			all = append(all, entry{bus.UserToken(p.userID), p.userID, m})
		} else {
			former = append(former, p.userID)
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(classOf(a.token), classOf(b.token)), cmp.Compare(a.token, b.token))
	})
	return all, former, nil
}

// failed returns the error that a client is told, and reports one that was not
// expected.
func (r *Room) failed(what string, err error) *fault.Error {
	f := bus.Fault(err)
	if f.Code == fault.Internal {
		r.report(what, err)
	}
	return f
}

// isRefusal reports whether an error refuses the call, rather than saying that the
// store did not answer.
func isRefusal(err error) bool {
	f := (*fault.Error)(nil)
	return errors.As(err, &f) && f.Code != fault.ServerTimeout && f.Code != fault.Internal && f.Code != fault.StoreFull
}
