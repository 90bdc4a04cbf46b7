package frame

// maxUserID limits a UserID, in bytes.
const maxUserID = 32

// ValidUserID reports whether s may be a UserID: 1 to 32 bytes of printable
// ASCII, a space included. It is the one rule, for both sides of the wire.
func ValidUserID(s string) bool {
	if s == "" || len(s) > maxUserID {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
