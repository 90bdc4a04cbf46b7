package timd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

func fields(t *testing.T, m frame.Message, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(m.Body.(*jsonframe.Object).Raw, v))
}

// A file goes from its sender over HTTP into the store, a message names it, and
// its receiver fetches it; a backup carries it to another store.
func TestMedia(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := runTimd(t, "--dev", "--data", filepath.Join(dir, "a"), "--allowed-origin", "https://chat.example")
	alice, err := dial(t, d.url, nil)
	require.NoError(t, err)
	require.Nil(t, alice.login("alice", d.sign("alice"), someInstance, frame.IntentNew).Err)
	var notes []frame.Message
	data := strings.Repeat("some bytes ", 50_000) // three chunks
	var k struct{ Ticket, Name string }
	fields(t, alice.call(2, frame.MediaTicket, fmt.Sprintf(`{"kind":"file","size":%d,"fileName":"a.txt"}`, len(data)), &notes), &k)

	// A page of an allowed origin sends a preflight request.
	res, _ := d.do(http.MethodOptions, "/media", "", "Origin", "https://chat.example")
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Authorization")
	// The body is short: timd does not read a body that it refuses, so the sender of a
	// long one may find the connection closed before it can read the answer.
	res, _ = d.do(http.MethodPost, "/media", "x", "Origin", "https://evil.example", "Authorization", "Bearer "+k.Ticket)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	res, _ = d.get("/media")
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)

	res, body := d.do(http.MethodPost, "/media", data, "Origin", "https://chat.example", "Authorization", "Bearer "+k.Ticket)
	require.Equal(t, http.StatusOK, res.StatusCode, body)
	require.Equal(t, "https://chat.example", res.Header.Get("Access-Control-Allow-Origin"))
	var sent struct {
		Message struct{ Payload map[string]any }
	}
	fields(t, alice.call(3, frame.MessageSend, fmt.Sprintf(`{"id":%q,"to":"bob","type":"TIMFileElem","payload":{"uuid":%q}}`, "00000000000000f1", k.Name), &notes), &sent)
	require.Equal(t, map[string]any{"uuid": fmt.Sprintf("%d-%s", devApp, k.Name), "fileName": "a.txt", "fileSize": float64(len(data))}, sent.Message.Payload)

	path := fmt.Sprintf("/media/%d/%s", devApp, k.Name)
	res, body = d.get(path)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, data, body)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	res, body = d.get(path, "Range", "bytes=300000-300009")
	require.Equal(t, http.StatusPartialContent, res.StatusCode)
	require.Equal(t, data[300000:300010], body)
	require.Contains(t, metricsOf(d), "tim_media_uploads 0")

	d.stop(syscall.SIGTERM)
	require.NotContains(t, d.stderr.String(), k.Ticket)
	file := filepath.Join(dir, "file")
	for _, args := range [][]string{{"backup", file, "--data", filepath.Join(dir, "a")}, {"restore", file, "--data", filepath.Join(dir, "b")}} {
		out, err := timdCommand(t, args...).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Regexp(t, `TIM_MEDIA +3 records`, string(out))
	}
	d = runTimd(t, "--dev", "--data", filepath.Join(dir, "b"))
	res, body = d.get(path)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, data, body)
}

func metricsOf(d *timd) string {
	_, body := d.get("/metrics")
	return body
}
