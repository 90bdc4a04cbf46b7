package timd

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/accounts"
	"github.com/tim-wasm/tim/internal/audit"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/usersig"
)

// consoleSigFor is how long the console's link of dev mode works.
const consoleSigFor = 8 * time.Hour

// prepare adds to the options of the registry and the gateway what the server
// API, its webhook and the metrics need from them.
func (t *running) prepare(ctx context.Context, r *registry.Options, g *gateway.Options) error {
	var err error
	t.accounts, err = accounts.Open(ctx, t.bus, accounts.Policy{Admins: t.options.admins, RequireImport: t.options.requireImport})
	if err != nil {
		return err
	}
	r.Known = t.accounts.MayLogIn
	r.History = t.options.history.age
	r.Events = t.options.webhook.wanted[rest.StateChange]
	t.metrics = newMetrics()
	r.Observe = t.metrics.registry
	g.Observer = t.metrics
	return t.openTracer(g)
}

// serveREST serves the server API.
func serveREST(ctx context.Context, t *running) error {
	log, err := audit.Open(ctx, t.bus)
	if err != nil {
		return err
	}
	var sign func(uint32, string, time.Duration) string
	if t.options.dev {
		sign = func(app uint32, userID string, expire time.Duration) string {
			return usersig.Sign(app, t.apps[app][0], userID, time.Now(), expire)
		}
	}
	api, err := rest.New(rest.Options{
		Sign:          sign,
		Audit:         log,
		Cluster:       t.cluster,
		Sessions:      t.reg,
		Accounts:      t.accounts,
		Keys:          t.apps.keys,
		Send:          t.sendMessage,
		Import:        t.importMessage,
		People:        t.inbox,
		PeerMessages:  t.inbox,
		Moderation:    t.inbox,
		Contacts:      t.contacts,
		Quotas:        t.inbox,
		Stats:         t.stats,
		Groups:        groupCalls{t},
		LiveRooms:     t.groups,
		GroupMessages: groupMessages{t.inbox, t},
		Profile:       t.importProfile,
		Forget:        t.forgetUser,
		Rate:          t.options.apiRate,
		Observe:       t.metrics.called,
		Addr:          t.callers.addr,
		Log:           t.log,
		Now:           t.options.now,
	})
	if err != nil {
		return err
	}
	t.ops.Handle("/v4/", api)
	t.closers = append(t.closers, func(context.Context) { api.Close() })
	return nil
}

// apiPaths keeps the mux from redirecting a server API path that is not clean,
// such as //v4/…: the caller expects a reply, and no command has such a path.
// It does the same with paths that contain %2F or another escape, because a
// proxy may judge paths as they are written.
func apiPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clean := path.Clean("/" + r.URL.Path)
		api := clean == "/v4" || strings.HasPrefix(clean, "/v4/")
		escaped := r.URL.RawPath != "" // written differently from what Path would be
		if api && (escaped || clean != strings.TrimSuffix(r.URL.Path, "/")) || r.URL.Path == "/v4" {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = "/v4/", ""
		}
		next.ServeHTTP(w, r)
	})
}

// shared lists files of the page that the console uses, too. They are also
// served below /console/, because --ops-listen may put the console on an
// address of its own.
var shared = []string{"base.css", "icon.svg", "theme.js", "text.js", "settings.js", "themebutton.js"}

// serveConsole serves the page for operators, which uses nothing but the server
// API.
func serveConsole(_ context.Context, t *running) error {
	files, err := readStatic(t.options.files.Console)
	if err != nil {
		return err
	}
	pages, err := readStatic(t.options.files.Page)
	if err != nil {
		return err
	}
	for _, name := range shared {
		files[name] = pages[name]
	}
	h := &static{
		files: files,
		header: func(h http.Header, r *http.Request) {
			pageHeader(h, r)
			h.Set("Content-Security-Policy", consolePolicy)
		},
		cache:  func(string) string { return "no-cache" },
		absent: "There is no such file in the console.",
	}
	t.ops.Handle("/console/", http.StripPrefix("/console", h))
	where := "/console/"
	if t.options.dev {
		where += devLink(t)
	}
	t.pages = append(t.pages, page{what: "console", path: where, ops: true})
	return nil
}

const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// devLink returns the link that logs in to the console. The UserSig is in the
// fragment, which appears in no request and no log, and the console removes it
// from the address bar.
func devLink(t *running) string {
	admin := t.options.admins[0]
	return "#" + url.Values{
		"sdkappid":   {strconv.Itoa(devApp)},
		"identifier": {admin},
		"usersig":    {usersig.Sign(devApp, t.apps[devApp][0], admin, time.Now(), consoleSigFor)},
	}.Encode()
}
