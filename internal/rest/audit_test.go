package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/audit"
	"github.com/tim-wasm/tim/internal/fault"
)

// fakeAudit keeps the entries that it is given, or fails.
type fakeAudit struct {
	Audit
	entries []audit.Entry
	kinds   []audit.Kind
	err     error
}

func (f *fakeAudit) Add(ctx context.Context, _ uint32, k audit.Kind, e audit.Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.entries, f.kinds = append(f.entries, e), append(f.kinds, k)
	return f.err
}

func recorder(f *fakeAudit, log *bytes.Buffer) *API {
	return &API{o: Options{Audit: f, Now: func() time.Time { return time.UnixMilli(7) }, Log: slog.New(slog.NewTextHandler(log, nil))}}
}

func bodyOf(t *testing.T, text string) *call {
	t.Helper()
	o, err := parseObject([]byte(text))
	require.NoError(t, err)
	return &call{app: 1, admin: "administrator", body: o}
}

func TestWhichFieldsAreRecorded(t *testing.T) {
	many := `"` + strings.Join(strings.Split("abcdefghijkl", ""), `","`) + `"`
	for body, want := range map[string]string{
		`{"UserID":"alice","Nick":"a secret"}`:                                                `[{"n":"UserID","v":["alice"]}]`,
		`{"To_Account":["bob","carol"],"From_Account":"alice","MsgBody":[{"MsgContent":{}}]}`: `[{"n":"From_Account","v":["alice"]},{"n":"To_Account","v":["bob","carol"]}]`,
		`{"GroupId":"g","MemberList":[{"Member_Account":"bob","Role":"Admin"},{"x":1},7]}`:    `[{"n":"MemberList","v":["bob","7"]},{"n":"GroupId","v":["g"]}]`,
		`{"AccountList":[{"Nick":"a secret","UserID":"bob"}],"Type":null}`:                    `[{"n":"AccountList","v":["bob"]}]`,
		`{"Members_Account":[` + many + `],"ShutUpTime":60}`:                                  `[{"n":"Members_Account","v":["a","b","c","d","e","f","g","h","i","j"],"m":2},{"n":"ShutUpTime","v":["60"]}]`,
		`{"GroupId":"` + strings.Repeat("é", 40) + `"}`:                                       `[{"n":"GroupId","v":["` + strings.Repeat("é", 32) + `…"]}]`,
		`{"UserID":{"To_Account":{"To_Account":"x"}}}`:                                        `[{"n":"UserID","v":[]}]`,
		`{"Report_Account":"bob","Peer_Account":"alice","MsgReadTime":7}`:                     `[{"n":"Report_Account","v":["bob"]},{"n":"Peer_Account","v":["alice"]}]`,
		`{"ToMembers_Account":["bob"],"Content":"a secret","Duration":60}`:                    `[{"n":"ToMembers_Account","v":["bob"]},{"n":"Duration","v":["60"]}]`,
		`{}`: `null`,
	} {
		got, err := json.Marshal(fieldsNamed(bodyOf(t, body).body))
		require.NoError(t, err)
		require.JSONEq(t, want, string(got), body)
	}
}

// A command is recorded even if its caller hangs up, and in the log of the process if
// the store fails. A command that only reads is not recorded.
func TestCommandsAreRecordedDespiteHangUpsAndFailures(t *testing.T) {
	f, log := &fakeAudit{}, &bytes.Buffer{}
	a := recorder(f, log)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.record(gone, "timd_account/ban", bodyOf(t, `{"UserID":"alice"}`), "127.0.0.1", fault.New(fault.BadParameters))
	a.record(gone, "openim/sendmsg", bodyOf(t, `{"To_Account":"alice"}`), "127.0.0.1", nil)
	a.record(gone, "timd_session/list", bodyOf(t, `{}`), "127.0.0.1", nil)
	require.Equal(t, []audit.Kind{audit.Acts, audit.Messages}, f.kinds)
	require.Equal(t, audit.Entry{
		Time: 7, Admin: "administrator", Addr: "127.0.0.1", Command: "timd_account/ban", Code: fault.BadParameters,
		On: []audit.Field{{Name: "UserID", Values: []string{"alice"}}},
	}, f.entries[0])
	require.Empty(t, log.String())
	f.err = errors.New("the disk is full")
	a.record(gone, "timd_account/unban", bodyOf(t, `{"UserID":"alice"}`), "127.0.0.1", nil)
	for _, part := range []string{"level=ERROR", "timd_account/unban", "alice", "administrator", "the disk is full"} {
		require.Contains(t, log.String(), part)
	}
}

// Every name in reading and messaging is that of a command: a misspelt one would have
// its command recorded wrongly without anybody noticing.
func TestNamesOfRecordedCommands(t *testing.T) {
	for _, names := range []map[string]bool{reading, messaging} {
		for name := range names {
			service, command, _ := strings.Cut(name, "/")
			require.True(t, commands[name] != nil || words(vendorCommands[service])[command], name)
		}
	}
}
