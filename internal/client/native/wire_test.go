package native

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ends returns a wire and the other end of its connection.
func ends(t *testing.T, direct bool) (*wire, net.Conn) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	peer, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = c.Close(), peer.Close() })
	require.NoError(t, peer.SetDeadline(time.Now().Add(30*time.Second)))
	w := newWire(c)
	if !direct {
		w.direct = nil
	}
	return w, peer
}

// numbered writes n pieces, each in memory that is used again at once, and returns them.
func numbered(t *testing.T, w *wire, n int) (all []byte) {
	piece := make([]byte, 1000)
	for i := range n {
		for k := range piece {
			piece[k] = byte(i + k*i)
		}
		wrote, err := w.Write(piece)
		require.NoError(t, err)
		require.Equal(t, len(piece), wrote)
		all = append(all, piece...)
	}
	return all
}

// A write never waits, however much the network has not taken yet; all of it arrives, in
// order, and before the end.
func TestWireNeverWaits(t *testing.T) {
	for name, direct := range map[string]bool{"direct": true, "by a goroutine": false} {
		t.Run(name, func(t *testing.T) {
			w, peer := ends(t, direct)
			all := numbered(t, w, 20_000) // nobody reads; no buffer of the kernel holds this
			require.NoError(t, w.Close())
			_, err := w.Write([]byte("late"))
			require.ErrorIs(t, err, net.ErrClosed)
			got, err := io.ReadAll(peer)
			require.NoError(t, err)
			require.True(t, bytes.Equal(all, got), "%d bytes of %d", len(got), len(all))
		})
	}
}

// Under TLS, too, which takes back the time that a write may take when it closes.
func TestWireUnderTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil) // for its certificate
	defer certified.Close()
	for name, direct := range map[string]bool{"direct": true, "by a goroutine": false} {
		t.Run(name, func(t *testing.T) {
			w, peer := ends(t, direct)
			server := tls.Server(peer, certified.TLS)
			config := certified.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			config.ServerName = "example.com"
			client := tls.Client(w, config)
			shaken := make(chan error, 1)
			go func() { shaken <- server.HandshakeContext(t.Context()) }()
			require.NoError(t, client.HandshakeContext(t.Context()))
			require.NoError(t, <-shaken)
			all := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
			_, err := client.Write(all)
			require.NoError(t, err)
			require.NoError(t, client.CloseWrite()) // Close does the same first
			got, err := io.ReadAll(server)
			require.NoError(t, err)
			require.NoError(t, client.Close())
			require.True(t, bytes.Equal(all, got), "%d bytes of %d", len(got), len(all))
		})
	}
}

// What the peer has sent and nobody has read does not take with it what was written last.
func TestWireLingers(t *testing.T) {
	w, peer := ends(t, true)
	_, err := peer.Write(make([]byte, 1000))
	require.NoError(t, err)
	all := numbered(t, w, 3)
	require.NoError(t, w.Close())
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.Equal(t, all, got)
}

// A network that takes nothing more holds a wire that was closed for a moment only.
func TestWireGivesUp(t *testing.T) {
	w, _ := ends(t, true)
	numbered(t, w, 20_000)
	require.NoError(t, w.Close())
	_, err := w.Conn.Read(make([]byte, 1)) // returns when the connection has been closed
	require.ErrorIs(t, err, net.ErrClosed)
}

// A connection that has failed says so to the next write, or to who reads.
func TestWireFails(t *testing.T) {
	w, peer := ends(t, true)
	require.NoError(t, peer.(*net.TCPConn).SetLinger(0)) // a reset
	require.NoError(t, peer.Close())
	_, err := w.Read(make([]byte, 1))
	require.Error(t, err)
	require.Eventually(t, func() bool {
		_, err := w.Write([]byte("x"))
		return err != nil
	}, 30*time.Second, time.Millisecond)
}
