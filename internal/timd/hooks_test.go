package timd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/rest"
)

// moderator is a back end that judges messages by their text, and keeps what it is told
// about them afterwards.
type moderator struct {
	*httptest.Server
	told chan question
	held chan struct{} // one for each question about a message that says "wait"
	drop func()        // ends those questions, without an answer
}

type question struct {
	CallbackCommand, MsgId, ErrorInfo string
	From                              string `json:"From_Account"`
	To                                string `json:"To_Account"`
	MsgBody                           []struct {
		MsgType    string
		MsgContent struct{ Text string }
	}
	OnlineOnlyFlag, Edit        int
	MsgSeq, MsgTime, MsgRandom  int64
	id, platform, addr, command string
}

func newModerator(t *testing.T) *moderator {
	dropped := make(chan struct{})
	m := &moderator{
		told: make(chan question, 100), held: make(chan struct{}, 100),
		drop: sync.OnceFunc(func() { close(dropped) }),
	}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id, q := r.Header.Get(rest.IDHeader), r.URL.Query()
		at := question{id: id, platform: q.Get("OptPlatform"), addr: q.Get("ClientIP"), command: q.Get("CallbackCommand")}
		signed := "v1=" + rest.SignWebhook(keyA, r.Header.Get(rest.TimestampHeader), id, r.URL.RawQuery, body)
		if json.Unmarshal(body, &at) != nil || r.Header.Get(rest.SignatureHeader) != signed || at.CallbackCommand != at.command || len(at.MsgBody) != 1 {
			t.Errorf("the webhook is wrong: %s %s", r.URL, body)
			return
		}
		if at.command == rest.AfterC2C {
			m.told <- at
			return
		}
		switch text := at.MsgBody[0].MsgContent.Text; {
		case text == "wait":
			m.held <- struct{}{}
			<-dropped
			panic(http.ErrAbortHandler)
		case strings.HasPrefix(text, "bad"):
			_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorInfo":"Mind your words.","ErrorCode":120009}`)
		case text == "no":
			_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":1}`)
		case strings.Contains(text, "secret"):
			_, _ = fmt.Fprintf(w, `{"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":%q}}]}`, strings.ReplaceAll(text, "secret", "***"))
		default:
			_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`)
		}
	}))
	t.Cleanup(func() { m.drop(); m.Close() })
	return m
}

func (m *moderator) next(t *testing.T) question {
	t.Helper()
	select {
	case q := <-m.told:
		return q
	case <-time.After(30 * time.Second):
		t.Fatal("the back end was told nothing")
		return question{}
	}
}

// moderatedBy returns the flags of a timd whose messages a moderator judges.
func moderatedBy(t *testing.T, m *moderator) webhookOptions {
	o := webhookOptions{url: m.URL, events: list{"C2C.*"}, timeout: 5 * time.Second}
	require.NoError(t, o.check())
	o.timeout = 30 * time.Second // a busy machine may take longer than a sender should wait
	return o
}

// say sends a text to somebody, and returns the stored message or the refusal.
func (m *member) say(to, text string) (said map[string]any, refused *fault.Error) {
	m.t.Helper()
	id := frame.NewMessageID(m.user, time.Now().UnixMilli(), [frame.MessageIDRandom]byte([]byte(fmt.Sprintf("%0*d", frame.MessageIDRandom, len(text)))))
	params, err := json.Marshal(map[string]any{"id": id, "to": to, "type": "TIMTextElem", "payload": map[string]any{"text": text}})
	require.NoError(m.t, err)
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	defer cancel()
	answer, err := m.Send(ctx, frame.MessageSend, &jsonframe.Object{Raw: params})
	if errors.As(err, &refused) {
		return nil, refused
	}
	require.NoError(m.t, err)
	var r struct{ Message map[string]any }
	require.NoError(m.t, json.Unmarshal(answer.(*jsonframe.Object).Raw, &r))
	return r.Message, nil
}

func TestMessagesAreAskedAbout(t *testing.T) {
	back := newModerator(t)
	s := newStage(t, func(o *options) { o.webhook = moderatedBy(t, back) })
	alice, bob := s.online("alice"), s.online("bob")
	_, refused := alice.say("bob", "bad words")
	require.Equal(t, &fault.Error{Code: 120009, Message: "Mind your words."}, refused)
	_, refused = alice.say("bob", "no")
	require.Equal(t, fault.RefusedByApp, refused.Code)
	said, refused := alice.say("bob", "a secret")
	require.Nil(t, refused)
	require.Equal(t, map[string]any{"text": "a ***"}, said["payload"])
	require.Equal(t, map[string]any{"text": "a ***"}, bob.message()["payload"])
	told := back.next(t)
	require.Equal(t, []any{"alice", "bob", "a ***", "Web", "127.0.0.1", said["ID"], said["ID"], 0}, []any{
		told.From, told.To, told.MsgBody[0].MsgContent.Text, told.platform, told.addr, told.id, told.MsgId, told.OnlineOnlyFlag,
	})
	require.EqualValues(t, said["sequence"], told.MsgSeq)

	// Messages of the server API are asked about, too, unless the call forbids it.
	send := func(n int, text, more string) answer {
		return s.post("openim/sendmsg", good(), `{"From_Account":"alice","To_Account":"bob","MsgRandom":`+strconv.Itoa(n)+more+`,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"`+text+`"}}]}`)
	}
	require.EqualValues(t, fault.RefusedByApp, send(1, "no", "").code())
	require.Zero(t, send(2, "no", `,"ForbidCallbackControl":["ForbidBeforeSendMsgCallback","ForbidAfterSendMsgCallback"]`).code())
	require.Zero(t, send(3, "yes", "").code())
	told = back.next(t)
	require.Equal(t, []any{"yes", "RESTAPI", int64(3)}, []any{told.MsgBody[0].MsgContent.Text, told.platform, told.MsgRandom})
	text := body(t, s.opsURL+"/metrics")
	for _, line := range []string{
		`tim_webhook_questions_total{command="C2C.CallbackBeforeSendMsg",result="allowed"} 2`,
		`tim_webhook_questions_total{command="C2C.CallbackBeforeSendMsg",result="refused"} 3`,
	} {
		require.Contains(t, text, line)
	}
}

// While one user waits for a back end that does not answer, others can send. A message
// about which it never answers is sent, or refused with --webhook-refuse.
func TestABackEndThatDoesNotAnswer(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(strconv.FormatBool(refuse), func(t *testing.T) {
			back := newModerator(t)
			s := newStage(t, func(o *options) {
				o.webhook = moderatedBy(t, back)
				o.webhook.refuse = refuse
			})
			alice, bob := s.online("alice"), s.online("bob")
			waited := make(chan *fault.Error, 1)
			go func() {
				_, refused := alice.say("bob", "wait")
				waited <- refused
			}()
			<-back.held
			_, refused := bob.say("alice", "meanwhile")
			require.Nil(t, refused)
			require.Equal(t, "meanwhile", back.next(t).MsgBody[0].MsgContent.Text)
			back.drop()
			switch refused := <-waited; {
			case refuse:
				require.NotNil(t, refused)
				require.Equal(t, fault.RefusedByApp, refused.Code)
				require.Empty(t, back.told)
			default:
				require.Nil(t, refused)
				require.Equal(t, "wait", back.next(t).MsgBody[0].MsgContent.Text)
			}
		})
	}
}

func TestWebhookFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--webhook-events C2C.*", "--webhook-events and --webhook-refuse need --webhook"},
		{"--webhook-refuse", "--webhook-events and --webhook-refuse need --webhook"},
		{"--webhook http://x/ --webhook-events Nothing", `no callback "Nothing"`},
		{"--webhook http://x/ --webhook-timeout 1m", "between 100ms and 5s"},
		{"--webhook ftp://x/", "--webhook is not"},
	} {
		_, err := parseServe(append([]string{"--dev"}, strings.Fields(c.args)...), func(string) (string, bool) { return "", false }, io.Discard)
		require.ErrorContains(t, err, c.want, c.args)
	}
	wanted := func(args ...string) map[string]bool {
		o, err := parseServe(append([]string{"--dev", "--webhook", "http://x/"}, args...), func(string) (string, bool) { return "", false }, io.Discard)
		require.NoError(t, err)
		return o.webhook.wanted
	}
	require.Equal(t, map[string]bool{rest.StateChange: true}, wanted())
	require.Equal(t, map[string]bool{rest.BeforeC2C: true, rest.AfterC2C: true, rest.AfterC2CRecall: true}, wanted("--webhook-events", "C2C.*"))
	require.Contains(t, wanted("--webhook-events", "*"), rest.StateChange)
}
