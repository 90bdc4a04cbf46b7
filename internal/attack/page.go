package attack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Account is a user of an app, and the app's key.
type Account struct {
	App  uint32
	Key  string
	User string
}

// Sign makes a UserSig that is good for an hour.
func (a Account) Sign() string { return a.SignedAt(time.Now()) }

// SignedAt makes a UserSig with another date.
func (a Account) SignedAt(at time.Time) string {
	return usersig.Sign(a.App, a.Key, a.User, at, time.Hour)
}

// Page is one instance of an account, with the secrets that a page has.
type Page struct {
	Account
	Instance, Doc string
	UserSig       string // signed anew for each login when ""
}

// NewPage makes a page that has just been opened.
func NewPage(a Account) Page { return Page{Account: a, Instance: random(16), Doc: random(8)} }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Params returns the parameters of the page's login frame.
func (p Page) Params(intent string) map[string]any {
	sig := p.UserSig
	if sig == "" {
		sig = p.Sign()
	}
	return map[string]any{
		"userID": p.User, "userSig": sig, "platform": "Web",
		"instance": p.Instance, "doc": p.Doc, "intent": intent,
	}
}

// Login dials and logs in. It returns the farewell token, which ends the place.
func (p Page) Login(addr string) (c *Conn, farewell string, err error) {
	c, err = Dial(addr)
	if err != nil {
		return nil, "", err
	}
	a, err := c.Call(frame.Login, p.Params(frame.IntentNew))
	if err == nil && a.Error != nil {
		err = fmt.Errorf("login: %d %s", a.Error.Code, a.Error.Message)
	}
	if err != nil {
		c.Close()
		return nil, "", err
	}
	var welcome struct {
		Farewell string `json:"farewell"`
	}
	if err := json.Unmarshal(a.Result, &welcome); err != nil {
		c.Close()
		return nil, "", err
	}
	return c, welcome.Farewell, nil
}
