package gateway

import "context"

// What the gateway needs of the registry, and what the registry needs of a
// gateway. Package registry implements Registry; Gateway implements Local.

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

// Claim is what a login frame asks of the registry, after its UserSig was
// verified.
type Claim struct {
	User
	Platform  Platform
	Instance  string // hex of SHA-256 of the client's instance secret
	Doc       string // nonce of the page's memory
	Resume    bool   // the SDK reconnects: never evicts
	SignedAt  int64  // TLS.time, Unix seconds
	ExpiresAt int64  // end of the UserSig, Unix seconds
	Addr      string // the client's address, for the operator
	// Silent is the attach number of a holder that was probed and did not
	// answer; that attachment, and no other, may be taken over.
	Silent uint64
}

// Verdict is what the registry decided.
type Verdict int

// The verdicts.
const (
	Admitted    Verdict = iota + 1 // Outcome.Place is attached to this gateway
	Held                           // attached by another doc: probe Outcome.Holder, then claim again with Silent, or answer duplicate
	KickedOut                      // Outcome.Kick: evicted meanwhile, or no free place for a resume
	SigRevoked                     // the UserSig was signed before a server API kick
	UnknownUser                    // --require-import, and nobody imported this account
)

// Holder is an attachment and the gateway that holds its socket.
type Holder struct {
	Place
	Gateway string // node name and boot id
}

// Eviction is an instance that had to go, and why.
type Eviction struct {
	Holder
	Platform Platform
	Attached bool   // there is a socket to tell; otherwise it is told at its return
	Type     string // frame.Kick…
}

// Outcome is the answer to a Claim.
type Outcome struct {
	Verdict Verdict
	Place   Place  // of Admitted
	Resumed bool   // of Admitted: the place was there already
	Holder  Holder // of Held
	Kick    string // of KickedOut: frame.Kick…
	// Superseded is, of an Admitted claim, the older attachment of the same
	// instance, when its socket may still be there; zero when there is none.
	// The registry has its gateway drop it.
	Superseded Holder
	// Evicted lists who had to go for an Admitted claim. The registry signals
	// their gateways itself, until answered or their lease has lapsed.
	Evicted []Eviction
}

// Registry keeps who is online where. Its errors are *fault.Error: 70169 when
// the store did not answer within 8 s, 70500 otherwise.
type Registry interface {
	// Admit decides on a claim and stores the outcome by one compare-and-set,
	// once the registry is live. It is idempotent.
	Admit(ctx context.Context, c Claim) (Outcome, error)
	// Release ends a place: logout. Attach 0 stands for whichever attachment of
	// the instance: a farewell.
	Release(ctx context.Context, p Place) error
	// Detach says that the socket of a place is gone. clean: the page closed
	// it, so presence ends after 5 s and not after the grace time.
	Detach(ctx context.Context, p Place, clean bool) error
	// Renew sets a new end of the session's UserSig.
	Renew(ctx context.Context, p Place, signedAt, expiresAt int64) (Verdict, error)
	// Probe asks the gateway that holds a place whether its client is alive,
	// within 1 s; false when there is no answer.
	Probe(ctx context.Context, h Holder) bool
	// Live tells whether the store can be reached and this gateway's lease
	// holds; nothing may be sent or delivered while it is false.
	Live() bool
	// Await waits until it is live, 8 s at most and not in an outage that has
	// lasted longer; then 70169.
	Await(ctx context.Context) error
}

// Local is what a registry needs of the gateway that it runs in. Calls come
// from the registry's own goroutines and must not block on a client.
type Local interface {
	// Kick evicts a place: evicted {type} is its socket's last frame. False
	// when the place is not attached here (any more).
	Kick(p Place, typ string) bool
	// Alive pings the client of a place and waits for its pong, ctx at most.
	Alive(ctx context.Context, p Place) bool
	// Places lists what is attached here, to be compared with the records.
	Places() []Place
	// Drop closes sockets that the registry can no longer vouch for, with
	// CloseRecheck: their clients resume and are decided anew.
	Drop(p Place)
}

// Superseder may be implemented by a Local beside it. Without it, Drop is
// called.
type Superseder interface {
	// Supersede closes the socket of a place with CloseSuperseded: the same
	// instance is attached by a newer one.
	Supersede(p Place)
}
