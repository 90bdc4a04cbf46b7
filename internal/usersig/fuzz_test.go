package usersig

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Whatever is sent to Verify, the answer is a fault or a Sig that the key
// holder has signed.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.UserSig)
		f.Add(v.UserSig[:len(v.UserSig)/2])
	}
	f.Add("")
	f.Add(Sign(testApp, testKey, testUser, testNow, time.Minute))
	f.Fuzz(func(t *testing.T, userSig string) {
		got, err := check(userSig)
		requireSound(t, got, err)
	})
}

// FuzzParse starts behind the compression, which random bytes do not get
// through.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.DecodedJSON))
	}
	f.Add([]byte(`{"TLS.ver":"2.0","TLS.identifier":"alice","TLS.sdkappid":1400000000,"TLS.time":1700000000,` +
		`"TLS.expire":60,"TLS.userbuf":"QUJD","TLS.sig":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}` + "\n"))
	for _, odd := range oddFields {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := check(wrap(plain, zlib.BestSpeed))
		requireSound(t, got, err)
		requireSameClaims(t, plain)
		c, err := parse(plain)
		if err != nil {
			return
		}
		require.True(t, frame.ValidUserID(c.UserID))
		require.NotZero(t, c.SDKAppID)
		require.True(t, c.Time >= 0 && c.Expire >= 0 && c.ExpiresAt() >= 0)
		// What was read can be written again and then says the same.
		var userbuf *string
		if c.buffered {
			userbuf = &c.UserBuf
		}
		d := c.document("", userbuf)
		d.Sig = base64.StdEncoding.EncodeToString(c.mac)
		again, err := unpack(pack(d))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

// Verify accepts what Sign makes, for every valid UserID.
func FuzzSign(f *testing.F) {
	f.Add("alice", uint32(testApp), "key", int64(1_700_000_000), int64(60))
	f.Add(`a b@c.d:e"f\g<h>&i/j+k=l~m!n#o$p`, uint32(1), "\x00", int64(0), int64(0))
	f.Fuzz(func(t *testing.T, user string, app uint32, key string, now, expire int64) {
		if !frame.ValidUserID(user) || app == 0 || key == "" || now < 0 || now > maxSeconds || expire < 0 || expire > 1<<32 {
			t.Skip()
		}
		at := time.Unix(now, 0)
		signed := Sign(app, key, user, at, time.Duration(expire)*time.Second)
		got, err := Verify(signed, only(app, key), user, app, at)
		require.NoError(t, err)
		require.Equal(t, Sig{UserID: user, SDKAppID: app, Time: now, Expire: expire}, got)
		_, err = Verify(signed, only(app, key+"x"), user, app, at)
		requireCode(t, fault.SigWrongKey, err)
	})
}

func requireSound(t *testing.T, got Sig, err error) {
	t.Helper()
	if err != nil {
		var fe *fault.Error
		require.True(t, errors.As(err, &fe))
		require.Zero(t, got)
		return
	}
	require.Equal(t, testUser, got.UserID)
	require.EqualValues(t, testApp, got.SDKAppID)
	require.LessOrEqual(t, testNow.Unix(), got.ExpiresAt())
}

// oddFields are texts at the edge of what claims.plain reads.
var oddFields = []string{
	`{"TLS.ver":"2.0","TLS.ver":"2.0"}{}`, `{}`, `{"a":1,"TLS.ver":"\u0032.0"}`, `{"TLS.time":01}`, `{"TLS.time":-1}`, `{"TLS.time":1e3}`,
	`{"TLS.identifier":"é"}`, "{\"TLS.identifier\":\"\xff\"}", `{"a":null}`, `[1]`, ``, `{`,
}

// requireSameClaims holds the short way of reading against encoding/json.
func requireSameClaims(t *testing.T, text []byte) (plain bool) {
	t.Helper()
	var got claims
	if !got.plain(text) {
		return false
	}
	want, err := parseAny(text)
	require.NoError(t, err, "%q", text)
	require.Equal(t, want, got, "%q", text)
	return true
}

// What signers write is read without encoding/json, unless they escape a character,
// and nothing is read otherwise than with it.
func TestPlainFields(t *testing.T) {
	for _, v := range vectors(t) {
		require.Equal(t, !strings.Contains(v.DecodedJSON, `\`), requireSameClaims(t, []byte(v.DecodedJSON)), v.DecodedJSON)
	}
	signed, err := new(inflater).inflate(packedOf(t, Sign(testApp, testKey, testUser, testNow, time.Minute)))
	require.NoError(t, err)
	require.True(t, requireSameClaims(t, signed))
	for i := range maxFields {
		fields := bytes.Repeat([]byte(`"a":1,`), i)
		require.Equal(t, i+6 <= maxFields, requireSameClaims(t, append(append([]byte("{"), fields...), signed[1:]...)), i)
	}
	for _, odd := range oddFields {
		require.False(t, requireSameClaims(t, []byte(odd)), odd)
	}
}

func packedOf(t *testing.T, userSig string) []byte {
	t.Helper()
	packed, err := encoding.DecodeString(userSig)
	require.NoError(t, err)
	return packed
}
