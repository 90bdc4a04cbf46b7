package timd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/usersig"
)

// socket is a raw WebSocket client.
type socket struct {
	gws.BuiltinEventHandler
	t      testing.TB
	conn   *gws.Conn
	frames chan frame.Message
	closed chan int
}

func (s *socket) OnMessage(_ *gws.Conn, m *gws.Message) {
	f, err := jsonframe.Decode(append([]byte(nil), m.Bytes()...))
	if err == nil {
		s.frames <- f
	}
}

func (s *socket) OnClose(_ *gws.Conn, err error) {
	code := 1006
	if ce, ok := errors.AsType[*gws.CloseError](err); ok {
		code = int(ce.Code)
	}
	s.closed <- code
}

func dial(t testing.TB, url string, header http.Header) (*socket, error) {
	s := &socket{t: t, frames: make(chan frame.Message, 16), closed: make(chan int, 1)}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Sec-WebSocket-Protocol", frame.Subprotocol)
	conn, _, err := gws.NewClient(s, &gws.ClientOption{
		Addr: "ws" + strings.TrimPrefix(url, "http") + "/ws", RequestHeader: header,
		TlsConfig: &tls.Config{InsecureSkipVerify: true},
	})
	if err != nil {
		return nil, err
	}
	s.conn = conn
	t.Cleanup(func() { _ = conn.NetConn().Close() })
	go conn.ReadLoop()
	return s, nil
}

func (s *socket) next() frame.Message {
	s.t.Helper()
	select {
	case m := <-s.frames:
		return m
	case <-time.After(within):
		require.FailNow(s.t, "no frame came")
		return frame.Message{}
	}
}

func (s *socket) login(user, sig, instance, intent string) frame.Message {
	s.t.Helper()
	text, err := jsonframe.Encode(frame.Request{ID: 1, Method: frame.Login, Params: frame.Fields{
		{Key: "userID", Value: user}, {Key: "userSig", Value: sig}, {Key: "platform", Value: "Web"},
		{Key: "instance", Value: instance}, {Key: "doc", Value: "ab"}, {Key: "intent", Value: intent},
	}})
	require.NoError(s.t, err)
	require.NoError(s.t, s.conn.WriteMessage(gws.OpcodeText, text))
	return s.next()
}

const someInstance = "00112233445566778899aabbccddeeff"

func (d *timd) sign(user string) string {
	d.t.Helper()
	res, body := d.do(http.MethodPost, "/dev/usersig", `{"userID":"`+user+`"}`)
	require.Equal(d.t, http.StatusOK, res.StatusCode, body)
	var answer struct {
		SDKAppID        uint32
		UserID, UserSig string
	}
	require.NoError(d.t, json.Unmarshal([]byte(body), &answer))
	require.EqualValues(d.t, devApp, answer.SDKAppID)
	require.Equal(d.t, user, answer.UserID)
	return answer.UserSig
}

// timd serve --dev signs a UserSig and takes a login with it, and after a restart on the
// same data the session is resumed.
func TestServeDev(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := runTimd(t, "--dev", "--data", data)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, d.url)
	sig := d.sign("alice")
	s, err := dial(t, d.url, nil)
	require.NoError(t, err)
	m := s.login("alice", sig, someInstance, frame.IntentNew)
	require.Nil(t, m.Err)
	require.EqualValues(t, devApp, m.Body.Number("sdkAppID"))

	key, err := os.ReadFile(filepath.Join(data, "dev.key"))
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(data, "dev.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// On SIGTERM clients are told to move, and timd ends.
	d.stop(syscall.SIGTERM)
	require.NotContains(t, d.stderr.String(), "were not told")
	require.Equal(t, frame.Drain, s.next().Method)
	require.Equal(t, frame.CloseDrain, <-s.closed)
	for _, secret := range []string{strings.TrimSpace(string(key)), sig} {
		require.NotContains(t, d.stderr.String(), secret)
	}

	// On the same data the UserSig is still valid and the session is still there.
	d = runTimd(t, "--dev", "--data", data)
	s, err = dial(t, d.url, nil)
	require.NoError(t, err)
	m = s.login("alice", sig, someInstance, frame.IntentResume)
	require.Nil(t, m.Err)
	o, _ := m.Body.(*jsonframe.Object)
	require.Equal(t, "true", string(o.Member("resumed")))
	d.stop(syscall.SIGTERM)

	// Without --dev the development key is not accepted, and timd signs nothing.
	keyFile := filepath.Join(t.TempDir(), "k")
	require.NoError(t, os.WriteFile(keyFile, []byte("another\n"), 0o600))
	d = runTimd(t, "--ops-listen", "127.0.0.1:0", "--data", data, "--app", "1400000001="+keyFile)
	s, err = dial(t, d.url, nil)
	require.NoError(t, err)
	require.Equal(t, fault.NoSuchApp, s.login("alice", sig, someInstance, frame.IntentNew).Err.Code)
	res, answer := d.do(http.MethodPost, "/dev/usersig", `{"userID":"alice"}`)
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, answer, "not in dev mode")
	d.stop(syscall.SIGTERM)
}

func TestRotatedKeysAndEnvironment(t *testing.T) {
	dir := t.TempDir()
	for _, k := range []string{"old", "new"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, k), []byte(k+"\n"), 0o600))
	}
	cmd := timdCommand(t, "serve")
	cmd.Env = append(cmd.Env, "TIM_LISTEN=127.0.0.1:0", "TIM_OPS_LISTEN=127.0.0.1:0", "TIM_DATA=memory",
		"TIM_APP=1400000002="+filepath.Join(dir, "old")+",1400000002="+filepath.Join(dir, "new"))
	d := runCommand(t, cmd)
	for _, k := range []string{"old", "new"} {
		s, err := dial(t, d.url, nil)
		require.NoError(t, err)
		require.Nil(t, s.login("alice", usersig.Sign(1400000002, k, "alice", time.Now(), time.Hour), someInstance, frame.IntentNew).Err)
	}
	res, _ := d.get("/healthz", "Host", "chat.example.com")
	require.Equal(t, http.StatusOK, res.StatusCode, "outside dev mode any name may point here")
}

func TestDevUserSig(t *testing.T) {
	d := runTimd(t, "--dev", "--data", "memory", "--allowed-origin", "https://chat.example.com")
	for body, want := range map[string]int{
		`{"userID":"alice"}`:               200,
		`{"userID":"alice","expire":5}`:    200,
		`{"userID":"alice","expire":0}`:    400,
		`{"userID":"alice","expire":-1}`:   400,
		`{"userID":"alice","expire":1e99}`: 400,
		`{"userID":""}`:                    400,
		`{"userID":"ä"}`:                   400,
		`{"userID":7}`:                     400,
		`alice`:                            400,
		``:                                 400,
		`{"userID":"` + strings.Repeat("x", 8000) + `"}`: 400,
	} {
		res, answer := d.do(http.MethodPost, "/dev/usersig", body)
		require.Equal(t, want, res.StatusCode, body)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		if want == 400 {
			require.Contains(t, answer, `"message"`)
		}
	}
	res, _ := d.get("/dev/usersig")
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)

	for origin, allowed := range map[string]bool{
		"":                          true,
		d.url:                       true,
		"http://localhost:5173":     true,
		"http://[::1]:3000":         true,
		"http://0.0.0.0:8000":       true, // what python3 -m http.server prints
		"http://[::]:8000":          true,
		"http://0.0.0.0.evil.com":   false,
		"https://chat.example.com":  true,
		"https://evil.example.com":  false,
		"http://127.0.0.1.evil.com": false,
		"null":                      false,
	} {
		var header []string
		h := http.Header{}
		if origin != "" {
			header = []string{"Origin", origin}
			h.Set("Origin", origin)
		}
		res, _ := d.do(http.MethodPost, "/dev/usersig", `{"userID":"alice"}`, header...)
		require.Equal(t, allowed, res.StatusCode == http.StatusOK, origin)
		if allowed && origin != "" {
			require.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"))
		}
		require.Contains(t, res.Header.Get("Vary"), "Origin")
		preflight, _ := d.do(http.MethodOptions, "/dev/usersig", "", header...)
		require.Equal(t, allowed, preflight.StatusCode == http.StatusNoContent, origin)
		_, err := dial(t, d.url, h)
		require.Equal(t, allowed, err == nil, "/ws from %s", origin)
	}
}

func TestHostInDevMode(t *testing.T) {
	d := runTimd(t, "--dev", "--data", "memory")
	for host, want := range map[string]int{
		"localhost:1": 200, "127.0.0.1": 200, "[::1]:99": 200, "tim.localhost": 200, "0.0.0.0:8080": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421,
	} {
		res, _ := d.get("/healthz", "Host", host)
		require.Equal(t, want, res.StatusCode, host)
	}
}

func TestPagesAndHealth(t *testing.T) {
	d := runTimd(t, "--dev", "--data", "memory")
	res, body := d.get("/")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "<!doctype html>")
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	csp := res.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.Contains(t, csp, "ws://"+strings.TrimPrefix(d.url, "http://"))
	require.NotContains(t, csp, "unsafe-inline")
	res, _ = d.get("/", "If-None-Match", res.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, res.StatusCode)
	for _, path := range []string{"/healthz", "/readyz"} {
		res, body = d.get(path)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, "ok\n", body)
	}
	for _, path := range []string{"/none", "/../serve.go", "/sdk/none.js", "/sdk/.gitkeep"} {
		res, _ = d.get(path)
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
	}
	res, _ = d.do(http.MethodPost, "/", "")
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
	res, _ = d.get("/ws")
	require.Equal(t, http.StatusUpgradeRequired, res.StatusCode)
}

func TestTLS(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	app := filepath.Join(t.TempDir(), "app")
	require.NoError(t, os.WriteFile(app, []byte("k"), 0o600))

	d := runTimd(t, "--ops-listen", "127.0.0.1:0", "--data", "memory", "--app", "1400000003="+app, "--tls-cert", certFile, "--tls-key", keyFile)
	require.True(t, strings.HasPrefix(d.url, "https://"), d.url)
	for server, says := range map[string]string{d.opsURL: "SSL_CERT_FILE", strings.Replace(d.opsURL, "https", "http", 1): "use " + d.opsURL} {
		out, err := timdCommand(t, "config", "--server", server, "--app", "1400000003="+app, "get").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), says)
	}
	other := timdCommand(t, "config", "--server", strings.Replace(d.opsURL, "127.0.0.1", "localhost", 1), "--app", "1400000003="+app, "get")
	other.Env = append(other.Environ(), "SSL_CERT_FILE="+certFile)
	out, err := other.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "use one of those names in --server")
	s, err := dial(t, d.url, nil)
	require.NoError(t, err)
	require.Nil(t, s.login("alice", usersig.Sign(1400000003, "k", "alice", time.Now(), time.Hour), someInstance, frame.IntentNew).Err)
	d.stop(syscall.SIGTERM)
	require.NotContains(t, d.stderr.String(), "were not told")
	require.Equal(t, frame.Drain, s.next().Method)
	require.Equal(t, frame.CloseDrain, <-s.closed)
}

// After kill -9 and a start on the same data the session can be resumed.
func TestKillAndRestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := runTimd(t, "--dev", "--data", data)
	sig := d.sign("alice")
	s, err := dial(t, d.url, nil)
	require.NoError(t, err)
	require.Nil(t, s.login("alice", sig, someInstance, frame.IntentNew).Err)
	require.NoError(t, d.cmd.Process.Kill())
	<-d.ended
	require.Equal(t, 1006, <-s.closed)
	d = runTimd(t, "--dev", "--data", data)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var m frame.Message
	for ctx.Err() == nil {
		s, err = dial(t, d.url, nil)
		require.NoError(t, err)
		if m = s.login("alice", sig, someInstance, frame.IntentResume); m.Err == nil {
			break
		}
	}
	require.Nil(t, m.Err)
	require.Equal(t, "alice", m.Body.Text("userID"))
	d.stop(syscall.SIGTERM)
}

// Of what the HTTP server logs, mistakes of clients are left out, panics are kept, and that
// no connection can be accepted is logged at most once a minute.
func TestTheHTTPServersLog(t *testing.T) {
	var logs bytes.Buffer
	now := time.Now()
	l := &serverLog{log: slog.New(slog.NewTextHandler(&logs, nil)), now: func() time.Time { return now }}
	say := func(text string) string {
		logs.Reset()
		log.New(l, "", 0).Print(text)
		return logs.String()
	}
	require.Empty(t, say("http: TLS handshake error from 10.0.0.1:1234: EOF"))
	require.Contains(t, say("http: panic serving 10.0.0.1:1234: oh"), "level=ERROR")
	full := "http: Accept error: accept tcp 127.0.0.1:8080: accept4: too many open files; retrying in 5ms"
	require.Contains(t, say(full), "too many open files")
	require.Empty(t, say(full))
	now = now.Add(time.Minute)
	require.Contains(t, say(full), "LimitNOFILE")
}
