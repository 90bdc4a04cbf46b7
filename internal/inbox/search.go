package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// There is no index: a search reads what its user's history shows, until it has
// found enough or has cost as much as one call may. Its cursor says where the
// next call goes on. Conversations come in the order of their documents, those
// first in which their user did something last; in each one the newest message
// comes first.

// Limits of a search. Keywords and users are as many as in the original.
const (
	maxKeywords  = 5
	maxKeyword   = 256 // bytes
	maxSenders   = 5
	maxTypes     = 32
	maxFound     = 100 // what one answer holds, and
	defaultFound = 20
	// maxSearch is after how many operations one call ends.
	maxSearch = 250
	// costProfile is what looking at a profile costs, in bytes, when it is in the
	// cache.
	costProfile = 256
)

// searchParams are those of both searches: the last three of the first group are
// of messages only, those of the second one of users.
type searchParams struct {
	KeywordList []string `json:"keywordList"`
	Match       string   `json:"keywordListMatchType"` // or, and
	Count       int      `json:"count"`
	Cursor      string   `json:"cursor"`

	Senders        []string `json:"senderUserIDList"`
	Types          []string `json:"messageTypeList"`
	ConversationID string   `json:"conversationID"`
	TimePosition   int64    `json:"timePosition"` // up to then, Unix seconds; 0: now
	TimePeriod     int64    `json:"timePeriod"`   // so many seconds before that; 0: all

	Gender      string `json:"userGenderType"`
	MinBirthday int64  `json:"miniBirthday"`
	MaxBirthday int64  `json:"maxBirthday"`
}

// check bounds what is asked for, and brings it into the form that says uses.
func (p *searchParams) check() error {
	for _, l := range []struct {
		list []string
		most int
		of   string
	}{{p.KeywordList, maxKeywords, "keywords"}, {p.Senders, maxSenders, "senders"}, {p.Types, maxTypes, "types"}} {
		if len(l.list) > l.most {
			return fault.With(fault.BadParameters, "name at most "+strconv.Itoa(l.most)+" "+l.of)
		}
	}
	if p.Match != "" && p.Match != "or" && p.Match != "and" {
		return fault.With(fault.BadParameters, `keywordListMatchType must be "or" or "and"`)
	}
	for i, k := range p.KeywordList {
		if !validText(k, maxKeyword) {
			return fault.With(fault.BadParameters, "a keyword is over "+strconv.Itoa(maxKeyword)+" bytes")
		}
		p.KeywordList[i] = strings.ToLower(k)
	}
	p.KeywordList = slices.DeleteFunc(p.KeywordList, func(k string) bool { return k == "" })
	if p.Count <= 0 {
		p.Count = defaultFound
	}
	p.Count = min(p.Count, maxFound)
	return nil
}

// saysIn reports whether a text has the keywords in it; without any it does.
func (p *searchParams) saysIn(text string) bool {
	if len(p.KeywordList) == 0 {
		return true
	}
	text = strings.ToLower(text)
	in := func(k string) bool { return strings.Contains(text, k) }
	if p.Match == "and" {
		return !slices.ContainsFunc(p.KeywordList, func(k string) bool { return !in(k) })
	}
	return slices.ContainsFunc(p.KeywordList, in)
}

// wants reports whether a message is looked for. What was revoked says nothing
// any more.
func (p *searchParams) wants(m Message) bool {
	return !m.IsRevoked && (p.TimePosition <= 0 || m.Time <= p.TimePosition) &&
		(len(p.Senders) == 0 || slices.Contains(p.Senders, m.From)) &&
		(len(p.Types) == 0 || slices.Contains(p.Types, m.Type)) &&
		p.saysIn(searchable(m.Payload))
}

// wantsUser reports whether a user is looked for.
func (p *searchParams) wantsUser(of Profile) bool {
	return (p.Gender == "" || of.Gender == p.Gender) &&
		(p.MinBirthday <= 0 || of.Birthday >= p.MinBirthday) && (p.MaxBirthday <= 0 || of.Birthday <= p.MaxBirthday) &&
		p.saysIn(of.UserID+"\n"+of.Nick)
}

// since is before when no message is looked for, in Unix seconds.
func (p *searchParams) since(now int64) int64 {
	if p.TimePeriod <= 0 {
		return 0
	}
	if p.TimePosition > 0 {
		now = p.TimePosition
	}
	return now - p.TimePeriod
}

// matches is what a search has found in one conversation. Unless the search is of
// that one only, the messages are left out where there are several.
type matches struct {
	ConversationID string    `json:"conversationID"`
	MessageCount   int       `json:"messageCount"`
	MessageList    []Message `json:"messageList"`
}

type searchResult struct {
	List   []matches `json:"searchResultList"`
	Cursor string    `json:"cursor"` // "": there is no more
}

// searchable is what a person reads of a message.
func searchable(payload json.RawMessage) string {
	var p struct {
		Text, FileName, Description, Title string
		AbstractList                       []string
	}
	_ = json.Unmarshal(payload, &p) // what is of another type says nothing
	return strings.Join(append(p.AbstractList, p.Text, p.FileName, p.Description, p.Title), "\n")
}

// searchCursor is where a search goes on: in a conversation with whom, before
// which of its messages, and then in those whose documents were written before rev.
type searchCursor struct {
	rev, before uint64
	other       string
}

func (c searchCursor) text() string {
	return strconv.FormatUint(c.rev, 10) + "." + strconv.FormatUint(c.before, 10) + "." + enc(c.other)
}

func parseSearchCursor(text string) (c searchCursor, err error) {
	if text == "" {
		return c, nil
	}
	f := strings.Split(text, ".")
	if len(f) != 3 {
		return c, badCursor()
	}
	var errs [3]error
	c.rev, errs[0] = strconv.ParseUint(f[0], 10, 64)
	c.before, errs[1] = strconv.ParseUint(f[1], 10, 64)
	c.other, errs[2] = dec(f[2])
	if cmp.Or(errs[:]...) != nil || c.other != "" && !validOther(c.other) {
		return c, badCursor()
	}
	return c, nil
}

// searchMessages looks for messages in one conversation of the session's user,
// or in all of them.
func (s *Session) searchMessages(ctx context.Context, p searchParams) (any, error) {
	if err := s.maySearch(); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	at, err := parseSearchCursor(p.Cursor)
	if err != nil {
		return nil, err
	}
	if p.ConversationID == "" {
		return s.searchAll(ctx, &p, at)
	}
	peer, ok := peerOf(p.ConversationID)
	if !ok {
		return nil, fault.With(fault.NoConversation, strconv.Quote(p.ConversationID))
	}
	f, next, err := s.searchIn(ctx, &p, peer, at.before, spent(ctx)+maxSearch, p.Count)
	if err != nil {
		return nil, err
	}
	out := searchResult{List: []matches{}}
	if f.MessageCount > 0 {
		out.List = append(out.List, f)
	}
	if next != 0 {
		out.Cursor = searchCursor{before: next, other: peer}.text()
	}
	return out, nil
}

// searchAll looks through the conversations of the user from where a cursor
// stands.
func (s *Session) searchAll(ctx context.Context, p *searchParams, at searchCursor) (any, error) {
	list, err := s.user.writtenBefore(ctx, at.rev)
	if err != nil {
		return nil, err
	}
	if at.before != 0 {
		list = slices.DeleteFunc(list, func(one standing) bool { return one.other == at.other })
		list = slices.Insert(list, 0, standing{at.other, at.rev})
	}
	out, size, until := searchResult{List: []matches{}}, 0, spent(ctx)+maxSearch
	for i, one := range list {
		before := uint64(0)
		if i == 0 {
			before = at.before
		}
		f, next, err := s.searchIn(ctx, p, one.other, before, until, 0)
		switch {
		case errors.Is(err, fault.New(fault.NoSuchGroup)), errors.Is(err, fault.New(fault.GroupNotPermitted)):
			f, next = matches{}, 0 // a document outlasts its group, and what is known of it may be old
		case err != nil:
			return nil, err
		}
		if f.MessageCount > 0 {
			if size += sizeOf(f); size > s.in.o.Frame && len(out.List) > 0 {
				out.Cursor = searchCursor{rev: one.rev + 1}.text() // once more, next time
				return out, nil
			}
			out.List = append(out.List, f)
		}
		switch {
		case next != 0:
			out.Cursor = searchCursor{one.rev, next, one.other}.text()
			return out, nil
		case i+1 < len(list) && (len(out.List) == p.Count || spent(ctx) >= until):
			out.Cursor = searchCursor{rev: one.rev}.text()
			return out, nil
		}
	}
	return out, nil
}

// searchIn looks through one conversation, back from before, 0 for its newest
// message, until a call has cost as much as until. With most it keeps what it
// finds and ends at so many messages or when they fill a frame; without, it
// counts, and keeps the message where there is only one. next is before which
// message to go on, 0 when the conversation has been looked through.
func (s *Session) searchIn(ctx context.Context, p *searchParams, peer string, before uint64, until int64, most int) (f matches, next uint64, err error) {
	c := pairOf(s.user.SDKAppID, s.user.UserID, peer)
	f = matches{ConversationID: idOf(peer), MessageList: []Message{}}
	since, size := p.since(s.in.now().Unix()), 0
	for {
		past, err := s.in.history(ctx, s.user.User, c, before, window)
		if err != nil {
			return f, 0, err
		}
		for _, m := range slices.Backward(past.messages) {
			if m.Time < since {
				return f, 0, nil
			}
			if p.wants(m) {
				if size += sizeOf(m); most > 0 && (f.MessageCount == most || size > s.in.o.Frame && f.MessageCount > 0) {
					return f, before, nil
				}
				if f.MessageCount++; most > 0 || f.MessageCount == 1 {
					f.MessageList = append(f.MessageList, m)
				} else {
					f.MessageList = f.MessageList[:0]
				}
			}
			before = m.Position
		}
		if past.complete {
			return f, 0, nil
		}
		if before = past.next; spent(ctx) >= until {
			return f, before, nil
		}
	}
}

// usersFound is the answer of a search for users.
type usersFound struct {
	List   []Profile `json:"searchResultList"`
	Cursor string    `json:"cursor"`
}

// searchUsers looks for users by userID and nick: among those whom the session's
// user has a conversation with, and whoever has a keyword as their userID.
// Nobody can list the users of an app.
func (s *Session) searchUsers(ctx context.Context, p searchParams) (any, error) {
	if err := s.maySearch(); err != nil {
		return nil, err
	}
	named := slices.Clone(p.KeywordList) // a userID has upper and lower case
	if err := p.check(); err != nil {
		return nil, err
	}
	at, err := parseSearchCursor(p.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.user.writtenBefore(ctx, at.rev)
	if err != nil {
		return nil, err
	}
	list = withoutGroups(list)
	out, size, until := usersFound{List: []Profile{}}, 0, spent(ctx)+maxSearch
	add := func(of Profile) bool {
		if size += sizeOf(of); len(out.List) == p.Count || size > s.in.o.Frame && len(out.List) > 0 {
			return false
		}
		out.List = append(out.List, of)
		return true
	}
	if at.rev == 0 {
		strangers, err := s.strangers(ctx, named)
		if err != nil {
			return nil, err
		}
		for _, of := range strangers {
			if p.wantsUser(of) && !add(of) {
				break
			}
		}
	}
	for some := range slices.Chunk(list, headsAtOnce) {
		profiles, err := s.in.profiles(ctx, s.user.SDKAppID, namesOf(some))
		if err != nil {
			return nil, err
		}
		spend(ctx, costProfile*len(profiles))
		for i, of := range profiles {
			if p.wantsUser(of) && !add(of) {
				out.Cursor = searchCursor{rev: some[i].rev + 1}.text()
				return out, nil
			}
		}
		last := some[len(some)-1]
		if spent(ctx) >= until && last != list[len(list)-1] {
			out.Cursor = searchCursor{rev: last.rev}.text()
			return out, nil
		}
	}
	return out, nil
}

// strangers are those of some users who exist, as far as a profile says so, and
// with whom the session's user has no conversation.
func (s *Session) strangers(ctx context.Context, ids []string) ([]Profile, error) {
	s.user.mu.Lock()
	ids = slices.DeleteFunc(distinct(ids), func(id string) bool {
		_, known := s.user.peers[id]
		return known || !frame.ValidUserID(id)
	})
	s.user.mu.Unlock()
	profiles, err := s.in.profiles(ctx, s.user.SDKAppID, ids)
	return slices.DeleteFunc(profiles, func(of Profile) bool { return of.LastUpdatedTime == 0 }), err
}

// maySearch refuses a search once it would leave its user too little for
// everything else.
func (s *Session) maySearch() error {
	if !s.in.rates.maySearch(s.user.User, s.in.now()) {
		return fault.With(fault.TooFrequent, s.user.UserID+" has searched much: search again in a minute")
	}
	return nil
}
