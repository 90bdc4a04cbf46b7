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

// ValidGroupID reports whether s may be the ID of a group: 1 to 48 bytes of
// printable ASCII.
func ValidGroupID(s string) bool { return printable(s, maxGroupID) }

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
