package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// messageLimits are the flags of serve about messages. All gateways of a
// cluster should be given the same ones, because what is kept follows the one
// that started last.
type messageLimits struct {
	age, revoke               time.Duration
	count, size, rate, missed int
	partitions                int // 0: as many as the store has

	// How much a user may store and begin a day, on all gateways together; 0: no limit.
	bytes         bus.Size
	conversations int
}

func (l *messageLimits) flags(f *flag.FlagSet) {
	durationVar(f, &l.age, "message-age", 90*24*time.Hour, "`DURATION` that messages are kept")
	f.IntVar(&l.count, "message-count", 20_000, "how many messages and read marks are kept of one conversation")
	f.IntVar(&l.partitions, "partitions", 0, "how many streams the messages of a new store are divided among, 1 to 16; a store keeps its number (default that of the store, 1 for a new one)")
	f.IntVar(&l.size, "message-size", 12<<10, "most bytes of one message; larger ones are refused with 80002")
	f.IntVar(&l.rate, "message-rate", 20, "how many messages a second one user may send through this gateway, from all sessions together, and three times as many at once; more are refused with 2996")
	f.IntVar(&l.missed, "message-missed", 200, "most missed messages that a login brings; older ones are in the history")
	l.bytes = 1 << 30
	f.Var(sizeFlag{&l.bytes}, "quota-bytes", "`BYTES` that one user's calls may store in a day, on all gateways together; more are refused with 70508 until the next day, by UTC, begins; 0 for no limit")
	f.IntVar(&l.conversations, "quota-conversations", 500, "how many new conversations one user may begin in a day, on all gateways together; more are refused with 70509; 0 for no limit")
	durationVar(f, &l.revoke, "message-revoke", 2*time.Minute, "`DURATION` in which a message can be revoked; a revoked message is only marked, and kept as long as the others")
}

func (l *messageLimits) check() error {
	switch {
	case l.age < time.Hour:
		return errors.New("--message-age must be an hour or more")
	case l.count < 100:
		return errors.New("--message-count must be 100 or more")
	case l.partitions < 0 || l.partitions > bus.MaxPartitions:
		return fmt.Errorf("--partitions %d must be 1 to %d, or 0 for what the store has", l.partitions, bus.MaxPartitions)
	case l.size < 1 || l.size > 16<<10:
		return errors.New("--message-size must be between 1 byte and 16 KB: a frame holds 64 KB and carries a message up to three times")
	case l.rate < 1 || l.missed < 1 || l.revoke <= 0:
		return errors.New("--message-rate and --message-missed must be 1 or more, --message-revoke longer than 0s")
	case l.bytes != 0 && l.bytes < minQuota:
		return fmt.Errorf("--quota-bytes %v must be %v or more, or 0 for no limit", l.bytes, bus.Size(minQuota))
	case l.conversations < 0:
		return errors.New("--quota-conversations must be 1 or more, or 0 for no limit")
	}
	return nil
}

// minQuota is a few messages of the largest size.
const minQuota = 100 << 10

// quota returns a flag's limit as inbox.Options has it, where 0 means the
// default.
func quota[T ~int | ~int64](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// serveMessages attaches each session of the gateway to the inbox.
func serveMessages(ctx context.Context, t *running) error {
	o := inbox.Options{
		Partitions: t.layout.Partitions,
		Media:      files{t.media},
		Groups:     standings{t},
		Rooms:      saying{t},
		Presence:   presence{t.reg},
		Known:      t.accounts.MayLogIn,
		MaxAge:     t.options.messages.age,
		MaxCount:   int64(t.options.messages.count),
		MaxBody:    t.options.messages.size,
		Rate:       float64(t.options.messages.rate),
		Burst:      3 * t.options.messages.rate,
		Revoke:     t.options.messages.revoke,
		Missed:     t.options.messages.missed,
		OnQuota:    t.metrics.quota,
		OnBlock:    t.blocked,
		Hooks:      t.messageHooks(),
		Traced:     t.tracer != nil,

		QuotaBytes:         int64(quota(t.options.messages.bytes)),
		QuotaConversations: quota(t.options.messages.conversations),

		Report: func(err error) { t.log.Warn("messages", "error", err) },
	}
	in, err := inbox.Open(ctx, t.bus, o)
	if err != nil {
		return err
	}
	t.inbox = in
	t.metrics.inbox(in)
	t.reg.OnChange(func(users []place.User) { in.StatusChanged(users...) })
	t.closers = append(t.closers, func(context.Context) { in.Close() })

	attach(t)
	return nil
}

func (t *running) storeFull() bool { return t.bus.Room().Fill == bus.Full }

// sendMessage serves openim/sendmsg.
func (t *running) sendMessage(ctx context.Context, m inbox.ServerMessage) (inbox.Sent, error) {
	if t.storeFull() {
		return inbox.Sent{}, fault.New(fault.StoreFull)
	}
	sent, err := t.inbox.Send(ctx, m)
	if err == nil {
		t.stats.Sent(m.SDKAppID)
	}
	return sent, err
}

// importMessage is openim/importmsg.
func (t *running) importMessage(ctx context.Context, m inbox.ServerMessage, at time.Time, unread bool) (inbox.Sent, bool, error) {
	if t.storeFull() {
		return inbox.Sent{}, false, fault.New(fault.StoreFull)
	}
	return t.inbox.ImportMessage(ctx, m, at, unread)
}

// importProfile stores what an account_import says about a user.
func (t *running) importProfile(ctx context.Context, u place.User, nick, face *string) error {
	return t.inbox.Import(ctx, u, nick, face)
}

// forgetUser deletes everything of a user whose account is about to be deleted.
func (t *running) forgetUser(ctx context.Context, u place.User) error {
	if err := t.media.Forget(ctx, u); err != nil {
		return err
	}
	if err := t.contacts.Forget(ctx, u); err != nil {
		return err
	}
	if err := t.groups.Forget(ctx, u); err != nil {
		return err
	}
	if err := t.reg.ForgetHistory(ctx, u); err != nil {
		return err
	}
	return t.inbox.Forget(ctx, u)
}
