//go:build js && wasm

package main

import (
	"github.com/hack-pad/safejs"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/wasm/bridge"
)

const (
	usualFound = 20
	mostFound  = 100
	// mostKeywords is how many a search takes, as in the original.
	mostKeywords = 5
	// searchRounds is how many calls of the gateway one call of the app may take.
	// Each reads some 200 messages.
	searchRounds = 50
)

// searchCloudMessages looks for messages in all conversations or in one. Of all,
// the result has how many match in each, and the message itself where there is
// only one; of one, it has pages of the messages. A call with cursor continues
// where a search stopped, perhaps because it had read much; an empty one is the
// end.
//
//	searchCloudMessages(options: {keywordList?: string[], keywordListMatchType?: 'or' | 'and', senderUserIDList?: string[], messageTypeList?: string[], conversationID?: string, timePosition?: number, timePeriod?: number, count?: number, cursor?: string}): Promise<{code: 0, data: {searchResultList: {conversationID: string, messageCount: number, messageList: Message[]}[], totalCount: number, cursor: string}}>
func (i *instance) searchCloudMessages(args []safejs.Value, a *answer) {
	s := newSearch(i, a, frame.MessageSearch, bridge.Arg(args, 0),
		"keywordList", "keywordListMatchType", "senderUserIDList", "messageTypeList", "conversationID", "timePosition", "timePeriod")
	s.inOne = s.params.Text("conversationID")
	s.ask()
}

// searchCloudUsers looks for users by userID and nick among those with whom this
// user has a conversation, and for users whose whole userID is a keyword.
//
//	searchCloudUsers(options: {keywordList?: string[], keywordListMatchType?: 'or' | 'and', userGenderType?: string, miniBirthday?: number, maxBirthday?: number, count?: number, cursor?: string}): Promise<{code: 0, data: {searchResultList: Profile[], totalCount: number, cursor: string}}>
func (i *instance) searchCloudUsers(args []safejs.Value, a *answer) {
	newSearch(i, a, frame.ProfileSearch, bridge.Arg(args, 0),
		"keywordList", "keywordListMatchType", "userGenderType", "miniBirthday", "maxBirthday").ask()
}

// searchCloudGroups looks for groups by name and groupID among those that the user
// is in. The page knows all of them, so no gateway is asked. They come in the order of
// their groupIDs; cursor is the last one's of a page behind which there are more.
//
//	searchCloudGroups(options: {keywordList?: string[], keywordListMatchType?: 'or' | 'and', groupTypeList?: string[], count?: number, cursor?: string}): Promise<{code: 0, data: {searchResultList: Group[], totalCount: number, cursor: string}}>
func (i *instance) searchCloudGroups(args []safejs.Value, a *answer) {
	o := bridge.Object{Value: bridge.Arg(args, 0)}
	match, cursor, count := o.Text("keywordListMatchType"), o.Text("cursor"), countOf(o)
	if match != "" && match != "or" && match != "and" {
		a.reject(badArgument("searchCloudGroups", `keywordListMatchType must be "or" or "and"`))
		return
	}
	var words []safejs.Value
	for _, word := range o.Texts("keywordList") {
		if word != "" {
			words = append(words, lower(word))
		}
	}
	if len(words) > mostKeywords {
		a.reject(badArgument("searchCloudGroups", "keywordList may have at most "+digits(mostKeywords)+" keywords"))
		return
	}
	types := map[string]bool{}
	for _, t := range o.Texts("groupTypeList") {
		types[t] = true
	}
	wanted := func(g bridge.Object) bool {
		in, text := 0, lower(g.Text("groupID")+"\n"+g.Text("name"))
		for _, word := range words {
			if isTrue(bridge.Call(text, "includes", word)) {
				in++
			}
		}
		return (in == len(words) || in > 0 && match != "and") && (len(types) == 0 || types[g.Text("type")])
	}
	i.post(mailbox.ListGroups{Call: i.call(a, func(s mailbox.Settle) safejs.Value {
		ids := s.Groups
		for n := range ids { // the gateway's list is in order but for who came since
			for ; n > 0 && ids[n] < ids[n-1]; n-- {
				ids[n], ids[n-1] = ids[n-1], ids[n]
			}
		}
		var page []safejs.Value
		total, last, next := 0, "", ""
		each(i.page.groups.list(ids), func(v safejs.Value) {
			g := bridge.Object{Value: v}
			if !wanted(g) {
				return
			}
			total++
			switch id := g.Text("groupID"); {
			case id <= cursor:
			case len(page) < count:
				page, last = append(page, v), id
			default:
				next = last
			}
		})
		return found(page, total, next)
	})})
}

// lower returns a text in lower case, as a String object: only objects have methods
// for bridge.Call. The host knows all letters; Go's table of them would be downloaded.
func lower(text string) safejs.Value {
	object := bridge.Global("Object")
	boxed, _ := object.Invoke(text)
	boxed, _ = object.Invoke(bridge.Call(boxed, "toLowerCase"))
	return boxed
}

// found is what a search resolves with.
func found(list []safejs.Value, total int, cursor string) safejs.Value {
	data := bridge.Wrap("searchResultList", bridge.NewArray(list...))
	bridge.Put(data, "totalCount", bridge.Int(total))
	bridge.Put(data, "cursor", bridge.String(cursor))
	return data
}

// countOf is how many results an app wants at once.
func countOf(o bridge.Object) int {
	count := o.Number("count")
	if count <= 0 {
		count = usualFound
	}
	return int(min(count, mostFound))
}

// search is one call of the app, for which the gateway is called several times.
type search struct {
	i      *instance
	a      *answer
	method string
	params frame.Fields
	count  int
	cursor string
	before int // found by the calls that the cursor comes from
	rounds int
	inOne  string // the conversation, where it is one: what counts are messages

	found []matches
}

// matches is one entry of the result: a profile, or what is in a conversation.
type matches struct {
	conversationID string
	count          int
	messages       []safejs.Value
	profile        safejs.Value
}

func newSearch(i *instance, a *answer, method string, options safejs.Value, keys ...string) *search {
	s := &search{i: i, a: a, method: method}
	for _, key := range keys {
		s.params = appendGiven(s.params, key, bridge.Get(options, key))
	}
	o := bridge.Object{Value: options}
	s.count = countOf(o)
	s.goOn(o.Text("cursor"))
	return s
}

// goOn takes a cursor that a call has resolved with: <found so far>:<the gateway's>.
func (s *search) goOn(cursor string) {
	found := 0
	for k := range len(cursor) {
		c := cursor[k]
		if c == ':' {
			s.before, s.cursor = found, cursor[k+1:]
			return
		}
		found = found*10 + int(c-'0')
	}
	s.cursor = cursor // if it is not one of ours, the gateway says so
}

// ask calls the gateway until enough is found.
func (s *search) ask() {
	params := append(s.params[:len(s.params):len(s.params)],
		frame.Field{Key: "count", Value: s.count - s.size()}, frame.Field{Key: "cursor", Value: s.cursor})
	s.i.client.Send(s.method, params, 0, func(result frame.Body, f *fault.Error) {
		switch {
		case f == nil:
			each(bridge.Get(bridge.ValueOf(result), "searchResultList"), s.add)
			s.cursor = result.Text("cursor")
			if s.rounds++; s.cursor != "" && s.size() < s.count && s.rounds < searchRounds {
				s.ask()
				return
			}
		case s.rounds == 0 || f.Code != fault.TooFrequent:
			s.a.done(nil, f)
			return
		}
		// What was found counts, even if the gateway wants a pause now.
		s.a.resolve(s.result())
	})
}

// size is how many have been found in this call.
func (s *search) size() int {
	if s.inOne == "" || len(s.found) == 0 {
		return len(s.found)
	}
	return s.found[0].count
}

func (s *search) add(v safejs.Value) {
	if s.method == frame.ProfileSearch {
		s.found = append(s.found, matches{profile: v})
		return
	}
	item := bridge.Parsed(v)
	m := matches{conversationID: item.Text("conversationID"), count: int(item.Number("messageCount"))}
	each(bridge.Get(v, "messageList"), func(message safejs.Value) {
		m.messages = append(m.messages, s.i.page.intern(s.i.personalResult(message)))
	})
	// The gateway may have stopped in the middle of a conversation.
	if last := len(s.found) - 1; last >= 0 && s.found[last].conversationID == m.conversationID {
		m.count += s.found[last].count
		m.messages = append(s.found[last].messages, m.messages...)
		s.found = s.found[:last]
	}
	if s.inOne == "" && m.count > 1 {
		m.messages = nil
	}
	s.found = append(s.found, m)
}

func (s *search) result() safejs.Value {
	if s.inOne != "" && s.before > 0 && len(s.found) == 0 {
		s.found = []matches{{conversationID: s.inOne}} // kits read the first of a further page
	}
	list := make([]safejs.Value, len(s.found))
	for n, m := range s.found {
		if list[n] = m.profile; s.method == frame.ProfileSearch {
			continue
		}
		list[n] = bridge.Wrap("conversationID", bridge.String(m.conversationID))
		bridge.Put(list[n], "messageCount", bridge.Int(m.count))
		bridge.Put(list[n], "messageList", bridge.NewArray(m.messages...))
	}
	total := s.before + s.size()
	if s.cursor != "" {
		s.cursor = digits(uint32(total)) + ":" + s.cursor
	}
	return found(list, total, s.cursor)
}
