package registry

import "github.com/tim-wasm/tim/internal/place"

// Kind is what happened to an instance.
type Kind string

// The kinds of events. The first four are durable; the others are only seen
// live.
const (
	// Login: an instance got a place; Kicked lists those that had to go for
	// it. Reason is Register. The webhook's Login/Register.
	Login Kind = "login"
	// Logout: the instance left by itself; Reason Unregister.
	Logout Kind = "logout"
	// Disconnect: it did not come back in time; Reason LinkClose when the page
	// was closed, TimeOut when the link was lost.
	Disconnect Kind = "disconnect"
	// Kick: it had to go, and not for a login: Reason is frame.KickRESTAPI,
	// KickUserSigExpired, or KickMultipleAccount or KickMultipleDevice after
	// the settings were lowered. The webhook calls all but the first
	// Disconnect/LinkClose.
	Kick Kind = "kick"

	// Lost: the socket is gone; grace runs.
	Lost Kind = "lost"
	// Resumed: the instance is back in its place.
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
	// N numbers the events of a user, growing; (SDKAppID, UserID, N) names an
	// event, so that a repetition can be recognised.
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

// Kicked is an instance that had to go for a login.
type Kicked struct {
	Platform place.Platform `json:"platform"`
	Instance string         `json:"instance"`
	Type     string         `json:"type"` // frame.Kick…
}
