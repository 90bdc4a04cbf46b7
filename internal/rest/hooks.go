package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
)

// The callbacks that timd can send, beside StateChange.
const (
	BeforeC2C = "C2C.CallbackBeforeSendMsg"
	AfterC2C  = "C2C.CallbackAfterSendMsg"
)

// callbacks are all of them.
var callbacks = []string{StateChange, BeforeC2C, AfterC2C}

// ParseCallbacks reads the --webhook-events flag: names of callbacks, or
// patterns such as C2C.* and *.
func ParseCallbacks(list []string) (map[string]bool, error) {
	wanted := map[string]bool{}
	for _, name := range list {
		prefix, all := strings.CutSuffix(name, "*")
		found := false
		for _, c := range callbacks {
			if c == name || all && strings.HasPrefix(c, prefix) {
				wanted[c], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--webhook-events: there is no callback %q: give some of %s, or a pattern such as C2C.*", name, strings.Join(callbacks, ", "))
		}
	}
	return wanted, nil
}

// Asked is what became of a question to the receiver.
type Asked string

// What can become of one.
const (
	AskedAllowed    Asked = "allowed"
	AskedRefused    Asked = "refused"
	AskedUnanswered Asked = "unanswered" // no answer, or one that makes no sense
	AskedNot        Asked = "not_asked"  // the receiver is down, or too many wait for it
)

// HooksOptions of NewHooks. URL, Keys and Wanted are required, and Notices if
// anything is to be told.
type HooksOptions struct {
	URL *url.URL
	// Keys returns the secret keys of an app.
	Keys func(sdkAppID uint32) []string
	// Wanted are the callbacks that are sent.
	Wanted map[string]bool
	// Timeout of one question; 2 s when 0.
	Timeout time.Duration
	// Refuse has what the receiver does not answer refused instead of allowed.
	Refuse bool
	// Notices keeps what is told.
	Notices NoticeStore
	// Observe, if given, receives what became of each question.
	Observe func(command string, result Asked, took time.Duration)
	// Log is slog.Default when nil.
	Log *slog.Logger
	// Now is time.Now when nil.
	Now func() time.Time
}

// Hooks asks the receiver of webhooks before something happens, and queues what
// it is told afterwards. A nil *Hooks wants nothing. It is safe for concurrent
// use.
//
// A receiver that is slow or dead costs whoever asks at most Timeout, and nobody
// else anything: at most maxAsking questions are under way and maxWaiting wait
// for their turn; what comes on top of those is not asked. After downAfter
// questions in a row without an answer the receiver counts as down: for downFor
// nothing is asked, and then one question finds out whether it is back. What is
// not asked or not answered is allowed, or with Refuse refused.
type Hooks struct {
	o      HooksOptions
	client *http.Client
	asking *turnstile
}

// NewHooks returns Hooks that ask and tell as soon as they are called.
func NewHooks(o HooksOptions) (*Hooks, error) {
	if o.URL == nil || o.Keys == nil || o.Wanted == nil {
		return nil, errors.New("rest: URL, Keys and Wanted are needed")
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(string, Asked, time.Duration) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Hooks{o: o, client: newReceiver(maxAsking, o.Timeout), asking: newTurnstile()}, nil
}

// Close ends the connections to the receiver that are idle.
func (h *Hooks) Close() { h.client.CloseIdleConnections() }

// Wants reports whether a callback is sent.
func (h *Hooks) Wants(command string) bool { return h != nil && h.o.Wanted[command] }

// WantsNotices reports whether a callback is sent that is queued by Tell.
func WantsNotices(wanted map[string]bool) bool {
	return slices.ContainsFunc(callbacks, func(c string) bool { return wanted[c] && c != StateChange && !strings.Contains(c, "CallbackBefore") })
}

func (h *Hooks) now() time.Time { return h.o.Now() }

// ByAPI is the platform of what the server API does.
const ByAPI = "RESTAPI"

// caller is on whose behalf something is asked or told.
type caller struct{ platform, addr string }

type callerKey struct{}

// WithCaller returns a context for work on behalf of a client: what the receiver
// is asked and told about that work names its platform and address.
func WithCaller(ctx context.Context, platform, addr string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{platform, addr})
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// ErrDropped means that the receiver wants something dropped without whoever
// asked for it being told.
var ErrDropped = inbox.ErrDropped

// The codes of a refusal that reach the client as they are.
const (
	firstOwnCode fault.Code = 120001
	lastOwnCode  fault.Code = 130000
)
