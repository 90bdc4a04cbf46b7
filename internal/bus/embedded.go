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

// embedded is the server in this process. It is restarted when it can no
// longer write: its clients see a NATS that goes away and comes back.
type embedded struct {
	options server.Options
	memory  bool
	temp    string // to be removed at the end
	unlock  func()
	log     *slog.Logger

	mu        sync.Mutex            // guards what follows
	srv       *server.Server        // nil while it is not running
	followers map[string]*followers // by stream

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
			return fmt.Errorf("data directory %s is %w: stop the other timd or choose another directory with --data or TIM_DATA", dir, ErrInUse)
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
		// The disk is the limit. The server's own default is three quarters of
		// what is free when it starts, so that a store that has filled most of
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
	b.dial = func(opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect("", append(opts, nats.InProcessServer(e))...)
	}
	b.nc, err = b.dial(b.options(o.Name)...)
	if err == nil {
		err = b.openMore(o.Name)
	}
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

// readyWithin is long because a large store that was not closed cleanly is
// read as a whole.
const readyWithin = 30 * time.Second

func (e *embedded) start() error {
	o := e.options // a copy, because the server changes it
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

// following returns the followers of a stream.
func (e *embedded) following(stream string) *followers {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.followers == nil {
		e.followers = map[string]*followers{}
	}
	if e.followers[stream] == nil {
		e.followers[stream] = &followers{}
	}
	return e.followers[stream]
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

// watchEvery is how soon watch notices that the store cannot be written, and
// how often it checks whether it can be again.
const watchEvery = time.Second

// watch restarts the server after a failed write. A stream with a failed write
// never writes again, and says so only in its log: the gateway would look
// healthy while nobody could log in, long after there is room on the disk
// again.
func (e *embedded) watch() {
	started := time.Now()
	var wait time.Duration
	for e.sleep(watchEvery) {
		err := failure(e.srv) // only watch changes it
		if err == nil {
			continue
		}
		e.log.Error("the data directory cannot be written; logins and messages fail until it can be", "directory", e.options.StoreDir, "error", err)
		e.shut()
		wait = patience(wait, time.Since(started))
		for told := false; e.sleep(wait); {
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

// patience returns how long to wait before checking the disk again. lasted is
// how long the server has run since the last restart: if freed space filled up
// at once, the wait grows, or the server would flap.
func patience(last, lasted time.Duration) time.Duration {
	if lasted > time.Minute {
		return watchEvery
	}
	return min(max(2*last, watchEvery), 16*watchEvery)
}

// failure returns why a server cannot store, or nil if it can.
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

// writable returns nil if something more can be written to a directory.
func writable(dir string) (err error) {
	f, err := os.CreateTemp(dir, "timd.probe.*") // a new file: whatever lies there already is not followed
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		return err
	}
	return f.Sync()
}

// sleep sleeps for d; it returns false if the server is being closed.
func (e *embedded) sleep(d time.Duration) bool {
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

// Unopened returns the streams in the data directory that the embedded server
// could not open because their descriptions are damaged. Ensure recreates them
// around the messages that are left.
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

// RemoveUnopened removes the files of a stream that Unopened returned.
func (b *Bus) RemoveUnopened(name string) error {
	return os.RemoveAll(filepath.Join(b.embedded.streams(), filepath.Base(name)))
}

func (e *embedded) streams() string {
	return filepath.Join(e.options.StoreDir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams")
}

// serverLog passes the embedded server's warnings and errors to slog, and
// drops the rest.
type serverLog struct {
	log   *slog.Logger
	fatal chan string // why it gave up at its start
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
