package registry

import (
	"github.com/tim-wasm/tim/internal/place"
)

// The layouts of a record. One with a ban says that it is of version 2, so that
// a timd which knows of no bans leaves it alone instead of letting the user in.
// A record of a newer layout is left alone, too: the operator is in the middle
// of an upgrade.
const (
	plainVersion  = 1
	bannedVersion = 2
	recordVersion = bannedVersion // the newest one
)

// maxEvicted limits how many evicted instances a record remembers.
const maxEvicted = 32

// Record is what the store holds of one user. It is the truth, and sockets
// follow it. Times are in Unix milliseconds unless they say seconds.
type Record struct {
	Version  int    `json:"v"`
	Op       string `json:"op,omitempty"` // the operation that wrote it
	Settings uint64 `json:"s,omitempty"`  // revision of the settings it was decided by
	// Last is the highest attach number given so far. Numbers are at least the
	// time of the attach, so that they keep growing after a record has ended.
	Last      uint64     `json:"n,omitempty"`
	KickedAt  int64      `json:"k,omitempty"` // seconds; a UserSig of that second or before is void
	Ahead     int64      `json:"f,omitempty"` // seconds; the latest date of a UserSig that was dated ahead when it was used
	Instances []Instance `json:"i,omitempty"`
	Evicted   []Evicted  `json:"e,omitempty"` // oldest first
	Out       []Event    `json:"o,omitempty"` // events that may not be in the event stream yet
	Ban       *Ban       `json:"b,omitempty"` // what it points to never changes
}

// Instance is a place: one instance of the user that counts for the limit.
type Instance struct {
	Hash     string         `json:"h"` // hex of SHA-256 of the instance's secret
	Platform place.Platform `json:"p"`
	Gateway  string         `json:"g"` // the gateway that holds, or held, the socket
	Attach   uint64         `json:"a"`
	Login    uint64         `json:"l"` // attach number of the login: gives the order and, roughly, the time
	Doc      string         `json:"d,omitempty"`
	Op       string         `json:"op,omitempty"` // the operation that attached it
	Down     int64          `json:"t,omitempty"`  // without a socket since; 0 while attached
	Clean    bool           `json:"c,omitempty"`  // of Down: the page itself closed its socket
	Expires  int64          `json:"x"`            // seconds; end of its UserSig
	Addr     string         `json:"r,omitempty"`
}

// Evicted remembers an instance that must not come back by resuming, until its
// UserSig expires.
type Evicted struct {
	Hash    string `json:"h"`
	Doc     string `json:"d,omitempty"` // the page that it was
	Type    string `json:"t"`           // frame.Kick…
	Expires int64  `json:"x"`           // seconds
}

// used remembers a UserSig that is dated ahead of this clock. The signer's
// clock is ahead, so a kick voids what is dated up to then, and what is signed
// after the kick is dated later.
func (r *Record) used(signedAt, now int64) {
	if r.Ahead <= now/1000 {
		r.Ahead = 0
	}
	if signedAt > now/1000 {
		r.Ahead = max(r.Ahead, signedAt)
	}
}

// find returns the index of an instance, or -1 if it has no place.
func (r *Record) find(hash string) int {
	for i := range r.Instances {
		if r.Instances[i].Hash == hash {
			return i
		}
	}
	return -1
}

// holds reports whether p is the record's current attachment of its instance.
func (r *Record) holds(p place.Place) bool {
	i := r.find(p.Instance)
	return i >= 0 && r.Instances[i].Attach == p.Attach
}

// evictedAs returns the type an instance was evicted with, or "" if it was
// not.
func (r *Record) evictedAs(hash string) string {
	e := r.evicted(hash)
	if e == nil {
		return ""
	}
	return e.Type
}

func (r *Record) evicted(hash string) *Evicted {
	for i := range r.Evicted {
		if r.Evicted[i].Hash == hash {
			return &r.Evicted[i]
		}
	}
	return nil
}

// clone copies a record so that its lists can be changed.
func (r Record) clone() Record {
	r.Instances = append([]Instance(nil), r.Instances...)
	r.Evicted = append([]Evicted(nil), r.Evicted...)
	r.Out = append([]Event(nil), r.Out...)
	return r
}

// holder returns an instance's attachment.
func (in *Instance) holder(u place.User) place.Holder {
	return place.Holder{
		Place:   place.Place{User: u, Instance: in.Hash, Attach: in.Attach},
		Gateway: in.Gateway,
	}
}

func (r *Record) encode() []byte {
	r.Version = plainVersion
	if r.Ban != nil {
		r.Version = bannedVersion
	}
	return r.json()
}
