package gateway

import (
	"encoding/json"
	"math"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

type loginParams struct {
	SDKAppID uint32 `json:"sdkAppID"`
	UserID   string `json:"userID"`
	UserSig  string `json:"userSig"`
	Platform string `json:"platform"`
	Instance string `json:"instance"`
	Doc      string `json:"doc"`
	Intent   string `json:"intent"`
}

// ReadPlain implements jsonframe.PlainParams.
func (p *loginParams) ReadPlain(name []byte, v jsonframe.Plain) bool {
	switch string(name) {
	case "sdkAppID":
		var n int64
		ok := v.Int(&n) && n >= 0 && n <= math.MaxUint32
		p.SDKAppID = uint32(n)
		return ok
	case "userID":
		return v.Text(&p.UserID)
	case "userSig":
		return v.Text(&p.UserSig)
	case "platform":
		return v.Text(&p.Platform)
	case "instance":
		return v.Text(&p.Instance)
	case "doc":
		return v.Text(&p.Doc)
	case "intent":
		return v.Text(&p.Intent)
	}
	return false
}

type loginResult struct {
	SDKAppID   uint32 `json:"sdkAppID"`
	UserID     string `json:"userID"`
	InstanceID string `json:"instanceID"`
	ServerTime int64  `json:"serverTime"`
	ExpiresIn  int64  `json:"expiresIn"`
	Heartbeat  int64  `json:"heartbeat"`
	Farewell   string `json:"farewell"`
	Resumed    bool   `json:"resumed"`
}

// json is what Marshal writes, without its reflection: each login is answered so.
func (r loginResult) json() json.RawMessage {
	w := make(jsonframe.Writer, 0, 512)
	w.Object()
	w.Uint("sdkAppID", uint64(r.SDKAppID))
	w.Text("userID", r.UserID)
	w.Text("instanceID", r.InstanceID)
	w.Int("serverTime", r.ServerTime)
	w.Int("expiresIn", r.ExpiresIn)
	w.Int("heartbeat", r.Heartbeat)
	w.Text("farewell", r.Farewell)
	w.Bool("resumed", r.Resumed)
	w.End()
	return json.RawMessage(w)
}

// params reads a request's parameters.
func params[P any](r jsonframe.Request) (p P, err error) {
	if len(r.Params) == 0 {
		return p, &fault.Error{Code: frame.CodeBadParams, Message: "The parameters are missing: send an object."}
	}
	p, f := jsonframe.ParamsOf[P](r.Params)
	if f != nil {
		return p, f
	}
	return p, nil
}
