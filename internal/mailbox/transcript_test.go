package mailbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/transcript"
)

// TestTranscripts plays the stories in testdata, as package transcript says;
// parse_test.go describes the inputs. An EMIT shows what a listener gets: for the
// list, each conversation with its number of unread messages; for messages, each
// with its flags.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(string) transcript.Take {
		m := mailbox.New()
		emitted := ""
		page := objects.New(func(_ string, data any) { emitted = showData(data) })
		return func(now int64, input string) (effects []string, err error) {
			in, err := parseInput(input)
			if err != nil {
				return nil, err
			}
			for _, e := range m.Step(now, in) {
				emitted = "nothing to tell"
				page.Carry(e.Do)
				effects = append(effects, describe(e.Do, emitted))
				if s, ok := e.Do.(mailbox.Settle); ok {
					if pile := page.Take(mailbox.Pile(s.Call)); len(pile) > 0 {
						effects = append(effects, transcript.Indent+"with "+showData(pile))
					}
				}
			}
			return effects, nil
		}
	})
}

var piles = map[mailbox.Pile]string{
	mailbox.PileNone: "", mailbox.PileReceived: "received", mailbox.PileRevoked: "revoked",
	mailbox.PileReadByPeer: "readByPeer", mailbox.PileProfiles: "profiles", mailbox.PileModified: "modified",
	mailbox.PilePinned: "pinned",
}

func onto(p mailbox.Pile) string {
	name, ok := piles[p]
	if !ok {
		name = fmt.Sprint(int64(p))
	}
	if name == "" {
		return ""
	}
	return " -> " + name
}

func describe(d mailbox.Deed, emitted string) string {
	switch d := d.(type) {
	case mailbox.Ask:
		within := ""
		if d.Within != 0 {
			within = fmt.Sprintf(" within %d", d.Within)
		}
		return fmt.Sprintf("ask #%d %s %s%s", d.Request, d.Method, transcript.Show(d.Params), within)
	case mailbox.Settle:
		if d.Err != nil {
			return fmt.Sprintf("reject %d: %d", d.Call, d.Err.Code)
		}
		s := fmt.Sprintf("resolve %d", d.Call)
		if d.Conversations != nil {
			s += " " + transcript.Show(d.Conversations)
		}
		if d.Groups != nil {
			s += " groups " + transcript.Show(d.Groups)
		}
		if d.Topics != nil {
			s += " topics " + transcript.Show(d.Topics)
		}
		if d.Result != nil {
			s += " " + transcript.Show(d.Result)
		}
		if d.Next != "" {
			s += " next " + d.Next
		}
		if d.Complete {
			s += " complete"
		}
		return s
	case mailbox.Emit:
		return "EMIT " + d.Name + ": " + emitted
	case mailbox.Wake:
		return fmt.Sprintf("wake %d in %d", d.Attempt, d.After)
	case mailbox.Log:
		text, _, _ := strings.Cut(d.Text, ": ") // without the reason, whose words belong to package fault
		return fmt.Sprintf("log %d: %s", d.Level, text)
	case mailbox.Create:
		return "create " + d.Conversation
	case mailbox.Update:
		s := "update " + d.Conversation
		if len(d.Kept) > 0 {
			s += " but for " + transcript.Show(d.Kept)
		}
		return s
	case mailbox.Set:
		in := ""
		if d.In != "" {
			in = "." + d.In
		}
		return fmt.Sprintf("set %s%s %s%s", d.Conversation, in, transcript.Show(d.Fields), onto(d.Pile))
	case mailbox.Drop:
		return "drop " + d.Conversation
	case mailbox.Arrange:
		return "arrange " + transcript.Show(d.Order)
	case mailbox.EmitCounters:
		return "emit counters of " + d.Group + ": " + transcript.Show(d.Counters)
	case mailbox.UpdateTopic:
		return "update topic " + d.Topic
	case mailbox.DropTopic:
		return "drop topic " + d.Topic
	case mailbox.EmitTopic:
		return "emit topic " + d.Topic + " of " + d.Group
	case mailbox.EmitPins:
		s := "emit pins"
		for _, p := range d.Pins {
			s += " " + transcript.Show(p)
		}
		return s
	case mailbox.UpdateGroup:
		if d.Whole {
			return "update group " + d.Group
		}
		return "update group " + d.Group + " " + transcript.Show(d.Body)
	case mailbox.DropGroup:
		return "drop group " + d.Group
	case mailbox.Keep:
		ids := []string{}
		for _, m := range d.Messages {
			ids = append(ids, m.Text("ID"))
		}
		whose := ""
		if d.Reader != "" {
			whose = fmt.Sprintf(" for %s who has read up to %d", d.Reader, d.ReadUpTo)
		}
		return "keep " + transcript.Show(ids) + whose + onto(d.Pile)
	case mailbox.Patch:
		upTo := ""
		if d.UpTo < 1<<62 {
			upTo = fmt.Sprintf(" up to %d", d.UpTo)
		}
		return fmt.Sprintf("patch %s %s%s %s%s", d.Conversation, d.Flow, upTo, d.Field, onto(d.Pile))
	case mailbox.Confirm:
		return fmt.Sprintf("confirm %s %s at %d %s", d.Conversation, d.ID, d.Position, transcript.Show(d.Info))
	case mailbox.Forget:
		return "forget everything"
	}
	return fmt.Sprintf("%T", d)
}

// showData writes what a listener gets, as far as stories show it.
func showData(data any) string {
	var parts []string
	switch data := data.(type) {
	case []objects.Object:
		for _, o := range data {
			parts = append(parts, showObject(o))
		}
	case objects.Object:
		if list, ok := data["conversationList"].([]objects.Object); ok {
			return fmt.Sprint(data["groupName"], " ", showData(list))
		}
		if m, ok := data["message"].(objects.Object); ok {
			return fmt.Sprint(data["type"], " ", showObject(m))
		}
		return fmt.Sprint(data)
	case []any:
		for _, o := range data {
			if m, ok := o.(objects.Object); ok {
				parts = append(parts, showObject(m))
			} else {
				parts = append(parts, fmt.Sprint(o))
			}
		}
	default:
		return fmt.Sprint(data)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func showGroup(g objects.Object) string {
	s := fmt.Sprint(g["groupID"])
	if n, ok := g["memberCount"].(float64); ok {
		s += fmt.Sprintf(":%v", n)
	}
	if name, ok := g["name"].(string); ok {
		s += "+name=" + name
	}
	if self, ok := g["selfInfo"].(objects.Object); ok {
		s += fmt.Sprintf("+%v", self["role"])
	}
	return s
}

func showObject(o objects.Object) string {
	name := o["ID"]
	if name == nil {
		name = o["conversationID"]
	}
	if name == nil {
		name = o["userID"]
	}
	if name == nil {
		return showGroup(o)
	}
	s := fmt.Sprint(name)
	if n, ok := o["unreadCount"].(float64); ok && n > 0 {
		s += fmt.Sprintf(":%v", n)
	}
	if g, ok := o["groupProfile"].(objects.Object); ok {
		s += "{" + showGroup(g) + "}"
	}
	if at, _ := o["groupAtInfoList"].([]any); len(at) > 0 {
		s += "@"
		for _, item := range at {
			s += fmt.Sprint(item.(objects.Object)["messageSequence"], item.(objects.Object)["atTypeArray"])
		}
	}
	for _, flag := range []string{"isPinned", "isRead", "isPeerRead", "isRevoked", "isModified"} {
		if o[flag] == true {
			s += "+" + flag
		}
	}
	if o["messageID"] != nil {
		s += fmt.Sprintf("+messageID=%v", o["messageID"])
	}
	for _, key := range []string{"draftText", "customData"} {
		if text, _ := o[key].(string); text != "" {
			s += "+" + key + "=" + text
		}
	}
	if in, _ := o["conversationGroupList"].([]any); len(in) > 0 {
		s += fmt.Sprint("+in", in)
	}
	return s
}
