package signalling

import "github.com/tim-wasm/tim/internal/frame"

// The actions of signals.
const (
	Invite  = 1
	Cancel  = 2
	Accept  = 3
	Reject  = 4
	Timeout = 5
)

// business is the businessID of a custom message that is a signal.
const business = 1

// MaxTimeout bounds an invitation's time, in s: ten years.
const MaxTimeout = 315_360_000

// Signal is what one message says about an invitation.
type Signal struct {
	InviteID, GroupID string
	Inviter           string
	Invitees          []string
	Action            int64
	Data              string // text of the app
	Timeout           int64  // of an invite, in s; 0: none

	// From the message that carries it.
	From, Peer string // its sender; the other user of the conversation
	Sent       int64  // ms, by the gateway's clock
	OnlineOnly bool
	Message    any // the message itself, for the listeners of the events
}

// Parse reads a signal from the data of a custom message. It returns nil for data
// that is no signal.
func Parse(data frame.Body) *Signal {
	s := &Signal{
		InviteID: data.Text("inviteID"),
		GroupID:  data.Text("groupID"),
		Inviter:  data.Text("inviter"),
		Invitees: data.Texts("inviteeList"),
		Action:   data.Number("actionType"),
		Data:     data.Text("data"),
		Timeout:  min(max(data.Number("timeout"), 0), MaxTimeout),
	}
	if data.Number("businessID") != business || s.InviteID == "" || s.Action < Invite || s.Action > Timeout {
		return nil
	}
	return s
}

// fields builds a list of fields. One method for each type costs tim.wasm less than
// a literal.
type fields struct{ list frame.Fields }

func (f *fields) text(key, value string) {
	f.list = append(f.list, frame.Field{Key: key, Value: value})
}

func (f *fields) number(key string, value int64) {
	f.list = append(f.list, frame.Field{Key: key, Value: value})
}

// common adds the fields that signals and events share.
func (s *Signal) common(f *fields, invitees []string) {
	f.text("inviteID", s.InviteID)
	f.text("groupID", s.GroupID)
	f.text("inviter", s.Inviter)
	f.list = append(f.list, frame.Field{Key: "inviteeList", Value: invitees})
	f.text("data", s.Data)
}

// Fields returns the data of a signal's message.
func (s *Signal) Fields() frame.Fields {
	var f fields
	f.number("businessID", business)
	s.common(&f, s.Invitees)
	f.number("actionType", s.Action)
	f.number("timeout", s.Timeout)
	return f.list
}

// MessageID returns the ID of a Timeout's message, which is the same on all
// instances of its sender.
func (s *Signal) MessageID() string {
	hash := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(s.InviteID) {
		hash = (hash ^ uint64(c)) * 1099511628211
	}
	var random [frame.MessageIDRandom]byte
	for k := range random {
		random[k] = byte(hash >> (8 * k))
	}
	return frame.NewMessageID(s.From, s.Sent, random)
}
