package front

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What was read is read again, in whatever pieces, and what else net/http looks for in a
// connection is there.
func TestReadAgain(t *testing.T) {
	for _, way := range []string{"read", "copy"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		client, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		server, err := l.Accept()
		require.NoError(t, err)
		_, err = io.WriteString(client, "later")
		require.NoError(t, err)
		require.NoError(t, client.Close())
		b := buffers.Get().(*[longest]byte)
		c := again(server, early{buffer: b, unread: append(b[:0], "early and "...)})
		_, from := c.(io.ReaderFrom)
		_, half := c.(interface{ CloseWrite() error })
		require.True(t, from && half)
		require.Same(t, c, c.(interface{ Bare() net.Conn }).Bare(), "what is early would be lost")
		var text bytes.Buffer
		if way == "read" {
			var piece [3]byte
			for err == nil {
				var n int
				n, err = c.Read(piece[:])
				text.Write(piece[:n])
			}
			require.ErrorIs(t, err, io.EOF)
		} else {
			_, err = io.Copy(&text, c)
			require.NoError(t, err)
		}
		require.Equal(t, "early and later", text.String())
		require.Same(t, server, c.(interface{ Bare() net.Conn }).Bare())
		require.NoError(t, c.Close())
		require.NoError(t, l.Close())
	}
	require.Implements(t, (*interface{ ConnectionState() tls.ConnectionState })(nil), &secureAgain{})
}

// The deadlines of the first request are counted from when it could begin.
func TestDeadlinesOfTheFirstRequest(t *testing.T) {
	e := early{spent: 3 * time.Second, earlier: ofOneRequest}
	now := time.Now()
	require.Equal(t, now.Add(-3*time.Second), e.deadline(now))
	require.True(t, e.deadline(time.Time{}).IsZero())
	require.Equal(t, now, e.deadline(now))

	// net/http sets two of them for it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n := noting{Listener: l, set: make(chan time.Time, 8)}
	srv := &http.Server{ReadHeaderTimeout: within, ReadTimeout: 3 * within, IdleTimeout: 9 * within, Handler: http.HandlerFunc(handler)}
	go func() { _ = srv.Serve(n) }()
	defer srv.Close()
	r, err := http.Get("http://" + l.Addr().String())
	require.NoError(t, err)
	defer r.Body.Close()
	_ = rest(t, r.Body)
	for _, least := range []time.Duration{within, 3 * within, 9 * within} {
		set := <-n.set
		require.WithinRange(t, set, now.Add(least), time.Now().Add(least))
	}
}

// noting has connections note their deadlines.
type noting struct {
	net.Listener
	set chan time.Time
}

func (n noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	return notes{c, n.set}, err
}

type notes struct {
	net.Conn
	set chan time.Time
}

func (n notes) SetReadDeadline(t time.Time) error {
	if t.After(time.Now()) { // net/http ends a read with one that is over
		n.set <- t
	}
	return n.Conn.SetReadDeadline(t)
}
