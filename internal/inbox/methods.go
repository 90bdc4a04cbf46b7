package inbox

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

type conversationParams struct {
	ConversationID  string   `json:"conversationID"`
	ConversationIDs []string `json:"conversationIDs"`
	ClearHistory    bool     `json:"clearHistory"`
	IsPinned        bool     `json:"isPinned"`
	DraftText       string   `json:"draftText"`
	CustomData      string   `json:"customData"`
	Before          uint64   `json:"before"`
	Count           int      `json:"count"`
	Position        uint64   `json:"position"`
	Positions       []uint64 `json:"positions"`
	Cursor          string   `json:"cursor"`
}

type usersParams struct {
	UserIDs []string `json:"userIDs"`
}

type readAllParams struct {
	Cursor string `json:"cursor"`
	Next   uint64 `json:"next,omitempty"`
}

type readAllResult struct {
	Next uint64 `json:"next,omitempty"`
}

type ackParams struct {
	Cursor string `json:"cursor"`
}

type statusParams struct {
	CustomStatus string `json:"customStatus"`
}

type listResult struct {
	Messages    []Message `json:"messages"`
	Next        uint64    `json:"next"`
	IsCompleted bool      `json:"isCompleted"`
}

type nothing struct{}

// call is a method with its params still to be decoded.
type call func(ctx context.Context, s *Session, params json.RawMessage) (any, error)

// with decodes params for a method.
func with[P any](f func(ctx context.Context, s *Session, p P) (any, error)) call {
	return func(ctx context.Context, s *Session, params json.RawMessage) (any, error) {
		var p P
		if len(params) > 0 {
			if f := jsonframe.Params(params, &p); f != nil {
				return nil, f
			}
		}
		return f(ctx, s, p)
	}
}

// inConversation is with for methods of one conversation that exists.
func inConversation(f func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error)) call {
	return with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		peer, ok := peerOf(p.ConversationID)
		if !ok {
			return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
		}
		c := pairOf(s.user.SDKAppID, s.user.UserID, peer)
		return f(ctx, s, c, c.side(s.user.UserID), p)
	})
}

// Methods lists the calls that Session.Call serves.
func Methods() []string {
	out := make([]string, 0, len(calls))
	for name := range calls {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

var calls = map[string]call{
	frame.SessionSync: with(func(ctx context.Context, s *Session, p syncParams) (any, error) { return s.sync(ctx, p) }),
	frame.SessionMore: with(func(ctx context.Context, s *Session, _ nothing) (any, error) { return s.more(ctx) }),
	frame.MessageSend: with(func(ctx context.Context, s *Session, p sendParams) (any, error) { return s.sendMessage(ctx, p) }),
	frame.MessageList: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		if p.Count <= 0 || p.Count > window {
			p.Count = window
		}
		got, err := s.in.history(ctx, c, side, p.Before, p.Count)
		if got.messages == nil {
			got.messages = []Message{}
		}
		return listResult{got.messages, got.next, got.complete}, err
	}),
	frame.MessageRead: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.in.markRead(ctx, c, side, s.in.seen(p.Cursor))
	}),
	frame.MessageReadAll: with(func(ctx context.Context, s *Session, p readAllParams) (any, error) {
		return s.readAll(ctx, s.in.seen(p.Cursor), p.Next)
	}),
	frame.MessageDelete: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.deleteMessages(ctx, c, side, p.Positions)
	}),
	frame.MessageRevoke: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		r, err := s.in.revoke(ctx, c, side, p.Position)
		if err != nil {
			return nil, err
		}
		return messageResult{message(r.revoked(), r, flags{Revoked: true, By: c.users[r.By]}, side)}, nil
	}),
	frame.MessageAck: with(func(ctx context.Context, s *Session, p ackParams) (any, error) {
		c, ok := s.in.parse(p.Cursor)
		if ok && !c.pos.within(s.in.messages.Pos()) { // another gateway's follower may have been ahead
			if _, err := s.in.level(ctx); err != nil {
				return nil, err
			}
		}
		if !ok || !c.pos.within(s.in.messages.Pos()) {
			return nil, badCursor()
		}
		s.user.ack(c.pos)
		return nothing{}, nil
	}),
	frame.ConversationDelete: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		return s.deleteConversations(ctx, p)
	}),
	frame.ConversationClear: inConversation(func(ctx context.Context, s *Session, c pair, side int, _ conversationParams) (any, error) {
		return nothing{}, s.clear(ctx, []string{c.users[c.other(side)]}, false, true)
	}),
	frame.ConversationPin: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.change(ctx, []string{c.users[c.other(side)]}, func(_ string, v *settings) { v.Pinned = p.IsPinned })
	}),
	frame.ConversationDraft: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		if !validText(p.DraftText, 1000) {
			return nil, fault.With(fault.BadParameters, "draftText is over 1000 bytes")
		}
		return nothing{}, s.change(ctx, []string{c.users[c.other(side)]}, func(_ string, v *settings) { v.Draft = p.DraftText })
	}),
	frame.ConversationCustom: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		others, err := peersIn(p.ConversationIDs)
		if err != nil {
			return nil, err
		}
		if !validText(p.CustomData, 256) {
			return nil, fault.With(fault.BadParameters, "customData is over 256 bytes")
		}
		return nothing{}, s.change(ctx, others, func(_ string, v *settings) { v.Custom = p.CustomData })
	}),
	frame.ProfileGet: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		if len(p.UserIDs) == 0 {
			p.UserIDs = []string{s.user.UserID}
		}
		if err := checkUsers(p.UserIDs, maxUsers); err != nil {
			return nil, err
		}
		list, err := s.in.profiles(ctx, s.user.SDKAppID, p.UserIDs)
		return profilesResult{fitting(list, s.in.o.Frame)}, err
	}),
	frame.ProfileSet: with(func(ctx context.Context, s *Session, p profileFields) (any, error) {
		if err := s.in.maySay(ctx, s.user.User, "profiles of "+s.user.UserID); err != nil {
			return nil, err
		}
		v, err := s.in.setProfile(ctx, s.user.User, p)
		return profileNote{v}, err
	}),
	frame.BlacklistGet: with(func(ctx context.Context, s *Session, _ nothing) (any, error) {
		v, err := read[[]string](ctx, s.in, s.user.User, docBlack)
		return blacklist{orEmpty(v)}, err
	}),
	frame.BlacklistAdd: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxBlacklist)
		if err != nil {
			return nil, err
		}
		v, err := s.in.changeBlacklist(ctx, s.user.User, ids, nil)
		return blacklist{v}, err
	}),
	frame.BlacklistRemove: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxBlacklist)
		if err != nil {
			return nil, err
		}
		v, err := s.in.changeBlacklist(ctx, s.user.User, nil, ids)
		return blacklist{v}, err
	}),
	frame.StatusGet: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		if err := checkUsers(p.UserIDs, maxUsers); err != nil {
			return nil, err
		}
		list, err := s.in.statuses(ctx, s.user.SDKAppID, p.UserIDs, false)
		return statusNote{fitting(list, s.in.o.Frame)}, err
	}),
	frame.StatusSet: with(func(ctx context.Context, s *Session, p statusParams) (any, error) {
		st, err := s.setStatus(ctx, p.CustomStatus)
		return struct {
			Status Status `json:"status"`
		}{st}, err
	}),
	frame.StatusWatch: with(func(ctx context.Context, s *Session, p usersParams) (any, error) {
		ids, err := distinctUsers(p.UserIDs, maxUsers)
		if err != nil {
			return nil, err
		}
		return nothing{}, s.watchUsers(ctx, ids)
	}),
	frame.StatusUnwatch: with(func(_ context.Context, s *Session, p usersParams) (any, error) {
		if len(p.UserIDs) == 0 {
			s.unwatchUsers(nil) // all of them
			return nothing{}, nil
		}
		ids, err := distinctUsers(p.UserIDs, maxWatches)
		if err != nil {
			return nil, err
		}
		s.unwatchUsers(ids)
		return nothing{}, nil
	}),
}

// alwaysServed are the calls that end what was begun: a client that could not
// end a synchronisation would begin it again, which costs most.
var alwaysServed = map[string]bool{frame.SessionMore: true, frame.MessageAck: true}

// Call serves one request of the client, in the order in which they came. The
// result is JSON; the error, where there is one, a *fault.Error.
func (s *Session) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, *fault.Error) {
	f, ok := calls[method]
	if !ok {
		return nil, &fault.Error{Code: frame.CodeNoMethod, Message: "There is no such method: check " + strconv.Quote(method) + " against the version of the gateway."}
	}
	s.calls.Lock()
	defer s.calls.Unlock()
	s.user.mu.Lock()
	closed := s.closed
	s.user.mu.Unlock()
	if closed {
		return nil, fault.New(fault.NotLoggedIn)
	}
	u := s.user.User
	if !alwaysServed[method] && !s.in.rates.mayWork(u, s.in.now()) {
		return nil, fault.With(fault.TooFrequent, "what "+u.UserID+" asks for costs too much")
	}
	ctx, cancel := context.WithTimeout(counted(ctx), storeTimeout)
	defer cancel()
	v, err := s.serve(ctx, method, f, params)
	s.in.rates.worked(u, s.in.now(), spent(ctx)+int64(len(params)/costParams))
	s.in.charge(ctx, u)
	if err != nil {
		return nil, s.in.failed(method, err)
	}
	data := encode(v)
	if data == nil {
		return nil, fault.With(fault.Internal, method)
	}
	return data, nil
}

// serve calls a method unless its user may store nothing more. message.send
// looks at that itself: a repetition stores nothing.
func (s *Session) serve(ctx context.Context, method string, f call, params json.RawMessage) (any, error) {
	if growing[method] && method != frame.MessageSend {
		if err := s.in.may(ctx, s.user.User, quotaBytes, 1); err != nil {
			return nil, err
		}
	}
	return f(ctx, s, params)
}

// readAll marks conversations as read, those first whose documents were written
// last. One call looks at as many as a part of a sync does; the next one goes on
// with those that were written before next.
func (s *Session) readAll(ctx context.Context, upTo positions, next uint64) (any, error) {
	u := s.user
	if err := u.loadAll(ctx); err != nil {
		return nil, err
	}
	u.mu.Lock()
	others := u.peers.newestFirst()
	u.mu.Unlock()
	if next > 0 {
		kept := u.peersOf(others)
		n := slices.IndexFunc(kept, func(p peer) bool { return p.rev < next })
		if n < 0 {
			return readAllResult{}, nil
		}
		others = others[n:]
	}
	began, read := spent(ctx), 0
	for some := range slices.Chunk(others, headsAtOnce) {
		heads, err := s.in.headsOf(ctx, u.User, some)
		if err != nil {
			return nil, err
		}
		kept := u.peersOf(some) // before they are marked, which may touch them
		for i, h := range heads {
			if h != nil && h.unread(h.pair.side(u.UserID), kept[i].settings) != 0 {
				if err := s.in.markRead(ctx, h.pair, h.pair.side(u.UserID), upTo); err != nil {
					return nil, err
				}
			}
			if read++; read < len(others) && (read >= syncHeads || spent(ctx)-began > maxReadAll) {
				return readAllResult{kept[i].rev}, nil
			}
		}
	}
	return readAllResult{}, nil
}

// change sets settings of conversations, and tells of them at once instead of
// waiting for the follower.
func (s *Session) change(ctx context.Context, others []string, f func(other string, v *settings)) error {
	u := s.user
	u.begin(others)
	defer u.end(others)
	err := s.keep(ctx, others, f)
	u.refresh(ctx, others) // those that were changed before another one failed, too
	return err
}

// keep is change without telling, which the caller does.
func (s *Session) keep(ctx context.Context, others []string, f func(other string, v *settings)) error {
	u := s.user
	if err := u.loadAll(ctx); err != nil { // the bound below is over all of them
		return err
	}
	return bus.Spread(len(others), func(i int) error {
		other := others[i]
		p, err := s.in.setDocument(ctx, u.User, other, func(d *document) (bool, error) {
			was := d.settings
			f(other, &d.settings)
			if more := d.texts() - was.texts(); more > 0 && u.keptTexts()+more > maxTexts {
				return false, fault.With(fault.ConversationsFull, "of "+u.UserID+": drafts and custom data take "+strconv.Itoa(maxTexts>>10)+" KB together at most")
			}
			return was != d.settings, nil
		})
		if err == nil {
			u.set(other, p)
		}
		return err
	})
}

// clear hides conversations and, or, clears what is in them now.
func (s *Session) clear(ctx context.Context, others []string, hide, history bool) error {
	list, err := s.in.headsOf(ctx, s.user.User, others)
	if err != nil {
		return err
	}
	heads := make(map[string]*record, len(others))
	for i, other := range others {
		if list[i] == nil {
			return fault.With(fault.NoConversation, strconv.Quote(c2c+other))
		}
		heads[other] = list[i]
	}
	return s.change(ctx, others, func(other string, v *settings) {
		h := heads[other]
		v.ClearedSent, v.Epoch = h.Sent[h.pair.side(other)], h.Epoch
		if hide {
			v.Hidden, v.Pinned, v.Draft = h.pos, false, ""
		}
		if history {
			v.Cleared = h.pos
		}
	})
}

func (s *Session) deleteConversations(ctx context.Context, p conversationParams) (any, error) {
	others, err := peersIn(p.ConversationIDs)
	if err != nil {
		return nil, err
	}
	return nothing{}, s.clear(ctx, others, true, p.ClearHistory)
}

// fitting gives as many of a list, at least one, as a result may hold.
func fitting[T any](list []T, frame int) []T {
	size := 0
	for n, v := range list {
		size += sizeOf(v)
		if size > frame && n > 0 {
			return list[:n]
		}
	}
	return list
}
