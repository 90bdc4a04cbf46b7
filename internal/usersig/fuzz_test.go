package usersig

import (
	"compress/zlib"
	"encoding/base64"
	"errors"
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
	f.Add([]byte(`{"TLS.ver":"2.0","TLS.ver":"2.0"}{}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := check(wrap(plain, zlib.BestSpeed))
		requireSound(t, got, err)
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
