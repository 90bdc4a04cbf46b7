// Package accounts keeps the accounts that were imported, in NATS key-value,
// and decides who may log in.
package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// Account is what an import stored.
type Account struct {
	ImportedAt int64  `json:"t"` // Unix ms
	Nick       string `json:"n,omitempty"`
	FaceURL    string `json:"f,omitempty"`
}

// Policy says who may log in besides the imported accounts.
type Policy struct {
	// Admins are the UserIDs of administrators, the same in every app. They
	// need not be imported.
	Admins []string
	// RequireImport lets only imported accounts and administrators in; without
	// it everybody may log in whose UserSig is valid.
	RequireImport bool
}

// Bus is what accounts need of a bus.Bus. Package busmodel has it in memory.
type Bus interface {
	OpenBucket(ctx context.Context, bucket, description string) error
	// Last may return an old value, LastAtLeader does not.
	Last(ctx context.Context, stream, subject string) (bus.Value, error)
	LastAtLeader(ctx context.Context, stream, subject string) (bus.Value, error)
	Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error)
	// Batch returns the first values from a position on; any replica may answer.
	Batch(ctx context.Context, stream, filter string, seq uint64, n int) ([]bus.Value, error)
	Purge(ctx context.Context, stream, pattern string) error
	// Replicas is how many copies of each stream there are.
	Replicas() int
}

// Accounts are the imported accounts, one key each. Errors of its methods are
// *fault.Error, 70169 when the store did not answer within 8 s, or describe
// something unexpected.
type Accounts struct {
	policy Policy
	bus    Bus
	now    func() time.Time
}

// Open makes the bucket if it is absent.
func Open(ctx context.Context, b Bus, p Policy) (*Accounts, error) {
	if err := b.OpenBucket(ctx, bus.BucketAccounts, "tim: imported accounts"); err != nil {
		return nil, err
	}
	return &Accounts{policy: p, bus: b, now: time.Now}, nil
}

var stream = bus.BucketStream(bus.BucketAccounts)

func subject(u place.User) string { return ofApp(u.SDKAppID) + bus.UserToken(u.UserID) }

// ofApp is what the subjects of an app's accounts begin with.
func ofApp(app uint32) string {
	return bus.BucketSubject(bus.BucketAccounts, strconv.FormatUint(uint64(app), 10)+".")
}

// Admin reports whether a UserID is an administrator's.
func (a *Accounts) Admin(userID string) bool { return slices.Contains(a.policy.Admins, userID) }

// MayLogIn is the one rule of who may log in, and so of whom a message may be
// sent to.
func (a *Accounts) MayLogIn(ctx context.Context, u place.User) (bool, error) {
	if !a.policy.RequireImport {
		return true, nil
	}
	return a.Known(ctx, u)
}

// storeTimeout limits one operation; after that it fails with 70169.
const storeTimeout = 8 * time.Second

// Known reports whether an account was imported or is an administrator's.
func (a *Accounts) Known(ctx context.Context, u place.User) (bool, error) {
	if a.Admin(u.UserID) {
		return true, nil
	}
	_, ok, err := a.Get(ctx, u)
	return ok, err
}

// Get returns an account, and false when it was not imported. When a replica
// has none, the leader is asked: a user is not refused because a replica is
// behind.
func (a *Accounts) Get(ctx context.Context, u place.User) (Account, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	v, err := a.bus.Last(ctx, stream, subject(u))
	if errors.Is(err, bus.ErrNoValue) && a.bus.Replicas() > 1 {
		v, err = a.bus.LastAtLeader(ctx, stream, subject(u))
	}
	return decode(v, err)
}

func decode(v bus.Value, err error) (Account, bool, error) {
	if errors.Is(err, bus.ErrNoValue) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, storeFault(err)
	}
	var acc Account
	if err := json.Unmarshal(v.Data, &acc); err != nil {
		return acc, false, fault.With(fault.Internal, "an account cannot be read")
	}
	return acc, true, nil
}

// Listed is an imported account in a list.
type Listed struct {
	place.User
	Account
}

// List returns imported accounts of an app, at most limit of them, and a cursor
// for the next page, "" at the end. They are ordered by their last change; an
// account that changes meanwhile may come twice, and no other is missed.
func (a *Accounts) List(ctx context.Context, app uint32, cursor string, limit int) ([]Listed, string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	from, err := bus.Cursor(cursor)
	if err != nil {
		return nil, "", err
	}
	values, err := a.bus.Batch(ctx, stream, ofApp(app)+"*", from, limit+1)
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return nil, "", storeFault(err)
	}
	page := make([]Listed, 0, limit)
	for _, v := range values {
		if len(page) == limit {
			return page, strconv.FormatUint(v.Seq, 10), nil
		}
		id, err := bus.UserOfToken(strings.TrimPrefix(v.Subject, ofApp(app)))
		if err != nil {
			continue
		}
		acc, _, err := decode(v, nil)
		if err != nil {
			return nil, "", err
		}
		page = append(page, Listed{User: place.User{SDKAppID: app, UserID: id}, Account: acc})
	}
	return page, "", nil
}

// Import adds an account, or changes the given fields of one; nil keeps a
// field.
func (a *Accounts) Import(ctx context.Context, u place.User, nick, face *string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		v, err := a.bus.LastAtLeader(ctx, stream, subject(u))
		acc, known, err := decode(v, err)
		if err != nil {
			return err
		}
		old := acc
		if !known {
			acc.ImportedAt = a.now().UnixMilli()
		}
		if nick != nil {
			acc.Nick = *nick
		}
		if face != nil {
			acc.FaceURL = *face
		}
		if known && acc == old {
			return nil
		}
		data, err := json.Marshal(acc)
		if err != nil {
			return fault.With(fault.Internal, "an account cannot be encoded")
		}
		_, err = a.bus.Put(ctx, subject(u), data, v.Seq, 0)
		if !errors.Is(err, bus.ErrConflict) {
			return storeFault(err)
		}
	}
}

// Delete removes an account and reports whether there was one.
func (a *Accounts) Delete(ctx context.Context, u place.User) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	v, err := a.bus.LastAtLeader(ctx, stream, subject(u))
	if _, known, err := decode(v, err); err != nil || !known {
		return false, err
	}
	// The whole subject is purged, so that no tombstone stays behind.
	return true, storeFault(a.bus.Purge(ctx, stream, subject(u)))
}

// storeFault converts an error of the store to what a caller sees; for an
// unexpected one the error says what it was.
func storeFault(err error) error {
	f := bus.Fault(err)
	switch {
	case f == nil:
		return nil
	case f.Code == fault.Internal:
		return fmt.Errorf("accounts: %w", err)
	}
	return f
}
