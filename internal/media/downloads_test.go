package media

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// fill begins downloads from an address and returns their contexts, the oldest first.
func fill(t *testing.T, d *downloads, addr string, n int) []context.Context {
	t.Helper()
	var all []context.Context
	for range n {
		ctx, done, ok := d.begin(t.Context(), addr)
		require.True(t, ok)
		t.Cleanup(done)
		all = append(all, ctx)
	}
	return all
}

// A network that has networkDownloads downloads under way gets no further one, whichever
// of its addresses asks, and other networks still get theirs.
func TestDownloadsOfANetworkAreBounded(t *testing.T) {
	for name, addr := range map[string]func(n int) string{
		"IPv4": func(int) string { return "192.0.2.1" },
		"IPv6": func(n int) string { return fmt.Sprintf("2001:db8:1:1::%x", n) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDownloads()
			var over []func()
			begin := func(addr string) bool {
				_, done, ok := d.begin(t.Context(), addr)
				if ok {
					over = append(over, done)
				}
				return ok
			}
			for n := range networkDownloads {
				require.True(t, begin(addr(n)))
			}
			require.False(t, begin(addr(networkDownloads)))
			require.True(t, begin("192.0.2.2"))
			require.True(t, begin("2001:db8:1:2::1"))
			over[0]()
			over[0]()
			require.True(t, begin(addr(networkDownloads)))
			require.False(t, begin(addr(0)), "what is over twice counts once")
			for _, done := range over {
				done()
			}
			require.Zero(t, d.len())
			require.Empty(t, d.networks)
		})
	}
}

// Once all downloads are taken, one from a network with few takes the place of the
// oldest of the network with the most, until that has no more than the others.
func TestTheNetworkWithTheMostMakesRoom(t *testing.T) {
	d := newDownloads()
	most := fill(t, d, "192.0.2.1", networkDownloads)
	var others []context.Context
	for n := range maxDownloads - networkDownloads {
		others = append(others, fill(t, d, fmt.Sprint("other ", n), 1)...)
	}
	for n := range networkDownloads {
		require.NoError(t, most[n].Err())
		ctx, done, ok := d.begin(t.Context(), fmt.Sprintf("2001:db8:0:%x::1", n))
		if n == networkDownloads-1 {
			require.False(t, ok, "no network has two more than this one would")
			continue
		}
		require.True(t, ok)
		t.Cleanup(done)
		require.NoError(t, ctx.Err())
		require.Error(t, most[n].Err(), "the oldest goes")
		require.Equal(t, maxDownloads, d.len())
	}
	for _, ctx := range others {
		require.NoError(t, ctx.Err())
	}
}

// A download that has to make room ends at once, also while its client reads nothing.
func TestADownloadThatStandsStillMakesRoom(t *testing.T) {
	g := open(t, busmodel.New(busmodel.Options{}), func(o *Options) {
		o.ClientAddr = func(r *http.Request) string { return r.Header.Get("From-Address") }
		o.stall = time.Hour
	})
	const size = 16 << 20 // more than the buffers of a connection
	up := g.upload(File, pattern(size), "")
	over := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/media/{app}/{name}", func(w http.ResponseWriter, r *http.Request) {
		defer close(over)
		g.Serve(w, r)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /media/1400000000/%s HTTP/1.1\r\nHost: x\r\nFrom-Address: 2001:db8::1\r\n\r\n", up.Name)
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1)) // it sends
	require.NoError(t, err)

	fill(t, g.downloads, "2001:db8::2", networkDownloads-1)
	for n := range maxDownloads - networkDownloads {
		fill(t, g.downloads, fmt.Sprint("other ", n), 1)
	}
	res, got := g.get(up.Name, "From-Address", "192.0.2.1")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Len(t, got, size)
	select {
	case <-over:
	case <-time.After(within):
		require.Fail(t, "the download goes on")
	}
	res, _ = g.get(up.Name, "From-Address", "2001:db8::3", "Range", "bytes=0-0")
	require.Equal(t, http.StatusPartialContent, res.StatusCode, "its network has one less")
}
