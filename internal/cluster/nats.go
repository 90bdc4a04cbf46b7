package cluster

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATS is a cluster of servers.
type NATS struct {
	t       testing.TB
	Servers []*NATSServer
}

// NATSServer is one of them. Its ports and data stay the same over restarts.
type NATSServer struct {
	process
	Name string
	url  string
}

// StartNATS starts n servers, one without a cluster or several in one, with
// JetStream, and waits until they can make streams with n copies. Flags are
// additional ones of nats-server.
func StartNATS(t testing.TB, n int, flags ...string) *NATS {
	t.Helper()
	free := ports(t, 2*n)
	var routes []string
	for i := range n {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", free[n+i]))
	}
	c := &NATS{t: t}
	for i := range n {
		s := &NATSServer{Name: fmt.Sprintf("n%d", i+1), url: fmt.Sprintf("nats://127.0.0.1:%d", free[i])}
		s.process = process{t: t, path: build(t, "nats-server", "github.com/nats-io/nats-server/v2"), args: []string{
			"-n", s.Name, "-a", "127.0.0.1", "-p", fmt.Sprint(free[i]), "-js", "-sd", t.TempDir(),
		}}
		if n > 1 {
			s.args = append(s.args, "--cluster_name", "tim", "--cluster", routes[i], "--routes", strings.Join(routes, ","))
		}
		s.args = append(s.args, flags...)
		c.Servers = append(c.Servers, s)
		s.Start()
	}
	t.Cleanup(func() {
		for _, s := range c.Servers {
			s.Kill()
			if t.Failed() {
				t.Logf("NATS server %s said:\n%s", s.Name, s.tail(3000))
			}
		}
	})
	c.whole(n)
	return c
}

// Start runs it again.
func (s *NATSServer) Start() { go discard(s.start()) }

// Stop ends it as an operator does.
func (s *NATSServer) Stop() { s.signal(syscall.SIGTERM) }

// Kill ends it as a crash does.
func (s *NATSServer) Kill() { s.signal(syscall.SIGKILL) }

// URL is what --nats takes.
func (c *NATS) URL() string {
	var urls []string
	for _, s := range c.Servers {
		urls = append(urls, s.url)
	}
	return strings.Join(urls, ",")
}

// Connect returns a connection of the test's own.
func (c *NATS) Connect() (*nats.Conn, jetstream.JetStream) {
	c.t.Helper()
	nc, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		c.t.Fatal(err)
	}
	return nc, js
}

// whole waits until a stream with n copies can be made.
func (c *NATS) whole(n int) {
	c.t.Helper()
	_, js := c.Connect()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, 2*time.Second)
		_, err := js.CreateStream(try, jetstream.StreamConfig{Name: "probe", Replicas: n})
		if err == nil {
			err = js.DeleteStream(try, "probe")
		}
		stop()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("the NATS cluster does not come up: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Current waits until every copy of every stream of timd is up to date.
func (c *NATS) Current(within time.Duration) {
	c.t.Helper()
	_, js := c.Connect()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		behind := ""
		try, stop := context.WithTimeout(ctx, 2*time.Second) // a request may get lost
		streams, all := 0, js.ListStreams(try)
		for info := range all.Info() {
			streams++
			if info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != len(c.Servers)-1 {
				behind = info.Config.Name
				continue
			}
			for _, r := range info.Cluster.Replicas {
				if !r.Current || r.Offline {
					behind = info.Config.Name + " on " + r.Name
				}
			}
		}
		stop()
		if all.Err() == nil && behind == "" && streams > 0 {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("copies of streams stay behind: %q %v", behind, all.Err())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Leader returns the server that leads a stream.
func (c *NATS) Leader(stream string) *NATSServer {
	c.t.Helper()
	_, js := c.Connect()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, 2*time.Second)
		s, err := js.Stream(try, stream)
		stop()
		if err == nil && s.CachedInfo().Cluster != nil {
			for _, server := range c.Servers {
				if server.Name == s.CachedInfo().Cluster.Leader {
					return server
				}
			}
		}
		if ctx.Err() != nil {
			c.t.Fatalf("stream %s has no leader: %v", stream, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
