// Command backend gives each user who is logged in to a web site a UserSig of
// their own.
package main

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
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
	key, password := os.Getenv("TIM_KEY"), os.Getenv("ALICE_PASSWORD") // the secret key of timd's --app: it stays here
	if key == "" || password == "" {
		log.Fatal(`Set TIM_KEY to the key that timd has, TIM_KEY="$(cat app.key)", and ALICE_PASSWORD to one to try with`)
	}
	listen := cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:8000")
	log.Printf("listening on http://%s/", listen)
	log.Fatal(http.ListenAndServe(listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, given, ok := r.BasicAuth() // your own login goes here
		if !ok || user != "alice" || given != password {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "Log in first.", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(map[string]any{"SDKAppID": sdkAppID, "userID": user, "userSig": userSig(key, user)})
	})))
}
