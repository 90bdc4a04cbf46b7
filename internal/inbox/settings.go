package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// settings of one conversation for one of its users.
type settings struct {
	Pinned bool `json:"p,omitempty"`
	// Cleared: messages up to this position are gone for this user, and
	// ClearedSent of the peer's were counted by then, in the conversation that
	// began at Epoch.
	Cleared     uint64 `json:"c,omitempty"`
	ClearedSent uint64 `json:"n,omitempty"`
	Epoch       int64  `json:"e,omitempty"`
	// Hidden: the conversation is not listed until something newer comes.
	Hidden  uint64 `json:"h,omitempty"`
	Draft   string `json:"d,omitempty"`
	Custom  string `json:"u,omitempty"`
	Deleted bool   `json:"x,omitempty"` // single messages were deleted
	Marks   uint64 `json:"m,omitempty"` // a bit each, see checkMark
	Remind  int    `json:"r,omitempty"` // an index of remindTypes
	Groups  string `json:"k,omitempty"` // the numbers of its conversation groups, see convgroups.go
}

// cleared returns the position up to which ClearedSent counts.
func (s settings) cleared() uint64 { return max(s.Cleared, s.Hidden) }

// texts returns how many bytes of the user's own text, and of the numbers of
// conversation groups, the settings hold.
func (s settings) texts() int { return len(s.Draft) + len(s.Custom) + len(s.Groups) }

// document is what TIM_CONV holds for one user of a conversation. That it exists
// makes the conversation one of theirs; it holds their settings. One without a
// body was given up, see room.go.
type document struct {
	settings
	// Touched is when the user last sent or read something there, in Unix
	// seconds, to a day.
	Touched int64 `json:"t,omitempty"`
	// Group is what its user is in a group.
	Group membership `json:"g,omitzero"`
}

// touchEvery is how old Touched becomes before it is written again, in seconds.
const touchEvery = 24 * 60 * 60

// peer is a document as of rev.
type peer struct {
	document
	rev  uint64 // 0: there is none
	gone bool   // it was given up at rev
}

func (p peer) there() bool { return p.rev != 0 && !p.gone }

// peers holds a user's documents by the peer's UserID.
type peers map[string]peer

func decodePeer(rev uint64, data []byte) (p peer, err error) {
	p.rev = rev
	if p.gone = len(data) == 0; !p.gone {
		err = json.Unmarshal(data, &p.document)
	}
	return p, err
}

// document reads a user's document from the store, not from the cache: an old
// one would show what was cleared.
func (in *Inbox) document(ctx context.Context, u place.User, other string) (peer, error) {
	d, err := in.peers.fresh(ctx, convSubject(u, other))
	if err != nil {
		return peer{}, err
	}
	return decodePeer(d.rev, d.data)
}

// knownDocument returns a document as this gateway knows it, which may be a
// moment old.
func (in *Inbox) knownDocument(ctx context.Context, u place.User, other string) (peer, error) {
	d, err := in.peers.get(ctx, convSubject(u, other))
	if err != nil {
		return peer{}, err
	}
	return decodePeer(d.rev, d.data)
}

// setDocument changes an existing document.
func (in *Inbox) setDocument(ctx context.Context, u place.User, other string, change func(d *document) (bool, error)) (peer, error) {
	d, rev, err := updateAt(ctx, in, in.peers, convSubject(u, other), func(d *document, there bool) (bool, error) {
		if !there {
			return false, fault.With(fault.NoConversation, strconv.Quote(idOf(other)))
		}
		return change(d)
	})
	return peer{document: d, rev: rev}, err
}

// entered is what was last seen of a user's document, so that it is decoded only
// when it has changed.
type entered struct {
	subject string // of the document; "" before it was first looked for
	rev     uint64
	there   bool
	touched int64
}

// look brings e up to date with the document as this gateway knows it, which may
// be a moment old.
func (e *entered) look(ctx context.Context, in *Inbox, u place.User, other string) error {
	if e.subject == "" {
		e.subject = convSubject(u, other)
	}
	d, err := in.peers.get(ctx, e.subject)
	if err != nil || d.rev != 0 && d.rev == e.rev {
		return err
	}
	return e.decode(d)
}

// decode is not inlined because look is called for each message, deep in the call: what
// a document takes on the stack would make the stack grow there, which copies it.
//
//go:noinline
func (e *entered) decode(d doc) error {
	p, err := decodePeer(d.rev, d.data)
	if err == nil {
		e.rev, e.there, e.touched = p.rev, p.there(), p.Touched
	}
	return err
}

// enter makes a conversation one of a user's unless it is one already; touch
// says that they are doing something there now.
func (in *Inbox) enter(ctx context.Context, u place.User, other string, touch bool, e *entered) error {
	if err := e.look(ctx, in, u, other); err != nil {
		return err
	}
	now := in.now().Unix()
	if e.there {
		if touch && now-e.touched >= touchEvery {
			in.touch(ctx, u, other, now)
		}
		return nil
	}
	if err := in.makeRoom(ctx, u, classOf(convToken(other))); err != nil {
		return err
	}
	_, _, err := updateAt(ctx, in, in.peers, convSubject(u, other), func(d *document, there bool) (bool, error) {
		if touch {
			d.Touched = now
		}
		return !there, nil // somebody else was faster
	})
	return err
}

// enterBoth enters a conversation for its two users; by is the side that does
// something there.
func (in *Inbox) enterBoth(ctx context.Context, p pair, by int, e *[2]entered) error {
	for side := range 2 {
		if p.users[side] == systemUser {
			continue
		}
		if err := in.enter(ctx, p.user(side), p.users[p.other(side)], side == by, &e[side]); err != nil {
			return err
		}
		if p.users[0] == p.users[1] {
			break
		}
	}
	return nil
}

// touch notes when a user last did something in a conversation. This only
// decides the order of a list, so a failure is left to the next message.
func (in *Inbox) touch(ctx context.Context, u place.User, other string, now int64) {
	_, err := in.setDocument(ctx, u, other, func(d *document) (bool, error) {
		if now-d.Touched < touchEvery {
			return false, nil
		}
		d.Touched = now
		return true, nil
	})
	if err != nil && !errors.Is(err, fault.New(fault.NoConversation)) {
		in.report(err)
	}
}

// readDocuments reads a user's documents of one class, or all of them if class is
// classes. All may be more than one read returns: then it is bus.ErrTooMany.
func (in *Inbox) readDocuments(ctx context.Context, u place.User, class uint32) ([]bus.Value, error) {
	if class == classes {
		return in.store.conversations.LastUnder(ctx, documentsOf(u))
	}
	pattern := classPattern(u, class)
	values, err := in.store.conversations.LastUnder(ctx, pattern)
	if !errors.Is(err, bus.ErrTooMany) {
		return values, err
	}
	// Writers on several gateways together have exceeded the bound.
	subjects, err := in.store.conversations.Subjects(ctx, pattern)
	if err != nil {
		return nil, err
	}
	return in.store.conversations.LastAll(ctx, subjects)
}

// peersOf reads all documents of a user.
func (in *Inbox) peersOf(ctx context.Context, u place.User) (peers, error) {
	out := peers{}
	values, err := in.readDocuments(ctx, u, classes)
	if err == nil {
		return out, out.take(values)
	}
	for class := range uint32(classes) {
		if errors.Is(err, bus.ErrTooMany) || err == nil {
			if values, err = in.readDocuments(ctx, u, class); err == nil {
				err = out.take(values)
			}
		}
	}
	return out, err
}

// take adds documents, except those that were given up.
func (p peers) take(values []bus.Value) error {
	for _, v := range values {
		_, other, err := parseConv(v.Subject)
		if v.Seq == 0 || err != nil {
			continue
		}
		d, err := decodePeer(v.Seq, v.Data)
		if err != nil {
			return err
		}
		if !d.gone {
			p[other] = d
		}
	}
	return nil
}
