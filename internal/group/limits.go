package group

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Limits in bytes of what a group's members set.
const (
	maxName         = 100
	maxIntroduction = 400
	maxNotification = 400
	maxAvatar       = 500
	maxNameCard     = 50
	maxNote         = 300 // of an application, of the answer to one, and why a member is removed
	maxKey          = 16  // of a custom field
	maxFieldValue   = 512
	maxAttributeKey = 32
	maxAttribute    = 4 << 10
	maxAttributes   = 16 << 10 // keys and values of a group together
)

// How group IDs begin that the gateway makes, and those of communities.
const (
	madePrefix      = "@TGS#"
	communityPrefix = "@TGS#_"
	otherPrefix     = "@TGS#2" // of all other types
	topicMark       = frame.TopicMark
)

// checkGroupID checks the ID that a call asks for a new group.
func checkGroupID(id string, t Type) error {
	switch {
	case !validGroupID(id):
		return fault.With(fault.BadGroupID, "it is 1 to 48 bytes of printable ASCII")
	case strings.Contains(id, topicMark):
		return fault.With(fault.BadGroupID, "@TOPIC# is for topics")
	case t == Community && (!strings.HasPrefix(id, communityPrefix) || id == communityPrefix):
		return fault.With(fault.BadGroupID, "that of a community begins with @TGS#_")
	case t != Community && strings.HasPrefix(id, madePrefix):
		return fault.With(fault.BadGroupID, "@TGS# is for IDs that the gateway makes")
	}
	return nil
}

// validGroupID reports whether id may be the ID of a group.
func validGroupID(id string) bool { return frame.ValidGroupID(id) }

// madeGroupID returns an ID made of random bytes, or of the hash of what identifies
// a call.
func madeGroupID(t Type, random [12]byte) string {
	prefix := otherPrefix
	if t == Community {
		prefix = communityPrefix
	}
	return prefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// Field is one custom field of a group or a member.
type Field struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// merged returns the fields in have, changed as set says; an empty value removes a
// field.
func merged(have, set []Field, most int, name string) ([]Field, error) {
	if len(set) > most {
		return nil, fault.With(fault.GroupBadParameters, name+" has over "+strconv.Itoa(most)+" fields")
	}
	out := append([]Field(nil), have...)
	for _, f := range set {
		if f.Key == "" || len(f.Key) > maxKey || len(f.Value) > maxFieldValue {
			return nil, fault.With(fault.GroupBadParameters,
				name+" has a key of 1 to "+strconv.Itoa(maxKey)+" bytes and a value of at most "+strconv.Itoa(maxFieldValue)+" in each field")
		}
		at := 0
		for at < len(out) && out[at].Key != f.Key {
			at++
		}
		switch {
		case at < len(out) && f.Value == "":
			out = append(out[:at], out[at+1:]...)
		case at < len(out):
			out[at] = f
		case f.Value != "":
			out = append(out, f)
		}
	}
	if len(out) > most {
		return nil, fault.With(fault.GroupBadParameters, name+" would have over "+strconv.Itoa(most)+" fields: set some to an empty value first")
	}
	return out, nil
}
