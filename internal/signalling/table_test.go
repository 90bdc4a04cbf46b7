package signalling

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/transcript"
)

// TestStories plays the stories in testdata. In each the user is alice, times are
// in ms, and the inputs are
//
//	open ID PEER TIMEOUT       alice invites PEER
//	seen SIGNAL [; SIGNAL]     messages arrive
//	history SIGNAL [; SIGNAL]  messages of the history are read
//	own SIGNAL                 a message of this instance was sent
//	cancel|accept|reject|modify ID
//	failed ID                  the message of one of the above was not sent
//	late                       the timer fires
//
// A SIGNAL is ACTION ID FROM INVITER TIMEOUT SENT [DATA]. The other user of its
// message is bob, or eve if she takes part in it. In a group, ID is
// ID@GROUP:INVITEE,INVITEE, in an answer ID@GROUP. After each input the story shows
// when the timer is due next, if it is.
func TestStories(t *testing.T) {
	transcript.Run(t, func(string) transcript.Take {
		table := New("alice")
		return func(now int64, input string) (out []string, err error) {
			for _, e := range play(table, now, input, &out) {
				line := e.Name + " " + transcript.Show(e.Data())
				if e.Sends {
					line += " sends " + transcript.Show(e.Signal.Fields())
				}
				out = append(out, line)
			}
			if next := table.Next(); next != 0 {
				out = append(out, fmt.Sprintf("due at %d", next))
			}
			return out, nil
		}
	})
}

func play(table *Table, now int64, input string, out *[]string) []*Event {
	verb, rest, _ := strings.Cut(input, " ")
	w := transcript.Words(strings.Fields(rest))
	switch verb {
	case "open":
		s := signal("invite", w.Text(0), "alice", "alice", w.Number(2), now)
		table.Open(s)
	case "seen", "history", "own":
		var batch []*Signal
		for _, one := range strings.Split(rest, ";") {
			w := transcript.Words(strings.Fields(one))
			s := signal(w.Text(0), w.Text(1), w.Text(2), w.Text(3), w.Number(4), w.Number(5))
			if w.Text(6) != "" {
				s.Data = w.Text(6)
			}
			batch = append(batch, s)
		}
		return table.Seen(now, batch, verb != "seen")
	case "cancel", "accept", "reject", "modify":
		s, f := table.Begin(now, w.Text(0), actions[verb])
		if f != nil {
			*out = append(*out, fmt.Sprint(f.Code))
			return nil
		}
		*out = append(*out, "sends "+transcript.Show(s.Fields()))
	case "failed":
		table.Failed(w.Text(0))
	case "late":
		return table.Late(now)
	default:
		panic(input)
	}
	return nil
}

var actions = map[string]int64{"invite": Invite, "cancel": Cancel, "accept": Accept, "reject": Reject, "timeout": Timeout, "modify": Invite}

// signal returns a signal that from sends in the conversation between alice and the
// other user whom it names.
func signal(action, id, from, inviter string, timeout, sent int64) *Signal {
	peer := "bob"
	if from == "eve" || inviter == "eve" {
		peer = "eve"
	}
	invitees := []string{peer}
	if inviter == peer {
		invitees[0] = "alice"
	}
	id, in, _ := strings.Cut(id, "@")
	group, list, _ := strings.Cut(in, ":")
	if group != "" {
		peer, invitees = group, []string{from}
	}
	if list != "" {
		invitees = strings.Split(list, ",")
	}
	return &Signal{InviteID: id, GroupID: group, Action: actions[action], Inviter: inviter, Invitees: invitees, Data: action, Timeout: timeout, From: from, Peer: peer, Sent: sent}
}

func TestEventsAreThoseOfTSignaling(t *testing.T) {
	text, err := os.ReadFile("../gen/constants.json")
	require.NoError(t, err)
	var constants struct{ TSignaling map[string]any }
	require.NoError(t, json.Unmarshal(text, &constants))
	for name, want := range map[string]any{
		"NEW_INVITATION_RECEIVED": EventInvited, "INVITEE_ACCEPTED": EventAccepted, "INVITEE_REJECTED": EventRejected,
		"INVITATION_CANCELLED": EventCancelled, "INVITATION_TIMEOUT": EventTimeout, "INVITATION_MODIFIED": EventModified,
	} {
		require.Equal(t, constants.TSignaling[name], want)
		require.True(t, IsEvent(want.(string)))
	}
	for name, want := range map[string]float64{
		"ACTION_TYPE_INVITE": Invite, "ACTION_TYPE_CANCEL_INVITE": Cancel, "ACTION_TYPE_ACCEPT_INVITE": Accept,
		"ACTION_TYPE_REJECT_INVITE": Reject, "ACTION_TYPE_INVITE_TIMEOUT": Timeout,
	} {
		require.Equal(t, constants.TSignaling[name], want)
	}
	require.False(t, IsEvent("sdkStateReady"))
}

// A signal that a UI kit writes, with its fields in any order, is read back
// unchanged.
func TestParse(t *testing.T) {
	parse := func(text string) *Signal {
		o, err := jsonframe.NewObject([]byte(text))
		require.NoError(t, err)
		return Parse(o)
	}
	s := parse(`{"businessID":1,"inviteID":"i","groupID":"","inviter":"alice","inviteeList":["bob"],"actionType":1,"data":"{\"cmd\":\"audioCall\"}","timeout":30}`)
	require.Equal(t, &Signal{InviteID: "i", Inviter: "alice", Invitees: []string{"bob"}, Action: Invite, Data: `{"cmd":"audioCall"}`, Timeout: 30}, s)
	require.Equal(t, `{businessID:1,inviteID:i,groupID:,inviter:alice,inviteeList:[bob],data:{"cmd":"audioCall"},actionType:1,timeout:30}`, transcript.Show(s.Fields()))
	for text, want := range map[string]int64{
		`{"businessID":1,"inviteID":"i","actionType":1,"timeout":-5}`:   0,
		`{"businessID":1,"inviteID":"i","actionType":1,"timeout":1e18}`: MaxTimeout,
		`{"businessID":1,"inviteID":"i","actionType":1,"timeout":"9"}`:  0,
	} {
		s := parse(text)
		require.NotNil(t, s, text)
		require.Equal(t, want, s.Timeout, text)
	}
	for _, text := range []string{
		`{}`, `{"businessID":"user_typing_status"}`, `{"businessID":1}`, `{"businessID":1,"inviteID":"","actionType":1}`, `{"businessID":1,"inviteID":5,"actionType":1}`,
		`{"businessID":1,"inviteID":"i","actionType":0}`, `{"businessID":1,"inviteID":"i","actionType":6}`, `{"businessID":2,"inviteID":"i","actionType":1}`,
	} {
		require.Nil(t, parse(text), text)
	}
}

// All instances of a user give the same Timeout the same ID, which the gateway
// accepts; different Timeouts have different IDs.
func TestMessageID(t *testing.T) {
	s := Signal{InviteID: "i", From: "alice", Sent: 1_700_000_000_000}
	ms, ok := frame.ParseMessageID(s.MessageID(), "alice")
	require.True(t, ok)
	require.Equal(t, s.Sent, ms)
	require.Equal(t, s.MessageID(), s.MessageID())
	other := s
	other.InviteID = "j"
	require.NotEqual(t, s.MessageID(), other.MessageID())
}

// A signal counts only from one of the invitation's two users, and from the side
// that may send it.
func TestWhoIsBelieved(t *testing.T) {
	const sent = 1000
	for _, c := range []struct {
		what     string
		s        *Signal
		believed bool
	}{
		{"an invite", signal("invite", "n", "bob", "bob", 30, sent), true},
		{"in somebody else's name", signal("invite", "n", "bob", "carol", 30, sent), false},
		{"in alice's name", signal("invite", "n", "bob", "alice", 30, sent), false},
		{"the inviter accepts", signal("accept", "mine", "alice", "alice", 0, sent), false},
		{"the invitee accepts", signal("accept", "mine", "bob", "alice", 0, sent), true},
		{"the invitee cancels", signal("cancel", "mine", "bob", "alice", 0, sent), false},
		{"another peer accepts", signal("accept", "mine", "eve", "alice", 0, sent), false},
		{"another peer says the time is up", signal("timeout", "mine", "eve", "alice", 0, sent), false},
		{"the invitee says so", signal("timeout", "mine", "bob", "alice", 0, sent), true},
		{"as if bob had invited", signal("cancel", "mine", "bob", "bob", 0, sent), false},
		{"for a group", func() *Signal { s := signal("invite", "n", "bob", "bob", 30, sent); s.GroupID = "g"; return s }(), false},
		{"for somebody else", func() *Signal {
			s := signal("invite", "n", "bob", "bob", 30, sent)
			s.Invitees = []string{"carol"}
			return s
		}(), false},
		{"for two", func() *Signal {
			s := signal("invite", "n", "bob", "bob", 30, sent)
			s.Invitees = []string{"alice", "carol"}
			return s
		}(), false},
		{"in the group, an invite", signal("invite", "n@g:carol,alice", "bob", "bob", 30, sent), true},
		{"in the group, in somebody else's name", signal("invite", "n@g:alice", "bob", "carol", 30, sent), false},
		{"in the group, in alice's name", signal("invite", "n@g:carol", "bob", "alice", 30, sent), false},
		{"in the group, for others", signal("invite", "n@g:carol", "bob", "bob", 30, sent), false},
		{"in the group, for nobody", func() *Signal { s := signal("invite", "n@g", "bob", "bob", 30, sent); s.Invitees = nil; return s }(), false},
		{"in the group, of another group", func() *Signal { s := signal("invite", "n@g:alice", "bob", "bob", 30, sent); s.Peer = "h"; return s }(), false},
		{"in the group, the inviter accepts", signal("accept", "ours@g", "alice", "alice", 0, sent), false},
		{"in the group, an invitee accepts", signal("accept", "ours@g", "bob", "alice", 0, sent), true},
		{"in the group, somebody else accepts", signal("accept", "ours@g", "eve", "alice", 0, sent), false},
		{"in the group, an invitee cancels", signal("cancel", "ours@g", "bob", "alice", 0, sent), false},
		{"in the group, somebody else says the time is up", signal("timeout", "ours@g", "eve", "alice", 0, sent), false},
		{"in the group, an invitee says so", signal("timeout", "ours@g", "bob", "alice", 0, sent), true},
		{"in the group, as if bob had invited", signal("cancel", "ours@g", "bob", "bob", 0, sent), false},
		{"elsewhere, an invitee accepts", signal("accept", "ours@h", "bob", "alice", 0, sent), false},
		{"in the group, bob cancels", signal("cancel", "bobs@g", "bob", "bob", 0, sent), true},
		{"in the group, carol cancels", signal("cancel", "bobs@g", "carol", "bob", 0, sent), false},
		{"in the group, carol accepts", signal("accept", "bobs@g", "carol", "bob", 0, sent), true},
		{"in the group, an answer to others", signal("accept", "n@g", "carol", "bob", 0, sent), false},
		{"in the group, an answer to an invite of alice's", signal("accept", "n@g", "carol", "alice", 0, sent), true},
		{"in the group, bob cancels what alice did not hear of", signal("cancel", "n@g:alice", "bob", "bob", 0, sent), true},
		{"in the group, bob cancels what is for others", signal("cancel", "n@g:carol", "bob", "bob", 0, sent), false},
	} {
		table := New("alice")
		table.Open(signal("invite", "mine", "alice", "alice", 30, sent))
		table.Open(signal("invite", "ours@g:bob,carol", "alice", "alice", 30, sent))
		table.Seen(sent, []*Signal{signal("invite", "bobs@g:alice,carol", "bob", "bob", 30, sent)}, true)
		require.Equal(t, c.believed, len(table.Seen(sent, []*Signal{c.s}, false)) == 1, c.what)
	}
}

// A peer who sends too many invites displaces only their own.
func TestInvitationsAreBounded(t *testing.T) {
	table := New("alice")
	table.Open(signal("invite", "mine", "alice", "alice", 30, 0))
	flood := func(peer string, n int) {
		for k := range n {
			s := signal("invite", fmt.Sprint(peer, k), "bob", "bob", 30, 0)
			s.From, s.Peer, s.Inviter = peer, peer, peer
			table.Seen(0, []*Signal{s}, false)
		}
	}
	flood("mallory", 5_000)
	require.Len(t, table.all, most)
	require.NotNil(t, table.find("mine"))
	flood("carol", 1)
	require.Nil(t, table.find("mine"), "nothing of carol gives way, so the oldest does")
	require.Len(t, table.all, most)
	require.NotNil(t, table.find("mallory4999"))
	require.NotNil(t, table.find("carol0"))
}

// A peer who lets many invitations time out costs this user only a few messages a
// minute. The page is told of all of them, and the Timeouts of this user's own
// invitations are always sent.
func TestLateIsBounded(t *testing.T) {
	table := New("alice")
	sends := func(now int64, peer string, n int) (sent int) {
		for k := range n {
			s := signal("invite", fmt.Sprint(peer, now, k), peer, peer, 30, now)
			if peer == "alice" {
				table.Open(s)
			}
			table.Seen(now, []*Signal{s}, peer == "alice")
		}
		events := table.Late(now + 35_000)
		require.Len(t, events, n)
		for _, e := range events {
			require.True(t, e.Own)
			if e.Sends {
				sent++
			}
		}
		return sent
	}
	require.Equal(t, mostLate, sends(1_000_000, "bob", 100))
	require.Zero(t, sends(1_010_000, "bob", 100))
	require.Equal(t, 100, sends(1_020_000, "alice", 100))
	require.Equal(t, mostLate, sends(1_070_000, "bob", 100), "a minute later")
}

// The table holds the page's message of an invitation only while that is open.
func TestMessageIsHeldWhileOpen(t *testing.T) {
	table := New("alice")
	for id, end := range map[string]func(){
		"answered": func() { table.Seen(0, []*Signal{signal("accept", "answered", "bob", "alice", 0, 0)}, false) },
		"late":     func() { table.Late(35_000) },
	} {
		s := signal("invite", id, "alice", "alice", 30, 0)
		s.Message = "m"
		table.Open(s)
		table.Seen(0, []*Signal{s}, true)
		got, f := table.Begin(0, id, Invite)
		require.Nil(t, f)
		require.Equal(t, "m", got.Message)
		end()
		require.Nil(t, table.find(id).Message)
	}
}

// Who invites many to a group makes their clients send nothing when the time is up,
// and answers to an invitation that was never seen are remembered in bounds.
func TestGroupsAreBounded(t *testing.T) {
	table := New("alice")
	for k := range most {
		table.Seen(0, []*Signal{signal("invite", fmt.Sprint("i", k, "@g:alice,carol"), "bob", "bob", 30, 0)}, false)
	}
	events := table.Late(30_000)
	require.Len(t, events, most)
	for _, e := range events {
		require.True(t, e.Own)
		require.False(t, e.Sends)
	}
	require.Empty(t, table.Late(39_999))
	require.Empty(t, table.Late(40_000))
	require.Zero(t, table.Next(), "over for everybody")
	told := 0
	for k := range 2 * most {
		told += len(table.Seen(0, []*Signal{signal("accept", "unknown@g", fmt.Sprint("member", k), "alice", 0, 0)}, false))
	}
	require.Equal(t, most, told)
}
