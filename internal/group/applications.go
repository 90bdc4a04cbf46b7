package group

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// apply stores an application, which then waits for a manager. A user who waits
// already keeps their place; the new note replaces the old one.
func (r *Room) apply(ctx context.Context, k key, g group, userID string, a application) error {
	waiting, err := r.waiting(ctx, k, g)
	if err != nil {
		return err
	}
	if len(waiting) >= maxWaiting && !slices.ContainsFunc(waiting, func(w waitingOne) bool { return w.userID == userID }) {
		return fault.With(fault.GroupTooFrequent, "too many wait to come into this group")
	}
	a.Born, a.At, a.Key = g.Born, r.now().UnixMilli(), r.random()
	fresh := true
	_, err = change(ctx, r, k.applicationSubject(userID), func(have *application) (bool, error) {
		if fresh = !have.waits(g, a.At) || have.Key == a.Key; !fresh {
			if have.Note == a.Note && have.Inviter == a.Inviter {
				return false, nil
			}
			a.Key = have.Key
		}
		*have = a
		return true, nil
	})
	if err == nil && fresh {
		err = r.notifyManagers(ctx, k, g, userID, a)
	}
	return err
}

type waitingOne struct {
	userID string
	application
}

// waiting returns the applications that wait for a group, the oldest first. Those
// that wait no longer are removed in the background.
func (r *Room) waiting(ctx context.Context, k key, g group) ([]waitingOne, error) {
	values, err := r.under(ctx, k.applicationPattern())
	if err != nil {
		return nil, err
	}
	var out []waitingOne
	var old []bus.Value
	now := r.now().UnixMilli()
	for _, v := range values {
		a, err := decode[application](v.Data)
		if err != nil {
			return nil, err
		}
		p, err := parse(v.Subject)
		switch {
		case err != nil: // removed meanwhile
		case a.waits(g, now):
			out = append(out, waitingOne{p.userID, a})
		case now-a.At >= applicationAge || a.Born != g.Born || a.Handled != "" && now-v.Time.UnixMilli() >= repeatedWithin:
			old = append(old, v)
		}
	}
	if len(old) > 0 {
		r.chores.add(func(ctx context.Context) { r.remove(ctx, old) })
	}
	slices.SortFunc(out, func(a, b waitingOne) int { return int(a.At - b.At) })
	return out, nil
}

// removedAtOnce is the most documents that one job removes, since other jobs wait
// behind it. The next call that reads the remaining ones removes more.
const removedAtOnce = 64

// remove removes documents, unless they have changed since they were read.
func (r *Room) remove(ctx context.Context, old []bus.Value) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for _, v := range old[:min(len(old), removedAtOnce)] {
		if err := r.log.Remove(ctx, v.Subject, v.Seq); err != nil {
			r.report("removing what is old", err)
			return
		}
	}
}

type applicationsResult struct {
	ApplicationList []Application `json:"applicationList"`
	Next            string        `json:"next,omitempty"`
}

// applications lists the applications for the groups that a user manages, with
// listAtOnce groups a page.
func applications(ctx context.Context, r *Room, u place.User, p listParams) (any, error) {
	some, next, err := r.groupsOf(ctx, u, p.Next)
	if err != nil {
		return nil, err
	}
	out, size := applicationsResult{ApplicationList: []Application{}, Next: next}, 0
	for _, one := range some {
		list, err := r.applicationsOf(ctx, one.key, u)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			size += len(encode(a)) + 1
		}
		if size > r.o.Frame && len(out.ApplicationList) > 0 {
			out.Next = one.key.id
			break
		}
		out.ApplicationList = append(out.ApplicationList, list[:fitting(list, r.o.Frame)]...)
	}
	return out, nil
}

// applicationsOf returns the applications for a group, if the user may handle them.
func (r *Room) applicationsOf(ctx context.Context, k key, u place.User) ([]Application, error) {
	g, _, _, err := r.may(ctx, k, u, Handle)
	if isRefusal(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := r.waiting(ctx, k, g)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	list = list[:min(len(list), maxWaiting)]
	out, ids := make([]Application, len(list)), make([]string, len(list))
	for i, w := range list {
		a := Application{
			Applicant: w.userID, UserID: w.userID, GroupID: k.id, GroupName: g.Name,
			Note: w.Note, Time: w.At / 1000, Authentication: w.Key, MessageKey: w.Key,
		}
		if w.Inviter != "" {
			a.Applicant, a.ApplicationType = w.Inviter, 2
		}
		out[i], ids[i] = a, a.Applicant
	}
	people, err := r.o.Profiles(ctx, k.app, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].ApplicantNick = people[i].Nick
	}
	return out, nil
}

type handleParams struct {
	GroupID        string `json:"groupID"`
	UserID         string `json:"userID"`
	HandleAction   string `json:"handleAction"`
	HandleMessage  string `json:"handleMessage"`
	Authentication string `json:"authentication"`
}

const (
	actionAgree  = "Agree"
	actionReject = "Reject"
)

func handle(ctx context.Context, r *Room, u place.User, p handleParams) (any, error) {
	if !frame.ValidUserID(p.UserID) || p.HandleAction != actionAgree && p.HandleAction != actionReject {
		return nil, fault.With(fault.GroupBadParameters, "name a userID and the handleAction Agree or Reject")
	}
	if err := checkText("handleMessage", &p.HandleMessage, maxNote); err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	_, m, role, err := r.may(ctx, k, u, Handle)
	if err != nil {
		return nil, err
	}
	g, err := r.handle(ctx, k, u, p)
	if err != nil {
		return nil, err
	}
	return groupResult{g.seen(k.id, u.UserID, m, role)}, nil
}

// handle decides on an application. It does so in the group's turn, so that only
// one manager decides. A user who is let in becomes a member first; then the
// application is marked as handled.
func (r *Room) handle(ctx context.Context, k key, u place.User, p handleParams) (group, error) {
	agreed := p.HandleAction == actionAgree
	var handled application
	g, err := r.inTurn(ctx, k, func(ctx context.Context, g group) (e effect, err error) {
		_, role, err := r.role(ctx, k, g, u.UserID)
		if err == nil {
			err = g.Type.May(Handle, role, Stranger)
		}
		if err != nil {
			return e, err
		}
		a, _, err := get[application](ctx, r, k.applicationSubject(p.UserID))
		switch {
		case err != nil:
			return e, err
		case a.Key != p.Authentication || a.Born != g.Born:
			return e, fault.New(fault.ApplicationHandled)
		case a.Handled == u.UserID && a.Agreed == agreed: // the repetition of a call
			return e, nil
		case !a.waits(g, r.now().UnixMilli()):
			return e, fault.New(fault.ApplicationHandled)
		}
		if agreed {
			if g.Members >= g.Most {
				return e, fault.New(fault.GroupFull)
			}
			if err := r.mayCome(ctx, k.user(p.UserID)); err != nil {
				return e, err
			}
			came, err := r.enter(ctx, k, g, p.UserID, member{By: u.UserID})
			if came {
				e.members = 1
				t := cameBy(u.UserID, p.UserID)
				t.asked = a.Inviter == ""
				e.told = []told{t}
			}
			if err != nil {
				return e, err
			}
		}
		handled, err = change(ctx, r, k.applicationSubject(p.UserID), func(a *application) (bool, error) {
			a.Handled, a.Agreed, a.Answer = u.UserID, agreed, p.HandleMessage
			return true, nil
		})
		return e, err
	})
	if err == nil && handled.Handled != "" {
		r.notifyHandled(ctx, k, g, p.UserID, handled)
	}
	return g, err
}

// notifyHandled tells whoever made an application that it was handled: the user,
// or the member who invited them.
func (r *Room) notifyHandled(ctx context.Context, k key, g group, userID string, a application) {
	says, to := noticeRefused, userID
	if a.Agreed {
		says = noticeAgreed
	}
	if a.Inviter != "" {
		says, to = noticeDeclined, a.Inviter
		if a.Agreed {
			says = noticeAccepted
			r.notify(ctx, k, g, a.Key+" in", notice{OperatorID: a.Inviter, OperationType: noticeInvited}, userID)
		}
	}
	r.notify(ctx, k, g, a.Key, notice{OperatorID: a.Handled, OperationType: says, HandleMessage: a.Answer, UserIDList: []string{userID}}, to)
}

// notifyManagers tells those who may handle an application of it.
func (r *Room) notifyManagers(ctx context.Context, k key, g group, userID string, a application) error {
	if r.o.Log == nil {
		return nil
	}
	managers, err := r.managersOf(ctx, k, g)
	if err != nil {
		return err
	}
	n := notice{
		OperatorID: userID, OperationType: noticeApplication, HandleMessage: a.Note,
		MessageKey: a.Key, Authentication: a.Key, UserIDList: []string{userID},
	}
	if a.Inviter != "" {
		n.OperatorID, n.OperationType = a.Inviter, noticeInvitation
	}
	r.notify(ctx, k, g, a.Key, n, managers...)
	return nil
}
