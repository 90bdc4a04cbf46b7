package native

import (
	"time"

	"github.com/tim-wasm/tim/internal/mailbox"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
)

// page implements client.Page. It is of the host's queue.
type page struct {
	host    *host
	objects *objects.Objects
	wake    *time.Timer // nil for none
}

func (p *page) Carry(d mailbox.Deed) {
	switch d := d.(type) {
	case mailbox.Wake:
		p.stop()
		p.wake = time.AfterFunc(time.Duration(d.After)*time.Millisecond, func() {
			p.host.post(func() { p.host.client.Mail().Post(mailbox.Woke{Attempt: d.Attempt}) })
		})
	case mailbox.Settle: // what the caller has not taken
		p.objects.Take(mailbox.Pile(d.Call))
	case mailbox.Forget:
		p.stop()
		p.objects.Carry(d)
	case mailbox.Ask, mailbox.Emit, mailbox.Log, mailbox.Create, mailbox.Update, mailbox.Set, mailbox.Drop,
		mailbox.Arrange, mailbox.Keep, mailbox.Patch, mailbox.Confirm, mailbox.EmitCounters, mailbox.EmitPins, mailbox.UpdateGroup, mailbox.DropGroup,
		mailbox.EmitTopic, mailbox.UpdateTopic, mailbox.DropTopic:
		p.objects.Carry(d)
	}
}

// stop stops the wake that was asked for.
func (p *page) stop() {
	if p.wake != nil {
		p.wake.Stop()
	}
}
