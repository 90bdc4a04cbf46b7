package registry

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// State is the presence of an instance or of a user. A user's is the best of
// their instances.
type State string

// The states.
const (
	Online       State = "online"
	Disconnected State = "disconnected" // the link is lost, grace runs
	Offline      State = "offline"
)

// View is a user's record as operators see it.
type View struct {
	place.User
	State     State
	KickedAt  int64 // Unix seconds of the last server API kick; 0 for none
	Ban       *Ban  // in force; nil for none
	Instances []InstanceView
}

// InstanceView is one instance of a View. Times are Unix ms.
type InstanceView struct {
	Instance  string // hex of SHA-256 of the instance's secret
	Platform  place.Platform
	State     State
	Gateway   string // node name and boot id of the gateway that holds, or held, its socket
	Addr      string
	LoginAt   int64
	LostAt    int64 // of Disconnected
	ExpiresAt int64 // end of its UserSig
}

func (r *Registry) view(ctx context.Context, u place.User, rec Record) View {
	rec = lapse(rec, r.lapsed(ctx))
	now, s := r.now(), r.rules(u.SDKAppID)
	v := View{User: u, State: Offline, KickedAt: rec.KickedAt}
	if rec.Ban.inForce(now) {
		v.Ban = rec.Ban
	}
	for i := range rec.Instances {
		in := &rec.Instances[i]
		if ended(in.Expires, now) || in.overdue(s, now) {
			continue
		}
		state := Online
		if in.Down > 0 {
			state = Disconnected
		}
		if v.State != Online {
			v.State = state
		}
		v.Instances = append(v.Instances, InstanceView{
			Instance: in.Hash, Platform: in.Platform, State: state, Gateway: in.Gateway, Addr: in.Addr,
			LoginAt: int64(in.Login), LostAt: in.Down, ExpiresAt: in.Expires * 1000,
		})
	}
	return v
}

// Get returns a user's presence, which is Offline for one that never logged
// in. It may be some milliseconds old.
func (r *Registry) Get(ctx context.Context, u place.User) (View, error) {
	return r.get(ctx, u, false)
}

// GetCurrent is Get as of now: Get may read from a follower, which may be a
// moment behind.
func (r *Registry) GetCurrent(ctx context.Context, u place.User) (View, error) {
	return r.get(ctx, u, true)
}

func (r *Registry) get(ctx context.Context, u place.User, leader bool) (View, error) {
	v, err := r.read(ctx, key(u), leader)
	if err != nil {
		return View{}, r.fail(err)
	}
	rec, err := decodeRecord(v.Data)
	if err != nil {
		return View{}, fault.With(fault.Internal, "this user's record cannot be read")
	}
	return r.view(ctx, u, rec), nil
}

// List returns the users of an app that have instances, at most limit of them,
// and a cursor for the next page, "" at the end. They are ordered by their
// last change; a user who changes meanwhile may come twice, and no other is
// missed.
func (r *Registry) List(ctx context.Context, app uint32, cursor string, limit int) ([]View, string, error) {
	return r.list(ctx, app, cursor, limit, math.MaxInt, func(v *View) bool { return len(v.Instances) > 0 })
}

// list returns the users whose view is wanted, as List does, and looks at the
// records of at most most users for it.
func (r *Registry) list(ctx context.Context, app uint32, cursor string, limit, most int, wanted func(*View) bool) ([]View, string, error) {
	from, err := bus.Cursor(cursor)
	if err != nil {
		return nil, "", err
	}
	var page []View
	next := ""
	err = r.walk(ctx, span{keys: appKeys(app), from: from}, func(u place.User, rec Record, seq uint64) error {
		v := r.view(ctx, u, rec)
		listed := wanted(&v)
		if most--; most < 0 || listed && len(page) >= limit {
			next = strconv.FormatUint(seq, 10)
			return errEnough
		}
		if !listed {
			return nil
		}
		page = append(page, v)
		return nil
	})
	if err != nil && err != errEnough {
		return nil, "", r.fail(err)
	}
	return page, next, nil
}

// KickUser evicts every instance of a user (REST_API_Kick) and voids every
// UserSig that was signed up to and including this second. It returns when
// that second has ended, so that a UserSig signed afterwards is valid.
//
// The time of signing is the one in the UserSig itself. One that is dated
// ahead is void as well if it was used before. One that was not used stays
// valid, because it cannot be told from one that was signed later: until its
// date, five minutes at most.
func (r *Registry) KickUser(ctx context.Context, u place.User) error {
	second := r.now() / 1000
	err := r.mutate(ctx, "kick", u, func(rec Record, s rules, _ string, now int64) step {
		next, c := kickAll(rec, s, u, second, now)
		return c.step(next)
	})
	if err != nil {
		return err
	}
	t := time.NewTimer(time.Duration((second+1)*1000-r.now()) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return r.fail(ctx.Err())
	}
}

// KickInstance evicts one instance (REST_API_Kick), named by the hash of its
// secret. It returns false if the instance has no place.
func (r *Registry) KickInstance(ctx context.Context, u place.User, instance string) (bool, error) {
	found := false
	err := r.mutate(ctx, "kick", u, func(rec Record, s rules, _ string, now int64) step {
		next, c := kickOne(rec, s, u, instance, now)
		// Found once is enough: if it is gone at the next try, an earlier try
		// whose answer was lost has evicted it.
		found = found || c.Write
		return c.step(next)
	})
	return found, err
}

// Gateways returns the gateways that hold a lease, as this one learnt a few seconds
// ago, in the order of their names.
func (r *Registry) Gateways() []string {
	l := &r.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	all := []string{r.self}
	for gateway, is := range l.others {
		if is.live {
			all = append(all, gateway)
		}
	}
	slices.Sort(all)
	return all
}
