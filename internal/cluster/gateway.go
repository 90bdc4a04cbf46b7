package cluster

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/usersig"
)

// App and Key are the app that every gateway here serves.
const (
	App = 1400000001
	Key = "a key for tests of the cluster only"
)

// userSig is what a UserSig in a log would look like.
var userSig = regexp.MustCompile(`eJ[w-z][\w*-]{60}`)

// Sign makes a UserSig.
func Sign(user string) string { return usersig.Sign(App, Key, user, time.Now(), time.Hour) }

// Gateway is a timd. Its port and data stay the same over restarts.
type Gateway struct {
	process
	Addr string // host:port
	Ops  string // the same of --ops-listen
}

// StartGateway runs timd serve with these flags beside --listen and --app, and
// waits until it is ready.
func StartGateway(t testing.TB, flags ...string) *Gateway {
	t.Helper()
	key := filepath.Join(t.TempDir(), "app.key")
	if err := os.WriteFile(key, []byte(Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &Gateway{}
	free := ports(t, 2)
	g.process = process{t: t, path: Timd(t), args: append([]string{
		"serve", "--listen", fmt.Sprint("127.0.0.1:", free[0]), "--ops-listen", fmt.Sprint("127.0.0.1:", free[1]), "--app", fmt.Sprintf("%d=%s", App, key),
	}, flags...)}
	g.Start()
	t.Cleanup(func() {
		g.Kill()
		said := g.logs.String()
		if strings.Contains(said, "DATA RACE") { // with TIM_CLUSTER_RACE
			t.Errorf("timd %v has a data race:\n%s", flags, said[strings.Index(said, "DATA RACE"):])
		}
		if userSig.MatchString(said) {
			t.Errorf("timd %v logs a UserSig", flags)
		}
		if t.Failed() {
			t.Logf("timd %v said:\n%s", flags, g.tail(4000))
		}
	})
	g.Ready(30 * time.Second)
	return g
}

// Start runs it again; it listens when Start returns.
func (g *Gateway) Start() {
	g.t.Helper()
	line, console, err := announced(g.start())
	if err != nil {
		g.t.Fatalf("timd: %v\n%s", err, g.tail(2000))
	}
	if g.Addr == "" { // it stays there
		g.Addr, g.Ops = g.host(line), g.host(console)
	}
}

// host parses a URL that timd has printed.
func (g *Gateway) host(text string) string {
	g.t.Helper()
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		g.t.Fatalf("timd's output holds %q, which is no URL", text)
	}
	return u.Host
}

// announced reads what timd prints at its start, its URL and the console's,
// and drops everything after that.
func announced(out io.Reader) (first, console string, err error) {
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return "", "", errors.New("it ended without a word")
	}
	first = lines.Text()
	for console == "" && lines.Scan() {
		if what, where, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); what == "console" {
			console = strings.TrimSpace(where)
		}
	}
	go discard(out)
	return first, console, nil
}

// Stop ends it as an operator does: it drains.
func (g *Gateway) Stop() { g.signal(syscall.SIGTERM) }

// Kill ends it as a crash does.
func (g *Gateway) Kill() { g.signal(syscall.SIGKILL) }

// Pause stops it from doing anything until Continue.
func (g *Gateway) Pause() { g.tell(syscall.SIGSTOP) }

// Continue ends a Pause.
func (g *Gateway) Continue() { g.tell(syscall.SIGCONT) }

func (g *Gateway) tell(sig syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd != nil {
		_ = g.cmd.Process.Signal(sig)
	}
}

// URL is http://host:port, or https where it has a certificate.
func (g *Gateway) URL() string {
	scheme := "http://"
	if slices.Contains(g.args, "--tls-cert") {
		scheme = "https://"
	}
	return scheme + g.Addr
}

// askers takes any certificate: a gateway's is one of its test.
var askers = http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}

// IsReady asks /readyz.
func (g *Gateway) IsReady() bool {
	r, err := askers.Get(g.URL() + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// Ready waits until logins can succeed.
func (g *Gateway) Ready(within time.Duration) {
	g.t.Helper()
	for end := time.Now().Add(within); !g.IsReady(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("timd is not ready\n%s", g.tail(2000))
		}
	}
}

// Call makes a call of the server API that must succeed.
func (g *Gateway) Call(command string, body, out any) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	c := rest.Client{Server: "http://" + g.Ops, SDKAppID: App, Key: Key}
	if err := c.Call(ctx, command, body, out); err != nil {
		g.t.Fatalf("%s: %v", command, err)
	}
}

// Balancer is a load balancer in front of gateways: each connection goes to
// the next gateway that accepts it.
type Balancer struct {
	Gateways []*Gateway
	next     atomic.Uint64
}

// URL is passed to a client of Dial; the host does not matter.
func (b *Balancer) URL() string { return "ws://cluster.invalid/ws" }

// Dial is for native.Options.
func (b *Balancer) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	err := errors.New("no gateway")
	for range b.Gateways {
		g := b.Gateways[b.next.Add(1)%uint64(len(b.Gateways))]
		var c net.Conn
		if c, err = (&net.Dialer{}).DialContext(ctx, network, g.Addr); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// Via returns a Balancer of this gateway alone.
func (g *Gateway) Via() *Balancer { return &Balancer{Gateways: []*Gateway{g}} }

func discard(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
