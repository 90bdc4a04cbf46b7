package rest

import (
	"cmp"
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

// The callbacks that timd can send besides StateChange.
const (
	BeforeC2C          = "C2C.CallbackBeforeSendMsg"
	AfterC2C           = "C2C.CallbackAfterSendMsg"
	AfterC2CRecall     = "C2C.CallbackAfterMsgWithDraw"
	BeforeGroupMessage = "Group.CallbackBeforeSendMsg"
	AfterGroupMessage  = "Group.CallbackAfterSendMsg"
	AfterGroupRecall   = "Group.CallbackAfterRecallMsg"
	BeforeGroupCreate  = "Group.CallbackBeforeCreateGroup"
	BeforeGroupJoin    = "Group.CallbackBeforeApplyJoinGroup"
	BeforeGroupInvite  = "Group.CallbackBeforeInviteJoinGroup"
	AfterGroupCreate   = "Group.CallbackAfterCreateGroup"
	AfterGroupJoin     = "Group.CallbackAfterNewMemberJoin"
	AfterGroupExit     = "Group.CallbackAfterMemberExit"
	AfterGroupFull     = "Group.CallbackAfterGroupFull"
	AfterGroupEnd      = "Group.CallbackAfterGroupDestroyed"
	AfterGroupChange   = "Group.CallbackAfterGroupInfoChanged"
	AfterGroupMember   = "Group.CallbackAfterMemberInfoChanged"
	GroupMemberState   = "Group.CallbackOnMemberStateChange"
	BeforeTopicCreate  = "Group.CallbackBeforeCreateTopic"
	AfterTopicCreate   = "Group.CallbackAfterCreateTopic"
	AfterTopicChange   = "Group.CallbackAfterTopicInfoChanged"
	AfterTopicEnd      = "Group.CallbackAfterTopicDestroyed"
)

// callbacks lists all callbacks.
var callbacks = []string{
	StateChange, BeforeC2C, AfterC2C, AfterC2CRecall, BeforeGroupMessage, AfterGroupMessage, AfterGroupRecall,
	BeforeGroupCreate, BeforeGroupJoin, BeforeGroupInvite, AfterGroupCreate, AfterGroupJoin, AfterGroupExit,
	AfterGroupFull, AfterGroupEnd, AfterGroupChange, AfterGroupMember, GroupMemberState,
	BeforeTopicCreate, AfterTopicCreate, AfterTopicChange, AfterTopicEnd,
}

// ParseCallbacks parses the --webhook-events flag: names of callbacks, or patterns
// such as C2C.* and *.
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

// Asked is the outcome of a question to the receiver.
type Asked string

// The outcomes.
const (
	AskedAllowed    Asked = "allowed"
	AskedRefused    Asked = "refused"
	AskedUnanswered Asked = "unanswered" // no answer, or an invalid one
	AskedNot        Asked = "not_asked"  // the receiver is down, or too many wait for it
)

// HooksOptions are the options of NewHooks. URL, Keys and Wanted are required;
// Notices is required if Wanted has a callback that Tell queues.
type HooksOptions struct {
	URL *url.URL
	// Keys returns the secret keys of an app.
	Keys func(sdkAppID uint32) []string
	// Wanted are the callbacks that are sent.
	Wanted map[string]bool
	// Timeout of one question; 2 s when 0.
	Timeout time.Duration
	// Refuse makes questions without an answer count as refused, not as allowed.
	Refuse bool
	// Notices keeps the notices that Tell queues.
	Notices NoticeStore
	// Observe, if given, receives the outcome of each question.
	Observe func(command string, result Asked, took time.Duration)
	// Log is slog.Default when nil.
	Log *slog.Logger
	// Now is time.Now when nil.
	Now func() time.Time
}

// Hooks asks the receiver of webhooks before something happens, and queues what it is
// told afterwards. A nil *Hooks wants no callback. Hooks is safe for concurrent use.
//
// A slow or dead receiver costs whoever asks at most Timeout, and costs nobody else
// anything: at most maxAsking questions are under way and maxWaiting wait for their
// turn; further ones are not asked. After downAfter questions in a row without an
// answer the receiver counts as down: for downFor nothing is asked, and then one
// question finds out whether it is back. A question that is not asked or not answered
// counts as allowed, or as refused if Refuse is set.
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

// Close closes idle connections to the receiver.
func (h *Hooks) Close() { h.client.CloseIdleConnections() }

// Wants reports whether a callback is sent.
func (h *Hooks) Wants(command string) bool { return h != nil && h.o.Wanted[command] }

// WantsNotices reports whether wanted has a callback that Tell queues.
func WantsNotices(wanted map[string]bool) bool {
	return slices.ContainsFunc(callbacks, func(c string) bool { return wanted[c] && c != StateChange && !strings.Contains(c, "CallbackBefore") })
}

func (h *Hooks) now() time.Time { return h.o.Now() }

// ByAPI is the platform of calls of the server API.
const ByAPI = "RESTAPI"

// caller is the client on whose behalf something is asked or told.
type caller struct {
	platform, addr string
	admin          string // of a call of the server API
}

type callerKey struct{}

// WithCaller returns a context for work on behalf of a client, whose platform and
// address the receiver gets with all questions and notices about that work.
func WithCaller(ctx context.Context, platform, addr string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{platform: platform, addr: addr})
}

// withAdmin is WithCaller for a call of the server API.
func withAdmin(ctx context.Context, admin, addr string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{ByAPI, addr, admin})
}

// Operator returns who makes the call that ctx belongs to: the administrator who
// calls the server API, else the user in whose name the call is made.
func Operator(ctx context.Context, userID string) string { return cmp.Or(callerOf(ctx).admin, userID) }

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// ErrDropped means that the receiver wants something to be dropped, and whoever asked
// for it not to be told.
var ErrDropped = inbox.ErrDropped

// ownCode reports whether a code is one of the receiver's own, which reach the client
// unchanged. Groups have a second range of them.
func ownCode(command string, code fault.Code) bool {
	return code >= 120001 && code <= 130000 || code >= 10100 && code <= 10200 && strings.HasPrefix(command, "Group.")
}
