package usersig

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"sync"
	"time"
)

// document is the JSON in a UserSig, with its fields in the order of the
// official Node signer.
type document struct {
	Version    string  `json:"TLS.ver"`
	Identifier string  `json:"TLS.identifier"`
	SDKAppID   uint32  `json:"TLS.sdkappid"`
	Time       int64   `json:"TLS.time"`
	Expire     int64   `json:"TLS.expire"`
	UserBuf    *string `json:"TLS.userbuf,omitempty"`
	Sig        string  `json:"TLS.sig"`
}

// Sign makes the UserSig of userID for an app, valid from now for the duration
// expire, which is cut to whole seconds. The key is the app's secret key
// string as it is. Sign does not check the UserID; see frame.ValidUserID.
func Sign(app uint32, key, userID string, now time.Time, expire time.Duration) string {
	s := Sig{UserID: userID, SDKAppID: app, Time: now.Unix(), Expire: int64(expire / time.Second)}
	return pack(s.document(key, nil))
}

// document is the signed form of s; userbuf may be nil.
func (s Sig) document(key string, userbuf *string) document {
	if userbuf != nil {
		s.UserBuf = *userbuf
	}
	return document{
		Version:    version,
		Identifier: s.UserID,
		SDKAppID:   s.SDKAppID,
		Time:       s.Time,
		Expire:     s.Expire,
		UserBuf:    userbuf,
		Sig:        base64.StdEncoding.EncodeToString(mac(key, s, userbuf != nil)),
	}
}

// pack writes a document as a UserSig. Writing to a bytes.Buffer cannot fail.
func pack(d document) string {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false) // other signers do not escape, and it costs bytes
	_ = e.Encode(d)
	z := packers.Get().(*zlib.Writer)
	defer packers.Put(z)
	return compressed(bytes.TrimSuffix(plain.Bytes(), []byte("\n")), z)
}

// packers holds writers that are not in use: each has tables of a megabyte, for a few
// hundred bytes of a UserSig.
var packers = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// compressed returns the JSON of a UserSig, compressed by z and encoded.
func compressed(plain []byte, z *zlib.Writer) string {
	var packed bytes.Buffer
	z.Reset(&packed)
	_, _ = z.Write(plain)
	_ = z.Close()
	return encoding.EncodeToString(packed.Bytes())
}
