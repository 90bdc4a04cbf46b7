// Package usersig signs and verifies UserSigs (TLSSigAPIv2): what a back end
// signs with an app's secret key, so that a client may log in as one user for
// a while.
//
// A UserSig is a small JSON object, compressed with zlib and written in
// base64 with '*', '-' and '_' for '+', '/' and '='. Its MAC is HMAC-SHA256,
// with the bytes of the secret key string as the key, over
//
//	TLS.identifier:<UserID>\n
//	TLS.sdkappid:<SDKAppID>\n
//	TLS.time:<Unix seconds>\n
//	TLS.expire:<seconds>\n
//	TLS.userbuf:<base64>\n        only if there is one
//
// Signers differ in field order and in compression, so that only what is
// inside is ever compared. The package is for servers: a client must neither
// sign nor read UserSigs.
//
//	usersig.go  the fields and their MAC
//	sign.go     Sign
//	verify.go   Verify
package usersig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// Limits that apply before a valid MAC has been seen.
const (
	maxText     = 4 << 10 // bytes of a UserSig
	maxInflated = 4 << 10 // bytes of the JSON in it
	maxUserID   = 32      // bytes of a UserID
	maxFields   = 16      // of that JSON, 7 of them known: each costs more than its bytes
	// maxAhead is how far TLS.time may be ahead of the verifier's clock, in
	// seconds: about as much as unadjusted clocks differ. A UserSig outlives a
	// kick for as long as it is dated ahead, if it was not used before.
	maxAhead = 5 * 60
	// maxSeconds limits TLS.time and TLS.expire, so that their sum, and the
	// same in ms, cannot overflow. It is some 34,000 years.
	maxSeconds = 1 << 40
)

// version is the value of TLS.ver; it is not part of the signed text.
const version = "2.0"

// encoding is not RFC 4648's URL alphabet.
var encoding = base64.NewEncoding(
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-").WithPadding('_').Strict()

// Sig is the content of a UserSig.
type Sig struct {
	UserID   string
	SDKAppID uint32
	Time     int64  // when it was signed, Unix seconds
	Expire   int64  // how long it is good for, seconds
	UserBuf  string // the signer's own data in base64, mostly ""
}

// ExpiresAt returns the last second, in Unix time, in which the UserSig is
// valid.
func (s Sig) ExpiresAt() int64 { return s.Time + s.Expire }

// mac signs the fields of s. buffered reports whether there is a userbuf; an
// empty one is signed, too.
func mac(key string, s Sig, buffered bool) []byte {
	text := make([]byte, 0, 256)
	text = append(append(append(text, "TLS.identifier:"...), s.UserID...), '\n')
	text = append(strconv.AppendUint(append(text, "TLS.sdkappid:"...), uint64(s.SDKAppID), 10), '\n')
	text = append(strconv.AppendInt(append(text, "TLS.time:"...), s.Time, 10), '\n')
	text = append(strconv.AppendInt(append(text, "TLS.expire:"...), s.Expire, 10), '\n')
	if buffered {
		text = append(append(append(text, "TLS.userbuf:"...), s.UserBuf...), '\n')
	}
	h := hmac.New(sha256.New, []byte(key))
	h.Write(text)
	return h.Sum(nil)
}
