package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/rest"
)

// webhookOptions are the flags of serve about webhooks. All gateways of a
// cluster should be given the same ones.
type webhookOptions struct {
	url     string
	events  list
	timeout time.Duration
	refuse  bool

	// After check; nothing without url.
	target *url.URL
	wanted map[string]bool // the callbacks that are sent
}

func (o *webhookOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.url, "webhook", "", "`URL` of your back end, which is told who logs in and out (State.StateChange), and what else --webhook-events names; use the same one on every gateway")
	f.Var(&o.events, "webhook-events", "`NAMES` of the callbacks that the webhook gets, such as C2C.CallbackBeforeSendMsg, or C2C.* for all that begin so (default State.StateChange)")
	durationVar(f, &o.timeout, "webhook-timeout", 2*time.Second, "`DURATION` in which the webhook must answer a question, such as whether a message may be sent")
	f.BoolVar(&o.refuse, "webhook-refuse", false, "refuse what the webhook was to be asked about and has not answered; without it that is allowed")
}

func (o *webhookOptions) check() (err error) {
	if o.url == "" {
		if len(o.events) > 0 || o.refuse {
			return errors.New("--webhook-events and --webhook-refuse need --webhook: give the URL of your back end, too")
		}
		return nil
	}
	if o.target, err = rest.ParseWebhook(o.url); err != nil {
		return err
	}
	if o.timeout < 100*time.Millisecond || o.timeout > 5*time.Second {
		return fmt.Errorf("--webhook-timeout %v must be between 100ms and 5s: whoever sends a message waits for it", o.timeout)
	}
	events := o.events
	if len(events) == 0 {
		events = list{rest.StateChange}
	}
	o.wanted, err = rest.ParseCallbacks(events)
	return err
}

// openHooks prepares what the webhook is asked and told; without --webhook there
// is nothing.
func openHooks(ctx context.Context, t *running) (err error) {
	o := t.options.webhook
	if o.target == nil {
		return nil
	}
	if rest.WantsNotices(o.wanted) {
		if err := rest.OpenNotices(ctx, t.bus); err != nil {
			return err
		}
	}
	t.hooks, err = rest.NewHooks(rest.HooksOptions{
		URL: o.target, Keys: t.apps.keys, Wanted: o.wanted, Timeout: o.timeout, Refuse: o.refuse,
		Notices: t.bus, Observe: t.metrics.asked, Log: t.log, Now: t.options.now,
	})
	if err == nil {
		t.closers = append(t.closers, func(context.Context) { t.hooks.Close() })
	}
	return err
}

// serveWebhook sends what is queued for the webhook.
func serveWebhook(ctx context.Context, t *running) (err error) {
	o := t.options.webhook
	if o.target == nil {
		return nil
	}
	w := rest.WebhookOptions{URL: o.target, Keys: t.apps.keys, Observe: t.metrics.delivered, Log: t.log}
	if o.wanted[rest.StateChange] {
		if w.Events, err = t.bus.Share(ctx, bus.StreamEvents, "webhook"); err != nil {
			return err
		}
	}
	if rest.WantsNotices(o.wanted) {
		if w.Notices, err = t.bus.Share(ctx, bus.StreamNotices, "webhook"); err != nil {
			return err
		}
	}
	t.queues = []jetstream.Consumer{w.Events, w.Notices}
	t.metrics.queues(t.queues...)
	if w.Events == nil && w.Notices == nil {
		return nil
	}
	hook, err := rest.StartWebhook(w)
	if err != nil {
		return err
	}
	t.closers = append(t.closers, func(context.Context) { hook.Close() })
	return nil
}

// onBehalf returns a context for a call of a session: what the webhook is asked
// and told because of it names the session's platform and address.
func (t *running) onBehalf(ctx context.Context, s *gateway.Session) context.Context {
	if t.hooks == nil {
		return ctx
	}
	return rest.WithCaller(ctx, string(s.Platform()), s.Addr())
}

// messageHooks has the webhook asked and told of messages; nil if it wants nothing of
// them.
func (t *running) messageHooks() inbox.Hooks {
	for _, command := range []string{
		rest.BeforeC2C, rest.AfterC2C, rest.AfterC2CRecall, rest.BeforeGroupMessage, rest.AfterGroupMessage, rest.AfterGroupRecall,
	} {
		if t.hooks.Wants(command) {
			return messageHooks{t}
		}
	}
	return nil
}

type messageHooks struct{ t *running }

// BeforeSend implements inbox.Hooks.
func (h messageHooks) BeforeSend(ctx context.Context, m *inbox.Outgoing) error {
	command, refused := rest.BeforeC2C, fault.RefusedByApp
	if m.Group != "" {
		command, refused = rest.BeforeGroupMessage, fault.GroupRefusedByApp
	}
	if !h.t.hooks.Wants(command) {
		return nil
	}
	body, err := h.body(ctx, *m)
	if err != nil {
		return err
	}
	if m.Edit {
		body["Edit"] = 1
	}
	answer, err := h.t.hooks.Ask(ctx, m.From.SDKAppID, command, refused, body)
	if err != nil {
		return err
	}
	typ, payload, replaced, err := answer.MsgBody()
	if err != nil {
		return fault.With(refused, "what it is to be replaced with cannot be sent: "+bus.Fault(err).Message)
	}
	if replaced {
		m.Type, m.Payload = typ, payload
	}
	if cloud, ok := answer.Text("CloudCustomData"); ok {
		m.CloudCustomData = cloud
	}
	return nil
}

// AfterSend implements inbox.Hooks.
func (h messageHooks) AfterSend(ctx context.Context, m inbox.Outgoing) error {
	command, key := rest.AfterC2C, m.From.UserID
	if m.Group != "" {
		command, key = rest.AfterGroupMessage, rest.GroupKey(m.Group)
	}
	if !h.t.hooks.Wants(command) {
		return nil
	}
	body, err := h.body(ctx, m)
	if err != nil {
		return err
	}
	if m.Group == "" {
		body["SendMsgResult"], body["ErrorInfo"] = 0, "send msg succeed"
	}
	return h.t.hooks.Tell(ctx, m.From.SDKAppID, command, key, m.ID, body)
}

// AfterRevoke implements inbox.Hooks.
func (h messageHooks) AfterRevoke(ctx context.Context, m inbox.Outgoing, by string) error {
	command, key := rest.AfterC2CRecall, m.From.UserID
	if m.Group != "" {
		command, key = rest.AfterGroupRecall, rest.GroupKey(m.Group)
	}
	if !h.t.hooks.Wants(command) {
		return nil
	}
	body := map[string]any{"MsgId": m.ID}
	if m.Group == "" {
		body["From_Account"], body["To_Account"] = m.From.UserID, m.To
		body["MsgKey"] = inbox.Message{Sequence: m.Sequence, Random: m.Random, Time: m.Time}.Key()
	} else {
		if err := h.place(ctx, m, body); err != nil {
			return err
		}
		body["Operator_Account"], body["MsgSeqList"] = by, []any{map[string]any{"MsgSeq": m.Sequence}}
	}
	return h.t.hooks.Tell(ctx, m.From.SDKAppID, command, key, m.ID+"-revoked", body) // receivers know a notice by its ID
}

// body returns what is said of a message, both before and after it is sent.
func (h messageHooks) body(ctx context.Context, m inbox.Outgoing) (map[string]any, error) {
	body := map[string]any{
		"From_Account": m.From.UserID, "MsgId": m.ID,
		"MsgBody":         rest.MsgBodyOf(m.From.SDKAppID, m.Type, m.Payload),
		"CloudCustomData": m.CloudCustomData, "OnlineOnlyFlag": 0,
	}
	if m.OnlineOnly {
		body["OnlineOnlyFlag"] = 1
	}
	if m.Time != 0 {
		body["MsgTime"], body["MsgSeq"] = m.Time, m.Sequence
	}
	if m.Group == "" {
		body["To_Account"], body["MsgRandom"] = m.To, m.Random
		return body, nil
	}
	body["Random"], body["Operator_Account"] = m.Random, rest.Operator(ctx, m.From.UserID)
	return body, h.place(ctx, m, body)
}

// place adds in which group, or topic of a community, a message is.
func (h messageHooks) place(ctx context.Context, m inbox.Outgoing, body map[string]any) error {
	group, _, topic := frame.CutTopic(m.Group)
	if topic {
		body["TopicId"] = m.Group
	}
	kind, err := h.t.groups.TypeOf(ctx, m.From.SDKAppID, group)
	body["GroupId"], body["Type"] = group, kind
	return err
}
