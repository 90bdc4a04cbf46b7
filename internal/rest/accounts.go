package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/gateway"
)

const accountsBucket = "tim_accounts"

// Account is what an import left.
type Account struct {
	ImportedAt int64  `json:"t"` // Unix ms
	Nick       string `json:"n,omitempty"`
	FaceURL    string `json:"f,omitempty"`
}

// Accounts are the imported accounts, one key each in NATS key-value. Errors
// of its methods are *fault.Error.
type Accounts struct {
	bus    *bus.Bus
	stream jetstream.Stream
	now    func() time.Time
}

// OpenAccounts makes the bucket where it is absent.
func OpenAccounts(ctx context.Context, b *bus.Bus) (*Accounts, error) {
	s, err := b.Ensure(ctx, bus.KV(accountsBucket, "tim: imported accounts"))
	if err != nil {
		return nil, err
	}
	return &Accounts{bus: b, stream: s, now: time.Now}, nil
}

func accountKey(u gateway.User) string {
	return "$KV." + accountsBucket + "." + strconv.FormatUint(uint64(u.SDKAppID), 10) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(u.UserID))
}

// storeTimeout bounds one operation; then it fails with 70169.
const storeTimeout = 8 * time.Second

// Known tells whether an account was imported. A follower's "no" is asked of
// the leader: a user is not refused because of a replica that is behind.
func (a *Accounts) Known(ctx context.Context, u gateway.User) (bool, error) {
	_, ok, err := a.Get(ctx, u)
	return ok, err
}

// Get gives an account; false when it was not imported.
func (a *Accounts) Get(ctx context.Context, u gateway.User) (Account, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	v, err := a.bus.Last(ctx, "KV_"+accountsBucket, accountKey(u))
	if errors.Is(err, bus.ErrNoValue) && a.bus.Replicas() > 1 {
		v, err = a.bus.LastAtLeader(ctx, "KV_"+accountsBucket, accountKey(u))
	}
	return decodeAccount(v, err)
}

func decodeAccount(v bus.Value, err error) (Account, bool, error) {
	if errors.Is(err, bus.ErrNoValue) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, storeFault(err)
	}
	var acc Account
	if err := json.Unmarshal(v.Data, &acc); err != nil {
		return acc, false, fault.With(fault.Internal, "an account is not readable")
	}
	return acc, true, nil
}

// Import enters an account, or changes what is given of it: nil keeps.
func (a *Accounts) Import(ctx context.Context, u gateway.User, nick, face *string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		v, err := a.bus.LastAtLeader(ctx, "KV_"+accountsBucket, accountKey(u))
		acc, known, err := decodeAccount(v, err)
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
		_, err = a.bus.Put(ctx, accountKey(u), data, v.Seq, 0)
		if !errors.Is(err, bus.ErrConflict) {
			return storeFault(err)
		}
	}
}

// Delete removes an account; false when there was none.
func (a *Accounts) Delete(ctx context.Context, u gateway.User) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	v, err := a.bus.LastAtLeader(ctx, "KV_"+accountsBucket, accountKey(u))
	if _, known, err := decodeAccount(v, err); err != nil || !known {
		return false, err
	}
	// The whole subject goes: no tombstone stays behind.
	return true, storeFault(a.stream.Purge(ctx, jetstream.WithPurgeSubject(accountKey(u))))
}

// storeFault turns whatever the store failed with into what a caller sees.
func storeFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, jetstream.ErrNoStreamResponse):
		return fault.New(fault.ServerTimeout)
	}
	return fmt.Errorf("accounts: %w", err)
}
