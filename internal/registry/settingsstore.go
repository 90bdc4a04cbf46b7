package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// settingsPrefix starts the keys that hold the settings of an app.
var settingsPrefix = bus.BucketSubject(bus.BucketConfig, "settings.")

// settingsCache holds the settings of all apps that have any.
type settingsCache struct {
	mu sync.RWMutex
	m  map[uint32]Settings
}

func (c *settingsCache) get(app uint32) Settings {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s, ok := c.m[app]; ok {
		return s
	}
	return defaultSettings()
}

func (c *settingsCache) older(app uint32, revision uint64) bool {
	return c.get(app).Revision < revision
}

// set installs newer settings, and reports whether they change anything.
func (c *settingsCache) set(app uint32, s Settings) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.m[app]
	if !ok {
		old = defaultSettings()
	}
	if s.Revision <= old.Revision {
		return false
	}
	if c.m == nil {
		c.m = make(map[uint32]Settings)
	}
	c.m[app] = s
	s.Revision = old.Revision
	return !reflect.DeepEqual(s, old)
}

// Settings returns the settings of an app as this gateway knows them.
func (r *Registry) Settings(app uint32) Settings { return r.settings.get(app) }

// SetSettings changes settings and returns the new ones. Its errors are
// ErrSettings for a value that settings cannot have, else *fault.Error. The
// settings are in force when it returns; evictions follow.
func (r *Registry) SetSettings(ctx context.Context, app uint32, p Patch) (Settings, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.opTimeout)
	defer cancel()
	for {
		s, data, err := r.storeSettings(ctx, app, p)
		switch {
		case err == nil:
			r.changedSettings(app, s, data)
			return s, nil
		case errors.Is(err, ErrSettings):
			return Settings{}, err
		case errors.Is(err, bus.ErrConflict):
			continue
		}
		// Whether or not it was stored, setting it again does no harm.
		if !r.sleepCtx(ctx, r.o.retry) {
			return Settings{}, r.fail(err)
		}
	}
}

// storeSettings tries once to change settings.
func (r *Registry) storeSettings(ctx context.Context, app uint32, p Patch) (Settings, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	old, seq, err := r.loadSettings(ctx, app)
	if err != nil {
		return Settings{}, nil, err
	}
	s, err := old.apply(p)
	if err != nil {
		return Settings{}, nil, err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return Settings{}, nil, err
	}
	s.Revision, err = r.store.Put(ctx, settingsKey(app), data, seq, 0)
	return s, data, err
}

// changedSettings puts new settings into force, here and on the other
// gateways.
func (r *Registry) changedSettings(app uint32, s Settings, data []byte) {
	r.settings.set(app, s)
	r.spreadSettings(app, s.Revision, data)
	r.checkSoon()
	r.goes(func() {
		if err := r.sweep(r.ctx, span{keys: appKeys(app), from: 1}); err != nil && r.ctx.Err() == nil {
			r.sweepIn(0, sweepAll)
		}
	})
}

func settingsKey(app uint32) string {
	return settingsPrefix + strconv.FormatUint(uint64(app), 10)
}

func (r *Registry) loadSettings(ctx context.Context, app uint32) (Settings, uint64, error) {
	v, err := r.store.LastAtLeader(ctx, configStream, settingsKey(app))
	if errors.Is(err, bus.ErrNoValue) {
		return defaultSettings(), 0, nil
	}
	if err != nil {
		return Settings{}, 0, err
	}
	s, err := decodeSettings(v.Data, v.Seq)
	return s, v.Seq, err
}

func decodeSettings(data []byte, seq uint64) (Settings, error) {
	s := defaultSettings()
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("settings cannot be read: %w", err)
	}
	s.Revision = seq
	return s, nil
}

// refreshSettings reads an app's settings again: a record was decided by newer
// ones than this gateway knows.
func (r *Registry) refreshSettings(ctx context.Context, app uint32) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.callTimeout)
	defer cancel()
	s, _, err := r.loadSettings(ctx, app)
	if err != nil {
		return err
	}
	r.take(app, s)
	return nil
}

// refreshAllSettings reads all settings, in case the watch missed some.
func (r *Registry) refreshAllSettings(ctx context.Context) error {
	for seq := uint64(1); ; {
		v, err := r.bus.Next(ctx, configStream, settingsPrefix+"*", seq)
		if errors.Is(err, bus.ErrNoValue) {
			return nil
		}
		if err != nil {
			return err
		}
		r.learn(v.Subject, v.Data, v.Seq)
		seq = v.Seq + 1
	}
}

// learn takes settings that were read or watched.
func (r *Registry) learn(subject string, data []byte, seq uint64) {
	app, err := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 32)
	if err != nil {
		return
	}
	s, err := decodeSettings(data, seq)
	if err != nil {
		r.log.Error("registry: "+err.Error(), "sdkAppID", app)
		return
	}
	r.take(uint32(app), s)
}

// take puts settings into force. If they are new, the users attached here are compared,
// whichever way they came: this gateway may have admitted by the old settings after all
// others had enforced the new ones, or whoever changed them may have died before.
func (r *Registry) take(app uint32, s Settings) {
	if r.settings.set(app, s) {
		r.checkSoon()
	}
}

// notice is what bus.SubjectSettings carries to the other gateways. The watch
// brings the same, but it ends when the NATS server that serves it dies, which
// takes seconds to notice.
type notice struct {
	Revision uint64          `json:"revision"`
	Settings json.RawMessage `json:"settings"`
}

func (r *Registry) spreadSettings(app uint32, revision uint64, settings []byte) {
	data, err := json.Marshal(notice{revision, settings})
	if err == nil {
		err = r.bus.Publish(bus.SubjectSettings+strconv.FormatUint(uint64(app), 10), data)
	}
	if err != nil {
		r.log.Warn("registry: the notice of new settings could not be sent; the other gateways learn them from their watch", "sdkAppID", app, "error", err)
	}
}

// openSettings learns the settings of all apps, from now on.
func (r *Registry) openSettings(ctx context.Context) error {
	stop, err := r.bus.Listen(bus.SubjectSettings+"*", func(h bus.Heard) {
		var n notice
		if err := json.Unmarshal(h.Data, &n); err != nil {
			r.log.Warn("registry: a notice of new settings cannot be read", "error", err)
			return
		}
		r.learn(h.Subject, n.Settings, n.Revision)
	})
	if err != nil {
		return fmt.Errorf("registry: settings cannot be followed: %w", err)
	}
	r.unlisten = append(r.unlisten, stop)
	if err := r.refreshAllSettings(ctx); err != nil {
		return fmt.Errorf("registry: settings cannot be read: %w", err)
	}
	follow, err := r.bus.WatchBucket(ctx, r.ctx, bus.BucketConfig, settingsKeys)
	if err != nil {
		return fmt.Errorf("registry: settings cannot be watched: %w", err)
	}
	r.goes(func() {
		for {
			follow(r.sawSettings)
			// The watch has ended, because the client gives up on some errors.
			for follow = nil; follow == nil; {
				if !r.sleep(time.Second) {
					return
				}
				if follow, err = r.bus.WatchBucket(r.ctx, r.ctx, bus.BucketConfig, settingsKeys); err != nil {
					r.log.Warn("registry: settings cannot be watched", "error", err)
				}
			}
		}
	})
	return nil
}

// settingsKeys matches the settings of all apps.
const settingsKeys = "settings.*"

func (r *Registry) sawSettings(key string, v bus.Value) { r.learn(key, v.Data, v.Seq) }
