package inbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// rooms remembers how many more documents may be created for a user before they
// are counted again. A user has at most Options.Conversations documents, divided
// equally among the classes, so that the bound can be checked for one class,
// which one read returns.
//
// Each gateway counts by itself. Several that write to one user at the same
// moment may exceed the bound together, by a quarter of what was free; nothing
// is lost by that, see readDocuments.
type rooms struct {
	mu   sync.Mutex // guards what follows
	left map[roomKey]int
}

type roomKey struct {
	place.User
	class uint32
}

// maxRooms bounds how many counts are remembered; each costs one request.
const maxRooms = 50_000

func (r *rooms) take(k roomKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left[k] == 0 {
		delete(r.left, k)
		return false
	}
	r.left[k]--
	return true
}

func (r *rooms) put(k roomKey, left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) >= maxRooms {
		for other := range r.left { // any eighth of them: the order is random
			if delete(r.left, other); len(r.left) < maxRooms*7/8 {
				break
			}
		}
	}
	r.left[k] = left
}

// maxOfClass is how many documents a user may have in one class.
func (in *Inbox) maxOfClass() int { return max(in.o.Conversations/classes, 1) }

// makeRoom makes sure that one more document of a class can be created for a
// user. If the class is full, an eighth of it gives way.
func (in *Inbox) makeRoom(ctx context.Context, u place.User, class uint32) error {
	k := roomKey{u, class}
	if in.rooms.take(k) {
		return nil
	}
	pattern := classPattern(u, class)
	done, err := in.peers.writing.Take(ctx, pattern) // one counts for all who write to this user
	if err != nil {
		return err
	}
	defer done()
	if in.rooms.take(k) {
		return nil
	}
	subjects, err := in.store.conversations.Subjects(ctx, pattern)
	if err != nil {
		return err
	}
	n, most := len(subjects), in.maxOfClass()
	if n >= most {
		if n, err = in.giveWay(ctx, u, class); err != nil {
			return err
		}
	}
	if n >= most {
		return conversationsFull(u)
	}
	in.rooms.put(k, (most-n+3)/4-1)
	return nil
}

// giveWay gives up documents of a full class that hold no settings, beginning
// with those that their user has never touched or not touched for the longest
// time. So conversations that strangers have begun displace each other first. If
// all documents hold settings, those go whose conversation has expired. It
// returns how many documents are left.
//
// A document that is given up loses its body first, so that every gateway hears
// of it, and is removed for good the next time after emptyFor. Its conversation
// comes back with its next message; one that came in the same moment counts, see
// comeBack.
func (in *Inbox) giveWay(ctx context.Context, u place.User, class uint32) (n int, err error) {
	values, err := in.readDocuments(ctx, u, class)
	if err != nil {
		return 0, err
	}
	var emptied []bus.Value
	all := peers{}
	for _, v := range values {
		if len(v.Data) == 0 && v.Seq != 0 && in.now().Sub(v.Time) > emptyFor {
			emptied = append(emptied, v)
		}
	}
	if err := all.take(values); err != nil {
		return 0, err
	}
	if err := bus.Spread(len(emptied), func(i int) error {
		return in.store.conversations.Remove(ctx, emptied[i].Subject, emptied[i].Seq)
	}); err != nil {
		return 0, err
	}
	most := in.maxOfClass()
	if len(all) < most {
		return len(all), nil
	}
	going, err := in.dispensable(ctx, u, all)
	if err != nil {
		return 0, err
	}
	going = going[:min(len(going), len(all)-most*7/8)]
	heads, err := in.headsOf(ctx, u, going)
	if err != nil {
		return 0, err
	}
	in.work.later(emptyFor, func() { in.comeBack(u, going, heads) })
	return len(all) - len(going), bus.Spread(len(going), func(i int) error {
		return in.giveUp(ctx, u, going[i], all[going[i]].rev)
	})
}

// comeBack enters again what has given way and has gone on since; before are the
// newest records of then. Another gateway that stores a message in the same
// moment may not have heard yet that the document is given up.
func (in *Inbox) comeBack(u place.User, others []string, before []*record) {
	ctx, cancel := context.WithTimeout(in.work.ctx, storeTimeout)
	defer cancel()
	heads, err := in.headsOf(ctx, u, others)
	for i, h := range heads {
		if err == nil && h != nil && !isGroup(others[i]) && (before[i] == nil || before[i].pos < h.pos) {
			err = in.enter(ctx, u, others[i], false, new(entered))
		}
	}
	if err != nil {
		in.report(err) // they come back with their next message
	}
}

// emptyFor is longer than any follower is behind.
const emptyFor = time.Minute

// dispensable returns conversations whose documents can be given up, in the
// order in which they go: dismissed groups, then half of the conversations without
// settings. The newer half stays, since its first messages may be on their way.
func (in *Inbox) dispensable(ctx context.Context, u place.User, all peers) ([]string, error) {
	gone, err := in.goneGroups(ctx, u, all)
	if err != nil {
		return nil, err
	}
	var out []string
	for other, p := range all {
		if p.settings == (settings{}) && !p.Group.In {
			out = append(out, other)
		}
	}
	if len(out) > 0 {
		slices.SortFunc(out, func(a, b string) int {
			return cmp.Or(cmp.Compare(all[a].Touched, all[b].Touched), cmp.Compare(all[a].rev, all[b].rev))
		})
		return append(gone, out[:(len(out)+1)/2]...), nil
	}
	if len(gone) > 0 {
		return gone, nil
	}
	others := all.newestFirst()
	others = others[len(others)/2:]
	heads, err := in.headsOf(ctx, u, others)
	if err != nil {
		return nil, err
	}
	for i := len(others) - 1; i >= 0; i-- {
		if heads[i] == nil && !all[others[i]].Group.In {
			out = append(out, others[i])
		}
	}
	return out, nil
}

// goneGroups returns the groups that were dismissed, even if a new group has their ID
// by now. The members' documents do not show that, since dismissing a group writes
// none of them.
func (in *Inbox) goneGroups(ctx context.Context, u place.User, all peers) (gone []string, err error) {
	var names []string
	for other, p := range all {
		if p.Group.In {
			names = append(names, other)
		}
	}
	heads, err := in.headsOf(ctx, u, names)
	for i, h := range heads {
		if h != nil && !all[names[i]].sees(h) {
			gone = append(gone, names[i])
		}
	}
	return gone, err
}

// giveUp removes a document's body unless the document has changed.
func (in *Inbox) giveUp(ctx context.Context, u place.User, other string, rev uint64) error {
	subject := convSubject(u, other)
	pos, _, err := in.store.conversations.Append(ctx, subject, nil, rev, "")
	if errors.Is(err, bus.ErrConflict) {
		return nil
	}
	if err == nil {
		in.peers.saw(subject, pos, nil)
	}
	return err
}

// standing is a peer and the position of the document about them.
type standing struct {
	other string
	rev   uint64
}

// standings lists all of them, in no order.
func (p peers) standings() []standing {
	out := make([]standing, 0, len(p))
	for other, d := range p {
		out = append(out, standing{other, d.rev})
	}
	return out
}

// newestDocumentsFirst sorts a list, the document that was written last first.
func newestDocumentsFirst(list []standing) {
	slices.SortFunc(list, func(a, b standing) int { return cmp.Compare(b.rev, a.rev) })
}

// writtenBefore lists all of a user's conversations, those first whose documents
// were written last; with a rev, those that were written before it. What began a
// moment ago is among them.
func (u *user) writtenBefore(ctx context.Context, rev uint64) ([]standing, error) {
	for all := false; !all; {
		var err error
		if all, err = u.load(ctx); err != nil {
			return nil, err
		}
	}
	u.mu.Lock()
	list := slices.DeleteFunc(u.peers.standings(), func(one standing) bool {
		return isGroup(one.other) && !u.peers[one.other].Group.In // nothing of a group that they have left
	})
	u.mu.Unlock()
	spend(ctx, costStanding*len(list))
	list = slices.DeleteFunc(list, func(one standing) bool { return rev > 0 && one.rev >= rev })
	newestDocumentsFirst(list)
	return list, nil
}

// newestFirst lists the peers, the one whose document was written last first.
func (p peers) newestFirst() []string {
	list := p.standings()
	newestDocumentsFirst(list)
	return namesOf(list)
}

func namesOf(list []standing) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = one.other
	}
	return out
}

// conversationsFull returns the error of a user who has as many conversations as
// they may.
func conversationsFull(u place.User) error {
	return fault.With(fault.ConversationsFull, "of "+u.UserID)
}
