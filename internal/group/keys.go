package group

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// key names a group: an app and an ID.
type key struct {
	app uint32
	id  string
}

func keyOf(u place.User, groupID string) key { return key{u.SDKAppID, groupID} }

func (k key) user(userID string) place.User { return place.User{SDKAppID: k.app, UserID: userID} }

// Kinds of documents: the token behind the app.
const (
	kindProfile     = "p"
	kindMember      = "m"
	kindJoined      = "u"
	kindApplication = "q"
	kindAttributes  = "a"
	kindCounters    = "c"
	kindOwned       = "o" // a live room, for its owner
	kindTopic       = "t"
)

// classes is the number of classes into which the members of a group are divided,
// by the hash of their token. The subjects of stored documents depend on it.
const classes = 256

var errSubject = errors.New("group: not a subject of ours")

func subject(app uint32, tokens ...string) string {
	return bus.SubjectGroups + strconv.FormatUint(uint64(app), 10) + "." + strings.Join(tokens, ".")
}

func (k key) token() string { return bus.UserToken(k.id) }

func (k key) profileSubject() string    { return subject(k.app, kindProfile, k.token()) }
func (k key) attributesSubject() string { return subject(k.app, kindAttributes, k.token()) }
func (k key) countersSubject() string   { return subject(k.app, kindCounters, k.token()) }

func (k key) memberSubject(userID string) string {
	token := bus.UserToken(userID)
	return subject(k.app, kindMember, k.token(), classToken(classOf(token)), token)
}

// memberPattern matches the members of a class; all members if class is classes.
func (k key) memberPattern(class int) string {
	if class == classes {
		return subject(k.app, kindMember, k.token(), ">")
	}
	return subject(k.app, kindMember, k.token(), classToken(class), "*")
}

func (k key) joinedSubject(userID string) string {
	return subject(k.app, kindJoined, bus.UserToken(userID), k.token())
}

func joinedPattern(u place.User) string {
	return subject(u.SDKAppID, kindJoined, bus.UserToken(u.UserID), "*")
}

func (k key) ownedSubject(userID string) string {
	return subject(k.app, kindOwned, bus.UserToken(userID), k.token())
}

func ownedPattern(u place.User) string {
	return subject(u.SDKAppID, kindOwned, bus.UserToken(u.UserID), "*")
}

func (k key) applicationSubject(userID string) string {
	return subject(k.app, kindApplication, k.token(), bus.UserToken(userID))
}

func (k key) applicationPattern() string { return subject(k.app, kindApplication, k.token(), "*") }

// topicSubject is that of a topic of the community; id is the whole one of the topic.
func (k key) topicSubject(id string) string {
	return subject(k.app, kindTopic, k.token(), bus.UserToken(id))
}

func (k key) topicPattern() string { return subject(k.app, kindTopic, k.token(), "*") }

func classOf(userToken string) int { return int(bus.Hash32(userToken) % classes) }

func classToken(class int) string {
	return string("0123456789abcdef"[class>>4]) + string("0123456789abcdef"[class&15])
}

// parsed is what a subject names.
type parsed struct {
	kind   string
	key    key
	userID string // of a member, an application, or a user's entry for a group
	topic  string // the ID of a topic
}

func parse(subject string) (p parsed, err error) {
	rest, ok := strings.CutPrefix(subject, bus.SubjectGroups)
	tokens := strings.Split(rest, ".")
	want := map[string]int{kindProfile: 3, kindMember: 5, kindJoined: 4, kindApplication: 4, kindAttributes: 3, kindCounters: 3, kindOwned: 4, kindTopic: 4}
	if !ok || len(tokens) < 3 || len(tokens) != want[tokens[1]] {
		return p, errSubject
	}
	app, err := strconv.ParseUint(tokens[0], 10, 32)
	if err != nil {
		return p, errSubject
	}
	p.kind, p.key.app = tokens[1], uint32(app)
	group, user := tokens[2], ""
	switch p.kind {
	case kindMember:
		user = tokens[4]
	case kindJoined, kindOwned:
		user, group = tokens[2], tokens[3]
	case kindApplication:
		user = tokens[3]
	case kindTopic:
		if p.topic, err = bus.UserOfToken(tokens[3]); err != nil {
			return p, err
		}
	}
	if p.key.id, err = bus.UserOfToken(group); err == nil {
		p.userID, err = bus.UserOfToken(user)
	}
	return p, err
}
