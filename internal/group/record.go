package group

import (
	"encoding/json"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// group is the document of one group. It says who the owner is; the roles of
// all others are in their own documents.
type group struct {
	Type         Type    `json:"y"`
	Name         string  `json:"n,omitempty"`
	Avatar       string  `json:"a,omitempty"`
	Introduction string  `json:"i,omitempty"`
	Notification string  `json:"o,omitempty"`
	Custom       []Field `json:"f,omitempty"`
	Owner        string  `json:"w,omitempty"` // "": nobody, as a Work group may be
	Created      int64   `json:"c"`           // Unix seconds
	Changed      int64   `json:"l,omitempty"` // when Info was last raised, Unix seconds
	Info         uint64  `json:"s,omitempty"` // how often the profile has changed
	Members      int     `json:"m"`           // exact, but for what an open turn is about
	Most         int     `json:"x"`
	MuteAll      bool    `json:"u,omitempty"`
	Join         Option  `json:"j"`
	Invite       Option  `json:"v"`
	Topics       bool    `json:"t,omitempty"`

	// Born sets the group apart from one before it with the same ID: documents
	// of its members that name another one are nobody's. Unix ms, and more than
	// that of the group before.
	Born int64 `json:"b"`
	// By and Nonce make a repeated group.create known.
	By    string `json:"by,omitempty"`
	Nonce string `json:"nc,omitempty"`

	Turn *turn `json:"tn,omitempty"`
	Gone *gone `json:"g,omitempty"` // dismissed
}

// turn says that one change of who is a member is under way, see turn.go.
type turn struct {
	ID    string `json:"i"`
	Since int64  `json:"s"` // Unix ms
	// From is when the oldest of those turns began that were left before this one,
	// until what they have done is told; 0: none was.
	From int64 `json:"f,omitempty"`
}

// gone says who has dismissed a group, and when in Unix ms.
type gone struct {
	By   string `json:"b"`
	At   int64  `json:"a"`
	Tidy bool   `json:"t,omitempty"` // its other documents are removed
}

// there reports whether a document is that of a group.
func (g group) there() bool { return g.Born != 0 && g.Gone == nil }

// raise notes that the profile has changed.
func (g *group) raise(now int64) { g.Info, g.Changed = g.Info+1, now }

// member is the document of one member, or of a former one for a while.
type member struct {
	Born   int64   `json:"b"` // of the group
	Admin  bool    `json:"a,omitempty"`
	Joined int64   `json:"j"`           // Unix seconds
	Mute   int64   `json:"u,omitempty"` // until then, Unix seconds
	Card   string  `json:"c,omitempty"`
	Custom []Field `json:"f,omitempty"`
	By     string  `json:"y,omitempty"` // who let them in, if not they themself
	Nonce  string  `json:"n,omitempty"` // of the call that did

	Left   int64  `json:"l,omitempty"` // Unix ms; 0: is a member
	LeftBy string `json:"z,omitempty"` // who removed them, or they themself
}

// in reports whether somebody is a member of a group.
func (m member) in(g group) bool { return g.there() && m.Born == g.Born && m.Left == 0 }

// role returns what somebody is in a group by their document.
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

// joined is the document by which a user finds their groups. It is written
// before that of the member and emptied after it: it may be there for a group
// that its user is not in, never the other way round.
type joined struct {
	Born int64 `json:"b"`
	At   int64 `json:"a"` // Unix ms
}

// application is the document of who wishes to come into a group, or whom a
// member wishes to bring in.
type application struct {
	Born    int64  `json:"b"`
	Inviter string `json:"i,omitempty"` // "": the user themself
	Note    string `json:"n,omitempty"`
	At      int64  `json:"a"` // Unix ms
	Key     string `json:"k"` // what a manager names to handle this one
	Handled string `json:"h,omitempty"`
	Agreed  bool   `json:"g,omitempty"`
	Answer  string `json:"w,omitempty"` // of who has handled it
}

// applicationAge is how long an application waits, in ms.
const applicationAge = 7 * 24 * 60 * 60 * 1000

func (a application) waits(g group, now int64) bool {
	return a.Born == g.Born && a.Handled == "" && now-a.At < applicationAge
}

// attributes is the document of a group's attributes: all in one, as a client
// may replace them all at once, and there are 16 KB at most.
type attributes struct {
	Born int64             `json:"b"`
	All  map[string]string `json:"a,omitempty"`
}

// counters is the document of a group's counters.
type counters struct {
	Born int64            `json:"b"`
	All  map[string]int64 `json:"c,omitempty"`
	Last []string         `json:"l,omitempty"` // those that the newest change was about
	// Nonces of the newest changes, and what they were answered.
	Nonces []answered `json:"n,omitempty"`
}

type answered struct {
	Nonce string `json:"n"`
	Value int64  `json:"v"`
}

// keptNonces is how many changes of counters a repetition is compared with.
const keptNonces = 16

func decode[T any](data []byte) (v T, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &v)
	}
	return v, err
}

func encode(v any) []byte {
	data, err := jsonframe.Marshal(v)
	if err != nil { // of what this package makes, no value can fail
		panic("group: " + err.Error())
	}
	return data
}
