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

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

const (
	configStream   = "KV_" + configBucket
	settingsPrefix = "$KV." + configBucket + ".settings."
)

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

// set takes newer settings; false when they change nothing.
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

// Settings are the settings of an app as this gateway knows them.
func (r *Registry) Settings(app uint32) Settings { return r.settings.get(app) }

// SetSettings changes settings and gives the new ones. Errors: ErrSettings for
// a value that cannot be, else *fault.Error. The settings are in force when it
// returns; evictions follow.
func (r *Registry) SetSettings(ctx context.Context, app uint32, p Patch) (Settings, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.opTimeout)
	defer cancel()
	for {
		old, seq, err := r.loadSettings(ctx, app)
		if err != nil {
			return Settings{}, r.fail(err)
		}
		s, err := old.apply(p)
		if err != nil {
			return Settings{}, err
		}
		data, err := json.Marshal(s)
		if err != nil {
			return Settings{}, fault.With(fault.Internal, "settings cannot be encoded")
		}
		s.Revision, err = r.store.Put(ctx, settingsKey(app), data, seq, 0)
		if errors.Is(err, bus.ErrConflict) {
			continue
		}
		if err != nil {
			// Whether it was stored or not: it may simply be set again.
			return Settings{}, r.fail(err)
		}
		r.settings.set(app, s)
		r.poke()
		r.goes(func() {
			if err := r.sweep(r.ctx, strconv.FormatUint(uint64(app), 10)+".*"); err != nil && r.ctx.Err() == nil {
				r.sweepIn(0)
			}
		})
		return s, nil
	}
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
		return s, fmt.Errorf("settings are not readable: %w", err)
	}
	s.Revision = seq
	return s, nil
}

// refreshSettings reads an app's settings anew: a record was decided by newer
// ones than are known here.
func (r *Registry) refreshSettings(ctx context.Context, app uint32) error {
	s, _, err := r.loadSettings(ctx, app)
	if err != nil {
		return err
	}
	r.settings.set(app, s)
	return nil
}

// refreshAllSettings reads all of them, in case the watch missed something.
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

// learn takes settings that were read or watched; true when they changed.
func (r *Registry) learn(subject string, data []byte, seq uint64) bool {
	app, err := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 32)
	if err != nil {
		return false
	}
	s, err := decodeSettings(data, seq)
	if err != nil {
		r.log.Error("registry: "+err.Error(), "sdkAppID", app)
		return false
	}
	return r.settings.set(uint32(app), s)
}

// openSettings watches the settings of all apps. Whoever is attached here is
// compared when they change: this gateway may have admitted by the old ones
// after everybody else had been enforced.
func (r *Registry) openSettings(ctx context.Context) error {
	if err := r.refreshAllSettings(ctx); err != nil {
		return fmt.Errorf("registry: settings cannot be read: %w", err)
	}
	kv, err := r.bus.JetStream().KeyValue(ctx, configBucket)
	if err != nil {
		return fmt.Errorf("registry: settings cannot be opened: %w", err)
	}
	w, err := kv.Watch(r.ctx, "settings.*")
	if err != nil {
		return fmt.Errorf("registry: settings cannot be watched: %w", err)
	}
	r.goes(func() {
		defer func() { _ = w.Stop() }()
		for {
			select {
			case <-r.ctx.Done():
				return
			case e, ok := <-w.Updates():
				if !ok {
					return
				}
				if e == nil || e.Operation() != jetstream.KeyValuePut {
					continue
				}
				if r.learn(e.Key(), e.Value(), e.Revision()) {
					r.poke()
				}
			}
		}
	})
	return nil
}
