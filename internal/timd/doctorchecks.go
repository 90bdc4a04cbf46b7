package timd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

func listensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

// origins says which pages may connect.
func (d *doctor) origins() {
	switch {
	case slices.Contains(d.o.origins, "*"):
		d.say(isWarn, "origins", "pages of every site may connect, with whatever UserSig they have got hold of: name yours with --allowed-origin")
	case len(d.o.origins) == 0 && !d.o.dev && !d.o.page:
		d.say(isWarn, "origins", "only pages that come from the gateway's own address may connect, and it serves none: name yours with --allowed-origin")
	case len(d.o.origins) == 0:
		d.say(isOK, "origins", "pages from the gateway's own address")
	default:
		d.say(isOK, "origins", "%s, and the gateway's own", d.o.origins.String())
	}
}

// addresses checks that timd can listen, or that it listens already.
func (d *doctor) addresses() {
	err := tryListen(d.o.listen)
	switch {
	case err == nil:
		d.say(isOK, "listen", "%s is free", d.o.listen)
	case !errors.Is(err, syscall.EADDRINUSE):
		d.say(isFail, "listen", "%v", d.o.blame(listenError("--listen", d.o.listen, err)))
	default:
		where, err := d.o.ownURL()
		if err == nil {
			_, err = askReady(where)
		}
		if err != nil {
			d.say(isFail, "listen", "another program is there, or a timd that is not ready: %v", err)
			break
		}
		d.say(isOK, "listen", "a timd is there, and it is ready")
	}
	if d.o.opsListen == "" {
		return
	}
	running := err != nil // then the operators' address is taken as well
	if err := tryListen(d.o.opsListen); err != nil && !(running && errors.Is(err, syscall.EADDRINUSE)) {
		d.say(isFail, "ops", "%v", d.o.blame(listenError("--ops-listen", d.o.opsListen, err)))
		return
	}
	if listensOnLoopback(d.o.opsListen) {
		d.say(isOK, "ops", "the server API, the console and the metrics are for this machine only")
	} else {
		d.say(isNote, "ops", "--ops-listen %s: let nobody reach it but your back end and Prometheus; the metrics need no password", d.o.opsListen)
	}
}

func tryListen(address string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		_ = l.Close()
	}
	return err
}

// machine checks the clock and the limits of the machine.
func (d *doctor) machine() {
	switch synced, known := clockSynced(); {
	case !known:
		d.say(isNote, "clock", "whether it is kept right cannot be seen here; a UserSig more than five minutes ahead is refused, and expired ones follow the gateway's clock")
	case synced:
		d.say(isOK, "clock", "it is synchronised")
	default:
		d.say(isWarn, "clock", "nothing keeps it right: run an NTP client, since a UserSig expires by this clock")
	}
	if files := openFiles(); files > 0 && files < fewFiles {
		d.say(isWarn, "files", "a process may open %d files, and each socket is one: raise the limit, ulimit -n, under systemd LimitNOFILE", files)
	} else if files > 0 {
		d.say(isOK, "files", "a process may open %d", files)
	}
}

// fewFiles is hardly enough for the store and some thousand sockets.
const fewFiles = 10_000

// store checks the directory of the embedded store, whether or not a timd uses
// it.
func (d *doctor) store() {
	if d.o.data == bus.Memory {
		d.say(isWarn, "store", "--data memory: nothing survives the process")
		return
	}
	at := d.o.data
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) { // timd makes what is missing
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	switch {
	case err != nil:
		d.say(isFail, "store", "--data %s: %v", d.o.data, err)
		return
	case !info.IsDir():
		d.say(isFail, "store", "--data %s: %s is not a directory", d.o.data, at)
		return
	}
	if f, err := os.CreateTemp(at, "timd-doctor-"); err != nil {
		d.say(isFail, "store", "--data %s cannot be written to: %v", d.o.data, err)
		return
	} else {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	switch free, err := bus.Free(at); {
	case err != nil:
		d.say(isNote, "store", "how much is free in %s is not known: %v", d.o.data, err)
	case free < lowDisk:
		d.say(isWarn, "store", "only %v are free in %s: the store needs room, and stops when the disk is full", bus.Size(free), d.o.data)
	case d.o.maxStore > 0 && int64(d.o.maxStore) > free:
		d.say(isNote, "store", "%v are free in %s, less than --max-store %v, which includes what is stored there already", bus.Size(free), d.o.data, d.o.maxStore)
	default:
		d.say(isOK, "store", "%s, %v free", d.o.data, bus.Size(free))
	}
	if d.o.sync == "always" {
		d.say(isOK, "sync", "acknowledged messages survive a power loss")
	} else {
		d.say(isNote, "sync", "a power loss can take the last two minutes of acknowledged messages: --sync always keeps them, for a disk write each")
	}
}

// lowDisk is too little room for most stores.
const lowDisk = 1 << 30

// cluster checks NATS.
func (d *doctor) cluster(ctx context.Context) {
	b, err := bus.Open(ctx, bus.Options{URLs: d.o.nats, Creds: d.o.natsCreds, CA: d.o.natsCA, Name: "timd doctor", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		d.say(isFail, "nats", "%v", err)
		return
	}
	defer b.Close()
	h, err := b.Examine(ctx)
	if err != nil {
		d.say(isFail, "nats", "%v", err)
		return
	}
	if h.Cluster == "" {
		d.say(isWarn, "nats", "%s, version %s, is one server by itself: nothing stands in when it fails; a cluster of three keeps working", h.Server, h.Version)
	} else {
		d.say(isOK, "nats", "cluster %s, version %s", h.Cluster, h.Version)
	}
	if h.Exposed != "" {
		d.say(isWarn, "nats", "%s", h.Exposed)
	}
	d.streams(h)
	d.room(h.Room)
	switch ahead := h.ClockAhead.Abs(); {
	case !h.ClockKnown:
	case ahead > time.Second:
		d.say(isWarn, "clock", "that of NATS differs from this one by %v: run an NTP client on both", ahead.Round(time.Millisecond))
	default:
		d.say(isOK, "clock", "it agrees with that of NATS")
	}
	d.syncInterval(ctx)
}

// streams says whether each stream has as many copies as it should.
func (d *doctor) streams(h bus.Health) {
	want := 1
	if h.Cluster != "" {
		want = 3
	}
	wrong := 0
	for _, s := range h.Streams {
		switch {
		case h.Cluster != "" && s.Leader == "":
			d.say(isFail, "copies", "stream %s has no leader: most of its servers are away", s.Name)
		case len(s.Missing) > 0:
			d.say(isWarn, "copies", "the copies of stream %s on %s are offline or behind", s.Name, strings.Join(s.Missing, ", "))
		case s.Replicas < want:
			d.say(isWarn, "copies", "stream %s has %d copies instead of %d: nats stream edit %s --replicas %d", s.Name, s.Replicas, want, s.Name, want)
		default:
			continue
		}
		wrong++
	}
	switch {
	case len(h.Streams) == 0:
		d.say(isNote, "copies", "no streams yet: the first gateway makes them")
	case wrong == 0:
		d.say(isOK, "copies", "%d streams with %d copies each, all up to date", len(h.Streams), want)
	}
}

func (d *doctor) room(r bus.Room) {
	switch {
	case r.Limit == 0:
		d.say(isNote, "room", "%v stored; the account has no limit, so only the disks of NATS bound it: give it max_file", bus.Size(r.Used))
	case r.Fill != bus.Roomy:
		d.say(isWarn, "room", "%v of %v are used: raise the account's max_file, or keep fewer messages", bus.Size(r.Used), bus.Size(r.Limit))
	default:
		d.say(isOK, "room", "%v of %v are used", bus.Size(r.Used), bus.Size(r.Limit))
	}
}

// syncInterval says how much can be lost if several servers lose power.
func (d *doctor) syncInterval(ctx context.Context) {
	if d.monitor == "" {
		d.say(isNote, "sync", "how often NATS syncs its disks cannot be seen by a client: look for sync_interval: always in its configuration, or give --nats-monitor")
		return
	}
	always, interval, err := askSync(ctx, d.monitor)
	switch {
	case err != nil:
		d.say(isFail, "sync", "--nats-monitor: %v", err)
	case always:
		d.say(isOK, "sync", "NATS syncs before it acknowledges")
	default:
		d.say(isWarn, "sync", "NATS syncs its disks every %v: a power loss of two servers can take what was acknowledged since; set sync_interval: always, see Many machines in the documents", interval)
	}
}

// askSync asks the monitoring of a NATS server how often it syncs.
func askSync(ctx context.Context, monitor string) (always bool, interval time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitor, "/")+"/jsz", nil)
	if err != nil {
		return false, 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, 0, err
	}
	defer answer.Body.Close()
	var said struct {
		Config *struct {
			SyncInterval time.Duration `json:"sync_interval"`
			SyncAlways   bool          `json:"sync_always"`
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Config == nil {
		return false, 0, fmt.Errorf("%s does not answer as the monitoring of NATS does", monitor)
	}
	return said.Config.SyncAlways, said.Config.SyncInterval, nil
}
