package frame

// maxUserID limits a UserID, in bytes.
const maxUserID = 32

// ValidUserID reports whether s may be a UserID: 1 to 32 bytes of printable
// ASCII, a space included. It is the one rule, for both sides of the wire.
func ValidUserID(s string) bool { return printable(s, maxUserID) }

// SystemUser writes to users what concerns them in their groups. The name is a
// conversationID, too, and nobody may log in under it: they would be told of what
// all users are told.
const SystemUser = "@TIM#SYSTEM"

// maxGroupID limits a group ID, in bytes.
const maxGroupID = 48

// TopicMark stands in the ID of a topic between that of its community and its own.
const TopicMark = "@TOPIC#"

// ValidGroupID reports whether s may be the ID of a group, 1 to 48 bytes of printable
// ASCII, or of a topic: a group's, @TOPIC#_, and as much again.
func ValidGroupID(s string) bool {
	group, topic, of := CutTopic(s)
	if !of {
		return printable(s, maxGroupID)
	}
	return printable(group, maxGroupID) && len(topic) > 1 && topic[0] == '_' && printable(topic[1:], maxGroupID)
}

// CutTopic returns what stands before and behind TopicMark in the ID of a topic; ok is
// false where it does not stand. It does without package strings, which is not part of
// tim.wasm.
func CutTopic(s string) (group, topic string, ok bool) {
	for n := 0; n+len(TopicMark) <= len(s); n++ {
		if s[n] == TopicMark[0] && s[n:n+len(TopicMark)] == TopicMark {
			return s[:n], s[n+len(TopicMark):], true
		}
	}
	return s, "", false
}

func printable(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
