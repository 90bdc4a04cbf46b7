package inbox

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

type conversationParams struct {
	ConversationID  string   `json:"conversationID"`
	ConversationIDs []string `json:"conversationIDs"`
	ClearHistory    bool     `json:"clearHistory"`
	IsPinned        bool     `json:"isPinned"`
	DraftText       string   `json:"draftText"`
	CustomData      string   `json:"customData"`
	MarkType        float64  `json:"markType"`
	EnableMark      bool     `json:"enableMark"`
	RemindType      string   `json:"messageRemindType"`
	Before          uint64   `json:"before"`
	Count           int      `json:"count"`
	Position        uint64   `json:"position"`
	Positions       []uint64 `json:"positions"`
	Cursor          string   `json:"cursor"`
}

var conversationCalls = map[string]call{
	frame.ConversationDelete: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		return s.deleteConversations(ctx, p)
	}),
	frame.ConversationClear: inConversation(func(ctx context.Context, s *Session, c pair, side int, p conversationParams) (any, error) {
		return nothing{}, s.clear(ctx, []string{c.users[c.other(side)]}, p.Cursor, false, true)
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
		return s.changeEach(ctx, others, func(v *settings) { v.Custom = p.CustomData })
	}),
	frame.ConversationMark: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		mark, err := checkMark(p.MarkType)
		if err != nil {
			return nil, err
		}
		others, err := peersIn(p.ConversationIDs)
		if err != nil {
			return nil, err
		}
		return s.changeEach(ctx, others, func(v *settings) { v.mark(mark, p.EnableMark) })
	}),
	frame.ConversationRemind: with(func(ctx context.Context, s *Session, p conversationParams) (any, error) {
		remind, err := checkRemind(p.RemindType)
		if err != nil {
			return nil, err
		}
		others, err := peersIn(p.ConversationIDs)
		if err != nil {
			return nil, err
		}
		return s.changeEach(ctx, others, func(v *settings) { v.Remind = remind })
	}),
}

// change sets settings of conversations, and pushes them to the user's sessions
// at once instead of waiting for the follower.
func (s *Session) change(ctx context.Context, others []string, f func(other string, v *settings)) error {
	u := s.user
	u.begin(others)
	defer u.end(others)
	err := s.keep(ctx, others, f)
	u.refresh(ctx, others) // also after an error: some may have been changed before it
	return err
}

// keep stores settings of conversations; the caller pushes them.
func (s *Session) keep(ctx context.Context, others []string, f func(other string, v *settings)) error {
	u := s.user
	if err := u.loadAll(ctx); err != nil { // the limit below counts all of them
		return err
	}
	return bus.Spread(len(others), func(i int) error { return s.keepOne(ctx, others[i], f) })
}

// keepOne is keep for one conversation; all of the user's documents are loaded.
func (s *Session) keepOne(ctx context.Context, other string, f func(other string, v *settings)) error {
	u := s.user
	p, err := s.in.setDocument(ctx, u.User, other, func(d *document) (bool, error) {
		if err := d.mayHave(other); err != nil {
			return false, err
		}
		was := d.settings
		f(other, &d.settings)
		if more := d.texts() - was.texts(); more > 0 && u.keptTexts()+more > maxTexts {
			return false, fault.With(fault.ConversationsFull, "of "+u.UserID+": drafts, custom data and conversation groups take "+strconv.Itoa(maxTexts>>10)+" KB together at most")
		}
		return was != d.settings, nil
	})
	if err == nil {
		u.set(other, p)
	}
	return err
}

// clear hides conversations, clears their history, or both, up to a cursor.
func (s *Session) clear(ctx context.Context, others []string, cursor string, hide, history bool) error {
	at, err := s.in.seen(cursor)
	if err != nil {
		return err
	}
	clear, err := s.in.clearing(ctx, s.user.User, others, at, hide, history)
	if err != nil {
		return err
	}
	return s.change(ctx, others, clear)
}

func (s *Session) deleteConversations(ctx context.Context, p conversationParams) (any, error) {
	others, err := peersIn(p.ConversationIDs)
	if err != nil {
		return nil, err
	}
	return nothing{}, s.clear(ctx, others, p.Cursor, true, p.ClearHistory)
}
