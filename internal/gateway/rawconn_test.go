package gateway

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// written is a connection that notes what is written to it.
type written struct {
	net.Conn
	writes []string
	fails  error
	half   int // how many writes there were when it was closed for writing
}

func (w *written) Write(p []byte) (int, error) {
	if w.fails != nil {
		return 0, w.fails
	}
	w.writes = append(w.writes, string(p))
	return len(p), nil
}

func (w *written) CloseWrite() error {
	w.half = len(w.writes)
	return nil
}

func (w *written) SetWriteDeadline(time.Time) error { return nil }
func (w *written) SetReadDeadline(time.Time) error  { return nil }

func put(t *testing.T, c *rawConn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		n, err := c.Write([]byte(f))
		require.NoError(t, err)
		require.Len(t, f, n)
	}
}

// TestHold: frames that are held go out with one write, in their order, and others
// at once.
func TestHold(t *testing.T) {
	w := &written{}
	c := newRawConn(w, &times{write: time.Second})
	put(t, c, "a", "b")
	require.Equal(t, []string{"a", "b"}, w.writes)
	c.hold()
	put(t, c, "c", "d", "e")
	require.Len(t, w.writes, 2, "they are held")
	require.NoError(t, c.release())
	put(t, c, "f")
	require.Equal(t, []string{"a", "b", "cde", "f"}, w.writes)
	c.hold()
	require.NoError(t, c.release())
	require.Len(t, w.writes, 4, "nothing was held")
}

// TestHoldBound: much more than heldMost goes out before the release, in its order.
func TestHoldBound(t *testing.T) {
	w := &written{}
	c := newRawConn(w, &times{write: time.Second})
	large, small := strings.Repeat("x", heldMost+1), strings.Repeat("y", heldMost/2+1)
	c.hold()
	put(t, c, "a", large, small, small, "b")
	require.LessOrEqual(t, cap(*c.held), 2*heldMost)
	require.NoError(t, c.release())
	require.Equal(t, []string{"a", large, small, small + "b"}, w.writes)
}

// TestHoldClose: a connection that is closed meanwhile sends what it holds, the
// close frame with it, before it ends.
func TestHoldClose(t *testing.T) {
	w := &written{}
	c := newRawConn(w, &times{write: time.Second})
	c.hold()
	put(t, c, "a", "close")
	require.NoError(t, c.Close())
	require.Equal(t, []string{"aclose"}, w.writes)
	require.Equal(t, 1, w.half)
	require.ErrorIs(t, c.release(), net.ErrClosed)
}

// TestHoldFails: who releases learns that the write has failed, and nothing follows.
func TestHoldFails(t *testing.T) {
	w := &written{fails: errors.New("broken pipe")}
	c := newRawConn(w, &times{write: time.Second})
	c.hold()
	put(t, c, "a", "b")
	require.ErrorIs(t, c.release(), w.fails)
	w.fails = nil
	_, err := c.Write([]byte("c"))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Empty(t, w.writes)
	require.Empty(t, *heldBuffers.Get().(*[]byte), "the next hold begins with nothing")
}
