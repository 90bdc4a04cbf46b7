package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

type ackParams struct {
	Cursor string `json:"cursor"`
}

type readAllParams struct {
	Cursor string `json:"cursor"`
	Next   uint64 `json:"next,omitempty"`
}

type readAllResult struct {
	Next uint64 `json:"next,omitempty"`
}

type listResult struct {
	Messages    []Message `json:"messages"`
	Next        uint64    `json:"next"`
	IsCompleted bool      `json:"isCompleted"`
}

var messageCalls = map[string]call{
	frame.SessionSync: with(func(ctx context.Context, s *Session, p syncParams) (any, error) { return s.sync(ctx, p) }),
	frame.SessionMore: with(func(ctx context.Context, s *Session, _ nothing) (any, error) { return s.more(ctx) }),
	frame.MessageSend: with(func(ctx context.Context, s *Session, p sendParams) (any, error) { return s.sendMessage(ctx, p) }),
	frame.MessageList: inConversation(func(ctx context.Context, s *Session, c pair, _ int, p conversationParams) (any, error) {
		if p.Count <= 0 || p.Count > window {
			p.Count = window
		}
		got, err := s.in.history(ctx, s.user.User, c, p.Before, p.Count)
		if got.messages == nil {
			got.messages = []Message{}
		}
		return listResult{got.messages, got.next, got.complete}, err
	}),
	frame.MessageHop: with(func(ctx context.Context, s *Session, p hopParams) (any, error) {
		peer, ok := peerOf(p.ConversationID)
		if !ok {
			return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
		}
		return s.in.hop(ctx, s.user.User, pairOf(s.user.SDKAppID, s.user.UserID, peer), p)
	}),
	frame.MessageRead: inConversation(func(ctx context.Context, s *Session, c pair, _ int, p conversationParams) (any, error) {
		upTo, err := s.in.seen(p.Cursor)
		if err != nil {
			return nil, err
		}
		return nothing{}, s.markRead(ctx, c, upTo)
	}),
	frame.MessageReadAll: with(func(ctx context.Context, s *Session, p readAllParams) (any, error) {
		upTo, err := s.in.seen(p.Cursor)
		if err != nil {
			return nil, err
		}
		return s.readAll(ctx, upTo, p.Next)
	}),
	frame.MessageDelete: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.deleteMessages(ctx, c, side, p.Positions)
	}),
	frame.MessageRevoke: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		if _, ok := c.group(); ok {
			return s.revokeInGroup(ctx, c, p.Position)
		}
		r, err := s.in.revoke(ctx, c, side, p.Position)
		if err != nil {
			return nil, err
		}
		return messageResult{message(r.changed(), r, r.flagged(), side)}, nil
	}),
	frame.MessageModify: with(func(ctx context.Context, s *Session, p modifyParams) (any, error) {
		return s.modify(ctx, p)
	}),
	frame.MessageReceipt: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.giveReceipts(ctx, c, side, p.Positions)
	}),
	frame.MessageReceipts: inConversation(func(ctx context.Context, s *Session, c pair, _ int, p conversationParams) (any, error) {
		return s.in.receiptsOf(ctx, s.user.User, c, p.Positions)
	}),
	frame.MessageReaders: with(func(ctx context.Context, s *Session, p readersParams) (any, error) { return s.listReaders(ctx, p) }),
	frame.MessageReact:   with(func(ctx context.Context, s *Session, p reactParams) (any, error) { return s.react(ctx, p) }),
	frame.MessageReactions: inConversation(func(ctx context.Context, s *Session, c pair, _ int, p conversationParams) (any, error) {
		return s.in.reactionsOf(ctx, s.user.User, c, p.Positions)
	}),
	frame.MessageReactors: with(func(ctx context.Context, s *Session, p reactorsParams) (any, error) { return s.listReactors(ctx, p) }),
	frame.MessageExtend:   with(func(ctx context.Context, s *Session, p extendParams) (any, error) { return s.extend(ctx, p) }),
	frame.MessageExtensions: inConversation(func(ctx context.Context, s *Session, c pair, _ int, p conversationParams) (any, error) {
		return s.in.extensionsOf(ctx, s, c, p.Position)
	}),
	frame.MessageSearch: with(func(ctx context.Context, s *Session, p searchParams) (any, error) { return s.searchMessages(ctx, p) }),
	frame.MessageAck: with(func(ctx context.Context, s *Session, p ackParams) (any, error) {
		c, ok := s.in.parse(p.Cursor)
		if ok && !c.pos.within(s.in.messages.Pos()) { // another gateway's follower may have been ahead
			end, err := s.in.catchUpFollowers(ctx)
			if err != nil {
				return nil, err
			}
			ok = c.pos.within(end)
		}
		if !ok {
			return nil, badCursor()
		}
		s.user.ack(c.pos)
		return nothing{}, nil
	}),
}

// alwaysServed are the calls that are served whatever the user has spent. They
// finish what was begun: a client that could not finish a synchronisation would
// begin it again, which costs most.
var alwaysServed = map[string]bool{frame.SessionMore: true, frame.MessageAck: true}

// readAll marks conversations as read, beginning with the document that was
// written last. One call reads as many as one part of a sync; the next call
// continues with documents that were written before next.
func (s *Session) readAll(ctx context.Context, upTo positions, next uint64) (any, error) {
	u := s.user
	list, err := u.writtenBefore(ctx, next)
	if err != nil {
		return nil, err
	}
	began, read := spent(ctx), 0
	for looked := range slices.Chunk(list, headsAtOnce) {
		some := namesOf(looked)
		heads, err := s.in.headsOf(ctx, u.User, some)
		if err != nil {
			return nil, err
		}
		kept := u.peersOf(some) // before they are marked, which may change them
		for i, h := range heads {
			if h != nil && h.unread(h.pair.side(u.UserID), kept[i]) != 0 {
				if err := s.markRead(ctx, h.pair, upTo); err != nil {
					return nil, err
				}
			}
			if read++; read < len(list) && (read >= syncHeads || spent(ctx)-began > maxReadAll) {
				return readAllResult{looked[i].rev}, nil
			}
		}
	}
	return readAllResult{}, nil
}
