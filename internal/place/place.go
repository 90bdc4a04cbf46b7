// Package place holds the words in which the rooms of timd speak of who is
// online where: a user, a place, a claim to one and the verdict on it. It is a
// leaf: registry, rest, inbox and gateway use it without knowing each other.
//
//	place.go  User, Platform, Place, Holder
//	claim.go  Claim, Verdict, Outcome
package place

// Platform is the kind of device of an instance; mini programs count as Web.
type Platform string

// The platforms of the login modes.
const (
	Web     Platform = "Web"
	Android Platform = "Android"
	IPhone  Platform = "iPhone"
	IPad    Platform = "iPad"
	Windows Platform = "Windows"
	Mac     Platform = "Mac"
	Linux   Platform = "Linux"
)

// User names an account of an app.
type User struct {
	SDKAppID uint32
	UserID   string
}

// Place names one attachment of one instance. Every attach gets a new number
// from the registry's compare-and-set; a write or signal whose number is not
// the record's is ignored, so that a late one cannot undo a newer attach.
type Place struct {
	User
	Instance string // hex of SHA-256 of the client's instance secret
	Attach   uint64
}

// Holder is an attachment and the gateway that holds its socket.
type Holder struct {
	Place
	Gateway string // node name and boot id
}
