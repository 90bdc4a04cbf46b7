package usersig

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vector is one UserSig of the official Node signer.
type vector struct {
	Name         string `json:"name"`
	SDKAppID     uint32 `json:"sdkappid"`
	Key          string `json:"key"`
	UserID       string `json:"userID"`
	Time         int64  `json:"time"`
	Expire       int64  `json:"expire"`
	ExpiresAt    int64  `json:"expiresAt"`
	SignedString string `json:"signedString"`
	MAC          string `json:"mac"`
	DecodedJSON  string `json:"decodedJSON"`
	UserSig      string `json:"userSig"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var file struct{ Vectors []vector }
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Vectors, 3)
	return file.Vectors
}

// only returns keys for one app and none for others.
func only(app uint32, keys ...string) func(uint32) []string {
	return func(asked uint32) []string {
		if asked != app {
			return nil
		}
		return append([]string{}, keys...)
	}
}

func TestVectorsVerify(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			want := Sig{UserID: v.UserID, SDKAppID: v.SDKAppID, Time: v.Time, Expire: v.Expire}
			require.Equal(t, v.ExpiresAt, want.ExpiresAt())
			require.Equal(t, v.MAC, base64.StdEncoding.EncodeToString(mac(v.Key, want, false)))
			for _, app := range []uint32{0, v.SDKAppID} {
				got, err := Verify(v.UserSig, only(v.SDKAppID, v.Key), v.UserID, app, time.Unix(v.Time, 0))
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		})
	}
}

func TestVectorsSign(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			signed := Sign(v.SDKAppID, v.Key, v.UserID, time.Unix(v.Time, 0), time.Duration(v.Expire)*time.Second)
			packed, err := encoding.DecodeString(signed)
			require.NoError(t, err)
			plain, err := new(inflater).inflate(packed)
			require.NoError(t, err)
			require.Equal(t, v.DecodedJSON, string(plain), "the JSON as the official signer writes it")
		})
	}
}
