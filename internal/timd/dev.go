package timd

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/usersig"
)

// devExpire is how long a UserSig of /dev/usersig is valid by default, in
// seconds.
const devExpire = 24 * 60 * 60

// devUserSig signs for anybody, in dev mode only: {"userID", "expire"?} with
// expire in seconds gets {"SDKAppID", "userID", "userSig"}; a mistake gets
// status 400 with {"code", "message"}.
func devUserSig(a apps, c callers) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.cors(w, r, "POST") {
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST, OPTIONS")
			http.Error(w, `Send POST with {"userID": "…"}.`, http.StatusMethodNotAllowed)
			return
		}
		var ask struct {
			UserID string   `json:"userID"`
			Expire *float64 `json:"expire"`
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
		if err == nil {
			err = json.Unmarshal(text, &ask)
		}
		expire := float64(devExpire)
		if ask.Expire != nil {
			expire = math.Trunc(*ask.Expire)
		}
		switch {
		case err != nil:
			fail(w, fault.With(fault.BadParameters, `send {"userID": "…"}, and optionally "expire" in seconds`))
		case !frame.ValidUserID(ask.UserID):
			fail(w, fault.New(fault.NoUserID))
		case !(expire >= 1 && expire <= 10*365*devExpire):
			fail(w, fault.With(fault.BadParameters, "expire must be between 1 second and 10 years"))
		default:
			reply(w, http.StatusOK, struct {
				SDKAppID uint32 `json:"SDKAppID"`
				UserID   string `json:"userID"`
				UserSig  string `json:"userSig"`
			}{devApp, ask.UserID, usersig.Sign(devApp, a[devApp][0], ask.UserID, time.Now(), time.Duration(expire)*time.Second)})
		}
	}
}

func fail(w http.ResponseWriter, e *fault.Error) {
	reply(w, http.StatusBadRequest, struct {
		Code    fault.Code `json:"code"`
		Message string     `json:"message"`
	}{e.Code, e.Message})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
