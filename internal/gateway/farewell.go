package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/tim-wasm/tim/internal/place"
)

// sealer makes the farewell tokens: (app, instance, user), sealed, so that
// only a client that was logged in can log its place out.
type sealer struct{ aead cipher.AEAD }

// purpose distinguishes farewell tokens from other tokens that are sealed with
// the same key.
var purpose = []byte("tim farewell 1")

func newSealer(key []byte) (sealer, error) {
	if len(key) != 32 {
		return sealer{}, errors.New("gateway: the sealing key must be 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) token(u place.User, instance string) string {
	hash, err := hex.DecodeString(instance)
	if err != nil || len(hash) != 32 {
		return ""
	}
	plain := binary.BigEndian.AppendUint32(make([]byte, 0, 4+32+32), u.SDKAppID)
	plain = append(plain, hash...)
	plain = append(plain, u.UserID...)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, purpose))
}

func (s sealer) open(token string) (u place.User, instance string, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(sealed) > 256 {
		return place.User{}, "", false
	}
	plain, err := s.aead.Open(nil, nil, sealed, purpose)
	if err != nil || len(plain) <= 4+32 {
		return place.User{}, "", false
	}
	u = place.User{SDKAppID: binary.BigEndian.Uint32(plain), UserID: string(plain[4+32:])}
	return u, hex.EncodeToString(plain[4 : 4+32]), true
}
