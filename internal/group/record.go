package group

import (
	"encoding/json"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// group is the document of one group. It names the owner; the role of every
// other member is in their own document.
type group struct {
	Type         Type    `json:"y"`
	Name         string  `json:"n,omitempty"`
	Avatar       string  `json:"a,omitempty"`
	Introduction string  `json:"i,omitempty"`
	Notification string  `json:"o,omitempty"`
	Custom       []Field `json:"f,omitempty"`
	Owner        string  `json:"w,omitempty"` // "" where there is none, as in some Work groups
	Created      int64   `json:"c"`           // Unix seconds
	Changed      int64   `json:"l,omitempty"` // when Info was last raised, Unix seconds
	Info         uint64  `json:"s,omitempty"` // the number of changes of the profile
	Members      int     `json:"m"`           // exact while no turn is open
	Most         int     `json:"x"`
	MuteAll      bool    `json:"u,omitempty"`
	Join         Option  `json:"j"`
	Invite       Option  `json:"v"`
	Topics       bool    `json:"t,omitempty"`

	// Born sets the group apart from an earlier one with the same ID: a
	// member's document that names another Born does not count. It is in Unix
	// ms, and greater than that of the earlier group.
	Born int64 `json:"b"`
	// By and Nonce identify the repetition of a group.create.
	By    string `json:"by,omitempty"`
	Nonce string `json:"nc,omitempty"`

	Turn *turn `json:"tn,omitempty"`
	Gone *gone `json:"g,omitempty"` // dismissed
}

// turn says that a change of membership is under way, see turn.go.
type turn struct {
	ID    string `json:"i"`
	Since int64  `json:"s"` // Unix ms
	// From is when the oldest abandoned turn before this one began, as long as
	// the log has not been told of what it did; 0: there is none.
	From int64 `json:"f,omitempty"`
}

// gone says who dismissed a group, and when, in Unix ms.
type gone struct {
	By   string `json:"b"`
	At   int64  `json:"a"`
	Tidy bool   `json:"t,omitempty"` // its other documents have been removed
}

// there reports whether the group exists: it was created and not dismissed.
func (g group) there() bool { return g.Born != 0 && g.Gone == nil }

// raise notes that the profile has changed.
func (g *group) raise(now int64) { g.Info, g.Changed = g.Info+1, now }

// member is the document of one member, or of a former one for a while.
type member struct {
	Born   int64   `json:"b"` // of the group
	Admin  bool    `json:"a,omitempty"`
	Joined int64   `json:"j"`           // Unix seconds; of who was imported, in the other system
	Mute   int64   `json:"u,omitempty"` // until then, Unix seconds
	Card   string  `json:"c,omitempty"`
	Custom []Field `json:"f,omitempty"`
	Ban    int64   `json:"d,omitempty"` // they may not join the live room until then, Unix seconds
	Why    string  `json:"w,omitempty"` // of Ban, as they are told
	By     string  `json:"y,omitempty"` // who let them in; "": they joined by themself
	Nonce  string  `json:"n,omitempty"` // of the call that let them in
	// Imported is when they were imported, Unix seconds; 0: they were not.
	Imported int64 `json:"i,omitempty"`

	Left   int64  `json:"l,omitempty"` // Unix ms; 0: they are a member
	LeftBy string `json:"z,omitempty"` // who removed them, or their own ID
}

// in reports whether somebody is a member of a group.
func (m member) in(g group) bool { return g.there() && m.Born == g.Born && m.Left == 0 }

// role returns the role that a user's document gives them in a group.
func (m member) role(g group, userID string) Role {
	switch {
	case !m.in(g):
		return Stranger
	case g.Owner == userID:
		return Owner
	case m.Admin:
		return Admin
	}
	return Member
}

// joined is the document by which a user finds one of their groups. It is
// written before the member's document and emptied after it, so every group that
// the user is in has one, and some groups may have one that they are not in.
type joined struct {
	Born int64 `json:"b"`
	At   int64 `json:"a"` // Unix ms
}

// application is the document of a user who asks to join a group, or whom a
// member asks to bring in.
type application struct {
	Born    int64  `json:"b"`
	Inviter string `json:"i,omitempty"` // "": the user asks for themself
	Note    string `json:"n,omitempty"`
	At      int64  `json:"a"` // Unix ms
	Key     string `json:"k"` // a manager names it to handle this application
	Handled string `json:"h,omitempty"`
	Agreed  bool   `json:"g,omitempty"`
	Answer  string `json:"w,omitempty"` // the message of the manager who handled it
}

// applicationAge is how long an application waits, in ms.
const applicationAge = 7 * 24 * 60 * 60 * 1000

func (a application) waits(g group, now int64) bool {
	return a.Born == g.Born && a.Handled == "" && now-a.At < applicationAge
}

// attributes is the document of a group's attributes. They stand in one document
// because a client may replace them all at once and there are 16 KB at most.
type attributes struct {
	Born int64             `json:"b"`
	All  map[string]string `json:"a,omitempty"`
}

// counters is the document of a group's counters.
type counters struct {
	Born int64            `json:"b"`
	All  map[string]int64 `json:"c,omitempty"`
	Last []string         `json:"l,omitempty"` // the counters that the newest change set
	// The nonces of the newest changes, and their answers.
	Nonces []answered `json:"n,omitempty"`
}

type answered struct {
	Nonce string `json:"n"`
	Value int64  `json:"v"`
}

// keptNonces is the number of changes of counters whose repetition is
// recognised.
const keptNonces = 16

func decode[T any](data []byte) (v T, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &v)
	}
	return v, err
}

func encode(v any) []byte {
	data, err := jsonframe.Marshal(v)
	if err != nil { // every value that this package encodes has a JSON form
		panic("group: " + err.Error())
	}
	return data
}
