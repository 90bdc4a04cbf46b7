package timd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/attack"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/testlog"
)

// The targets here run the whole server in the fuzzer's own process: the
// fuzzer sees which code an input reaches, and a crash is found at once.

// fuzzed is a timd in this process.
type fuzzed struct {
	*server
	log  *testlog.Buffer
	addr string
}

func openFuzzed(f *testing.F) *fuzzed {
	log := new(testlog.Buffer)
	o, err := parseServe([]string{
		"--dev", "--listen", "127.0.0.1:0", "--data", "memory",
		"--login-rate", "1000000", "--message-rate", "1000000", "--api-rate", "1000000",
	}, func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(f, err)
	o.files = pagesOfTheTree
	s, err := start(context.Background(), o, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(f, err)
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		_ = s.gateway.Drain(ctx)
		s.close(ctx)
	})
	return &fuzzed{server: s, log: log, addr: strings.TrimPrefix(s.url, "http://")}
}

func (d *fuzzed) account(user string) attack.Account {
	return attack.Account{App: devApp, Key: d.apps.keys(devApp)[0], User: user}
}

// judge fails on an answer that no input may cause.
func (d *fuzzed) judge(t *testing.T, code fault.Code, said []byte) {
	if code == fault.Internal || code == fault.ServerTimeout {
		t.Fatalf("an input was answered with %s", said)
	}
	if text := d.log.String(); strings.Contains(text, "panicked") {
		t.Fatal(text)
	}
}

// FuzzWire calls the methods of the wire with any parameters. One socket
// serves many inputs, but no more frames than are allowed at once.
func FuzzWire(f *testing.F) {
	d := openFuzzed(f)
	c := &attack.Caller{
		Page: attack.NewPage(d.account("fuzzer")), Rand: rand.New(rand.NewPCG(1, 2)),
		Peer: "carol", Users: []string{"carol", "dave"}, Positions: []uint64{1},
	}
	methods := attack.Methods()
	for i, method := range methods {
		params, _ := c.Params(method)
		raw, err := json.Marshal(params)
		require.NoError(f, err)
		f.Add(uint8(i), raw)
	}
	var conn *attack.Conn
	left := 0
	f.Fuzz(func(t *testing.T, method uint8, params []byte) {
		if left == 0 || conn == nil {
			if conn != nil {
				conn.Close()
			}
			var err error
			conn, _, err = attack.NewPage(c.Account).Login(d.addr)
			require.NoError(t, err)
			left = 90
		}
		left--
		// The request after the input must be answered in its turn, whatever
		// became of the input.
		after := int64(1<<40 + left)
		_, err := conn.Write(append(
			attack.Frame(attack.OpText, attack.Request(7, methods[int(method)%len(methods)], json.RawMessage(params))),
			attack.Frame(attack.OpText, attack.Request(after, "no.method", nil))...))
		if err == nil {
			_, err = conn.Await(after, func(a attack.Answer) { d.judge(t, a.Code(), a.Text) })
		}
		if err != nil {
			if attack.CloseCode(err) < 0 {
				t.Fatal(err)
			}
			conn.Close()
			conn = nil
		}
	})
}

// FuzzHTTP sends any bytes to the listener.
func FuzzHTTP(f *testing.F) {
	d := openFuzzed(f)
	for _, line := range []string{
		"GET / HTTP/1.1", "GET /sdk/tim.wasm HTTP/1.1", "GET /healthz HTTP/1.1", "GET /metrics HTTP/1.1", "POST /dev/usersig HTTP/1.1", "POST /v4/timd_config/get?sdkappid=1 HTTP/1.1",
	} {
		f.Add([]byte(attack.Lines(line, "Host: localhost", "Content-Length: 2") + "{}"))
	}
	f.Add([]byte(attack.Handshake))
	f.Fuzz(func(t *testing.T, request []byte) {
		conn, err := attack.Connect(d.addr)
		require.NoError(t, err)
		defer conn.Close()
		_, _ = conn.Write(request)
		_ = conn.CloseWrite()
		status, err := conn.Status()
		if err != nil {
			return // the connection ended without an answer
		}
		if status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported {
			t.Fatalf("an input was answered with %d", status)
		}
		d.judge(t, 0, nil)
	})
}

// FuzzServerAPI calls commands of the server API as an administrator with any
// body.
func FuzzServerAPI(f *testing.F) {
	d := openFuzzed(f)
	for command, body := range map[string]string{
		"timd_config/get":                       `{}`,
		"timd_config/set":                       `{"WebInstances":2,"LoginMode":"multi"}`,
		"timd_session/list":                     `{"Count":10}`,
		"timd_session/kick":                     `{"UserID":"bob","InstanceID":"00"}`,
		"im_open_login_svc/account_import":      `{"UserID":"bob","Nick":"Bob","FaceUrl":"https://example.com/b.png"}`,
		"im_open_login_svc/multiaccount_import": `{"Accounts":["a","b"]}`,
		"im_open_login_svc/account_check":       `{"CheckItem":[{"UserID":"bob"}]}`,
		"im_open_login_svc/account_delete":      `{"DeleteItem":[{"UserID":"bob"}]}`,
		"im_open_login_svc/kick":                `{"UserID":"bob"}`,
		"openim/query_online_status":            `{"To_Account":["bob"],"IsNeedDetail":1}`,
		"profile/portrait_get":                  `{"To_Account":["bob"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_Custom_A"]}`,
		"profile/portrait_set":                  `{"From_Account":"bob","ProfileItem":[{"Tag":"Tag_Profile_IM_Level","Value":7},{"Tag":"Tag_Profile_Custom_A","Value":"a"}]}`,
		"sns/friend_add":                        `{"From_Account":"a","AddFriendItem":[{"To_Account":"bob","Remark":"B","GroupName":"g","AddSource":"AddSource_Type_Web"}],"AddType":"Add_Type_Both","ForceAddFlags":1}`,
		"sns/friend_import":                     `{"From_Account":"a","AddFriendItem":[{"To_Account":"bob","AddTime":1420000001,"GroupName":["g"],"CustomItem":[{"Tag":"t","Value":1}]}]}`,
		"sns/friend_delete":                     `{"From_Account":"a","To_Account":["bob"],"DeleteType":"Delete_Type_Both"}`,
		"sns/friend_check":                      `{"From_Account":"a","To_Account":["bob"],"CheckType":"CheckResult_Type_Both"}`,
		"sns/friend_get":                        `{"From_Account":"a","StartIndex":0}`,
		"sns/black_list_add":                    `{"From_Account":"a","To_Account":["bob"]}`,
		"sns/black_list_delete":                 `{"From_Account":"a","To_Account":["bob"]}`,
		"sns/black_list_get":                    `{"From_Account":"a","StartIndex":0,"MaxLimited":10}`,
		"openim/batchsendmsg":                   `{"From_Account":"a","To_Account":["bob","carol"],"MsgRandom":7,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`,
		"openim/importmsg":                      `{"SyncFromOldSystem":2,"From_Account":"a","To_Account":"bob","MsgTimeStamp":1500000000,"MsgRandom":7,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`,
		"recentcontact/get_list":                `{"From_Account":"a","TimeStamp":1,"StartIndex":0,"TopTimeStamp":0,"TopStartIndex":0,"AssistFlags":7}`,
		"recentcontact/delete":                  `{"From_Account":"a","Type":1,"To_Account":"bob","ClearRamble":1}`,
		"openim/admin_getroammsg":               `{"Operator_Account":"a","Peer_Account":"bob","MaxCnt":5,"MinTime":1,"MaxTime":1500000000,"LastMsgKey":"1_7_1500000000"}`,
		"openim/admin_msgwithdraw":              `{"From_Account":"a","To_Account":"bob","MsgKey":"1_7_1500000000"}`,
		"openim/modify_c2c_msg":                 `{"From_Account":"a","To_Account":"bob","MsgKey":"1_7_1500000000","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}],"CloudCustomData":"c"}`,
		"openim/modify_group_msg":               `{"GroupId":"g","TopicId":"","MsgSeq":1,"CloudCustomData":"c"}`,
		"openim/admin_set_msg_read":             `{"Report_Account":"bob","Peer_Account":"a","MsgReadTime":1500000000}`,
		"openim/get_c2c_unread_msg_num":         `{"To_Account":"bob","Peer_Account":["a"]}`,
		"openim/sendmsg":                        `{"SyncOtherMachine":1,"From_Account":"a","To_Account":"bob","MsgRandom":7,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`,

		"group_open_http_svc/delete_group_msg_by_sender": `{"GroupId":"g","Sender_Account":"a"}`,
		"group_open_avchatroom_http_svc/get_members":     `{"GroupId":"g","Timestamp":0}`,
		"group_open_http_svc/set_unread_msg_num":         `{"GroupId":"g","Member_Account":"a","UnreadMsgNum":1}`,
	} {
		f.Add(command, []byte(body))
	}
	client := rest.Client{Server: d.url, SDKAppID: devApp, Key: d.apps.keys(devApp)[0], HTTP: &http.Client{Timeout: 30 * time.Second}}
	f.Fuzz(func(t *testing.T, command string, body []byte) {
		if !json.Valid(body) || strings.ContainsAny(command, "?#%") || strings.HasSuffix(command, "/watch") {
			return // FuzzHTTP covers that; a watch does not end
		}
		err := client.Call(t.Context(), command, json.RawMessage(body), nil)
		if said, ok := errors.AsType[*fault.Error](err); ok {
			d.judge(t, said.Code, fmt.Append(nil, command, ": ", said.Message))
			return
		}
		d.judge(t, 0, nil)
	})
}
