package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// MaxNewest is the most members of a room that are listed. fewNewest are enough for
// the first pages, which most callers are content with.
const (
	MaxNewest = 1000
	fewNewest = 100
)

// newestTime bounds the wait for the answers of other gateways; the list is without
// those that are late. newestAge is how long their answers hold: a gateway asks the
// others at most that often about a room, whoever wants to know.
const (
	newestTime = 500 * time.Millisecond
	newestAge  = time.Second
)

// listing is the members of a room on other gateways.
type listing struct {
	done    chan struct{} // closed when all is complete
	at      time.Time     // when it was closed
	all     []Member      // not changed after that
	awaited map[string]struct{}
	enough  chan struct{} // closed when every gateway that is awaited has answered
}

// listed names a listing.
type listed struct {
	Key
	most int
}

// ask is a gateway's question for the newest members of a room.
type ask struct {
	Gateway string `json:"g"`
	Number  uint64 `json:"n"`
	Most    int    `json:"m"`
}

// newest answers an ask.
type newest struct {
	Gateway string    `json:"g"`
	Number  uint64    `json:"n"`
	Members []present `json:"m"`
}

type present struct {
	UserID string `json:"u"`
	Since  int64  `json:"s"` // ms
}

// Newest returns the members of a room who came last, on all gateways, the newest
// first, most at most. A user who is there on two gateways is listed once. Errors are
// *fault.Error.
func (r *Rooms) Newest(ctx context.Context, k Key, most int) ([]Member, error) {
	most = min(most, MaxNewest)
	l := r.elsewhere(k, most)
	if l == nil {
		return r.newestHere(k, most), nil
	}
	select {
	case <-l.done:
	case <-ctx.Done():
		return nil, fault.New(fault.ServerTimeout)
	}
	all := append(r.newestHere(k, most), l.all...)
	slices.SortStableFunc(all, func(a, b Member) int { return b.Since.Compare(a.Since) })
	seen := make(map[string]struct{}, len(all))
	all = slices.DeleteFunc(all, func(m Member) bool {
		_, twice := seen[m.UserID]
		seen[m.UserID] = struct{}{}
		return twice
	})
	return all[:min(most, len(all))], nil
}

// newestHere is Newest of this gateway alone.
func (r *Rooms) newestHere(k Key, most int) (out []Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.rooms[k]
	if m == nil {
		return nil
	}
	for e := m.order.Back(); e != nil && len(out) < most; e = e.Prev() {
		one := e.Value.(*member)
		out = append(out, Member{one.userID, one.since})
	}
	return out
}

// elsewhere returns the members on other gateways, which may still be asked; nil if
// no other gateway has reported any.
func (r *Rooms) elsewhere(k Key, most int) *listing {
	which := listed{k, MaxNewest}
	if most <= fewNewest {
		which.most = fewNewest
	}
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.listings[which]; l != nil && (l.at.IsZero() || now.Sub(l.at) < newestAge) {
		return l
	}
	l := &listing{done: make(chan struct{}), enough: make(chan struct{}), awaited: map[string]struct{}{}}
	for gateway, c := range r.counts[k] {
		if now.Sub(c.at) < reportAge {
			l.awaited[gateway] = struct{}{}
		}
	}
	if len(l.awaited) == 0 || r.closed {
		return nil
	}
	r.asked++
	number := r.asked
	r.listings[which], r.asking[number] = l, l
	r.running.Go(func() { r.collect(which, number, l) })
	return l
}

// collect asks the other gateways and completes the listing.
func (r *Rooms) collect(which listed, number uint64, l *listing) {
	if err := r.signal(which.Key, signal{App: which.App, Room: which.ID, Ask: &ask{r.name, number, which.most}}); err != nil {
		r.o.Report(fmt.Errorf("live: asking for the members of a room: %w", err))
	}
	t := time.NewTimer(newestTime)
	defer t.Stop()
	select {
	case <-l.enough:
	case <-t.C:
	case <-r.ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asking, number)
	l.at = r.o.Now()
	close(l.done)
}

// answer answers another gateway. It needs that mu is not held.
func (r *Rooms) answer(k Key, a ask) {
	if a.Gateway == r.name || r.ctx.Err() != nil {
		return
	}
	out := newest{Gateway: r.name, Number: a.Number}
	for _, m := range r.newestHere(k, min(a.Most, MaxNewest)) {
		out.Members = append(out.Members, present{m.UserID, m.Since.UnixMilli()})
	}
	data, err := jsonframe.Marshal(out)
	if err == nil {
		err = r.bus.Publish(bus.SubjectRoomNewest+a.Gateway, data)
	}
	if err != nil {
		r.o.Report(fmt.Errorf("live: the members of a room: %w", err))
	}
}

func (r *Rooms) heardNewest(data []byte) {
	var n newest
	if err := json.Unmarshal(data, &n); err != nil {
		r.o.Report(fmt.Errorf("live: the members of a room: %w", err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.asking[n.Number]
	if l == nil { // too late
		return
	}
	if _, awaited := l.awaited[n.Gateway]; !awaited {
		return
	}
	for _, m := range n.Members {
		l.all = append(l.all, Member{m.UserID, time.UnixMilli(m.Since)})
	}
	if delete(l.awaited, n.Gateway); len(l.awaited) == 0 {
		close(l.enough)
	}
}

// forgetListings needs mu.
func (r *Rooms) forgetListings(now time.Time) {
	for which, l := range r.listings {
		if !l.at.IsZero() && now.Sub(l.at) >= newestAge {
			delete(r.listings, which)
		}
	}
}
