package frame

// MaxMessageID limits a message's ID, in bytes.
const MaxMessageID = 64

// MessageIDAhead is how far the time in a message's ID may be ahead of the
// gateway's clock, in ms.
const MessageIDAhead = 5_000

// A message's ID is <sender>-<ms, base36>-<random, base36>. maxTime and
// maxRandom are the digits of the last two: with 43 for the longest sender
// they fill MaxMessageID.
const (
	maxTime   = 9
	maxRandom = 10
)

// MessageIDRandom is how many random bytes NewMessageID needs.
const MessageIDRandom = 6

// NewMessageID returns the ID of a message that a user creates now.
func NewMessageID(userID string, ms int64, random [MessageIDRandom]byte) string {
	var n uint64
	for _, b := range random {
		n = n<<8 | uint64(b)
	}
	return MessageSender(userID) + "-" + Base36(uint64(ms)) + "-" + Base36(n)
}

// ParseMessageID returns the time in the ID of a user's message, in ms. ok is
// false for anything that is not an ID of that user.
func ParseMessageID(id, userID string) (ms int64, ok bool) {
	sender := MessageSender(userID) + "-"
	if len(id) < len(sender) || id[:len(sender)] != sender {
		return 0, false
	}
	at, rest, ok := cutBase36(id[len(sender):], maxTime)
	if !ok || rest == "" || rest[0] != '-' {
		return 0, false
	}
	_, rest, ok = cutBase36(rest[1:], maxRandom)
	return int64(at), ok && rest == ""
}

const digits36 = "0123456789abcdefghijklmnopqrstuvwxyz"

// Base36 formats a number as message IDs hold it: wasm does without strconv.
func Base36(n uint64) string {
	var out [13]byte
	k := len(out)
	for {
		k--
		out[k] = digits36[n%36]
		if n /= 36; n == 0 {
			return string(out[k:])
		}
	}
}

// cutBase36 parses the number at the start of s, of at most that many digits,
// and returns what comes after it. ok is false where there is no number.
func cutBase36(s string, most int) (n uint64, rest string, ok bool) {
	k := 0
	for ; k < min(len(s), most); k++ {
		switch c := s[k]; {
		case c >= '0' && c <= '9':
			n = n*36 + uint64(c-'0')
		case c >= 'a' && c <= 'z':
			n = n*36 + uint64(c-'a') + 10
		default:
			return n, s[k:], k > 0
		}
	}
	return n, s[k:], k > 0
}

// IsOldMessageID reports whether an ID is one of version 0.1.0, 16 hex digits,
// as pages make them that are still open. It says nothing about its sender.
// They are accepted for one release.
func IsOldMessageID(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(id) == 16
}

// MessageSender returns what the IDs of a user's messages begin with: the
// UserID in base64url without padding. It is not a hash, so no other user can
// have the same one. encoding/base64 would bring reflect and more into wasm.
func MessageSender(userID string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	out := make([]byte, 0, (len(userID)*4+2)/3)
	bits, n := uint(0), 0 // what is left of the last byte
	for _, c := range []byte(userID) {
		bits, n = bits<<8|uint(c), n+8
		for n >= 6 {
			n -= 6
			out = append(out, digits[bits>>n&63])
		}
	}
	if n > 0 {
		out = append(out, digits[bits<<(6-n)&63])
	}
	return string(out)
}
