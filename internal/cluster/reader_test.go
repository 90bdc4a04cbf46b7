package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/client"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// reader lends a mailbox to an instance that has none, to read through a history
// as every client does. It waits for each call of the gateway.
type reader struct {
	t    testing.TB
	i    *instance
	page *objects.Objects
}

// history reads all texts that from has sent to this user, oldest first.
func (i *instance) history(t testing.TB, from string) (texts []string) {
	t.Helper()
	for _, m := range i.conversation(t, "C2C"+from) {
		if m["from"] == from {
			texts = append(texts, textOf(m))
		}
	}
	return texts
}

// textOf returns the text of a message, "" if it is no text.
func textOf(m objects.Object) string {
	payload, _ := m["payload"].(objects.Object)
	text, _ := payload["text"].(string)
	return text
}

// conversation reads all messages of a conversation, oldest first.
func (i *instance) conversation(t testing.TB, id string) (all []objects.Object) {
	t.Helper()
	r := &reader{t: t, i: i, page: objects.New(func(string, any) {})}
	mail := client.NewMail(r)
	mail.Post(mailbox.Began{User: i.user})
	for next := (mailbox.ReadHistory{Conversation: id, Count: 15}); ; {
		var end mailbox.Settle
		next.Call = mail.Call(func(s mailbox.Settle) {
			end = s
			all = append(r.page.Take(mailbox.Pile(s.Call)), all...)
		})
		mail.Post(next)
		if end.Err != nil {
			t.Fatalf("%s: reading the history: %v", i, end.Err)
		}
		if end.Complete {
			return all
		}
		next.Next = end.Next
	}
}

// Now implements client.MailHost; the mailbox is not asked to wait.
func (r *reader) Now() int64 { return 1 }

// Ready implements client.MailHost.
func (r *reader) Ready() bool { return true }

// Ask implements client.MailHost. The mailbox begins with a synchronisation,
// which is answered as by a gateway without messages.
func (r *reader) Ask(a mailbox.Ask, done client.Done) {
	if a.Method == frame.SessionSync {
		done(nil, &fault.Error{Code: frame.CodeNoMethod})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	result, err := r.i.Send(ctx, a.Method, a.Params)
	if err != nil {
		r.t.Fatalf("%s: %s: %v", r.i, a.Method, err)
	}
	done(result, nil)
}

// Carry implements client.MailHost.
func (r *reader) Carry(d mailbox.Deed) { r.page.Carry(d) }
