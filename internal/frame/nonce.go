package frame

// MaxNonce limits a nonce, in bytes. A client draws one for each call whose
// repetition would do something else, and sends it again when it repeats the call
// after a lost link, so that the gateway answers as it did before.
const MaxNonce = 32

// ValidNonce reports whether a nonce has the form that the gateway takes.
func ValidNonce(nonce string) bool {
	for _, c := range []byte(nonce) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(nonce) <= MaxNonce
}

// NonceRule says to a developer what ValidNonce asks for.
const NonceRule = "nonce is at most 32 characters of A-Z, a-z, 0-9, - and _"
