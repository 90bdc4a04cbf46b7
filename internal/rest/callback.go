package rest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// The headers of a webhook request. A receiver checks that one of the
// signatures is
//
//	hex(HMAC-SHA256(key, timestamp + "\n" + id + "\n" + query + "\n" + body))
//
// where key is HMAC-SHA256(the app's secret key string, "tim webhook"),
// timestamp and id are the headers' values, query is the URL's part behind the
// first "?" as it was sent, and body is the bytes of the body; and that the
// timestamp is not old. There are two signatures while the app's keys rotate.
// An id that was seen before is a repetition.
const (
	TimestampHeader = "X-Tim-Timestamp" // Unix seconds of this attempt
	IDHeader        = "X-Tim-Event"     // names the event, the same in each attempt
	SignatureHeader = "X-Tim-Signature" // v1=<hex>, separated by commas
)

// WebhookKey returns the key that an app's webhooks are signed with: the
// secret key itself signs only UserSigs.
func WebhookKey(secret string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("tim webhook"))
	return h.Sum(nil)
}

// SignWebhook returns the hex signature of a request.
func SignWebhook(secret, timestamp, id, query string, body []byte) string {
	h := hmac.New(sha256.New, WebhookKey(secret))
	for _, part := range []string{timestamp, id, query} {
		h.Write([]byte(part + "\n"))
	}
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// callback is the body of State.StateChange.
type callback struct {
	CallbackCommand string
	EventTime       int64 // ms
	Info            callbackInfo
	KickedDevice    []kickedDevice `json:",omitempty"`
}

type callbackInfo struct {
	Action    string
	ToAccount string `json:"To_Account"`
	Reason    string
}

type kickedDevice struct{ Platform place.Platform }

// StateChange is the callback that says who comes and goes.
const StateChange = "State.StateChange"

// callbackOf returns what the webhook says about an event, and false for events
// that it does not report: whoever kicks through the server API knows of it.
// For an instance that is evicted for any other reason than a call or a login,
// because its UserSig has expired or the settings were lowered, it reports that
// the link was closed.
func callbackOf(e *registry.Event) (callback, bool) {
	cb := callback{
		CallbackCommand: StateChange,
		EventTime:       e.Time,
		Info:            callbackInfo{ToAccount: e.UserID, Reason: e.Reason},
	}
	switch e.Kind {
	case registry.Login:
		cb.Info.Action = "Login"
	case registry.Logout:
		cb.Info.Action = "Logout"
	case registry.Disconnect:
		cb.Info.Action = "Disconnect"
	case registry.Kick:
		if e.Reason == frame.KickRESTAPI {
			return cb, false
		}
		cb.Info.Action, cb.Info.Reason = "Disconnect", registry.LinkClose
	default:
		return cb, false
	}
	for _, k := range e.Kicked {
		cb.KickedDevice = append(cb.KickedDevice, kickedDevice{k.Platform})
	}
	return cb, true
}

// noticeOf returns what the webhook says about a stored event, and false for
// one that it does not report.
func noticeOf(data []byte) (n notice, wanted bool, err error) {
	var e registry.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return n, false, err
	}
	cb, wanted := callbackOf(&e)
	if !wanted {
		return n, false, nil
	}
	body, err := json.Marshal(cb)
	return notice{
		ID: eventID(&e), App: e.SDKAppID, Command: StateChange, Platform: string(e.Platform), Addr: e.Addr, Body: body,
	}, true, err
}

// request builds the request of one attempt.
func request(ctx context.Context, target *url.URL, keys []string, n notice, now time.Time) (*http.Request, error) {
	u := *target
	q := url.Values{
		"SdkAppid":        {strconv.FormatUint(uint64(n.App), 10)},
		"CallbackCommand": {n.Command},
		"contenttype":     {"json"},
		"ClientIP":        {n.Addr},
		"OptPlatform":     {n.Platform},
	}.Encode()
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery = q
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(n.Body))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		signatures[i] = "v1=" + SignWebhook(key, timestamp, n.ID, q, n.Body)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "timd")
	r.Header.Set(TimestampHeader, timestamp)
	r.Header.Set(IDHeader, n.ID)
	r.Header.Set(SignatureHeader, strings.Join(signatures, ","))
	return r, nil
}

// eventID returns the name of an event. It encodes the UserID, which may
// contain what a header cannot.
func eventID(e *registry.Event) string {
	return fmt.Sprintf("%d-%x-%d", e.SDKAppID, e.UserID, e.N)
}

// maxAnswer is how much of an answer is read, more than any useful one has.
const maxAnswer = 64 << 10

// errBrokenOff means that an answer was accepted but did not arrive whole.
var errBrokenOff = errors.New("the receiver's answer broke off")

// statusError is an answer with a status other than 2xx.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the receiver answered with HTTP %d", int(e)) }

// fromProxy reports whether this is how a proxy answers for a receiver that is
// down.
func (e statusError) fromProxy() bool {
	return e == http.StatusBadGateway || e == http.StatusServiceUnavailable || e == http.StatusGatewayTimeout
}

// post makes one attempt and returns the answer's body, of maxAnswer bytes at
// most; any 2xx means that the receiver accepted it.
func post(h *http.Client, r *http.Request) ([]byte, error) {
	answer, err := h.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the URL may contain the receiver's own secret
		}
		return nil, err
	}
	defer answer.Body.Close()
	// What is left of a longer answer is not waited for: its connection is closed.
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return nil, statusError(answer.StatusCode)
	case err != nil:
		return nil, errBrokenOff
	}
	return body, nil
}

// newReceiver returns a client for the requests of webhooks, with as many
// connections as may be in use at once.
func newReceiver(connections int, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		// A redirect would turn it into a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout,
		},
	}
}

// ParseWebhook reads the --webhook flag.
func ParseWebhook(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Fragment != "" {
		return nil, errors.New("--webhook is not an http or https URL, for example https://back.example.com/tim")
	}
	return u, nil
}
