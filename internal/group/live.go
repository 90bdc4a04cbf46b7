package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// The profile of a live room (type AVChatRoom), its attributes and counters are kept
// as those of other groups. Who is in it is not: package live knows who is there now.
// A user has a member's document there only while they are muted or banned.

// maxOwned is the most live rooms that one user owns: nobody has to be in a room, so
// maxJoined does not bound them.
const maxOwned = 100

// away is member.Left in the documents of live rooms: they make nobody a member.
const away = 1

func (k key) room() live.Key { return live.Key{App: k.app, ID: k.id} }

// WithRooms lets the session join live rooms, and returns it.
func (s *Session) WithRooms(instance string, offer live.Offer) *Session {
	if s.r.o.Live != nil {
		s.instance, s.offer = instance, offer
	}
	return s
}

// inRooms returns the session in live rooms, which begins when it is first asked for:
// most sessions never are in one. nil: it cannot join any.
func (s *Session) inRooms() *live.Session {
	l := &s.r.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.live == nil && s.offer != nil {
		s.live = s.r.o.Live.Attach(s.user, s.instance, s.offer)
		if s.closed {
			s.live.Close()
		}
	}
	return s.live
}

// callerKey is the context key of the session that makes a call.
type callerKey struct{}

// sessionOf returns the session that makes a call; nil for the server API.
func sessionOf(ctx context.Context) *live.Session {
	s, _ := ctx.Value(callerKey{}).(*Session)
	if s == nil {
		return nil
	}
	return s.inRooms()
}

// counted returns a group with the number of members that a live room has now.
func (r *Room) counted(k key, g group) group {
	if g.Type == Live {
		g.Members = 0
		if r.o.Live != nil {
			g.Members = r.o.Live.Count(k.room())
		}
	}
	return g
}

// asPresent returns what a user is in a live room: a member if they are there with a
// session on this gateway, and are not about to be taken out. Groups of other types
// it leaves alone.
func (r *Room) asPresent(k key, g group, userID string, m member) member {
	if g.Type != Live {
		return m
	}
	if m.Born != g.Born {
		m = member{Born: g.Born}
	}
	if m.Left = away; r.o.Live == nil || m.Ban > r.now().Unix() {
		return m
	}
	if since, here := r.o.Live.Since(k.room(), userID); here {
		m.Left, m.Joined = 0, since.Unix()
	}
	return m
}

func nobodyIsBrought() error {
	return fault.With(fault.GroupNotPermitted, "nobody is brought into a live room: let everybody join it")
}

// createRoom creates a live room. Its owner has to join it like anybody else.
func (r *Room) createRoom(ctx context.Context, k key, u place.User, wished group, nonce string) (out createResult, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if err := r.mayOwn(ctx, k, u); err != nil {
		return out, err
	}
	g, err := change(ctx, r, k.profileSubject(), func(g *group) (bool, error) {
		now := r.now()
		if g.there() {
			if g.By != u.UserID || g.Nonce != nonce {
				return false, fault.New(fault.GroupIDTaken)
			}
			return false, nil
		}
		born := max(now.UnixMilli(), g.Born+1)
		*g = wished
		g.Owner, g.By, g.Nonce, g.Born, g.Created = u.UserID, u.UserID, nonce, born, now.Unix()
		g.raise(now.Unix())
		return true, nil
	})
	if err != nil {
		return out, err
	}
	id := "create " + u.UserID + " " + nonce
	r.afterCreate(ctx, k, g, id, nil)
	r.notify(ctx, k, g, id, notice{OperatorID: u.UserID, OperationType: noticeCreated}, u.UserID)
	m, role, err := r.role(ctx, k, g, u.UserID)
	out.Group = r.counted(k, g).seen(k.id, u.UserID, m, role)
	return out, err
}

// mayOwn enters a room that is about to be created among those of its owner, unless
// they have too many. The entry is written before the room, so each room has one.
func (r *Room) mayOwn(ctx context.Context, k key, u place.User) error {
	all, err := r.log.Subjects(ctx, ownedPattern(u))
	if err != nil {
		return err
	}
	if len(all) >= maxOwned {
		if all, err = r.stillOwned(ctx, u, all); err != nil {
			return err
		}
	}
	if len(all) >= maxOwned {
		return fault.With(fault.TooManyGroups, strconv.Itoa(maxOwned)+" live rooms: dismiss some first")
	}
	_, err = change(ctx, r, k.ownedSubject(u.UserID), func(j *joined) (bool, error) {
		*j = joined{At: r.now().UnixMilli()}
		return true, nil
	})
	return err
}

// stillOwned removes the entries of rooms that a user does not own, and returns the
// others. An entry that is written just now stays: its room follows.
func (r *Room) stillOwned(ctx context.Context, u place.User, subjects []string) (owned []string, err error) {
	for _, subject := range subjects {
		p, err := parse(subject)
		if err != nil {
			return nil, err
		}
		entry, rev, err := get[joined](ctx, r, subject)
		if err != nil {
			return nil, err
		}
		g, _, err := get[group](ctx, r, p.key.profileSubject())
		switch {
		case err != nil:
			return nil, err
		case g.there() && g.Owner == u.UserID || r.now().UnixMilli()-entry.At < 2*turnAge:
			owned = append(owned, subject)
		case rev != 0:
			if err := r.log.Remove(ctx, subject, rev); err != nil {
				return nil, err
			}
		}
	}
	return owned, nil
}

// forgetOwned dismisses the live rooms of a user whose account is deleted.
func (r *Room) forgetOwned(ctx context.Context, u place.User) error {
	all, err := r.log.Subjects(ctx, ownedPattern(u))
	if err != nil {
		return err
	}
	for _, subject := range all {
		p, err := parse(subject)
		if err == nil {
			err = r.dismiss(ctx, p.key, u.UserID, func(g group) error {
				if g.Owner != u.UserID {
					return fault.New(fault.GroupNotPermitted) // only the entry is left
				}
				return nil
			})
		}
		if err != nil && !isRefusal(err) {
			return err
		}
		if err := r.disown(ctx, p.key, u.UserID); err != nil {
			return err
		}
	}
	return nil
}

// disown removes the entry of a room that its owner has no longer.
func (r *Room) disown(ctx context.Context, k key, owner string) error {
	_, rev, err := get[joined](ctx, r, k.ownedSubject(owner))
	if err == nil && rev != 0 {
		err = r.log.Remove(ctx, k.ownedSubject(owner), rev)
	}
	return err
}

// joinRoom brings the calling session into a live room. It enters first and then
// reads again whether the user may, so that it misses neither the end of the room
// nor a ban that comes meanwhile. The hooks are asked before, unless the session is
// there already.
func (r *Room) joinRoom(ctx context.Context, k key, u place.User, g group, m member, role Role) (any, error) {
	s := sessionOf(ctx)
	if s == nil {
		return nil, fault.With(fault.GroupNotPermitted, "a live room is joined by a client that is logged in")
	}
	if !s.In(k.room()) {
		if err := r.notBanned(m, role); err != nil {
			return nil, err
		}
		if _, err := r.before(ctx, k, g, Event{Kind: BeforeJoin, Operator: u.UserID, Users: []string{u.UserID}}); err != nil {
			return nil, err
		}
	}
	came, err := s.Join(ctx, k.room())
	if err != nil {
		return nil, err
	}
	if g, m, role, err = r.as(ctx, k, u); err == nil {
		err = r.notBanned(m, role)
	}
	if err != nil {
		if came || isRefusal(err) { // whoever is there stays when only the store fails
			s.Leave(k.room())
		}
		return nil, err
	}
	if !s.LetIn(k.room(), g.Born) {
		return nil, fault.With(fault.GroupNotPermitted, "this session has left the live room meanwhile, or was taken out of it: join it again")
	}
	shape := g.seen(k.id, u.UserID, m, role)
	if !came {
		return joinResult{statusAlready, &shape}, nil
	}
	return joinResult{statusJoined, &shape}, nil
}

// notBanned refuses a user who is banned from a live room.
func (r *Room) notBanned(m member, role Role) error {
	left := m.Ban - r.now().Unix()
	if left <= 0 || role >= AppAdmin {
		return nil
	}
	return fault.With(fault.GroupNotPermitted, "they were removed from this live room and may come back in "+strconv.FormatInt(left, 10)+" s")
}

// quitRoom takes the calling session out of a live room. Its owner may not quit: a
// room has nobody to hand it on to.
func (r *Room) quitRoom(ctx context.Context, k key, g group, u place.User) error {
	if g.Owner == u.UserID {
		return fault.New(fault.OwnerMayNotQuit)
	}
	if s := sessionOf(ctx); s == nil || !s.Leave(k.room()) {
		return fault.With(fault.GroupNotPermitted, "this session is not in the live room")
	}
	return nil
}

// ban removes users from a live room, who may not come back for a while and are told
// why. They need not be there. The gateways that they are on take them out once they
// see the documents (endStay).
func (r *Room) ban(ctx context.Context, k key, u place.User, g group, role Role, ids []string, seconds int64, why string) error {
	if seconds <= 0 || seconds > maxMute {
		return fault.With(fault.GroupBadParameters, "pass as duration for how many seconds they may not come back into the live room, 1 to "+strconv.Itoa(maxMute)+"; the server API has ban_group_member for that")
	}
	for _, id := range ids {
		if err := g.Type.May(Ban, role, targetIn(g, id)); err != nil {
			return fault.With(fault.GroupNotPermitted, id+" cannot be removed by this user")
		}
	}
	if err := r.mayHold(ctx, k, len(ids)); err != nil {
		return err
	}
	until := r.now().Unix() + seconds
	if err := bus.Spread(len(ids), func(i int) error {
		_, err := change(ctx, r, k.memberSubject(ids[i]), func(m *member) (bool, error) {
			*m = m.stored(g)
			m.Ban, m.LeftBy, m.Why = until, u.UserID, why
			return true, nil
		})
		return err
	}); err != nil {
		return err
	}
	r.tellLate(ctx, k, g, told{operation: tipBanned, operator: u.UserID, users: ids})
	return nil
}

// stored returns a user's document in a live room, to be changed and stored.
func (m member) stored(g group) member {
	if m.Born != g.Born {
		return member{Born: g.Born, Left: away}
	}
	m.Left = away
	return m
}

// targetIn returns the role of a user in a live room, wherever they are.
func targetIn(g group, userID string) Role {
	if g.Owner == userID {
		return Owner
	}
	return Member
}

// roomHeard returns what paces notifications to the members of a live room who are on
// this gateway; nil if there are none. It needs listeners.mu.
func (r *Room) roomHeard(k key) *heard {
	l := &r.listeners
	h := l.rooms[k]
	if h == nil && r.o.Live != nil && r.o.Live.Here(k.room()) {
		h = newHeard()
		h.idle = func() { delete(l.rooms, k) }
		l.rooms[k] = h
	}
	return h
}
