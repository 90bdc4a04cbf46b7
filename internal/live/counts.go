package live

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Each gateway reports how many members its rooms have, so the number of a room's
// members on all gateways is reportEvery old at most. A gateway that has died counts
// until its last report is too old.
//
// A room that has its first member here is reported after freshPause, so that the
// others know whom to ask for its members.
const (
	reportEvery = 5 * time.Second
	freshPause  = 250 * time.Millisecond
	reportAge   = 3 * reportEvery
)

// reportAtOnce is the most rooms in one report.
const reportAtOnce = 500

// count is what one gateway has reported of a room.
type count struct {
	members int
	at      time.Time
}

type report struct {
	Gateway string     `json:"g"`
	Rooms   []reported `json:"r"`
}

type reported struct {
	App     uint32 `json:"a"`
	Room    string `json:"r"`
	Members int    `json:"m"`
}

// report reports the rooms here, and those that have become empty since.
func (r *Rooms) report() {
	var all []reported
	r.mu.Lock()
	for k := range r.told {
		if r.closed || !r.rooms[k].peopled() {
			all = append(all, reported{k.App, k.ID, 0})
		}
	}
	clear(r.told)
	for k, m := range r.rooms {
		if !r.closed && m.peopled() {
			all = append(all, reported{k.App, k.ID, len(m.users)})
			r.told[k] = struct{}{}
		}
	}
	clear(r.fresh)
	r.mu.Unlock()
	r.publish(all)
}

// reportSoon reports a room that has its first member here, unless the newest report
// has it. It needs mu.
func (r *Rooms) reportSoon(k Key) {
	if _, told := r.told[k]; told || r.closed {
		return
	}
	if r.fresh[k] = struct{}{}; len(r.fresh) > 1 {
		return
	}
	r.running.Go(func() {
		t := time.NewTimer(freshPause)
		defer t.Stop()
		select {
		case <-t.C:
			r.reportFresh()
		case <-r.ctx.Done():
		}
	})
}

func (r *Rooms) reportFresh() {
	var all []reported
	r.mu.Lock()
	for k := range r.fresh {
		if m := r.rooms[k]; m.peopled() {
			all = append(all, reported{k.App, k.ID, len(m.users)})
			r.told[k] = struct{}{}
		}
	}
	clear(r.fresh)
	r.mu.Unlock()
	r.publish(all)
}

func (r *Rooms) publish(all []reported) {
	for len(all) > 0 {
		n := min(len(all), reportAtOnce)
		data, err := jsonframe.Marshal(report{r.name, all[:n]})
		if err == nil {
			err = r.bus.Publish(bus.SubjectRoomed, data)
		}
		if err != nil {
			r.o.Report(fmt.Errorf("live: reporting the members of rooms: %w", err))
		}
		all = all[n:]
	}
}

func (r *Rooms) heardReport(data []byte) {
	var p report
	if err := json.Unmarshal(data, &p); err != nil {
		r.o.Report(fmt.Errorf("live: a report: %w", err))
		return
	}
	if p.Gateway == r.name {
		return
	}
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range p.Rooms {
		k := Key{one.App, one.Room}
		if one.Members == 0 {
			r.forgetCount(k, p.Gateway)
			continue
		}
		if r.counts[k] == nil {
			r.counts[k] = map[string]count{}
		}
		r.counts[k][p.Gateway] = count{one.Members, now}
	}
}

// Count returns the number of members of a room on all gateways: exact for this
// one, up to reportEvery old for the others. A user who is in the room on two
// gateways counts twice.
func (r *Rooms) Count(k Key) int {
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	if m := r.rooms[k]; m != nil {
		n = len(m.users)
	}
	for _, c := range r.counts[k] {
		if now.Sub(c.at) < reportAge {
			n += c.members
		}
	}
	return n
}

// forgetCount needs mu.
func (r *Rooms) forgetCount(k Key, gateway string) {
	delete(r.counts[k], gateway)
	if len(r.counts[k]) == 0 {
		delete(r.counts, k)
	}
}

// forgetCounts forgets what gateways have reported that are silent since. It needs
// mu.
func (r *Rooms) forgetCounts(now time.Time) {
	for k, by := range r.counts {
		for gateway, c := range by {
			if now.Sub(c.at) >= reportAge {
				r.forgetCount(k, gateway)
			}
		}
	}
}
