package media

import (
	"context"
	"errors"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

func refSubject(app uint32, name, message string) string {
	return bus.SubjectReferences + fileKey(app, name) + "." + message
}

// Refer enters that a message which is about to be stored names files, and
// returns what is known of these. message is a token that a repetition shares
// and no other message has. A file that does not exist, is not whole or is
// being freed is an error, fault.FileGone.
func (m *Media) Refer(ctx context.Context, app uint32, message string, names []string) ([]Info, error) {
	out := make([]Info, len(names))
	for n, name := range names {
		if !ValidName(name) {
			return nil, fault.With(fault.FileGone, strconv.Quote(name)+" is not the name of a file")
		}
		// A name that was made up causes no write.
		if _, err := m.named(ctx, app, name); err != nil {
			return nil, err
		}
		if err := m.enter(ctx, refSubject(app, name, message)); err != nil {
			return nil, err
		}
		i, err := m.named(ctx, app, name) // see "Sending against sweeping"
		if err != nil {
			return nil, err
		}
		out[n] = i
	}
	return out, nil
}

func (m *Media) named(ctx context.Context, app uint32, name string) (Info, error) {
	i, err := m.store.whole(ctx, app, name)
	if errors.Is(err, errNoFile) {
		err = fault.New(fault.FileGone)
	}
	return i, err
}

func (m *Media) enter(ctx context.Context, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, _, err := m.store.refs.Append(ctx, subject, []byte("{}"), 0, "")
	if errors.Is(err, bus.ErrConflict) {
		err = nil // a repetition
	}
	return err
}

// Release takes back what Refer entered, once nobody can read the message any
// more. A file that no message names is freed some time later.
func (m *Media) Release(ctx context.Context, app uint32, message string, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	for _, name := range names {
		if !ValidName(name) {
			continue
		}
		if err := m.store.bus.Purge(ctx, bus.StreamReferences, refSubject(app, name, message)); err != nil {
			return err
		}
	}
	return nil
}

// referred reports whether a message names a file.
func (m *Media) referred(ctx context.Context, i Info) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, err := m.store.refs.Last(ctx, bus.SubjectReferences+fileKey(i.App, i.Name)+".*")
	if errors.Is(err, bus.ErrNoValue) {
		return false, nil
	}
	return err == nil, err
}

// leftSubject is the subject of the entry that an account was deleted.
func leftSubject(u place.User) string {
	return fileSubject(u.SDKAppID, bus.UserToken(u.UserID)) + ".left"
}

// Forget has all files freed that a user has uploaded up to now, even if
// messages name them, because the account is being deleted. The next sweep
// frees them.
func (m *Media) Forget(ctx context.Context, u place.User) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	for {
		v, err := m.store.files.Last(ctx, leftSubject(u))
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return err
		}
		now := strconv.FormatInt(m.o.Now().UnixMilli(), 10)
		_, _, err = m.store.files.Append(ctx, leftSubject(u), []byte(now), v.Seq, "")
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}
