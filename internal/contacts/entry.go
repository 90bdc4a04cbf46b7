package contacts

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// kind says what an entry is, see the package comment.
type kind string

const (
	kindFriend kind = "friend"
	kindIn     kind = "in"
	kindOut    kind = "out"
	kindGroup  kind = "group"
	kindRead   kind = "read"
)

// key names an entry of a book.
type key struct {
	kind kind
	name string // a UserID, the name that a group was made with and a number, or readAll
}

// readAll is the name of the one entry of kindRead.
const readAll = "all"

// entry is one entry of a book, as it is stored.
type entry struct {
	Time    int64           `json:"time,omitempty"`    // Unix ms: since when; of kindRead: up to when
	ID      string          `json:"id,omitempty"`      // of a group: the groups of a friend are such IDs
	Name    string          `json:"name,omitempty"`    // of a group
	Remark  string          `json:"remark,omitempty"`  // of a friend; of kindOut: what it will be
	Groups  []string        `json:"groups,omitempty"`  // of a friend: IDs; of kindOut: the name of the one that they will be in
	Source  string          `json:"source,omitempty"`  // AddSource_Type_…
	Wording string          `json:"wording,omitempty"` // what the applicant wrote
	Custom  json.RawMessage `json:"custom,omitempty"`  // of a friend
	Nonce   string          `json:"nonce,omitempty"`   // the call that wrote this
	Gone    bool            `json:"gone,omitempty"`    // it has ended
}

// classes is how many classes a book is divided into. One read returns the
// entries of a class, if there are bus.MaxUnder at most.
const classes = 4

func prefix(u place.User) string {
	return bus.SubjectContacts + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + bus.UserToken(u.UserID) + "."
}

func classPattern(u place.User, class uint32) string { return prefix(u) + bus.ClassToken(class) + ".>" }

func subjectOf(u place.User, k key) string {
	tail := string(k.kind) + "." + bus.UserToken(k.name)
	return prefix(u) + bus.ClassToken(bus.Hash32(tail)%classes) + "." + tail
}

var errSubject = errors.New("contacts: not a subject of ours")

func parse(subject string) (u place.User, k key, err error) {
	rest, ok := strings.CutPrefix(subject, bus.SubjectContacts)
	f := strings.Split(rest, ".")
	if !ok || len(f) != 5 {
		return u, k, errSubject
	}
	app, errApp := strconv.ParseUint(f[0], 10, 32)
	id, errID := bus.UserOfToken(f[1])
	name, errName := bus.UserOfToken(f[4])
	if errApp != nil || errID != nil || errName != nil {
		return u, k, errSubject
	}
	return place.User{SDKAppID: uint32(app), UserID: id}, key{kind(f[3]), name}, nil
}
