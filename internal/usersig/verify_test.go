package usersig

import (
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

const (
	testApp  = 1400000000
	testKey  = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	testUser = "alice"
)

var testNow = time.Unix(1_700_000_000, 0)

// check verifies for the test's app, key, user and time.
func check(userSig string) (Sig, error) {
	return Verify(userSig, only(testApp, testKey), testUser, testApp, testNow)
}

func requireCode(t *testing.T, code fault.Code, err error) {
	t.Helper()
	var f *fault.Error
	require.True(t, errors.As(err, &f), "no fault: %v", err)
	require.Equal(t, code, f.Code, "%v", f)
}

// forged returns a document whose fields the test changes before it is
// written. Its MAC fits, so that only the field itself can be the reason for a
// refusal.
func forged(bend func(d map[string]any)) string {
	d := map[string]any{
		"TLS.ver": "2.0", "TLS.identifier": testUser, "TLS.sdkappid": testApp,
		"TLS.time": testNow.Unix(), "TLS.expire": 60,
		"TLS.sig": signature(Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60}),
	}
	bend(d)
	plain, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return wrap(plain, zlib.BestSpeed)
}

// wrap compresses and encodes what may be the JSON of a UserSig, as signers do whose
// level is another one.
func wrap(plain []byte, level int) string {
	z, err := zlib.NewWriterLevel(nil, level)
	if err != nil {
		panic(err) // a level that zlib does not have
	}
	return compressed(plain, z)
}

func signature(s Sig) string {
	return base64.StdEncoding.EncodeToString(mac(testKey, s, s.UserBuf != ""))
}

func TestVerifyFaults(t *testing.T) {
	good := Sign(testApp, testKey, testUser, testNow, time.Minute)
	keys := only(testApp, testKey)
	for _, c := range []struct {
		name    string
		userSig string
		keys    func(uint32) []string
		user    string
		app     uint32
		now     time.Time
		code    fault.Code // 0: valid
	}{
		{"valid", good, keys, testUser, testApp, testNow, 0},
		{"valid, app of the UserSig", good, keys, testUser, 0, testNow, 0},
		{"valid in its last second", good, keys, testUser, testApp, testNow.Add(time.Minute + 999*time.Millisecond), 0},
		{"expired a second later", good, keys, testUser, testApp, testNow.Add(time.Minute + time.Second), fault.SigExpired},
		{"valid although the signer's clock is ahead", good, keys, testUser, testApp, testNow.Add(-maxAhead * time.Second), 0},
		{"dated too far ahead", good, keys, testUser, testApp, testNow.Add(-(maxAhead + 1) * time.Second), fault.SigMalformed},
		{"empty", "", keys, testUser, testApp, testNow, fault.SigEmpty},
		{"another user", good, keys, "bob", testApp, testNow, fault.SigOtherUser},
		{"another user in case", good, keys, "Alice", testApp, testNow, fault.SigOtherUser},
		{"no user", good, keys, "", testApp, testNow, fault.SigOtherUser},
		{"another app", good, keys, testUser, testApp + 1, testNow, fault.SigOtherApp},
		{"another key", good, only(testApp, "another"), testUser, testApp, testNow, fault.SigWrongKey},
		{"old key of two", good, only(testApp, "new", testKey), testUser, testApp, testNow, 0},
		{"new key of two", good, only(testApp, testKey, "old"), testUser, testApp, testNow, 0},
		{"neither key of two", good, only(testApp, "new", "old"), testUser, testApp, testNow, fault.SigWrongKey},
		{"no key", good, only(testApp), testUser, testApp, testNow, fault.SigNoKey},
		{"an empty key signs nothing", Sign(testApp, "", testUser, testNow, time.Minute), only(testApp, ""), testUser, testApp, testNow, fault.SigNoKey},
		{"no such app", good, only(7, testKey), testUser, testApp, testNow, fault.NoSuchApp},
		{"no such app, app of the UserSig", good, only(7, testKey), testUser, 0, testNow, fault.NoSuchApp},
		{"another key is found before another user", good, only(testApp, "another"), "bob", testApp, testNow, fault.SigWrongKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Verify(c.userSig, c.keys, c.user, c.app, c.now)
			if c.code == 0 {
				require.NoError(t, err)
				require.Equal(t, Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60}, got)
				return
			}
			requireCode(t, c.code, err)
			require.Zero(t, got)
			if c.userSig != "" {
				require.NotContains(t, err.Error(), c.userSig)
			}
		})
	}
}

func TestVerifyMalformedText(t *testing.T) {
	good := Sign(testApp, testKey, testUser, testNow, time.Minute)
	packed, err := encoding.DecodeString(good)
	require.NoError(t, err)
	for name, userSig := range map[string]string{
		"first half":           good[:len(good)/2],
		"four characters less": strings.TrimRight(good, "_")[:len(strings.TrimRight(good, "_"))/4*4-4],
		"padding replaced":     strings.TrimRight(Sign(testApp, testKey, "al", testNow, time.Minute), "_") + "*",
		"line end":             good + "\n",
		"line end inside":      good[:10] + "\r\n" + good[10:],
		"standard base64":      base64.StdEncoding.EncodeToString(packed) + "+/==",
		"not base64":           "¡!",
		"over 4 KiB":           strings.Repeat("A", maxText+1),
		"not zlib":             encoding.EncodeToString([]byte("no zlib at all")),
		"checksum wrong":       encoding.EncodeToString(append(packed[:len(packed)-1:len(packed)-1], packed[len(packed)-1]^1)),
		"something behind":     encoding.EncodeToString(append(packed[:len(packed):len(packed)], 0)),
		"zlib with dictionary": encoding.EncodeToString([]byte{0x78, 0xbb, 1, 2, 3, 4, 5, 6}),
		"inflates to 8 KiB":    wrap(make([]byte, 8<<10), zlib.BestCompression),
		"empty JSON":           wrap(nil, zlib.BestSpeed),
		"no object":            wrap([]byte(`["TLS.ver"]`), zlib.BestSpeed),
		"half an object":       wrap([]byte(`{"TLS.ver":"2.0"`), zlib.BestSpeed),
		"empty object":         wrap([]byte(`{}`), zlib.BestSpeed),
		"many fields":          wrap([]byte(many(400, 0)), zlib.BestCompression),
		"deep":                 wrap([]byte(`{"a":`+strings.Repeat("[", 4000)), zlib.BestSpeed),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := check(userSig)
			requireCode(t, fault.SigMalformed, err)
			require.Zero(t, got)
		})
	}
}

// many returns an object of n fields that no signer knows.
func many(n, size int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"%x":"%s"`, i, strings.Repeat("x", size))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// A few unknown fields are ignored, but each costs something, and their sender
// needs no key.
func TestVerifyManyFields(t *testing.T) {
	with := func(n int) string {
		return forged(func(d map[string]any) {
			for i := range n {
				d[strconv.Itoa(i)] = 0
			}
		})
	}
	_, err := check(with(maxFields - 6))
	require.NoError(t, err)
	_, err = check(with(maxFields - 5))
	requireCode(t, fault.SigMalformed, err)
	require.ErrorContains(t, err, "too many fields")
}

func TestVerifyMalformedFields(t *testing.T) {
	_, err := check(forged(func(map[string]any) {}))
	require.NoError(t, err, "unbent")
	set := func(name string, value any) func(map[string]any) {
		return func(d map[string]any) { d[name] = value }
	}
	for name, bend := range map[string]func(map[string]any){
		"version missing":          func(d map[string]any) { delete(d, "TLS.ver") },
		"version of another API":   set("TLS.ver", "1.0"),
		"version as a number":      set("TLS.ver", 2),
		"identifier missing":       func(d map[string]any) { delete(d, "TLS.identifier") },
		"identifier as a number":   set("TLS.identifier", 7),
		"identifier null":          set("TLS.identifier", nil),
		"identifier too long":      set("TLS.identifier", strings.Repeat("a", 33)),
		"identifier with line end": set("TLS.identifier", "a\nTLS.sdkappid:1"),
		"identifier not ASCII":     set("TLS.identifier", "é"),
		"sdkappid missing":         func(d map[string]any) { delete(d, "TLS.sdkappid") },
		"sdkappid as text":         set("TLS.sdkappid", "1400000000"),
		"sdkappid zero":            set("TLS.sdkappid", 0),
		"sdkappid over 32 bits":    set("TLS.sdkappid", int64(testApp)+1<<32),
		"time missing":             func(d map[string]any) { delete(d, "TLS.time") },
		"time negative":            set("TLS.time", -1),
		"time minus zero":          set("TLS.time", json.RawMessage("-0")),
		"time with exponent":       set("TLS.time", json.RawMessage("17e8")),
		"time as a fraction":       set("TLS.time", 1.5),
		"time as text":             set("TLS.time", "1700000000"),
		"expire missing":           func(d map[string]any) { delete(d, "TLS.expire") },
		"expire negative":          set("TLS.expire", -60),
		"expire absurd":            set("TLS.expire", int64(math.MaxInt64)),
		"sig missing":              func(d map[string]any) { delete(d, "TLS.sig") },
		"sig empty":                set("TLS.sig", ""),
		"sig too short":            set("TLS.sig", "AAAA"),
		"sig with line end":        set("TLS.sig", "\n"+signature(Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60})),
		"userbuf as an object":     set("TLS.userbuf", map[string]any{}),
		"userbuf not base64":       set("TLS.userbuf", "???"),
		"userbuf with line end":    set("TLS.userbuf", "QUJD\n"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(forged(bend))
			requireCode(t, fault.SigMalformed, err)
		})
	}
}

// A field that appears twice, in either order, is accepted from neither place.
func TestVerifyDuplicateFields(t *testing.T) {
	plain, err := json.Marshal(Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60}.document(testKey, nil))
	require.NoError(t, err)
	for _, extra := range []string{
		`"TLS.identifier":"bob"`, `"TLS.identifier":"alice"`, `"TLS.sdkappid":7`, `"TLS.time":1`,
		`"TLS.expire":1099511627776`, `"TLS.ver":"2.0"`, `"\u0054LS.identifier":"bob"`,
	} {
		_, err := check(wrap([]byte("{"+extra+","+string(plain[1:])), zlib.BestSpeed))
		requireCode(t, fault.SigMalformed, err)
		_, err = check(wrap([]byte(string(plain[:len(plain)-1])+","+extra+"}"), zlib.BestSpeed))
		requireCode(t, fault.SigMalformed, err)
	}
	for _, extra := range []string{`"TLS.IDENTIFIER":"bob"`, `"tls.time":1`, `"more":{"TLS.identifier":"bob"}`} {
		got, err := check(wrap([]byte(string(plain[:len(plain)-1])+","+extra+"}"), zlib.BestSpeed))
		require.NoError(t, err, "%s is another field", extra)
		require.Equal(t, testUser, got.UserID)
	}
	for _, behind := range []string{"{}", "x", "]", "\x00"} {
		_, err := check(wrap(append(plain[:len(plain):len(plain)], behind...), zlib.BestSpeed))
		requireCode(t, fault.SigMalformed, err)
	}
}

// Every change of a signed field must break the MAC.
func TestVerifyChangedFields(t *testing.T) {
	for name, value := range map[string]any{
		"TLS.identifier": "alicf", "TLS.time": testNow.Unix() + 1, "TLS.expire": 61, "TLS.userbuf": "QUJD",
		"TLS.sig": base64.StdEncoding.EncodeToString(make([]byte, 32)),
	} {
		_, err := check(forged(func(d map[string]any) { d[name] = value }))
		requireCode(t, fault.SigWrongKey, err)
	}
}

func TestVerifyUserBuf(t *testing.T) {
	for _, userbuf := range []string{"QUJD", ""} {
		d := Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60}.document(testKey, &userbuf)
		got, err := check(pack(d))
		require.NoError(t, err)
		require.Equal(t, userbuf, got.UserBuf)
		d.UserBuf = nil
		_, err = check(pack(d))
		requireCode(t, fault.SigWrongKey, err)
	}
}

// Go's official signer writes stored blocks, another field order and a line
// end after the JSON.
func TestVerifyStoredBlocks(t *testing.T) {
	plain := `{"TLS.ver":"2.0","TLS.sig":"` +
		signature(Sig{UserID: testUser, SDKAppID: testApp, Time: testNow.Unix(), Expire: 60}) +
		`","TLS.expire":60,"TLS.identifier":"alice","TLS.sdkappid":1400000000,"TLS.time":1700000000}` + "\n"
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		_, err := check(wrap([]byte(plain), level))
		require.NoError(t, err, "level %d", level)
	}
	require.Equal(t, []byte{0x78, 0x01}, mustDecode(t, wrap([]byte(plain), flate.NoCompression))[:2])
}

func mustDecode(t *testing.T, userSig string) []byte {
	t.Helper()
	b, err := encoding.DecodeString(userSig)
	require.NoError(t, err)
	return b
}

func TestValidUserID(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "a": true, " ": true, "~": true, "alice_01-A": true, strings.Repeat("x", 32): true,
		strings.Repeat("x", 33): false, "a\n": false, "\x7f": false, "é": false, "a\x00b": false,
	} {
		require.Equal(t, want, frame.ValidUserID(s), "%q", s)
	}
}

func BenchmarkVerify(b *testing.B) {
	userSig := Sign(testApp, testKey, testUser, testNow, time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check(userSig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Sign(testApp, testKey, testUser, testNow, time.Minute)
	}
}

// BenchmarkVerifyRefused measures the cost of invalid UserSigs, up to the
// largest that fits: their sender needs no key.
func BenchmarkVerifyRefused(b *testing.B) {
	for _, c := range []struct{ name, userSig string }{
		{"wrong key", Sign(testApp, "another", testUser, testNow, time.Minute)},
		{"many fields", wrap([]byte(many(400, 0)), zlib.BestCompression)},
		{"large fields", wrap([]byte(many(maxFields-1, 250)), zlib.BestCompression)},
		{"deep", wrap([]byte(`{"a":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)+"}"), zlib.BestCompression)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := check(c.userSig); err == nil {
					b.Fatal("it is valid")
				}
			}
		})
	}
}
