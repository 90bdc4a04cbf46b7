package registry

import "github.com/tim-wasm/tim/internal/place"

// Kind is what happened to an instance.
type Kind string

// The kinds of events. The first four are durable; the others are only sent
// live.
const (
	// Login means that an instance got a place; Kicked lists the instances
	// evicted for it. Its Reason is Register, and the webhook's
	// Login/Register.
	Login Kind = "login"
	// Logout means that the instance logged out; its Reason is Unregister.
	Logout Kind = "logout"
	// Disconnect means that the instance did not come back in time. Its Reason
	// is LinkClose when the page was closed, TimeOut when the link was lost.
	Disconnect Kind = "disconnect"
	// Kick means that the instance was evicted, but not by a login. Its Reason
	// is frame.KickRESTAPI or KickUserSigExpired, or KickMultipleAccount or
	// KickMultipleDevice after the settings were lowered. The webhook calls
	// all but the first Disconnect/LinkClose.
	Kick Kind = "kick"

	// Lost means that the socket is gone and grace runs.
	Lost Kind = "lost"
	// Resumed means that the instance is back in its place.
	Resumed Kind = "resumed"
)

// Reasons of the State.StateChange webhook.
const (
	Register   = "Register"
	Unregister = "Unregister"
	LinkClose  = "LinkClose"
	TimeOut    = "TimeOut"
)

// Event is one change of an instance's state.
type Event struct {
	// N numbers the events of a user in growing order; (SDKAppID, UserID, N)
	// names an event, so that a repetition can be recognised.
	N        uint64         `json:"n"`
	Time     int64          `json:"time"` // Unix ms
	SDKAppID uint32         `json:"sdkAppID,omitempty"`
	UserID   string         `json:"userID,omitempty"`
	Kind     Kind           `json:"kind"`
	Reason   string         `json:"reason,omitempty"`
	Platform place.Platform `json:"platform"`
	Instance string         `json:"instance"` // hex of SHA-256 of the secret
	Gateway  string         `json:"gateway,omitempty"`
	Addr     string         `json:"addr,omitempty"`
	Kicked   []Kicked       `json:"kicked,omitempty"` // of Login
}

// Kicked is an instance that was evicted for a login.
type Kicked struct {
	Platform place.Platform `json:"platform"`
	Instance string         `json:"instance"`
	Type     string         `json:"type"` // frame.Kick…
}
