package mailbox_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

var update = flag.Bool("update", false, "rewrite the transcripts with what the machine does")

// TestTranscripts plays the stories in testdata. A line that begins with a
// time is an input at that many ms, as parse_test.go describes; the indented
// lines under it are the effects, in order; the rest is prose. An EMIT shows
// what a listener gets: of a list each conversation with its unread messages,
// of messages each with its flags. go test -update rewrites the stories: read
// the difference before it is committed.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(text), got)
		})
	}
}

func play(t *testing.T, text string) string {
	var b strings.Builder
	m := mailbox.New()
	emitted := ""
	page := objects.New(func(_ string, data any) { emitted = showData(data) })
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "    ") {
			continue // an effect, to be written anew
		}
		b.WriteString(line + "\n")
		at, rest, _ := strings.Cut(line, " ")
		now, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			continue // prose
		}
		in, err := parseInput(rest)
		require.NoError(t, err, line)
		for _, e := range m.Step(now, in) {
			emitted = "nothing to tell"
			page.Carry(e.Do)
			b.WriteString("    " + describe(e.Do, emitted) + "\n")
			if s, ok := e.Do.(mailbox.Settle); ok {
				if pile := page.Take(mailbox.Pile(s.Call)); len(pile) > 0 {
					b.WriteString("        with " + showData(pile) + "\n")
				}
			}
		}
	}
	return b.String()
}

var piles = map[mailbox.Pile]string{
	mailbox.PileNone: "", mailbox.PileReceived: "received", mailbox.PileRevoked: "revoked",
	mailbox.PileReadByPeer: "readByPeer", mailbox.PileProfiles: "profiles",
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
		return fmt.Sprintf("ask #%d %s %s%s", d.Request, d.Method, show(d.Params), within)
	case mailbox.Settle:
		if d.Err != nil {
			return fmt.Sprintf("reject %d: %d", d.Call, d.Err.Code)
		}
		s := fmt.Sprintf("resolve %d", d.Call)
		if d.Conversations != nil {
			s += " " + show(d.Conversations)
		}
		if d.Result != nil {
			s += " " + show(d.Result)
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
		text, _, _ := strings.Cut(d.Text, ": ") // why is in the words of package fault
		return fmt.Sprintf("log %d: %s", d.Level, text)
	case mailbox.Create:
		return "create " + d.Conversation
	case mailbox.Update:
		s := "update " + d.Conversation
		if len(d.Kept) > 0 {
			s += " but for " + show(d.Kept)
		}
		return s
	case mailbox.Set:
		in := ""
		if d.In != "" {
			in = "." + d.In
		}
		return fmt.Sprintf("set %s%s %s%s", d.Conversation, in, show(d.Fields), onto(d.Pile))
	case mailbox.Drop:
		return "drop " + d.Conversation
	case mailbox.Arrange:
		return "arrange " + show(d.Order)
	case mailbox.Keep:
		ids := []string{}
		for _, m := range d.Messages {
			ids = append(ids, m.Text("ID"))
		}
		return "keep " + show(ids) + onto(d.Pile)
	case mailbox.Patch:
		upTo := ""
		if d.UpTo < 1<<62 {
			upTo = fmt.Sprintf(" up to %d", d.UpTo)
		}
		return fmt.Sprintf("patch %s %s%s %s%s", d.Conversation, d.Flow, upTo, d.Field, onto(d.Pile))
	case mailbox.Forget:
		return "forget everything"
	}
	return fmt.Sprintf("%T", d)
}

// show writes what parseInput reads.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case frame.Fields:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = f.Key + ":" + show(f.Value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []string:
		return "[" + strings.Join(v, ",") + "]"
	case *jsonframe.Object:
		return strings.ReplaceAll(string(v.Raw), `"`, "")
	default:
		return fmt.Sprint(v)
	}
}

// showData writes what a listener gets, as far as stories tell of it.
func showData(data any) string {
	var parts []string
	switch data := data.(type) {
	case []objects.Object:
		for _, o := range data {
			parts = append(parts, showObject(o))
		}
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

func showObject(o objects.Object) string {
	name := o["ID"]
	if name == nil {
		name = o["conversationID"]
	}
	if name == nil {
		name = o["userID"]
	}
	s := fmt.Sprint(name)
	if n, ok := o["unreadCount"].(float64); ok && n > 0 {
		s += fmt.Sprintf(":%v", n)
	}
	for _, flag := range []string{"isPinned", "isRead", "isPeerRead", "isRevoked"} {
		if o[flag] == true {
			s += "+" + flag
		}
	}
	for _, key := range []string{"draftText", "customData"} {
		if text, _ := o[key].(string); text != "" {
			s += "+" + key + "=" + text
		}
	}
	return s
}
