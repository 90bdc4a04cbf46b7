package timd

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/media"
	"github.com/tim-wasm/tim/internal/place"
)

// mediaLimits are the flags of serve about files. All gateways of a cluster
// should be given the same ones.
type mediaLimits struct {
	size bus.Size
	age  time.Duration
}

// Bounds of --media-size.
const (
	minMedia bus.Size = 1 << 10
	maxMedia bus.Size = 1 << 30
)

func (l *mediaLimits) flags(f *flag.FlagSet) {
	l.size = 100 << 20
	f.Var(sizeFlag{&l.size}, "media-size", "most `BYTES` of a file that is sent; an image has 20 MB at most")
	durationVar(f, &l.age, "media-age", 0, "`DURATION` that files are kept; 0 keeps each as long as a message names it. What no message names goes after a day")
}

func (l *mediaLimits) check() error {
	switch {
	case l.size < minMedia || l.size > maxMedia:
		return fmt.Errorf("--media-size %v must be between %v and %v", l.size, minMedia, maxMedia)
	case l.age != 0 && l.age < time.Hour:
		return errors.New("--media-age must be an hour or more, or 0 for as long as a message names a file")
	}
	return nil
}

// serveMedia serves /media and media.ticket.
func serveMedia(ctx context.Context, t *running) error {
	b, err := t.bus.Beside(ctx, t.options.node+" media")
	if err != nil {
		return err
	}
	objects, err := t.openBucket(ctx)
	if err != nil {
		return err
	}
	key := t.reg.SealKey()
	m, err := media.Open(ctx, b, media.Options{
		Key:     key[:],
		MaxSize: int64(t.options.media.size),
		MaxAge:  t.options.media.age,
		RefAge:  t.options.messages.age,
		Bucket:  objects,
		Full:    t.storeFull,
		Charge: func(ctx context.Context, u place.User, n int64) error {
			return t.inbox.ChargeBytes(ctx, u, n)
		},
		Refund:     func(u place.User, n int64, at time.Time) { t.inbox.RefundBytes(u, n, at) },
		ClientAddr: t.callers.addr,
		Report:     func(err error) { t.log.Warn("media", "error", err) },
	})
	if err != nil {
		return err
	}
	t.media = m
	t.metrics.media(m)
	t.closers = append(t.closers, func(context.Context) { m.Close() })
	t.public.HandleFunc("/media", func(w http.ResponseWriter, r *http.Request) {
		if !t.callers.cors(w, r, http.MethodPost) {
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST, OPTIONS")
			http.Error(w, "Send POST with a file and its ticket.", http.StatusMethodNotAllowed)
			return
		}
		m.Receive(w, r)
	})
	t.public.HandleFunc("/media/{app}/{name}", m.Serve)
	if t.ops != t.public {
		t.ops.HandleFunc("/media/{app}/{name}", m.Serve) // the console shows files that messages name
	}
	t.gateway.Handle(frame.MediaTicket, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
		var p media.TicketParams
		if f := jsonframe.Params(params, &p); f != nil {
			return nil, f
		}
		k, err := m.Ticket(ctx, s.User(), p)
		return k, err
	})
	return nil
}

// files is media as the inbox uses it.
type files struct{ m *media.Media }

// Refer implements inbox.Media.
func (f files) Refer(ctx context.Context, app uint32, message string, names []string) ([]inbox.MediaFile, error) {
	infos, err := f.m.Refer(ctx, app, message, names)
	if err != nil {
		return nil, bus.Fault(err)
	}
	out := make([]inbox.MediaFile, len(infos))
	for n, i := range infos {
		out[n] = inbox.MediaFile{Kind: i.Kind, Type: i.Type, FileName: i.FileName, Size: i.Size, Width: i.Width, Height: i.Height}
	}
	return out, nil
}

// Release implements inbox.Media.
func (f files) Release(ctx context.Context, app uint32, message string, names []string) error {
	return f.m.Release(ctx, app, message, names)
}
