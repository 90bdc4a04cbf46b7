package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// embedded is the server in this process. It is started anew when it cannot
// write any more: to its clients that is a NATS that is away and comes back.
type embedded struct {
	options server.Options
	memory  bool
	temp    string // to be removed at the end
	unlock  func()
	log     *slog.Logger

	mu  sync.Mutex
	srv *server.Server // nil while it is away

	once sync.Once
	quit chan struct{}
	wg   sync.WaitGroup
}

func (b *Bus) embed(ctx context.Context, o Options) error {
	e := &embedded{memory: o.Data == Memory, unlock: func() {}, log: o.Log, quit: make(chan struct{})}
	b.embedded = e
	dir := o.Data
	if e.memory {
		// The server keeps some bookkeeping on disk even for memory streams.
		temp, err := os.MkdirTemp("", "timd-memory-")
		if err != nil {
			return fmt.Errorf("no temporary directory for the embedded NATS server: %w", err)
		}
		e.temp, dir = temp, temp
	} else {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("data directory %s cannot be created: %w; choose another with --data", dir, err)
		}
		unlock, err := lock(dir)
		if errors.Is(err, ErrInUse) {
			return fmt.Errorf("data directory %s is %w: stop the other timd or choose another directory with --data", dir, ErrInUse)
		}
		if err != nil {
			return fmt.Errorf("data directory %s cannot be locked: %w; check its owner and permissions", dir, err)
		}
		e.unlock = unlock
	}
	e.options = server.Options{
		ServerName: o.Name,
		DontListen: true,
		JetStream:  true,
		StoreDir:   dir,
		// The disk is the limit. By itself the server would take three quarters
		// of what is free when it starts, and a store that has filled most of
		// its disk could not be opened again.
		JetStreamMaxStore:      math.MaxInt64,
		SyncAlways:             o.SyncAlways,
		NoSigs:                 true,
		NoLog:                  true,
		DisableJetStreamBanner: true,
	}
	if err := e.start(); err != nil {
		return err
	}
	var err error
	b.nc, err = nats.Connect("", append(b.options(o.Name), nats.InProcessServer(e))...)
	if err != nil {
		return fmt.Errorf("embedded NATS server cannot be reached in process: %w", err)
	}
	if err := b.stream(ctx, "the embedded NATS server on "+dir); err != nil {
		return err
	}
	if !e.memory {
		e.wg.Go(e.watch)
	}
	return nil
}

// readyWithin is long: a large store that was not closed is read as a whole.
const readyWithin = 30 * time.Second

func (e *embedded) start() error {
	o := e.options // the server changes it
	srv, err := server.NewServer(&o)
	if err != nil {
		return fmt.Errorf("embedded NATS server does not start on %s: %w", o.StoreDir, err)
	}
	words := serverLog{e.log, make(chan string, 1)}
	srv.SetLoggerV2(words, false, false, false)
	srv.Start()
	for end := time.Now().Add(readyWithin); !srv.ReadyForConnections(250 * time.Millisecond); {
		why := fmt.Sprintf("it was not ready within %v; check the log, and whether the disk is full", readyWithin)
		select {
		case why = <-words.fatal:
		default:
			if time.Now().Before(end) && !e.quits() {
				continue
			}
		}
		srv.Shutdown()
		srv.WaitForShutdown()
		return fmt.Errorf("embedded NATS server does not start on %s: %s", o.StoreDir, why)
	}
	e.mu.Lock()
	e.srv = srv
	e.mu.Unlock()
	return nil
}

// shut ends the server; its clients wait for the next one.
func (e *embedded) shut() {
	e.mu.Lock()
	srv := e.srv
	e.srv = nil
	e.mu.Unlock()
	if srv != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
	}
}

// InProcessConn implements nats.InProcessConnProvider.
func (e *embedded) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	srv := e.srv
	e.mu.Unlock()
	if srv == nil {
		return nil, errors.New("the embedded NATS server is not running")
	}
	return srv.InProcessConn()
}

// watchEvery is how soon a store that cannot be written is found out, and how
// often it is looked whether it can be again.
const watchEvery = time.Second

// watch starts the server anew after a failed write. A stream of which one has
// failed never writes again, nor says so to anybody but its log: what is left
// is a gateway that looks well and at which nobody can log in, long after
// somebody has made room on the disk.
func (e *embedded) watch() {
	started := time.Now()
	var wait time.Duration
	for e.pause(watchEvery) {
		err := failure(e.srv) // nobody else changes it
		if err == nil {
			continue
		}
		e.log.Error("the data directory cannot be written; logins and messages fail until it can be", "directory", e.options.StoreDir, "error", err)
		e.shut()
		wait = patience(wait, time.Since(started))
		for told := false; e.pause(wait); {
			if writable(e.options.StoreDir) != nil {
				continue
			}
			err := e.start()
			if err == nil {
				started = time.Now()
				e.log.Info("the data directory can be written again", "directory", e.options.StoreDir)
				break
			}
			if !told {
				told = true
				e.log.Error("the data directory can be written again but not opened; timd keeps trying", "error", err)
			}
		}
	}
}

// patience gives how long to wait before it is looked for room on the disk. A
// little of it is used up at once: then it is waited longer, or the server would
// go up and down all the time. lasted is how long it has run since.
func patience(last, lasted time.Duration) time.Duration {
	if lasted > time.Minute {
		return watchEvery
	}
	return min(max(2*last, watchEvery), 16*watchEvery)
}

// failure tells why a server cannot store; nil when it can.
func failure(srv *server.Server) error {
	if !srv.JetStreamEnabled() {
		return errors.New("JetStream has been switched off: see the lines above")
	}
	for _, e := range srv.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if strings.Contains(e.Error, "write error") {
			return errors.New(e.Error)
		}
	}
	return nil
}

// writable tries whether some more can be written to a directory.
func writable(dir string) (err error) {
	f, err := os.CreateTemp(dir, "timd.probe.*") // of its own: nothing that lies there is followed
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		return err
	}
	return f.Sync()
}

// pause waits; false at the end.
func (e *embedded) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.quit:
		return false
	}
}

func (e *embedded) quits() bool {
	select {
	case <-e.quit:
		return true
	default:
		return false
	}
}

func (e *embedded) stop() {
	e.once.Do(func() {
		close(e.quit)
		e.wg.Wait()
		e.shut()
		e.unlock()
		if e.temp != "" {
			_ = os.RemoveAll(e.temp)
		}
	})
}

// Unopened names the streams that lie in the data directory and that the
// embedded server could not open: their descriptions are damaged. Ensure makes
// them anew around the messages that are left.
func (b *Bus) Unopened(ctx context.Context) (names []string, err error) {
	if b.embedded == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(b.embedded.streams())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		_, err := b.js.Stream(ctx, e.Name())
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			names = append(names, e.Name())
		case err != nil:
			return nil, fmt.Errorf("NATS stream %s cannot be looked up: %w", e.Name(), err)
		}
	}
	return names, nil
}

// RemoveUnopened removes the files of a stream that Unopened has named.
func (b *Bus) RemoveUnopened(name string) error {
	return os.RemoveAll(filepath.Join(b.embedded.streams(), filepath.Base(name)))
}

func (e *embedded) streams() string {
	return filepath.Join(e.options.StoreDir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams")
}

// serverLog hands the embedded server's own words to slog: what is wrong, and
// nothing of its chatter.
type serverLog struct {
	log   *slog.Logger
	fatal chan string // what it gave up with, at its start
}

func (l serverLog) Noticef(string, ...any) {}
func (l serverLog) Warnf(f string, a ...any) {
	l.log.Warn("NATS server: " + fmt.Sprintf(f, a...))
}

func (l serverLog) Fatalf(f string, a ...any) {
	text := fmt.Sprintf(f, a...)
	l.log.Error("NATS server: " + text)
	select {
	case l.fatal <- text:
	default:
	}
}

func (l serverLog) Errorf(f string, a ...any) {
	l.log.Error("NATS server: " + fmt.Sprintf(f, a...))
}
func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}
