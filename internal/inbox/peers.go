package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/tim-wasm/tim/internal/place"
)

// introduce enters a conversation in its users' peers; before its first
// record is stored, so that no record is ever without.
func (in *Inbox) introduce(ctx context.Context, p pair) error {
	for side := range 2 {
		u, other := p.user(side), p.users[p.other(side)]
		var empty []string
		_, _, err := update(ctx, in, u, docPeers, func(v *peers) (write bool, err error) {
			empty = nil
			if _, ok := (*v)[other]; ok {
				return false, nil
			}
			if *v == nil {
				*v = peers{}
			}
			(*v)[other] = settings{}
			// Not each time: it reads them all.
			if n := len(*v); n > in.o.Peers && n%max(in.o.Peers/8, 1) == 0 {
				empty, err = in.prune(ctx, u, *v, other)
			}
			return true, err
		})
		if err == nil {
			err = in.begun(ctx, u, empty)
		}
		if err != nil {
			return err
		}
		if p.users[0] == p.users[1] {
			break
		}
	}
	return nil
}

// begun enters conversations again that prune has left out because they had no
// record, if they have one now: the first was on its way.
func (in *Inbox) begun(ctx context.Context, u place.User, others []string) error {
	all := make(peers, len(others))
	for _, other := range others {
		all[other] = settings{}
	}
	heads, err := in.heads(ctx, u, all)
	for _, h := range heads {
		if err == nil {
			err = in.introduce(ctx, h.pair)
		}
	}
	return err
}

// reintroduce enters a conversation again that prune has left out.
func (in *Inbox) reintroduce(ctx context.Context, p pair) error {
	for side := range 2 {
		d, err := in.docs.get(ctx, docSubject(p.user(side), docPeers))
		if err != nil {
			return err
		}
		if !listed(d.data, p.users[p.other(side)]) {
			return in.introduce(ctx, p)
		}
	}
	return nil
}

// stayed enters a conversation whose first record has just been stored again
// if prune has left it out meanwhile: it had none then. If prune is yet to
// write what it has read before, begun finds the record.
func (in *Inbox) stayed(ctx context.Context, p pair) error {
	for side := range 2 {
		subject := docSubject(p.user(side), docPeers)
		d, err := in.docs.get(ctx, subject)
		// Most lists are too short for it, and cost no way to the store.
		if err == nil && len(d.data) > in.o.Peers*len(`"x":{}`)/2 {
			d, err = in.docs.fresh(ctx, subject)
		}
		if err != nil {
			return err
		}
		if !listed(d.data, p.users[p.other(side)]) {
			return in.introduce(ctx, p)
		}
	}
	return nil
}

// listed reports whether a user is in a document of peers. Decoded for each
// message a large one would take a millisecond.
func listed(doc []byte, other string) bool {
	if hasKey(doc, string(encode(other))) {
		return true
	}
	// Earlier versions wrote <, > and & of a UserID as escapes.
	if !strings.ContainsAny(other, "<>&") {
		return false
	}
	escaped, err := json.Marshal(other)
	return err == nil && hasKey(doc, string(escaped))
}

// hasKey reports whether a document of peers has a member of that name. Only
// the document's own keys have an object behind them, and within a text a quote
// follows a backslash.
func hasKey(doc []byte, name string) bool {
	key := []byte(name + ":{")
	for at := 0; ; {
		i := bytes.Index(doc[at:], key)
		if i < 0 {
			return false
		}
		if at += i; at > 0 && doc[at-1] != '\\' {
			return true
		}
		at++
	}
}

// prune bounds what a user who writes to everybody, an administrator perhaps,
// has in his list: conversations that retention has removed go, then the oldest
// ones. One whose settings say something stays: what was deleted must not come
// back. A conversation that was left out comes back with its next message. It
// gives those that had no record.
func (in *Inbox) prune(ctx context.Context, u place.User, all peers, but string) (empty []string, err error) {
	heads, err := in.heads(ctx, u, all)
	if err != nil {
		return nil, err
	}
	has := make(map[string]bool, len(heads))
	for _, h := range heads {
		has[h.pair.users[h.pair.other(h.pair.side(u.UserID))]] = true
	}
	for other := range all {
		if !has[other] && other != but {
			delete(all, other)
			empty = append(empty, other)
		}
	}
	for i := len(heads) - 1; i >= 0 && len(all) > in.o.Peers; i-- {
		other := heads[i].pair.users[heads[i].pair.other(heads[i].pair.side(u.UserID))]
		if all[other] == (settings{}) && other != but {
			delete(all, other)
		}
	}
	return empty, nil
}

// Forget takes from a user, whose account is deleted, what he has: his view of
// his conversations, his profile, blacklist and status. Who gets the same
// UserID later is somebody else. What he wrote stays with those he wrote to.
// It can be repeated; errors are *fault.Error.
func (in *Inbox) Forget(ctx context.Context, u place.User) error {
	if err := in.forget(ctx, u); err != nil {
		return in.failed("forgetting an account", err)
	}
	return nil
}

func (in *Inbox) forget(ctx context.Context, u place.User) error {
	_, _, err := update(ctx, in, u, docPeers, func(v *peers) (bool, error) {
		heads, err := in.heads(ctx, u, *v)
		if err != nil || len(*v) == 0 {
			return false, err
		}
		*v = peers{}
		for _, h := range heads {
			peer := h.pair.other(h.pair.side(u.UserID))
			(*v)[h.pair.users[peer]] = settings{Cleared: h.pos, Hidden: h.pos, ClearedSent: h.Sent[peer], Epoch: h.Epoch}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, end := range []func() error{
		func() error { return empty[Profile](ctx, in, u, docProfile) },
		func() error { return empty[[]string](ctx, in, u, docBlack) },
		func() error { return empty[string](ctx, in, u, docStatus) },
		func() error { return empty[quotaDoc](ctx, in, u, docQuota) },
	} {
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

// empty makes a document that is there what none is.
func empty[T any](ctx context.Context, in *Inbox, u place.User, kind string) error {
	d, err := in.docs.fresh(ctx, docSubject(u, kind))
	if err != nil || d.rev == 0 {
		return err
	}
	_, _, err = update(ctx, in, u, kind, func(v *T) (bool, error) {
		*v = *new(T)
		return true, nil
	})
	return err
}
