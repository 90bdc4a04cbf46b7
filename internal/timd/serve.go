package timd

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/front"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/registry"
)

// drainWithin is how long draining and closing may take together.
const drainWithin = 5 * time.Second

// Serve is `timd serve` with these pages. It returns the exit code.
func Serve(files Files, args []string, stdout, stderr io.Writer) int {
	o, err := parseServe(args, os.LookupEnv, stdout)
	o.files = files
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "timd serve: %v\n", err)
		return 2
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	logger := o.logs.logger(stderr)
	if text := o.openSecrets(); text != "" {
		logger.Warn(text)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := make(chan struct{})
	var s *server
	go func() {
		defer close(started)
		s, err = start(ctx, o, logger)
	}()
	select {
	case <-started:
	case <-signals:
		// Nothing has been accepted yet. The store is closed in good order; what
		// an upgrade of it has not done yet the next start does.
		cancel()
		select {
		case <-started:
			if err == nil {
				s.closeSoon()
			}
		case <-signals:
		case <-time.After(drainWithin):
		}
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "timd serve: %v\n", o.blame(err))
		return 2
	}
	s.reloadCertificate()
	s.setCollector()
	s.announce(stdout)
	return s.wait(signals, os.Exit)
}

// reloadCertificate has a new certificate read: soon by itself, at once at a
// SIGHUP. Without --dev that signal never ends timd, since whoever sends it, as
// systemctl reload does, need not know whether there is a certificate; with
// --dev it does, as for any program whose terminal is closed.
func (s *server) reloadCertificate() {
	hup := make(chan os.Signal, 1)
	if !s.options.dev {
		signal.Notify(hup, syscall.SIGHUP)
	}
	if s.cert == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.cert.watch(ctx, hup) })
	s.closers = append(s.closers, func(context.Context) {
		signal.Stop(hup)
		cancel()
		wg.Wait()
	})
}

// server is a timd that is listening.
type server struct {
	*running
	url      string
	opsURL   string // of --ops-listen
	http     []*http.Server
	failed   chan error // a listener that broke
	starting *starting
	draining *atomic.Bool
}

// start opens everything in the order in which mistakes are most likely; its
// errors are one line that says what to do.
func start(ctx context.Context, o options, logger *slog.Logger) (*server, error) {
	a, err := readApps(o.apps, func(text string) { logger.Warn(text) })
	if err != nil {
		return nil, err
	}
	cert, err := readCertificate(o, logger)
	if err != nil {
		return nil, err
	}
	main, err := listen("--listen", o.listen)
	if err != nil {
		return nil, err
	}
	var ops net.Listener
	if o.opsListen != "" {
		if ops, err = listen("--ops-listen", o.opsListen); err != nil {
			main.Close()
			return nil, err
		}
	}
	s := newServer(o, a, logger)
	s.cert = cert
	scheme := "http://"
	if cert != nil {
		scheme = "https://"
	}
	s.url = scheme + reachable(main.Addr())
	s.opsURL = s.url
	if ops != nil {
		s.opsURL = scheme + reachable(ops.Addr())
	}
	s.serve(main, s.callers.checkHost(s.starting.before(s.public)), true)
	if ops != nil {
		s.serve(ops, s.callers.checkHost(s.starting.before(s.ops)), false)
	}
	if err := s.open(ctx); err != nil {
		s.starting.takesLong("timd could not start: its log says why")
		s.closeSoon()
		return nil, err
	}
	s.starting.done()
	return s, nil
}

func newServer(o options, a apps, logger *slog.Logger) *server {
	t := &running{options: o, log: logger, apps: a, callers: newCallers(o), public: http.NewServeMux()}
	t.ops = t.public
	if o.opsListen != "" {
		t.ops = http.NewServeMux()
	}
	return &server{running: t, failed: make(chan error, 2), draining: new(atomic.Bool), starting: newStarting()}
}

// open builds everything behind the listeners.
func (s *server) open(ctx context.Context) (err error) {
	t, o, a, logger := s.running, s.options, s.apps, s.log
	t.bus, err = bus.Open(ctx, bus.Options{
		Data: o.data, SyncAlways: o.sync == "always", MaxStore: int64(o.maxStore),
		URLs: o.nats, Creds: o.natsCreds, CA: o.natsCA,
		Name: o.node, Log: logger,
	})
	if err != nil {
		return err
	}
	if o.dev {
		if t.devKeyFile, err = a.addDev(o.data); err != nil {
			return err
		}
	}
	ro := registry.Options{Bus: t.bus, Node: o.node, Grace: o.grace, Log: logger}
	g := gateway.Options{
		Keys:         a.keys,
		LoginTimeout: o.loginWithin,
		Silence:      o.silence,
		LoginRate:    o.loginRate,
		Visitors:     o.visitors,
		AllowOrigin:  t.callers.allowOrigin,
		ClientAddr:   t.callers.addr,
		Log:          logger,
	}
	if err = t.prepare(ctx, &ro, &g); err != nil {
		return err
	}
	if t.gateway, err = gateway.New(g); err != nil {
		return err
	}
	ro.Sockets = t.gateway
	if t.reg, err = registry.Open(ctx, ro); err != nil {
		return err
	}
	// From here on this gateway holds its lease.
	if err = t.settle(ctx, s.starting.takesLong); err != nil {
		return err
	}
	seal := t.reg.SealKey()
	if err = t.gateway.Use(t.reg, seal[:]); err != nil {
		return err
	}
	t.public.Handle(socketPath, t.gateway)
	t.public.HandleFunc("/healthz", healthz)
	t.public.HandleFunc("/readyz", readyz(t.reg.Live, s.draining))
	for _, p := range parts {
		if err = p(ctx, t); err != nil {
			return err
		}
	}
	return t.reg.Start()
}

// httpTimes limit a request: its head, all of it, and its answer, which may be
// the SDK over a slow line. A WebSocket and timd_session/watch set their own
// deadlines.
var httpTimes = struct{ header, read, write, idle time.Duration }{
	header: 10 * time.Second, read: 30 * time.Second, write: 5 * time.Minute, idle: time.Minute,
}

// serve serves what a listener accepts. sockets says whether clients open theirs there.
func (s *server) serve(l net.Listener, h http.Handler, sockets bool) {
	srv := &http.Server{
		Handler:           apiPaths(h),
		ReadHeaderTimeout: httpTimes.header,
		ReadTimeout:       httpTimes.read,
		WriteTimeout:      httpTimes.write,
		IdleTimeout:       httpTimes.idle,
		MaxHeaderBytes:    16 << 10,
		ConnState:         newConnLimit(maxConnections, maxConnectionsOfAll).moved,
		Protocols:         new(http.Protocols),
		ErrorLog:          log.New(&serverLog{log: s.log, now: time.Now}, "", 0),
	}
	// HTTP/2 would let each of the connections that connLimit counts have 250 answers
	// under way, which a client that reads none of them holds in memory.
	srv.Protocols.SetHTTP1(true)
	if s.cert != nil {
		srv.TLSConfig = &tls.Config{GetCertificate: s.cert.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	serve := srv.Serve
	if sockets {
		l = front.New(l, front.Options{
			Path: socketPath, TLS: srv.TLSConfig.Clone(), HeaderTimeout: httpTimes.header, ConnState: srv.ConnState, ErrorLog: srv.ErrorLog,
			Room:    s.room,
			Accepts: s.accepts, // and Open only then: before that there is no gateway
			Open:    func(c net.Conn, early []byte, r *http.Request) { s.gateway.Open(c, early, r) },
		})
	} else if s.cert != nil {
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	s.http = append(s.http, srv)
	go func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

const socketPath = "/ws"

// room returns how many sockets may be opened now. They wait for the end of a start, too,
// unless that takes long: then they are told so, as any request is.
func (s *server) room() int {
	ready, busy, _ := s.starting.state()
	switch {
	case ready:
		return s.gateway.Room()
	case busy != "":
		return 1000
	}
	return 0
}

// accepts reports whether the gateway may open the socket of a request; if not, the
// request is answered by the handler in the ordinary way.
func (s *server) accepts(r *http.Request) bool {
	ready, _, _ := s.starting.state()
	return ready && s.callers.answersTo(r) && s.gateway.Accepts(r)
}

// announce prints the URL alone on the first line, for scripts, then the
// addresses and places worth knowing.
func (s *server) announce(w io.Writer) {
	fmt.Fprintln(w, s.url)
	for _, p := range s.pages {
		base := s.url
		if p.ops {
			base = s.opsURL
		}
		fmt.Fprintf(w, "  %-8s %s%s\n", p.what, base, p.path)
	}
	where := s.options.data
	if s.options.nats != "" {
		where = "the NATS cluster"
	} else if where == "memory" {
		where = "memory: nothing survives the process"
	}
	fmt.Fprintf(w, "  %-8s %s\n", "data", where)
	if s.options.dev {
		if s.devKeyFile != "" {
			fmt.Fprintf(w, "  %-8s %s: timd usersig --dev --user alice and timd config --dev get use it\n", "dev key", s.devKeyFile)
		}
		fmt.Fprintf(w, "  dev mode: SDKAppID %d, and whoever can reach this timd can log in as anybody\n", devApp)
	}
}

// wait serves until a signal and returns the exit code. A second signal ends
// it at once.
func (s *server) wait(signals <-chan os.Signal, exit func(int)) int {
	code := 0
	select {
	case sig := <-signals:
		s.log.Info("draining", "signal", sig.String(), "sessions", s.gateway.Stats().Sessions)
	case err := <-s.failed:
		s.log.Error("the listener broke", "error", err)
		code = 1
	}
	go func() {
		<-signals
		exit(1)
	}()
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	if err := s.gateway.Drain(ctx); err != nil {
		s.log.Warn("some clients were not told in time that timd stops; they reconnect once their sockets are closed", "error", err)
	}
	s.close(ctx)
	s.log.Info("stopped")
	return code
}

// close closes what is open, in reverse order.
func (s *server) close(ctx context.Context) {
	for _, f := range slices.Backward(s.closers) {
		f(ctx)
	}
	for _, srv := range s.http {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	if s.reg != nil {
		s.reg.Close()
	}
	if s.bus != nil {
		s.bus.Close()
	}
}

// closeSoon is close when no client has to be drained.
func (s *server) closeSoon() {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	s.close(ctx)
}

// listen has its connections without the kernel's probes, which cost four system calls
// each and then a packet every 15 s: a WebSocket is asked whether its client is there
// (gateway.Options.Silence), requests have httpTimes, and timd_session/watch says
// that it is alive.
func listen(flagName, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, listenError(flagName, address, err)
	}
	return l, nil
}

func listenError(flagName, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %s: the port is in use; stop the other program or choose another port", flagName, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %s: not permitted; choose a port above 1023", flagName, address)
	default:
		return fmt.Errorf("%s %s: %w; choose another address", flagName, address, err)
	}
}

// reachable turns a listener's address into one that a browser accepts.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
