package timd

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/usersig"
)

// The fixture: testdata/first.backup is a store of the first layout, written by
// the last release that used it (commit bd6e41b). testdata/first.json has what that
// release answered its users from that store. Both are made by
//
//	go test ./internal/timd -run TestMakeFirst -first PATH
//
// with the path of a timd that was built from that commit.
var firstBinary = flag.String("first", "", "a timd of the store's first layout: TestMakeFirst makes the fixture with it")

const (
	firstBackup = "testdata/first.backup"
	firstJSON   = "testdata/first.json"
	// forEver is a message age that outlasts the use of the fixture.
	forEver = "876000h"
)

// Users of the fixture; both apps have an alice. UserIDs are printable ASCII.
var (
	odd       = `<b>.*> "q"\&'%`
	long      = strings.Repeat("L", 32)
	firstApps = map[uint32]string{appA: keyA, appB: keyB}
	firstKnow = map[uint32][]string{
		appA: {"alice", "bob", "carol", "dora", odd, long, "gone", "quiet", "administrator"},
		appB: {"alice", "bob"},
	}
)

// told is what a timd tells a user: the answers to what a client asks after its login,
// and the pages of its conversations.
type told struct {
	Conversations []json.RawMessage            `json:"conversations"`
	Missed        []json.RawMessage            `json:"missed"`
	History       map[string][]json.RawMessage `json:"history"`
	Profiles      json.RawMessage              `json:"profiles"`
	Blacklist     json.RawMessage              `json:"blacklist"`
	Statuses      json.RawMessage              `json:"statuses"`
}

// first is what testdata/first.json holds.
type first struct {
	Users map[uint32]map[string]told `json:"users"`
	// Cursors are those of web pages that are still open, in the first layout's form.
	Cursors map[uint32]map[string]string `json:"cursors"`
	Configs map[uint32]json.RawMessage   `json:"configs"`
	Known   map[uint32]json.RawMessage   `json:"known"`
}

// caller is a user who calls a timd, whatever its version.
type caller struct {
	*socket
	id     int64
	notes  []frame.Message
	userID string
}

func callAs(t *testing.T, url string, app uint32, user string) *caller {
	t.Helper()
	s, err := dial(t, url, nil)
	require.NoError(t, err)
	m := s.login(user, usersig.Sign(app, firstApps[app], user, time.Now(), time.Hour), someInstance, frame.IntentNew)
	require.Nil(t, m.Err, "%s: %v", user, m.Err)
	return &caller{socket: s, id: 1, userID: user}
}

// call returns the result of a method that must succeed; notifications that come
// before it are kept.
func (c *caller) call(method string, params map[string]any) json.RawMessage {
	c.t.Helper()
	c.id++
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": c.id, "method": method, "params": params})
	require.NoError(c.t, err)
	require.NoError(c.t, c.conn.WriteMessage(gws.OpcodeText, text))
	for {
		m := c.next()
		switch {
		case m.Method != "":
			c.notes = append(c.notes, m)
			continue
		case m.ID != c.id:
			continue
		}
		require.Nil(c.t, m.Err, "%s: %s %s: %v", c.userID, method, text, m.Err)
		return raw(m.Body)
	}
}

func raw(b frame.Body) json.RawMessage { return b.(*jsonframe.Object).Raw }

func (c *caller) close() {
	c.call("logout", nil)
	<-c.closed
}

// sync forgets earlier notifications, synchronises and returns the new cursor.
func (c *caller) sync(cursor string) string {
	c.t.Helper()
	c.notes = nil
	params := map[string]any{}
	if cursor != "" {
		params["cursor"] = cursor
	}
	method := "session.sync"
	for {
		var result struct {
			Cursor string
			More   bool
		}
		require.NoError(c.t, json.Unmarshal(c.call(method, params), &result))
		if result.Cursor != "" {
			cursor = result.Cursor
		}
		if !result.More {
			return cursor
		}
		method, params = "session.more", nil
	}
}

// noted returns the lists that notifications of a name had in a member, as one list.
func (c *caller) noted(name, member string) (all []json.RawMessage) {
	c.t.Helper()
	for _, n := range c.notes {
		if n.Method != name {
			continue
		}
		var body map[string]json.RawMessage
		require.NoError(c.t, json.Unmarshal(raw(n.Body), &body))
		var some []json.RawMessage
		if body[member] != nil {
			require.NoError(c.t, json.Unmarshal(body[member], &some))
		}
		all = append(all, some...)
	}
	return all
}

// ask returns what a user is told.
func (c *caller) ask(users []string) told {
	c.t.Helper()
	c.sync("")
	a := told{
		Conversations: c.noted("conversations", "conversations"), Missed: c.noted("messages", "messages"),
		History: map[string][]json.RawMessage{},
	}
	for _, peer := range users {
		conversation := "C2C" + peer
		var pages []json.RawMessage
		for before := uint64(0); ; {
			var page struct {
				Messages    []json.RawMessage
				Next        uint64
				IsCompleted bool
			}
			params := map[string]any{"conversationID": conversation, "count": 15}
			if before != 0 {
				params["before"] = before
			}
			require.NoError(c.t, json.Unmarshal(c.call("message.list", params), &page))
			pages = append(page.Messages, pages...)
			if before = page.Next; page.IsCompleted {
				break
			}
		}
		if len(pages) > 0 {
			a.History[conversation] = pages
		}
	}
	a.Profiles = c.call("profile.get", map[string]any{"userIDs": users})
	a.Blacklist = c.call("blacklist.get", nil)
	a.Statuses = c.call("status.get", map[string]any{"userIDs": users})
	return a
}

// api calls the server API of an app.
func api(t *testing.T, server string, app uint32, command string, body any) json.RawMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var out json.RawMessage
	c := rest.Client{Server: server, SDKAppID: app, Key: firstApps[app]}
	require.NoError(t, c.Call(ctx, command, body, &out), "%s %v", command, body)
	return out
}

// asked returns everything that a timd answers about the fixture.
func asked(t *testing.T, server, ops string) first {
	t.Helper()
	f := first{Users: map[uint32]map[string]told{}, Configs: map[uint32]json.RawMessage{}, Known: map[uint32]json.RawMessage{}}
	for app, users := range firstKnow {
		f.Users[app] = map[string]told{}
		var check []map[string]string
		for _, user := range users {
			c := callAs(t, server, app, user)
			f.Users[app][user] = c.ask(users)
			c.close()
			check = append(check, map[string]string{"UserID": user})
		}
		f.Configs[app] = api(t, ops, app, "timd_config/get", map[string]any{})
		f.Known[app] = api(t, ops, app, "im_open_login_svc/account_check", map[string]any{"CheckItem": check})
	}
	return f
}

// usual are the members that one version writes and another leaves out, with their usual
// values. Members with an empty value are left out, too.
var usual = map[string]string{
	"conversationType": `"C2C"`, "type": `"C2C"`, "status": `"success"`, "priority": `"Normal"`, "messageRemindType": `"AcceptAndNotify"`,
}

// plainly returns JSON without what a version may leave out.
func plainly(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out any
	require.NoError(t, d.Decode(&out))
	return stripped(out)
}

func stripped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			member = stripped(member)
			text, err := json.Marshal(member)
			if v[name] = member; err != nil || usual[name] == string(text) || slices.Contains([]string{"false", "0", `""`, "null", "[]", "{}"}, string(text)) {
				delete(v, name)
			}
		}
	case []any:
		for i, member := range v {
			v[i] = stripped(member)
		}
	}
	return v
}

// TestMakeFirst makes the fixture.
func TestMakeFirst(t *testing.T) {
	if *firstBinary == "" {
		t.Skip("give it -first, a timd of the first layout")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--node", "first", "--message-age", forEver}
	for app, key := range firstApps {
		file := filepath.Join(dir, strconv.Itoa(int(app)))
		require.NoError(t, os.WriteFile(file, []byte(key), 0o600))
		args = append(args, "--app", fmt.Sprintf("%d=%s", app, file))
	}
	d := runCommand(t, exec.Command(*firstBinary, args...))
	cursors := writeFirst(t, d.url)
	f := asked(t, d.url, d.url)
	f.Cursors = cursors
	d.stop(syscall.SIGTERM)
	text, err := json.Marshal(plainly(t, f))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(firstJSON, append(text, '\n'), 0o644))
	out, err := exec.Command(*firstBinary, "backup", firstBackup, "--data", data, "--force").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Chmod(firstBackup, 0o644))
	t.Logf("%s", out)
}

// writeFirst fills the store, and returns cursors of pages that stay open.
func writeFirst(t *testing.T, server string) map[uint32]map[string]string {
	t.Helper()
	api(t, server, appA, "timd_config/set", map[string]any{"WebInstances": 3, "LoginMode": "multi"})
	api(t, server, appB, "timd_config/set", map[string]any{"LoginMode": "single"})
	api(t, server, appA, "im_open_login_svc/account_import", map[string]any{"UserID": "carol", "Nick": "Carol Müller", "FaceUrl": "https://example.com/c.png"})
	api(t, server, appA, "im_open_login_svc/account_import", map[string]any{"UserID": odd, "Nick": "<odd>"})
	api(t, server, appB, "im_open_login_svc/account_import", map[string]any{"UserID": "bob"})

	sent := 0
	send := func(c *caller, to, text string) (position uint64) {
		t.Helper()
		sent++
		var r struct{ Message struct{ Position uint64 } }
		require.NoError(t, json.Unmarshal(c.call("message.send", map[string]any{
			"id": fmt.Sprintf("%016x", sent), "to": to, "type": "TIMTextElem", "payload": map[string]string{"text": text}, "cloudCustomData": `{"n":1}`,
		}), &r))
		return r.Message.Position
	}
	in := func(app uint32, user string, do func(c *caller)) {
		t.Helper()
		c := callAs(t, server, app, user)
		c.sync("")
		do(c)
		c.close()
	}
	c2c := func(peer string) map[string]any { return map[string]any{"conversationID": "C2C" + peer} }
	with := func(peer, name string, value any) map[string]any {
		p := c2c(peer)
		p[name] = value
		return p
	}
	cursors := map[uint32]map[string]string{appA: {}, appB: {}}

	in(appA, "alice", func(c *caller) {
		for i := range 40 { // more than one page
			send(c, "bob", fmt.Sprintf("message %d, grüße <b>&amp;</b> \U0001f600", i))
		}
		for _, peer := range []string{"carol", "dora", odd, long, "alice", "gone", "quiet"} {
			send(c, peer, "hello "+peer)
			send(c, peer, "once more")
		}
		wrong := send(c, "bob", "to be revoked")
		c.call("message.revoke", with("bob", "position", wrong))
		mine := send(c, "bob", "deleted by alice")
		c.call("message.delete", with("bob", "positions", []uint64{mine}))
		c.call("conversation.pin", with("carol", "isPinned", true))
		c.call("conversation.draft", with(odd, "draftText", "Entwurf: <i>später</i> \"q\" \\ \u2028"))
		c.call("conversation.custom", map[string]any{"conversationIDs": []string{"C2C" + long, "C2Calice"}, "customData": `{"tag":"ä"}`})
		c.call("profile.set", map[string]any{"nick": "Alice Ä", "avatar": "https://example.com/a.png", "selfSignature": "<3"})
		c.call("status.set", map[string]any{"customStatus": "im Büro"})
		c.call("blacklist.add", map[string]any{"userIDs": []string{"mallory"}})
	})
	in(appA, "bob", func(c *caller) {
		c.call("message.ack", map[string]any{"cursor": c.sync("")})
		c.call("message.read", with("alice", "cursor", c.sync("")))
		for i := range 5 {
			send(c, "alice", fmt.Sprintf("answer %d", i))
		}
		theirs := send(c, "alice", "deleted by bob only")
		c.call("message.delete", with("alice", "positions", []uint64{theirs}))
		send(c, "carol", "bob to carol")
		cursors[appA]["bob"] = c.sync("")
	})
	in(appA, "carol", func(c *caller) {
		c.call("conversation.clear", c2c("alice"))
		send(c, "alice", "after the history was cleared")
		c.call("conversation.delete", map[string]any{"conversationIDs": []string{"C2Cbob"}, "clearHistory": true})
		c.call("message.ack", map[string]any{"cursor": c.sync("")})
	})
	in(appA, "dora", func(c *caller) {
		c.call("conversation.delete", map[string]any{"conversationIDs": []string{"C2Calice"}, "clearHistory": false})
		c.call("blacklist.add", map[string]any{"userIDs": []string{"alice", "bob", "carol"}})
		c.call("blacklist.remove", map[string]any{"userIDs": []string{"bob"}})
		send(c, "bob", "dora to bob")
		cursors[appA]["dora"] = c.sync("")
	})
	in(appA, odd, func(c *caller) {
		send(c, "alice", "from an odd UserID")
		send(c, long, "from odd to long")
		send(c, odd, "to oneself")
		c.call("conversation.pin", with(long, "isPinned", true))
		c.call("message.readAll", nil)
		c.call("blacklist.add", map[string]any{"userIDs": []string{"dora", "a<b"}})
	})
	in(appA, long, func(c *caller) {
		send(c, odd, "from long to odd")
		c.call("conversation.draft", with("alice", "draftText", "half a senten"))
		c.call("message.ack", map[string]any{"cursor": c.sync("")})
	})
	in(appA, "gone", func(c *caller) {
		send(c, "bob", "before the account is deleted")
		c.call("profile.set", map[string]any{"nick": "Gone"})
	})
	api(t, server, appA, "im_open_login_svc/account_import", map[string]any{"UserID": "gone"})
	api(t, server, appA, "im_open_login_svc/account_delete", map[string]any{"DeleteItem": []map[string]string{{"UserID": "gone"}}})
	api(t, server, appA, "openim/sendmsg", map[string]any{
		"To_Account": "bob", "MsgRandom": 7, "MsgBody": []map[string]any{{"MsgType": "TIMTextElem", "MsgContent": map[string]string{"Text": "from the back end"}}},
	})
	in(appA, "alice", func(c *caller) { // what nobody has acknowledged
		for i := range 3 {
			send(c, "bob", fmt.Sprintf("missed %d", i))
			send(c, "carol", fmt.Sprintf("missed %d", i))
		}
		cursors[appA]["alice"] = c.sync("")
	})
	in(appB, "alice", func(c *caller) {
		send(c, "bob", "in another app")
		c.call("conversation.pin", with("bob", "isPinned", true))
		c.call("message.ack", map[string]any{"cursor": c.sync("")})
	})
	in(appB, "bob", func(c *caller) {
		c.call("message.readAll", nil)
		send(c, "alice", "back")
		cursors[appB]["bob"] = c.sync("")
	})
	return cursors
}
