package place

// Claim is what a login frame asks of the registry, once its UserSig has been
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
	Banned                         // an administrator keeps the user out, until Outcome.Until
)

// Outcome is the answer to a Claim.
type Outcome struct {
	Verdict Verdict
	Place   Place  // of Admitted
	Resumed bool   // of Admitted: the place was already there
	Holder  Holder // of Held
	Kick    string // of KickedOut: frame.Kick…
	Until   int64  // of Banned: Unix ms; 0 when the ban has no end
}
