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

const stateChange = "State.StateChange"

// callbackOf returns what the webhook says of an event, and false for events
// that it does not report: a kick through the server API is known to its
// caller. For an instance that is evicted for another reason than a call or a
// login, because its UserSig has expired or the settings were lowered, it
// reports that the link was closed.
func callbackOf(e *registry.Event) (callback, bool) {
	cb := callback{
		CallbackCommand: stateChange,
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

// request builds the request of one attempt.
func request(ctx context.Context, target *url.URL, keys []string, e *registry.Event, cb callback, now time.Time) (*http.Request, error) {
	body, err := json.Marshal(cb)
	if err != nil {
		return nil, err
	}
	u := *target
	q := url.Values{
		"SdkAppid":        {strconv.FormatUint(uint64(e.SDKAppID), 10)},
		"CallbackCommand": {stateChange},
		"contenttype":     {"json"},
		"ClientIP":        {e.Addr},
		"OptPlatform":     {string(e.Platform)},
	}.Encode()
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery = q
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	id := eventID(e)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		signatures[i] = "v1=" + SignWebhook(key, timestamp, id, q, body)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "timd")
	r.Header.Set(TimestampHeader, timestamp)
	r.Header.Set(IDHeader, id)
	r.Header.Set(SignatureHeader, strings.Join(signatures, ","))
	return r, nil
}

// eventID names an event. A UserID may contain what a header cannot.
func eventID(e *registry.Event) string {
	return fmt.Sprintf("%d-%x-%d", e.SDKAppID, e.UserID, e.N)
}

// post makes one attempt; it returns nil when the receiver accepted it with
// any 2xx.
func post(h *http.Client, r *http.Request) error {
	answer, err := h.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the URL may contain the receiver's own secret
		}
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the receiver answered with HTTP %d", answer.StatusCode)
	}
	return nil
}

// ParseWebhook reads the --webhook flag.
func ParseWebhook(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Fragment != "" {
		return nil, errors.New("--webhook is not an http or https URL, for example https://back.example.com/tim")
	}
	return u, nil
}
