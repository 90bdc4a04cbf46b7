package timd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/client/native"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/mailbox/objects"
	"github.com/tim-wasm/tim/internal/testlog"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Helpers for tests that call a timd over HTTP and sockets. It runs in this process and
// listens on loopback.

const (
	appA, keyA = 1400000001, "key of app A, for tests only"
	appB, keyB = 1400000002, "key of app B, for tests only"
)

// pagesOfTheTree are the files that package main embeds.
var pagesOfTheTree = Files{Page: os.DirFS("../../web/page"), Console: os.DirFS("../../web/console"), Docs: fstest.MapFS{}}

type stage struct {
	*server
	t    testing.TB
	logs *testlog.Buffer
}

// newStage starts a timd with two apps; change may alter its options. Tests
// with one run in parallel, because they mostly wait.
func newStage(t *testing.T, change func(*options)) *stage {
	t.Helper()
	t.Parallel()
	s := openStage(t, change)
	t.Cleanup(s.end)
	return s
}

func openStage(t testing.TB, change func(*options)) *stage {
	t.Helper()
	dir := t.TempDir()
	o := options{listen: "127.0.0.1:0", data: "memory", admins: list{"administrator", "second-admin"}, grace: time.Minute, loginWithin: 10 * time.Second, node: "test", files: pagesOfTheTree, history: loginHistory{24 * time.Hour}}
	for app, key := range map[int]string{appA: keyA, appB: keyB} {
		file := filepath.Join(dir, strconv.Itoa(app))
		require.NoError(t, os.WriteFile(file, []byte(key), 0o600))
		o.apps = append(o.apps, strconv.Itoa(app)+"="+file)
	}
	if change != nil {
		change(&o)
	}
	logs := new(testlog.Buffer)
	srv, err := start(context.Background(), o, slog.New(slog.NewTextHandler(logs, nil)))
	require.NoError(t, err)
	return &stage{server: srv, t: t, logs: logs}
}

// end stops the timd as SIGTERM does.
func (s *stage) end() {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = s.gateway.Drain(ctx)
	s.close(ctx)
	// All UserSigs begin with eJ. So may any part of NATS's random names for answers.
	require.NotContains(s.t, inboxes.ReplaceAllString(s.logs.String(), ""), "eJ", "no UserSig in the log")
}

var inboxes = regexp.MustCompile(`_INBOX\.[A-Za-z0-9]{22}\b`)

// sign returns a UserSig of app A as of now.
func sign(user string) string { return usersig.Sign(appA, keyA, user, time.Now(), time.Hour) }

// good returns the URL parameters of a call that is allowed.
func good() url.Values {
	return url.Values{
		"sdkappid": {strconv.Itoa(appA)}, "identifier": {"administrator"}, "usersig": {sign("administrator")},
		"random": {"4294967295"}, "contenttype": {"json"},
	}
}

// answer is a reply, whatever it contains.
type answer map[string]any

func (a answer) code() int { return int(a["ErrorCode"].(float64)) }

// post sends a body to a command with parameters.
func (s *stage) post(command string, q url.Values, body string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.opsURL+"/v4/"+command+"?"+q.Encode(), strings.NewReader(body))
	require.NoError(s.t, err)
	return s.do(r)
}

func (s *stage) do(r *http.Request) answer {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, 200, resp.StatusCode, "%s", text)
	require.Empty(s.t, resp.Header.Values("Set-Cookie"))
	require.Empty(s.t, resp.Header.Values("Access-Control-Allow-Origin"))
	require.Equal(s.t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	var a answer
	require.NoError(s.t, json.Unmarshal(text, &a), "%s", text)
	require.Contains(s.t, a, "ErrorInfo")
	require.Equal(s.t, a.code() == 0, a["ActionStatus"] == "OK", "%s", text)
	return a
}

// call makes a call as the administrator that must succeed.
func (s *stage) call(command, body string) answer {
	s.t.Helper()
	a := s.post(command, good(), body)
	require.Zero(s.t, a.code(), "%s %s: %v", command, body, a)
	return a
}

// member is a client that logs in.
type member struct {
	*native.Client
	t      testing.TB
	user   string      // who has logged in
	events chan string // names, KICKED_OUT with its type
	// messages gets the messages that are delivered.
	messages chan objects.Object

	mu   sync.Mutex
	cut  bool
	conn net.Conn
}

// lose cuts the member's network, without telling the gateway.
func (m *member) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = true
	m.conn.Close()
}

func (m *member) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && m.cut {
		conn.Close()
		return nil, errors.New("the network is gone")
	}
	m.conn = conn
	return conn, err
}

func (s *stage) member(platform string) *member {
	m := &member{t: s.t, events: make(chan string, 64), messages: make(chan objects.Object, 64)}
	m.Client = native.New(native.Options{
		URL: "ws" + strings.TrimPrefix(s.url, "http") + "/ws", SDKAppID: appA, Platform: platform, Dial: m.dial,
		OnMail: func(name string, data any) {
			switch name {
			case frame.EventConversationListUpdated:
				m.note(name)
			case frame.EventMessageReceived:
				for _, one := range data.([]objects.Object) {
					m.messages <- one
				}
			}
		},
		OnEvent: func(name string, data frame.Body) {
			if name == frame.EventKickedOut {
				name += " " + data.Text("type")
			}
			m.note(name)
		},
	})
	s.t.Cleanup(m.Destroy)
	return m
}

func (m *member) note(event string) {
	select {
	case m.events <- event:
	default:
	}
}

func (m *member) message() objects.Object {
	m.t.Helper()
	select {
	case one := <-m.messages:
		return one
	case <-time.After(30 * time.Second):
		m.t.Fatal("no message came")
		return nil
	}
}

func (m *member) login(user, sig string) fault.Code {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := m.Login(ctx, user, sig)
	if err == nil {
		m.user = user
		return 0
	}
	var f *fault.Error
	require.True(m.t, errors.As(err, &f), "%v", err)
	return f.Code
}

func (s *stage) online(user string) *member {
	s.t.Helper()
	m := s.member("Web")
	require.Zero(s.t, m.login(user, sign(user)))
	m.until(frame.EventSDKReady)
	return m
}

func (m *member) until(want string) {
	m.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case got := <-m.events:
			if got == want {
				return
			}
		case <-late:
			m.t.Fatalf("%s did not come", want)
		}
	}
}

// watch opens a stream and returns its lines.
func (s *stage) watch(q url.Values) (<-chan answer, context.CancelFunc) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opsURL+"/v4/timd_session/watch?"+q.Encode(), strings.NewReader("{}"))
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	require.Equal(s.t, "application/x-ndjson; charset=utf-8", resp.Header.Get("Content-Type"))
	lines := make(chan answer, 256)
	go func() {
		defer close(lines)
		defer resp.Body.Close()
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			var a answer
			if json.Unmarshal(in.Bytes(), &a) == nil {
				lines <- a
			}
		}
	}()
	s.t.Cleanup(cancel)
	return lines, cancel
}

// next waits for a line that matches.
func next(t *testing.T, lines <-chan answer, what string, fits func(answer) bool) answer {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case l, open := <-lines:
			require.True(t, open, "the stream ended before %s", what)
			if fits(l) {
				return l
			}
		case <-late:
			t.Fatalf("%s did not come", what)
		}
	}
}

func kindIs(kind, user string) func(answer) bool {
	return func(l answer) bool {
		e, ok := l["Event"].(map[string]any)
		return ok && e["Kind"] == kind && e["UserID"] == user
	}
}

func signWith(key, user string) string {
	return usersig.Sign(appA, key, user, time.Now(), time.Hour)
}
