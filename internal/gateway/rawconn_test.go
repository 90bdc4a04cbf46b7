package gateway

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
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

func rawOn(w *written) *rawConn {
	c := new(rawConn)
	c.use(w, &times{write: time.Second})
	return c
}

func texts(all ...string) (frames []outFrame) {
	for _, text := range all {
		frames = append(frames, outFrame{opcode: opText, text: []byte(text)})
	}
	return frames
}

// TestFramesTogether: frames that wait go out with one write, in their order.
func TestFramesTogether(t *testing.T) {
	w := &written{}
	c := rawOn(w)
	require.NoError(t, c.writeFrames(nil))
	require.Empty(t, w.writes, "there was nothing")
	require.NoError(t, c.writeFrames(texts("a")))
	require.NoError(t, c.writeFrames([]outFrame{{opcode: opText, text: []byte("bc")}, {opcode: opPing}, {opcode: opPong, text: []byte("d")}}))
	require.Equal(t, []string{"\x81\x01a", "\x81\x02bc\x89\x00\x8a\x01d"}, w.writes)
}

// TestNotificationsAreWrittenWhereTheyGoOut: of whatever size, as others write them.
func TestNotificationsAreWrittenWhereTheyGoOut(t *testing.T) {
	for _, size := range []int{0, 1, 100, heldMost - 100, heldMost, 1 << 16} {
		params := []byte(`{"text":"` + strings.Repeat("x", size) + `"}`)
		whole, parts := &written{}, &written{}
		text := string(jsonframe.Notification("x.y", params))
		require.NoError(t, rawOn(whole).writeFrames(texts("a", text, "b")))
		require.NoError(t, rawOn(parts).writeFrames([]outFrame{texts("a")[0], {opText, "x.y", params}, texts("b")[0]}))
		require.Equal(t, whole.writes, parts.writes)
	}
}

// TestFramesBound: much more than heldMost goes out with several writes.
func TestFramesBound(t *testing.T) {
	w := &written{}
	large, small := strings.Repeat("x", 1<<16), strings.Repeat("y", heldMost/2+1)
	require.NoError(t, rawOn(w).writeFrames(texts("a", large, small, small, "b")))
	head := "\x81\x7e" + string([]byte{(heldMost/2 + 1) >> 8, (heldMost/2 + 1) & 0xff})
	require.Equal(t, []string{"\x81\x01a", "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", large, head + small, head + small + "\x81\x01b"}, w.writes)
	require.LessOrEqual(t, cap(*heldBuffers.Get().(*[]byte)), 2*heldMost)
}

// TestLastFrame: the close frame is the last one, and the client has time to read it.
func TestLastFrame(t *testing.T) {
	w := &written{}
	c := rawOn(w)
	require.NoError(t, c.writeFrames(texts("a")))
	require.NoError(t, c.writeClose(4000, strings.Repeat("z", 200)))
	require.Equal(t, []string{"\x81\x01a", "\x88\x7d\x0f\xa0" + strings.Repeat("z", 123)}, w.writes)
	require.Equal(t, 2, w.half)
	require.True(t, c.closing.Load())

	w = &written{}
	require.NoError(t, rawOn(w).writeClose(0, ""))
	require.Equal(t, []string{"\x88\x00"}, w.writes)
}

// TestFramesFail: who writes learns that it has failed, and nothing follows.
func TestFramesFail(t *testing.T) {
	w := &written{fails: errors.New("broken pipe")}
	c := rawOn(w)
	require.ErrorIs(t, c.writeFrames(texts("a", "b")), w.fails)
	w.fails = nil
	require.ErrorIs(t, c.writeFrames(texts("c")), net.ErrClosed)
	require.ErrorIs(t, c.writeClose(4000, ""), net.ErrClosed)
	require.Empty(t, w.writes)
	require.Empty(t, *heldBuffers.Get().(*[]byte), "the next frames begin with nothing")
}
