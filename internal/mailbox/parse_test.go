package mailbox_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/transcript"
)

// parseInput reads an input of a story:
//
//	began USER                          began alice
//	linklost, linkback, leaving, ended
//	note METHOD BODY                    note messages {messages:[{ID:x,conversationID:C2Cbob,position:7}],cursor:7.1}
//	answer REQUEST BODY                 answer 1 {cursor:5.1}
//	error REQUEST CODE                  error 1 70169
//	woke ATTEMPT                        woke 2
//	list CALL [IDS|unread|at|TYPE]      list 1 [C2Cbob,C2Ceve]
//	list CALL mark MARK, in GROUP       list 1 mark 2
//	open CALL ID                        open 1 C2Cbob
//	delete CALL IDS [clear]             delete 1 [C2Cbob] clear
//	pin CALL ID BOOL                    pin 1 C2Cbob true
//	draft CALL ID TEXT                  draft 1 C2Cbob dear
//	custom CALL IDS TEXT                custom 1 [C2Cbob] mine
//	clear CALL ID                       clear 1 C2Cbob
//	read CALL ID, readall CALL [TYPE]   read 1 C2Cbob
//	send CALL ID BODY                   send 1 C2Cbob {id:m1}
//	history CALL ID COUNT [NEXT GIVEN]  history 1 C2Cbob 15 h3 0
//	extend CALL ID POSITION BODY        extend 1 C2Cbob 7 {list:[{key:k,value:v}],remove:false,read:false}
//	watch CALL IDS, unwatch CALL [IDS]  watch 1 [bob,eve]
//	contacts CALL LIST                  contacts 1 2 for the friend groups
//	groups CALL, wantgroups             groups 1
//	named NICK AVATAR                   named Al a.png
//
// A BODY is JSON without quotes; a text ends at a comma or a bracket.
func parseInput(s string) (mailbox.Input, error) {
	w := transcript.Words(strings.SplitN(s, " ", 5))
	arg, number, tail := w.Text, w.Number, w.Rest
	body := func(i int) frame.Body { return parseBody(tail(i)) }
	ids := func(i int) []string { return parseList(arg(i)) }
	call := mailbox.Call(number(1))
	switch arg(0) {
	case "began":
		return mailbox.Began{User: arg(1)}, nil
	case "linklost":
		return mailbox.LinkLost{}, nil
	case "linkback":
		return mailbox.LinkBack{}, nil
	case "leaving":
		return mailbox.Leaving{}, nil
	case "ended":
		return mailbox.Ended{}, nil
	case "note":
		return mailbox.Noticed{Method: arg(1), Body: body(2)}, nil
	case "answer":
		return mailbox.Answered{Request: mailbox.Request(number(1)), Result: body(2)}, nil
	case "error":
		return mailbox.Answered{Request: mailbox.Request(number(1)), Err: fault.New(fault.Code(number(2)))}, nil
	case "woke":
		return mailbox.Woke{Attempt: number(1)}, nil
	case "list":
		in := mailbox.ListConversations{Call: call, IDs: ids(2), Unread: arg(2) == "unread", Mentions: arg(2) == "at"}
		switch {
		case arg(2) == "mark":
			in.Mark = number(3)
		case arg(2) == "in":
			in.Group = arg(3)
		case in.IDs == nil && !in.Unread && !in.Mentions:
			in.Type = arg(2)
		}
		return in, nil
	case "open":
		return mailbox.OpenConversation{Call: call, Conversation: arg(2)}, nil
	case "delete":
		return mailbox.DeleteConversations{Call: call, IDs: ids(2), ClearHistory: arg(3) == "clear"}, nil
	case "pin":
		return mailbox.Pin{Call: call, Conversation: arg(2), Pinned: arg(3) == "true"}, nil
	case "draft":
		return mailbox.SetDraft{Call: call, Conversation: arg(2), Text: tail(3)}, nil
	case "custom":
		return mailbox.SetCustomData{Call: call, IDs: ids(2), Data: tail(3)}, nil
	case "clear":
		return mailbox.ClearHistory{Call: call, Conversation: arg(2)}, nil
	case "read":
		return mailbox.MarkRead{Call: call, Conversation: arg(2)}, nil
	case "readall":
		return mailbox.MarkAllRead{Call: call, Type: arg(2)}, nil
	case "send":
		return mailbox.Send{Call: call, Conversation: arg(2), Params: body(3)}, nil
	case "history":
		next, given, _ := strings.Cut(arg(4), " ")
		at, _ := strconv.ParseInt(given, 10, 64)
		return mailbox.ReadHistory{Call: call, Conversation: arg(2), Count: number(3), Next: next, Given: at}, nil
	case "extend":
		is := body(4)
		return mailbox.Extend{
			Call: call, Conversation: arg(2), Position: number(3),
			List: is.List("list"), Remove: is.Bool("remove"), Read: is.Bool("read"),
		}, nil
	case "watch":
		return mailbox.Watch{Call: call, IDs: ids(2)}, nil
	case "unwatch":
		return mailbox.Unwatch{Call: call, IDs: ids(2)}, nil
	case "contacts":
		return mailbox.ListContacts{Call: call, List: mailbox.ContactList(number(2))}, nil
	case "topics":
		return mailbox.ListTopics{Call: call, Group: arg(2), IDs: ids(3)}, nil
	case "groups":
		return mailbox.ListGroups{Call: call}, nil
	case "wantgroups":
		return mailbox.WantGroups{}, nil
	case "joins", "quits": // a live room
		return mailbox.InRoom{Group: arg(1), In: arg(0) == "joins"}, nil
	case "named":
		return mailbox.Named{Nick: arg(1), Avatar: arg(2)}, nil
	}
	return nil, fmt.Errorf("no such input: %q", s)
}

// parseBody reads a BODY as a frame would contain it.
func parseBody(s string) frame.Body {
	p := &parser{s: s}
	text, err := json.Marshal(p.value())
	if err != nil {
		panic(err) // cannot happen: the parser made it
	}
	o, err := jsonframe.NewObject(text)
	if err != nil {
		return nil
	}
	return o
}

func parseList(s string) []string {
	if s == "" || s[0] != '[' {
		return nil
	}
	p := &parser{s: s}
	list := []string{}
	for _, v := range p.value().([]any) {
		list = append(list, fmt.Sprint(v))
	}
	return list
}

type parser struct{ s string }

// skip passes over one character, if it comes next.
func (p *parser) skip(c string) bool {
	rest, found := strings.CutPrefix(p.s, c)
	p.s = rest
	return found
}

func (p *parser) text(ends string) string {
	end := strings.IndexAny(p.s, ends)
	if end < 0 {
		end = len(p.s)
	}
	text := p.s[:end]
	p.s = p.s[end:]
	return text
}

func (p *parser) value() any {
	switch {
	case p.skip("{"):
		o := map[string]any{}
		for !p.skip("}") && p.s != "" {
			key := p.text(":,}")
			p.skip(":")
			o[key] = p.value()
			p.skip(",")
		}
		return o
	case p.skip("["):
		list := []any{}
		for !p.skip("]") && p.s != "" {
			list = append(list, p.value())
			p.skip(",")
		}
		return list
	}
	text := p.text(",]}")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	return text
}
