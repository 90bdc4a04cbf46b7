package usersig

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Verify checks that a UserSig is one for userID and app at the time now, and
// returns its content. app 0 means the app that the UserSig names, provided
// that the MAC is by one of that app's keys.
//
// keys returns the secret keys of an app, several while they rotate; nil when
// there is no such app, an empty list when it has no key.
//
// The error is a *fault.Error and never holds any part of the UserSig. Reasons
// are found in this order: 70002 empty, 70003 malformed, 70014 another app,
// 70020 no such app, 70016 no key, 70009 another key, 70013 another user,
// 70001 expired, 70003 again for one dated more than five minutes ahead. The
// last shares its code with a malformed UserSig because getting a new one from
// a server whose clock is wrong does not help. With an error the Sig is zero.
func Verify(userSig string, keys func(app uint32) []string, userID string, app uint32, now time.Time) (Sig, error) {
	if userSig == "" {
		return Sig{}, fault.New(fault.SigEmpty)
	}
	c, err := unpack(userSig)
	if err != nil {
		return Sig{}, fault.With(fault.SigMalformed, err.Error())
	}
	// Nothing in c is trusted yet: until the MAC is checked, it can only be a
	// reason to refuse, or choose the keys that the MAC must fit.
	if app != 0 && c.SDKAppID != app {
		return Sig{}, fault.New(fault.SigOtherApp)
	}
	list := keys(c.SDKAppID)
	if list == nil {
		return Sig{}, fault.New(fault.NoSuchApp)
	}
	fits, usable := false, false
	for _, key := range list {
		if key == "" {
			continue // it would let anybody sign
		}
		usable = true
		if hmac.Equal(mac(key, c.Sig, c.buffered), c.mac) {
			fits = true
		}
	}
	switch {
	case !usable:
		return Sig{}, fault.New(fault.SigNoKey)
	case !fits:
		return Sig{}, fault.New(fault.SigWrongKey)
	case c.UserID != userID:
		return Sig{}, fault.New(fault.SigOtherUser)
	case now.Unix() > c.ExpiresAt():
		return Sig{}, fault.New(fault.SigExpired)
	case c.Time > now.Unix()+maxAhead:
		return Sig{}, &fault.Error{Code: fault.SigMalformed, Message: "The UserSig is dated more than five minutes ahead: set the clock of the server that signs it, or the gateway's."}
	}
	return c.Sig, nil
}

// claims is the content of an unverified UserSig.
type claims struct {
	Sig
	buffered bool
	mac      []byte
}

// unpack decodes a UserSig within the limits. Its errors go into fault
// messages.
func unpack(userSig string) (claims, error) {
	if len(userSig) > maxText {
		return claims{}, errors.New("it is longer than 4 KiB")
	}
	// Go's decoder ignores line breaks.
	if strings.ContainsAny(userSig, "\r\n") {
		return claims{}, errors.New("it contains a line break")
	}
	packed, err := encoding.DecodeString(userSig)
	if err != nil {
		return claims{}, errors.New("it is not base64 with * - _ in place of + / =")
	}
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	plain, err := f.inflate(packed)
	if err != nil {
		return claims{}, err
	}
	return parse(plain) // which keeps nothing of it
}

// inflaters keeps what inflates: each has tables of some 40 KB, and every login
// needs one.
var inflaters = sync.Pool{New: func() any { return new(inflater) }}

type inflater struct {
	in    bytes.Reader
	z     io.ReadCloser // nil before the first stream
	plain [maxInflated + 1]byte
}

var errNotZlib = errors.New("its content is not complete zlib data")

// inflate reads one complete zlib stream with nothing after it. The result is the
// inflater's.
func (f *inflater) inflate(packed []byte) ([]byte, error) {
	f.in.Reset(packed)
	defer f.in.Reset(nil)
	var err error
	if f.z == nil {
		f.z, err = zlib.NewReader(&f.in)
	} else {
		err = f.z.(zlib.Resetter).Reset(&f.in, nil)
	}
	if err != nil {
		return nil, errNotZlib
	}
	n := 0
	for err == nil && n < len(f.plain) {
		var m int
		m, err = f.z.Read(f.plain[n:])
		n += m
	}
	switch {
	case n > maxInflated:
		return nil, errors.New("it inflates to more than 4 KiB")
	case err != io.EOF || f.in.Len() > 0:
		return nil, errNotZlib
	}
	return f.plain[:n], nil
}

// The fields of the JSON, as bits of what has been seen.
const (
	hasVersion = 1 << iota
	hasIdentifier
	hasSDKAppID
	hasTime
	hasExpire
	hasSig
	hasUserBuf

	hasAll = hasVersion | hasIdentifier | hasSDKAppID | hasTime | hasExpire | hasSig
)

// parse reads the JSON field by field: encoding/json's structs would take
// TLS.TIME for TLS.time, and the last of two fields with the same name. An
// unknown field is ignored, because it is not signed either.
func parse(text []byte) (claims, error) {
	var c claims
	if c.plain(text) {
		return c, nil
	}
	return parseAny(text)
}

// plain reads what most signers write, without encoding/json. It returns false for
// any other text, which parseAny reads or refuses.
func (c *claims) plain(text []byte) bool {
	seen, n := 0, 0
	ok := jsonframe.ReadPlain(text, func(name []byte, v jsonframe.Plain) bool {
		n++
		bit, ok := c.set(string(name), v)
		ok = ok && seen&bit == 0 && n <= maxFields
		seen |= bit
		return ok
	})
	c.buffered = seen&hasUserBuf != 0
	return ok && seen&hasAll == hasAll
}

func parseAny(text []byte) (claims, error) {
	notJSON := errors.New("its content is not a single JSON object")
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return claims{}, notJSON
	}
	var c claims
	seen := 0
	for n := 0; dec.More(); n++ {
		if n == maxFields {
			return claims{}, errors.New("it has too many fields")
		}
		key, err := dec.Token()
		if err != nil {
			return claims{}, notJSON
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return claims{}, notJSON
		}
		name, _ := key.(string)
		bit, ok := c.set(name, raw)
		if !ok || seen&bit != 0 {
			return claims{}, errors.New(name + " is wrong or appears twice")
		}
		seen |= bit
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('}') {
		return claims{}, notJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return claims{}, notJSON
	}
	if seen&hasAll != hasAll {
		return claims{}, errors.New("a field is missing")
	}
	c.buffered = seen&hasUserBuf != 0
	return c, nil
}

// set reads one field and returns its bit; ok is false when its value is
// impossible.
func (c *claims) set(name string, raw []byte) (bit int, ok bool) {
	switch name {
	case "TLS.ver":
		v, ok := text(raw)
		return hasVersion, ok && v == version
	case "TLS.identifier":
		c.UserID, ok = text(raw)
		// A line break in it could pass for another signed text.
		return hasIdentifier, ok && frame.ValidUserID(c.UserID)
	case "TLS.sdkappid":
		n, ok := whole(raw, math.MaxUint32)
		c.SDKAppID = uint32(n)
		return hasSDKAppID, ok && n > 0
	case "TLS.time":
		c.Time, ok = whole(raw, maxSeconds)
		return hasTime, ok
	case "TLS.expire":
		c.Expire, ok = whole(raw, maxSeconds)
		return hasExpire, ok
	case "TLS.userbuf":
		c.UserBuf, ok = text(raw)
		_, plain := standard(c.UserBuf)
		return hasUserBuf, ok && plain
	case "TLS.sig":
		v, ok := text(raw)
		c.mac, _ = standard(v)
		return hasSig, ok && len(c.mac) == 32
	}
	return 0, true
}

// text reads a JSON string; raw is valid JSON.
func text(raw []byte) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// whole reads a JSON number written as plain digits, as every signer writes
// it: the signed text holds the number in that form.
func whole(raw []byte, most int64) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil && raw[0] != '-' && n <= most
}

// standard decodes standard base64 with padding and without line breaks.
func standard(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil
}
