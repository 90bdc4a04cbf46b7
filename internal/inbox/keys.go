package inbox

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Kinds of TIM_DOC.
const (
	docProfile = "profile"
	docBlack   = "black"
	docStatus  = "status"
	docQuota   = "quota"
	docCursor  = "cursor"
)

var errKey = errors.New("inbox: not a subject of ours")

// How a UserID stands in a subject.
var enc, dec = bus.UserToken, bus.UserOfToken

// pair is a conversation: an app and its two users, users[0] <= users[1]. In that
// of a group users[0] is the group's name, which is nobody's UserID, and users[1]
// is empty: whoever looks at it is side 1, so the other side is always what the
// conversation is called.
type pair struct {
	app   uint32
	users [2]string
}

func pairOf(app uint32, x, y string) pair {
	if isGroup(y) {
		return pair{app, [2]string{y}}
	}
	if x > y {
		x, y = y, x
	}
	return pair{app, [2]string{x, y}}
}

// side returns which of the two a user is, 0 or 1.
func (p pair) side(userID string) int {
	if p.users[0] == userID {
		return 0
	}
	return 1
}

// other returns the side of the peer. In a conversation with oneself that is
// the same side, which is always 0.
func (p pair) other(side int) int {
	if p.users[0] == p.users[1] {
		return 0
	}
	return 1 - side
}

func (p pair) user(side int) place.User { return place.User{SDKAppID: p.app, UserID: p.users[side]} }

// groupMark begins the name of a group where others are named by their UserID,
// in which no such character may be.
const groupMark = "\x00"

// groupPair returns the pair of a group that the server API names.
func groupPair(app uint32, groupID string) (pair, error) {
	if !frame.ValidGroupID(groupID) {
		return pair{}, fault.With(fault.BadGroupID, strconv.Quote(groupID))
	}
	return pairOf(app, "", groupName(groupID)), nil
}

func groupName(groupID string) string { return groupMark + groupID }

func isGroup(name string) bool { return strings.HasPrefix(name, groupMark) }

// group returns whether it is the conversation of a group, and its ID.
func (p pair) group() (groupID string, ok bool) { return strings.CutPrefix(p.users[0], groupMark) }

func (p pair) subject() string { return bus.SubjectMessages + p.tail() }

func (p pair) tail() string {
	app := strconv.FormatUint(uint64(p.app), 10) + "."
	if id, ok := p.group(); ok {
		return app + groupLog + "." + enc(id)
	}
	return app + enc(p.users[0]) + "." + enc(p.users[1])
}

// groupLog stands in the subjects of groups for the first user: base64url is
// never one character.
const groupLog = "g"

func (p pair) markSubject(position uint64) string {
	return bus.SubjectMarks + p.tail() + "." + strconv.FormatUint(position, 10)
}

func parsePair(subject string) (pair, error) {
	rest, ok := strings.CutPrefix(subject, bus.SubjectMessages)
	f := strings.Split(rest, ".")
	if !ok || len(f) != 3 {
		return pair{}, errKey
	}
	app, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return pair{}, errKey
	}
	b, errB := dec(f[2])
	if f[1] == groupLog && errB == nil {
		return pairOf(uint32(app), "", groupName(b)), nil
	}
	a, errA := dec(f[1])
	if errA != nil || errB != nil || a > b {
		return pair{}, errKey
	}
	return pair{uint32(app), [2]string{a, b}}, nil
}

func docSubject(u place.User, kind string) string {
	var room [subjectRoom]byte
	return string(appendDocSubject(room[:0], u, kind))
}

// subjectRoom is how long most subjects are at most.
const subjectRoom = 128

func appendDocSubject(b []byte, u place.User, kind string) []byte {
	b = strconv.AppendUint(append(b, bus.SubjectDocuments...), uint64(u.SDKAppID), 10)
	b = bus.AppendUserToken(append(b, '.'), u.UserID)
	return append(append(b, '.'), kind...)
}

func cursorSubject(u place.User) string {
	return bus.SubjectCursors + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + enc(u.UserID)
}

func parseDoc(subject string) (place.User, string, error) {
	rest, ok := strings.CutPrefix(subject, bus.SubjectDocuments)
	f := strings.Split(rest, ".")
	if !ok || len(f) != 3 {
		return place.User{}, "", errKey
	}
	app, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return place.User{}, "", errKey
	}
	id, err := dec(f[1])
	if err != nil {
		return place.User{}, "", errKey
	}
	return place.User{SDKAppID: uint32(app), UserID: id}, f[2], nil
}

// classes is how many classes the documents of a user's conversations fall
// into. One read gives those of a class, see maxOfClass.
const classes = bus.ConversationClasses

// documentsOf returns the pattern of a user's documents in TIM_CONV.
func documentsOf(u place.User) string { return convPrefix(u) + ">" }

// classPattern returns the pattern of a user's documents of one class.
func classPattern(u place.User, class uint32) string {
	return convPrefix(u) + bus.ClassToken(class) + ".*"
}

func convPrefix(u place.User) string {
	return bus.SubjectConversations + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." + enc(u.UserID) + "."
}

// convSubject returns the subject of the document that a user has of their
// conversation with another.
func convSubject(u place.User, other string) string {
	if id, ok := strings.CutPrefix(other, groupMark); ok {
		return convPrefix(u) + bus.GroupTail(id)
	}
	return convPrefix(u) + bus.ConversationTail(other)
}

// convToken names a conversation for one of its users.
func convToken(other string) string {
	if id, ok := strings.CutPrefix(other, groupMark); ok {
		return bus.GroupToken(id)
	}
	return bus.PeerToken(other)
}

func classOf(token string) uint32 { return bus.ConversationClass(token) }

func parseConv(subject string) (u place.User, other string, err error) {
	rest, ok := strings.CutPrefix(subject, bus.SubjectConversations)
	f := strings.Split(rest, ".")
	if !ok || len(f) != 4 || !strings.HasPrefix(f[3], "c") && !strings.HasPrefix(f[3], "g") {
		return place.User{}, "", errKey
	}
	app, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return place.User{}, "", errKey
	}
	id, errA := dec(f[1])
	other, errB := dec(f[3][1:])
	if errA != nil || errB != nil {
		return place.User{}, "", errKey
	}
	if f[3][0] == 'g' {
		other = groupName(other)
	}
	return place.User{SDKAppID: uint32(app), UserID: id}, other, nil
}

// What a conversationID begins with, as in the original SDK; the peer's UserID
// follows, or the group's ID.
const (
	c2c       = "C2C"
	groupKind = "GROUP"
)

// peerOf returns the name of a conversation's other side: the peer's UserID, or
// the group's name.
func peerOf(conversationID string) (string, bool) {
	if id, ok := strings.CutPrefix(conversationID, groupKind); ok {
		return groupName(id), frame.ValidGroupID(id)
	}
	if conversationID == systemUser {
		return systemUser, true
	}
	peer, ok := strings.CutPrefix(conversationID, c2c)
	return peer, ok && frame.ValidUserID(peer)
}

// validOther reports whether a conversation's other side may have a name.
func validOther(name string) bool {
	if id, ok := strings.CutPrefix(name, groupMark); ok {
		return frame.ValidGroupID(id)
	}
	return frame.ValidUserID(name)
}

// idOf is peerOf's inverse.
func idOf(other string) string {
	if id, ok := strings.CutPrefix(other, groupMark); ok {
		return groupKind + id
	}
	if other == systemUser {
		return systemUser
	}
	return c2c + other
}

// cursor is how far an instance is: in the logs, and in TIM_CONV, up to which
// position it knows its user's settings.
type cursor struct {
	pos positions
	rev uint64
}

// text returns the cursor in the second form, 2.<rev>.<sequence a partition>…
func (c cursor) text(partitions int) string {
	var room [64]byte
	out := strconv.AppendUint(append(room[:0], "2."...), c.rev, 10)
	for n := range partitions {
		out = strconv.AppendUint(append(out, '.'), c.pos[n], 10)
	}
	return string(out)
}

// parseCursor reads a cursor of either form. In the first, <position>.<settings>,
// only the position counts, and settings are sent whole. A cursor with another
// number of partitions is read as beyond the end of the logs, so that its
// instance begins anew.
func parseCursor(s string, partitions int) (c cursor, ok bool) {
	numbers := strings.Split(s, ".")
	values := make([]uint64, len(numbers))
	for i, n := range numbers {
		var err error
		if values[i], err = strconv.ParseUint(n, 10, 64); err != nil {
			return cursor{}, false
		}
	}
	switch {
	case len(values) == 2:
		values = []uint64{2, 0, values[0]}
	case len(values) < 3 || len(values) > 2+maxPartitions || values[0] != 2:
		return cursor{}, false
	}
	c.rev = values[1]
	if n := copy(c.pos[:], values[2:]); n != partitions {
		c = cursor{}
		c.pos[0] = math.MaxUint64
	}
	return c, true
}

// badCursor refuses a cursor that this gateway cannot have given.
func badCursor() error {
	return fault.With(fault.BadParameters, "the cursor is not one that this server has given: begin again without a cursor")
}
