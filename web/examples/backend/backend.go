// Command backend gives whoever is logged in to a web site a UserSig of his own.
package main

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const sdkAppID, expire = 1400000000, 24 * 60 * 60 // seconds

func userSig(key, user string) string {
	now, mac, packed := time.Now().Unix(), hmac.New(sha256.New, []byte(key)), new(bytes.Buffer)
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", user, sdkAppID, now, expire)
	z := zlib.NewWriter(packed)
	json.NewEncoder(z).Encode(map[string]any{"TLS.ver": "2.0", "TLS.identifier": user, "TLS.sdkappid": sdkAppID,
		"TLS.time": now, "TLS.expire": expire, "TLS.sig": mac.Sum(nil)}) // bytes become base64
	z.Close()
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(packed.Bytes()))
}

func main() {
	key := os.Getenv("TIM_KEY") // the secret key of timd's --app: it stays here
	if key == "" {
		fmt.Fprintln(os.Stderr, `TIM_KEY is empty: set it to the key that timd has, TIM_KEY="$(cat app.key)"`)
		os.Exit(1)
	}
	panic(http.ListenAndServe(os.Getenv("LISTEN"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth() // your own login goes here
		if !ok || user != "alice" || password != os.Getenv("ALICE_PASSWORD") {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "Log in first.", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(map[string]any{"SDKAppID": sdkAppID, "userID": user, "userSig": userSig(key, user)})
	})))
}
