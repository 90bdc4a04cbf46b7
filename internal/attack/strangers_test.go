package attack

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/usersig"
)

// strangers tries to reach a conversation of other people: as a user of the same
// app, and as users of another app who have the same names. They must see nothing
// of it and change nothing in it.
func (x *attacker) strangers() {
	owner := x.caller("owner")
	conn, _, err := NewPage(owner.Account).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	secret := "secret " + random(8)
	// Strangers log in under this name, too: each round has one of its own.
	owner.Peer = x.name("carol")
	params := owner.text(secret)
	a, err := conn.Call(frame.MessageSend, params)
	position, perr := positionOf(a)
	if err != nil || perr != nil {
		x.failed("%v %v", err, perr)
		return
	}
	list := object{"conversationID": owner.withPeer()}
	before, err := conn.Call(frame.MessageList, list)
	if err != nil || !bytes.Contains(before.Text, []byte(secret)) {
		x.failed("the owner does not see their own message: %v %s", err, before.Text)
		return
	}
	for _, a := range []Account{
		account(x.name("mallory")),
		{otherApp, otherKey, owner.User},
		{otherApp, otherKey, owner.Peer},
	} {
		x.stranger(a, owner, position, params["id"].(string), secret)
	}
	after, err := conn.Call(frame.MessageList, list)
	if err != nil || !bytes.Equal(before.Result, after.Result) {
		x.failed("strangers changed a conversation: %v\n%s\n%s", err, before.Result, after.Result)
	}
}

// stranger tries every call on names that the conversation of a user and their
// peer might have.
func (x *attacker) stranger(a Account, of *Caller, position uint64, id, secret string) {
	owner, peer := of.User, of.Peer
	conn, _, err := NewPage(a).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	seen := func(a Answer) {
		if bytes.Contains(a.Text, []byte(secret)) {
			x.failed("a stranger was sent other people's message: %s", a.Text)
		}
	}
	call := func(method string, params object) {
		var a Answer
		n, err := conn.Send(method, params)
		if err == nil {
			a, err = conn.Await(n, seen)
		}
		x.note("other people's", came(a, err))
		if err != nil {
			x.failed("%s %v: %v", method, params, err)
		}
	}
	call(frame.SessionSync, object{"cursor": "0.0"})
	for _, c := range []string{
		"C2C" + owner, "C2C" + peer, owner, "C2C" + owner + "\x00" + peer, "C2C" + peer + "." + owner, "C2C" + owner + "." + peer,
		fmt.Sprintf("C2C%d.%s", cluster.App, owner), "GROUP" + owner, "C2C*", "C2C>",
	} {
		if a.App == cluster.App && c == "C2C"+owner {
			continue // a stranger may write to them, as tried below
		}
		one, some := object{"conversationID": c}, object{"conversationIDs": []string{c}}
		with := func(base object, key string, v any) object {
			p := object{key: v}
			for k, v := range base {
				p[k] = v
			}
			return p
		}
		call(frame.MessageList, one)
		call(frame.MessageList, with(one, "before", position+1))
		call(frame.MessageRead, with(one, "cursor", fmt.Sprintf("%d.0", position)))
		call(frame.MessageDelete, with(one, "positions", []uint64{position}))
		call(frame.MessageRevoke, with(one, "position", position))
		call(frame.MessageModify, with(one, "position", position))
		call(frame.ConversationClear, one)
		call(frame.ConversationPin, with(one, "isPinned", true))
		call(frame.ConversationDraft, with(one, "draftText", "x"))
		call(frame.ConversationCustom, with(some, "customData", "x"))
		call(frame.ConversationMark, with(with(some, "markType", 1), "enableMark", true))
		call(frame.ConversationRemind, with(some, "messageRemindType", "Discard"))
		call(frame.ConversationGroupAdd, with(some, "groupName", "mine"))
		call(frame.ConversationGroupCreate, with(some, "groupName", "mine"))
		call(frame.ConversationDelete, with(some, "clearHistory", true))
	}
	call(frame.MessageReadAll, object{"cursor": fmt.Sprintf("%d.0", position)})
	if a.App != cluster.App {
		return
	}
	// Their own words under the ID of somebody else's message.
	n, err := conn.Send(frame.MessageSend, object{"id": id, "to": owner, "type": "TIMTextElem", "payload": object{"text": "forged"}})
	if err != nil {
		x.failed("%v", err)
		return
	}
	forged, err := conn.Await(n, seen)
	x.note("other people's IDs", came(forged, err))
	if err != nil || forged.Code() == 0 {
		x.failed("a message under somebody else's ID was taken: %v %s", err, forged.Text)
	}
}

// logins tries UserSigs that are not the user's, or no longer valid.
func (x *attacker) logins() {
	user := x.name("target")
	mine := account(user)
	good := mine.Sign()
	sign := func(app uint32, key, user string) string { return usersig.Sign(app, key, user, time.Now(), time.Hour) }
	for _, c := range []struct {
		name, sig string
		codes     []fault.Code
	}{
		{"none", "", []fault.Code{fault.SigEmpty}},
		{"no UserSig", "hello", []fault.Code{fault.SigMalformed}},
		{"cut", good[:len(good)/2], []fault.Code{fault.SigMalformed}},
		{"another key", sign(cluster.App, "another key", user), []fault.Code{fault.SigWrongKey}},
		{"another app's key", sign(cluster.App, otherKey, user), []fault.Code{fault.SigWrongKey}},
		{"another user's", sign(cluster.App, cluster.Key, user+"x"), []fault.Code{fault.SigOtherUser}},
		{"another app's", sign(otherApp, otherKey, user), []fault.Code{fault.SigOtherApp}},
		{"no app's", sign(4711, "a key", user), []fault.Code{fault.SigOtherApp, fault.NoSuchApp}},
		{"dated ahead", mine.SignedAt(time.Now().Add(30 * time.Minute)), []fault.Code{fault.SigMalformed}},
		{"expired", mine.SignedAt(time.Now().Add(-2 * time.Hour)), []fault.Code{fault.SigExpired}},
	} {
		conn, err := Dial(x.addr)
		if err != nil {
			x.failed("%v", err)
			return
		}
		params := NewPage(mine).Params(frame.IntentNew)
		params["userSig"], params["sdkAppID"] = c.sig, cluster.App
		a, err := conn.Call(frame.Login, params)
		x.note("forged UserSigs", came(a, err))
		if err != nil || !slices.Contains(c.codes, a.Code()) {
			x.failed("%s was answered with %s, not one of %v", c.name, came(a, err), c.codes)
		}
		if code, err := conn.Drain(); code != frame.CloseRejected {
			x.failed("the socket was closed with %d: %v", code, err)
		}
		conn.Close()
	}
}

// ghosts goes on after an end: on the socket of an instance that was evicted,
// kicked or logged out, and with a UserSig from before a kick.
func (x *attacker) ghosts() {
	evict := func(p Page) error {
		c, _, err := NewPage(p.Account).Login(x.addr)
		if err == nil {
			c.Close()
		}
		return err
	}
	kick := func(p Page) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c := rest.Client{Server: "http://" + x.ops, SDKAppID: cluster.App, Key: cluster.Key}
		return c.Call(ctx, "im_open_login_svc/kick", object{"UserID": p.User}, nil)
	}
	for _, c := range []struct {
		name, role string
		end        func(Page) error
		code       int
	}{
		{"evicted", "evicted", evict, frame.CloseEvicted},
		{"kicked", "kicked", kick, frame.CloseEvicted},
		{"logged out", "gone", nil, frame.CloseLoggedOut},
	} {
		// Names are used again, and a kicked user stays out until the date of their
		// last UserSig has passed. So each case has users of its own.
		page := NewPage(account(x.name(c.role)))
		sig := page.Sign()
		page.UserSig = page.SignedAt(time.Now().Add(4 * time.Minute)) // by a fast clock
		conn, _, err := page.Login(x.addr)
		if err != nil {
			x.failed("%v", err)
			return
		}
		if c.end == nil {
			_, err = conn.Send(frame.Logout, object{})
		} else {
			err = c.end(page)
		}
		if err != nil {
			x.failed("%s: %v", c.name, err)
		}
		var burst []byte
		for n := range 20 {
			burst = append(burst, Frame(OpText, Request(int64(1000+n), frame.ProfileSet, object{"nick": "ghost"}))...)
		}
		// A reset is an end as well, once the gateway has closed.
		_, _ = conn.Write(burst)
		for {
			a, err := conn.Read()
			if err == nil && a.ID >= 1000 && a.Code() == 0 {
				x.failed("%s: a call was served: %s", c.name, a.Text)
			}
			if err == nil {
				continue
			}
			x.note("old sockets", came(a, err))
			if code := CloseCode(err); code != c.code {
				x.failed("%s: %v and not %d", c.name, err, c.code)
			}
			break
		}
		conn.Close()
		if c.name == "kicked" {
			x.revoked(page, sig)
			x.revoked(page, page.UserSig)
		}
	}
}

// revoked logs in with a UserSig that was signed before a kick.
func (x *attacker) revoked(page Page, sig string) {
	conn, err := Dial(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	params := NewPage(page.Account).Params(frame.IntentNew)
	params["userSig"] = sig
	a, err := conn.Call(frame.Login, params)
	x.note("old UserSigs", came(a, err))
	if err != nil || a.Code() != fault.SigRevoked {
		x.failed("a UserSig from before the kick was answered with %s", came(a, err))
	}
}

// farewells says farewell for others, with forged tokens.
func (x *attacker) farewells() {
	page := NewPage(account(x.name("leaver")))
	conn, token, err := page.Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		x.failed("%v", err)
		return
	}
	var stranger *Conn
	for n := range 100 {
		if n%10 == 0 { // a socket that has not logged in may say little
			if stranger != nil {
				stranger.Close()
			}
			if stranger, err = Dial(x.addr); err != nil {
				x.failed("%v", err)
				return
			}
		}
		forged := bytes.Clone(sealed)
		switch n % 4 {
		case 0:
			forged = forged[:x.rand.IntN(len(forged))]
		case 1:
			forged = append(forged, byte(n))
		default:
			forged[x.rand.IntN(len(forged))] ^= 1 << x.rand.IntN(8)
		}
		text := base64.RawURLEncoding.EncodeToString(forged)
		if n%10 == 0 {
			text = strings.Repeat(text, 5)
		}
		a, err := stranger.Call(frame.Farewell, object{"token": text})
		x.note("forged farewells", came(a, err))
		if err != nil || a.Code() != fault.BadParameters {
			x.failed("a forged farewell was answered with %s", came(a, err))
			return
		}
	}
	stranger.Close()
	if a, err := conn.Call(frame.Ping, object{}); err != nil || a.Error != nil {
		x.failed("a forged farewell has ended a session: %v %s", err, a.Text)
	}
}
