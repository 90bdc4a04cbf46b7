package inbox

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

const (
	// maxAt is the most users whom one message may mention.
	maxAt = 30
	// atAll mentions everybody, in the original's spelling.
	atAll = "__kImSDK_MesssageAtALL__"
)

// sendToGroup is sendMessage to a group.
func (s *Session) sendToGroup(ctx context.Context, p sendParams) (any, error) {
	u := s.user.User
	checks := s.in.part(ctx, "message.checks")
	defer checks.End(0) // of one that is refused, or stored nowhere
	refused := s.in.maySend(ctx, u, !p.OnlineUserOnly)
	created, err := s.in.checkID(u, p.ID)
	if err != nil {
		return nil, err
	}
	if !frame.ValidGroupID(p.GroupID) {
		return nil, fault.With(fault.BadGroupID, "the message's receiver is no group ID")
	}
	name := groupName(p.GroupID)
	if refused != nil { // as in sendMessage
		return s.unlessStored(ctx, name, p.ID, created, refused)
	}
	c, key, err := s.groupContent(ctx, u, p)
	if err != nil {
		return nil, err
	}
	as, err := s.in.maySpeak(ctx, u, p.GroupID, c)
	if err != nil {
		return nil, err
	}
	if !as.Live && !p.OnlineUserOnly && s.in.mayBeOld(created, p.Resend) {
		if r, err := s.first(ctx, name, p.ID, created); r != nil || err != nil {
			return s.in.answerRepetition(ctx, u, r, err)
		}
	}
	// It comes after the other checks, so that only members use up the group's rate.
	// A live room has its own.
	if !as.Live {
		if refused := s.in.takeOfGroup(pairOf(u.SDKAppID, "", name)); refused != nil {
			return s.unlessStored(ctx, name, p.ID, created, refused)
		}
	}
	err = s.in.beforeContent(ctx, Outgoing{From: u, Group: p.GroupID, OnlineOnly: p.OnlineUserOnly}, c)
	dropped := errors.Is(err, ErrDropped)
	if err != nil && !dropped {
		return s.unlessStored(ctx, name, p.ID, created, err)
	}
	if s.in.o.Hooks != nil { // they may have been muted or removed while the hooks were asked
		if as, err = s.in.maySpeak(ctx, u, p.GroupID, c); err != nil {
			return nil, err
		}
	}
	c.Card = as.NameCard
	c.Extends = p.Extends && !p.OnlineUserOnly && !as.Live
	if p.NeedReadReceipt && !p.OnlineUserOnly && as.Readers > 0 {
		c.Receipt, c.Readers = true, as.Readers
	}
	if c.Payload, err = s.in.attachFiles(ctx, u, key, c.Type, c.Payload); err != nil {
		return nil, err
	}
	if dropped {
		r := newLive(u, name, c, key, s.in.now()).record()
		return messageResult{liveMessage(r, r.By)}, nil
	}
	if as.Live {
		m, err := s.in.sayInRoom(ctx, u, p.GroupID, p.Priority, c, as.Manages)
		return messageResult{m}, err
	}
	if p.OnlineUserOnly {
		m, err := s.in.sendLive(ctx, u, name, c, key)
		return messageResult{m}, err
	}
	checks.End(0)
	r, again, err := s.in.storeInGroup(ctx, u, p.GroupID, c, key, as)
	if again || err != nil {
		return s.in.answerRepetition(ctx, u, r, err)
	}
	if !r.Message.Uncounted {
		names := []string{name}
		s.user.begin(names)
		err := s.in.raiseRead(ctx, s.user, r, r.readByAuthor(), true)
		s.user.end(names) // tells the sessions if the sender has only now become a member
		if err != nil {
			s.in.report(err) // the message is stored nevertheless
		}
	}
	if err := s.in.after(ctx, r, false); err != nil {
		return nil, err
	}
	f := flags{}
	if c.Receipt {
		f.receipt = r.readBy(0)
	}
	return messageResult{groupMessage(r, f)}, nil
}

// groupContent checks what a message to a group says.
func (s *Session) groupContent(ctx context.Context, u place.User, p sendParams) (c *content, key string, err error) {
	at, err := mentioned(p.AtUserList)
	if err != nil {
		return nil, "", err
	}
	payload, err := s.in.cleanSend(p)
	if err != nil {
		return nil, "", err
	}
	me, err := read[Profile](ctx, s.in, u, docProfile)
	if err != nil {
		return nil, "", err
	}
	return &content{
		ID: p.ID, Instance: s.instance, Type: p.Type, Payload: payload, Cloud: p.CloudCustomData, At: at,
		Nick: me.Nick, Avatar: me.Avatar, Random: p.Random, ClientTime: p.ClientTime, Quote: p.Quote,
	}, clientDedup(u, groupName(p.GroupID), p.ID), nil
}

// mentioned checks the users whom a message mentions.
func mentioned(list []string) ([]string, error) {
	if list = distinct(list); len(list) == 0 {
		return nil, nil
	}
	if len(list) > maxAt {
		return nil, fault.With(fault.BadParameters, "a message mentions "+strconv.Itoa(maxAt)+" users at most")
	}
	for _, id := range list {
		if !frame.ValidUserID(id) {
			return nil, fault.With(fault.BadParameters, "no UserID: "+strconv.Quote(id))
		}
	}
	return list, nil
}

// takeOfGroup takes one of the messages that a group takes in a second, or refuses.
func (in *Inbox) takeOfGroup(p pair) error {
	if in.groupRates.take(p, in.now()) {
		return nil
	}
	return fault.With(fault.GroupTooFrequent, "more than "+strconv.Itoa(in.o.GroupRate)+" messages a second")
}

// maySpeak refuses a message that its sender may not send to the group; c is nil for
// what has no words, a reaction for example.
func (in *Inbox) maySpeak(ctx context.Context, u place.User, groupID string, c *content) (Standing, error) {
	as, err := in.standing(ctx, u, groupID)
	switch {
	case err != nil:
	case as.Topics:
		err = fault.New(fault.OnlyInTopics)
	case !as.Member:
		err = fault.With(fault.GroupNotPermitted, "only members send messages to a group")
	case as.Muted:
		err = fault.New(fault.GroupMuted)
	case c != nil && slices.Contains(c.At, atAll) && !as.AtAll:
		err = fault.With(fault.GroupNotPermitted, "only the owner and administrators mention everybody")
	}
	return as, err
}

// storeInGroup is storeOnce for a group.
func (in *Inbox) storeInGroup(ctx context.Context, from place.User, groupID string, c *content, key string, as Standing) (r *record, again bool, err error) {
	p := pairOf(from.SDKAppID, "", groupName(groupID))
	if err := in.ensureIn(ctx, from, p, as); err != nil {
		return nil, false, err
	}
	c.Uncounted = !as.Counts
	r, again, err = in.appendMessage(ctx, p, key, c.ID, func(prev *record) (*record, error) {
		prev, err := prev.of(as)
		if err != nil {
			return nil, err
		}
		r := next(prev, kindMessage, 1, in.now().UnixMilli())
		r.From, r.Born, r.Message, r.Names = from.UserID, as.Born, c, len(c.At) > 0
		r.Seq++
		if !c.Uncounted {
			r.Sent[0]++
		}
		return r, nil
	})
	return r, again, err
}

// of returns the newest record of a log for whoever adds to it in a group where they
// are as: nil if the log has expired, or is that of an earlier group with the ID. It
// refuses if the group has ended, or was made anew since as was asked for.
func (r *record) of(as Standing) (*record, error) {
	switch {
	case r == nil || r.Born < as.Born:
		return nil, nil
	case r.Born > as.Born || r.Gone:
		return nil, fault.New(fault.NoSuchGroup)
	}
	return r, nil
}

// ensureIn gives the group's conversation to a sender who is a member according to
// package group but whose document does not say so: a gateway may have died in
// between.
//
// The sender may also have just left. So ensureIn asks package group again after it
// has written the document, and takes the conversation back if they are no member
// now. A user who leaves later loses it as usual, since package group writes its own
// documents before this one.
func (in *Inbox) ensureIn(ctx context.Context, u place.User, p pair, as Standing) error {
	known, err := in.knownDocument(ctx, u, p.users[0])
	if err != nil || known.Group.In && known.Group.Born == as.Born || !as.Member {
		return err
	}
	// A sender who hangs up in between must not keep the conversation.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	head, err := in.beginGroup(ctx, p, as.Born, in.now())
	if err != nil {
		return err
	}
	if _, err := in.join(ctx, u, p, head, head.pos, as.Born, as.Older); err != nil {
		return err
	}
	groupID, _ := p.group()
	now, err := in.standing(ctx, u, groupID)
	if err == nil && now.Member && now.Born == as.Born {
		kept, err := in.document(ctx, u, p.users[0])
		if err == nil {
			in.adoptHere(u, p.users[0], kept)
		}
		return err
	}
	if err == nil {
		err = fault.With(fault.GroupNotPermitted, "only members send messages to a group")
	}
	return errors.Join(err, in.leave(ctx, u, p, head, as.Born))
}

// adoptHere has the sessions that a user has here hear of a group that they are in, as
// their document says: the follower of documents may bring that later than the group's
// next message comes.
func (in *Inbox) adoptHere(u place.User, name string, kept peer) {
	if l := in.local(u); l != nil {
		names := []string{name}
		l.begin(names)
		l.set(name, kept)
		l.end(names) // tells the sessions
	}
}

// groupRates holds how many messages each group still takes.
type groupRates struct {
	most int // a second, and at once

	mu  sync.Mutex // guards what follows
	all map[pair]*rate.Limiter
}

// take reports whether a group takes one more message now.
func (g *groupRates) take(p pair, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.all[p]
	if l == nil {
		if len(g.all) >= leastSweep {
			for k, l := range g.all { // a new one would be equal
				if l.TokensAt(now) >= float64(g.most) {
					delete(g.all, k)
				}
			}
		}
		l = rate.NewLimiter(rate.Limit(g.most), g.most)
		g.all[p] = l
	}
	return l.AllowN(now, 1)
}
