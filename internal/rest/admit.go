package rest

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/usersig"
)

// admit checks a request's head in a fixed order, so that the same mistake
// always gets the same code: method and origin 60002, path 60009, parameters
// 60012, 60025, 60004, app 60006, signature 60005, administrator 60010, rates
// 60011, 60007. Only calls of a valid administrator count for the rates, so an
// intruder cannot use them up.
func (a *API) admit(r *http.Request, name string, known bool) (*call, error) {
	if r.Method != http.MethodPost {
		return nil, fault.New(fault.RESTMethod)
	}
	if err := fromPage(r); err != nil {
		return nil, err
	}
	if !known {
		return nil, noCommand(strings.TrimPrefix(r.URL.Path, "/v4/"))
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.With(fault.RESTParameters, "the part after ? cannot be read")
	}
	for _, k := range []string{"sdkappid", "identifier", "usersig", "random", "contenttype"} {
		if len(q[k]) > 1 {
			return nil, fault.With(fault.RESTParameters, k+" appears twice")
		}
	}
	if q.Get("sdkappid") == "" {
		return nil, fault.New(fault.RESTNoSDKAppID)
	}
	app, err := strconv.ParseUint(q.Get("sdkappid"), 10, 32)
	if err != nil || app == 0 {
		return nil, fault.With(fault.RESTParameters, "sdkappid is not a number")
	}
	if random := q.Get("random"); random != "" {
		if _, err := strconv.ParseUint(random, 10, 32); err != nil {
			return nil, fault.With(fault.RESTParameters, "random is not a number from 0 to 4294967295")
		}
	}
	if t := q.Get("contenttype"); t != "" && t != "json" {
		return nil, fault.With(fault.RESTParameters, "contenttype must be json")
	}
	admin, sig := q.Get("identifier"), q.Get("usersig")
	if admin == "" || sig == "" {
		return nil, fault.New(fault.RESTIdentifier)
	}
	if a.o.Keys(uint32(app)) == nil {
		return nil, fault.New(fault.RESTSDKAppID)
	}
	c := &call{app: uint32(app), admin: admin}
	s, err := usersig.Verify(sig, a.o.Keys, admin, c.app, a.o.Now())
	if err != nil {
		f := asFault(err)
		return nil, fault.With(fault.RESTSignature, strconv.Itoa(int(f.Code))+": "+strings.TrimSuffix(f.Message, "."))
	}
	if !a.o.Accounts.Admin(admin) {
		return nil, fault.New(fault.RESTNotAdmin)
	}
	c.signed, c.ends = s.Time, s.ExpiresAt()
	// An administrator can be kicked, too, and their UserSig is void then.
	view, err := a.o.Sessions.Get(r.Context(), c.user(admin))
	if err != nil {
		return nil, err
	}
	if view.KickedAt >= s.Time {
		return nil, fault.With(fault.RESTSignature, "70052: it was made before this administrator was kicked out")
	}
	return c, a.rates.take(a.o.Now(), c.app, name)
}

// fromPage refuses requests that the page of another site made its visitor's
// browser send. Servers send no Origin; the console is of our own origin and
// sends JSON, which a form cannot.
func fromPage(r *http.Request) error {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && origin == "" {
		return nil
	}
	ours := site == "same-origin" // no page can write this header
	if site == "" {
		// An old browser, or one that does not send the header over plain
		// http.
		u, err := url.Parse(origin)
		ours = err == nil && u.Host != "" && strings.EqualFold(plainHost(u.Host), plainHost(r.Host))
	}
	if !ours {
		return fault.With(fault.RESTMethod, "pages of another origin may not call the server API")
	}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		return fault.With(fault.RESTMethod, "a page must send Content-Type: application/json")
	}
	return nil
}

// plainHost returns a host without a default port: behind a proxy that ends
// TLS the scheme is not known.
func plainHost(h string) string {
	return strings.TrimSuffix(strings.TrimSuffix(h, ":80"), ":443")
}

// rates limit how often an app calls.
type rates struct {
	perCommand int
	mu         sync.Mutex
	limits     map[rateKey]*rate.Limiter
}

type rateKey struct {
	app     uint32
	command string // "" for all together
}

// perApp is how many times the rate of one command all commands together may
// have.
const perApp = 5

// broadcastRate is how many messages a second an app may send to all its live rooms
// on a gateway: each costs a frame to every member of every room.
const broadcastRate = 1

const broadcastCommand = "group_open_http_svc/send_broadcast_msg"

func (r *rates) take(now time.Time, app uint32, command string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.perCommand
	if command == broadcastCommand {
		most = min(most, broadcastRate)
	}
	if !r.limit(rateKey{app, command}, most).AllowN(now, 1) {
		return fault.New(fault.RESTTooFrequent)
	}
	if !r.limit(rateKey{app, ""}, r.perCommand*perApp).AllowN(now, 1) {
		return fault.New(fault.RESTAppTooFrequent)
	}
	return nil
}

// limit is called only for apps and commands that exist, so the map stays
// small.
func (r *rates) limit(k rateKey, n int) *rate.Limiter {
	l := r.limits[k]
	if l == nil {
		if r.limits == nil {
			r.limits = map[rateKey]*rate.Limiter{}
		}
		l = rate.NewLimiter(rate.Limit(n), n)
		r.limits[k] = l
	}
	return l
}
