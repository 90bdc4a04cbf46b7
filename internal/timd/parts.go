package timd

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/accounts"
	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/contacts"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/layout"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/media"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/stats"
	"github.com/tim-wasm/tim/internal/trace"
)

// running is a timd while it starts and serves: everything that a part needs
// of it.
type running struct {
	options    options
	log        *slog.Logger
	apps       apps
	devKeyFile string // where the dev key is kept, if it is
	callers    callers
	cert       *certificate // nil without TLS
	bus        *bus.Bus
	reg        *registry.Registry
	layout     layout.State // of the store
	gateway    *gateway.Gateway
	attaching  int // rooms that attach the gateway's sessions
	accounts   *accounts.Accounts
	metrics    *metrics
	tracer     *trace.Tracer      // from prepare on; nil without --otlp-endpoint
	stats      *stats.Stats       // from openStats on
	media      *media.Media       // from serveMedia on
	inbox      *inbox.Inbox       // from serveMessages on
	contacts   *contacts.Contacts // from serveContacts on
	groups     *group.Room        // from serveGroups on
	rooms      *live.Rooms        // from serveGroups on
	hooks      *rest.Hooks        // from the first part on; nil without --webhook

	queues []jetstream.Consumer // of the webhook, from serveWebhook on; some may be nil

	public *http.ServeMux // on --listen
	ops    *http.ServeMux // on --ops-listen; the same as public when that is the same address

	// pages are further pages to print at the start: their name and path.
	pages []page
	// closers run at the end, the last one first, after the drain and before
	// the registry is closed.
	closers []func(context.Context)
}

type page struct {
	what, path string
	ops        bool // on --ops-listen
}

// part adds something to a timd that is about to serve: URLs on public or ops,
// methods and hooks on the gateway, closers. An error ends the start.
type part func(ctx context.Context, t *running) error

// parts are called in this order.
var parts = []part{
	openHooks,
	servePages,
	serveDocs,
	serveSDK,
	serveDev,
	serveMetrics,
	openStats,
	serveMedia,
	serveMessages,
	serveContacts,
	serveInstances,
	serveGroups,
	serveREST,
	serveWebhook,
	serveConsole,
	serveLinks,
}

func servePages(_ context.Context, t *running) error {
	if !t.options.page {
		t.public.HandleFunc("/{$}", landing)
		return nil
	}
	h, err := pages(t.options.files.Page)
	if err != nil {
		return err
	}
	t.public.Handle("/", h)
	t.pages = append(t.pages, page{what: "page", path: "/"})
	return nil
}

// landing answers at / while the demo page is off: somebody who tries the
// address learns that it is the right one.
func landing(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "This is timd, a gateway of tim.wasm. Pages load the SDK from /sdk/tim.js and connect to /ws; --page serves a demo page here. Error codes are explained at /docs/.")
}

func serveSDK(_ context.Context, t *running) error {
	h, err := sdkFiles()
	if err != nil {
		return err
	}
	t.public.Handle("/sdk/", http.StripPrefix("/sdk", h))
	return nil
}

func serveDev(_ context.Context, t *running) error {
	sign := devUserSig(t.apps, t.callers)
	if !t.options.dev {
		// A page that asks here was built for dev mode.
		sign = func(w http.ResponseWriter, r *http.Request) {
			if t.callers.cors(w, r, "POST") {
				http.Error(w, "This timd is not in dev mode and signs no UserSigs: let your own server sign them.", http.StatusNotFound)
			}
		}
	}
	t.public.Handle("/dev/usersig", sign)
	return nil
}
