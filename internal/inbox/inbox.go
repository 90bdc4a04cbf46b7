package inbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Subjects of what is only signalled and never stored.
const (
	signalLive   = "tim.live"   // messages for users who are online now
	signalStatus = "tim.status" // somebody came, went, or changed his status
)

// Inbox is the messages of one gateway. Its methods may be called from any
// goroutine.
type Inbox struct {
	o     Options
	nc    *nats.Conn
	store *store
	docs  *docs
	convs *conversations
	rates *rates

	messages, documents *follower
	subs                []*nats.Subscription

	mu    sync.Mutex
	users map[User]*user // who has a session here
	// unsaved are cursors that were acknowledged here and are not stored yet;
	// they outlive their sessions by a moment.
	unsaved map[User]uint64
	watch   map[User]map[*Session]struct{}
	known   map[User]Status // what watchers were told last

	stop chan struct{}
	done sync.WaitGroup
}

// Open makes the streams where they are missing and begins to follow them.
// The connection stays the caller's.
func Open(ctx context.Context, nc *nats.Conn, o Options) (*Inbox, error) {
	o = o.withDefaults()
	st, err := openStore(ctx, nc, o)
	if err != nil {
		return nil, err
	}
	in := &Inbox{
		o: o, nc: nc, store: st,
		docs:  &docs{store: st, cache: map[string]doc{}, writing: map[string]*crowd{}},
		convs: &conversations{all: map[pair]*conversation{}},
		rates: newRates(o),
		users: map[User]*user{}, unsaved: map[User]uint64{},
		watch: map[User]map[*Session]struct{}{},
		known: map[User]Status{},
		stop:  make(chan struct{}),
	}
	in.messages = &follower{js: st.js, stream: streamMsg, report: o.Report, handle: in.sawRecord}
	in.documents = &follower{js: st.js, stream: streamDoc, report: o.Report, handle: in.sawDoc}
	for subject, handle := range map[string]nats.MsgHandler{signalLive: in.sawLive, signalStatus: in.sawStatus} {
		sub, err := nc.Subscribe(subject, handle)
		if err != nil {
			in.unsubscribe()
			return nil, err
		}
		in.subs = append(in.subs, sub)
	}
	if err := in.messages.start(ctx); err != nil {
		in.unsubscribe()
		return nil, fmt.Errorf("inbox: %w", err)
	}
	if err := in.documents.start(ctx); err != nil {
		in.messages.close()
		in.unsubscribe()
		return nil, fmt.Errorf("inbox: %w", err)
	}
	in.done.Add(1)
	go in.sweep()
	return in, nil
}

// Close ends what Open began; sessions get nothing any more, and what they
// acknowledged is stored.
func (in *Inbox) Close() {
	in.mu.Lock()
	users := make([]*user, 0, len(in.users))
	for _, u := range in.users {
		users = append(users, u)
	}
	in.mu.Unlock()
	for _, u := range users {
		for _, s := range u.sessionsNow() {
			s.Close()
		}
	}
	close(in.stop)
	in.done.Wait()
	in.unsubscribe()
	in.messages.close()
	in.documents.close()
}

func (in *Inbox) unsubscribe() {
	for _, s := range in.subs {
		_ = s.Unsubscribe()
	}
}

func (in *Inbox) stopped() bool {
	select {
	case <-in.stop:
		return true
	default:
		return false
	}
}

// local gives the sessions' user when he has one here.
func (in *Inbox) local(u User) *user {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.users[u]
}

// sawRecord brings a record of a conversation to its users' sessions here.
func (in *Inbox) sawRecord(subject string, pos uint64, data []byte) {
	p, err := parsePair(subject)
	if err != nil {
		return
	}
	a, b := in.local(p.user(0)), in.local(p.user(1))
	in.convs.mu.Lock()
	_, cached := in.convs.all[p]
	in.convs.mu.Unlock()
	if a == nil && b == nil && !cached {
		return // nobody here cares: most of a large cluster's traffic
	}
	r, err := decode(entry{subject, pos, data})
	if err != nil {
		in.o.Report(fmt.Errorf("inbox: record %d of %s: %w", pos, subject, err))
		return
	}
	in.convs.saw(r)
	if a != nil {
		a.deliver(r, 0)
	}
	if b != nil && b != a {
		b.deliver(r, 1)
	}
}

func (in *Inbox) sawDoc(subject string, rev uint64, data []byte) {
	u, kind, err := parseDoc(subject)
	if err != nil || kind == docCursor {
		return
	}
	in.docs.saw(subject, rev, data)
	if l := in.local(u); l != nil {
		l.documentChanged(kind, rev, data)
	}
}

// signal tells every gateway; what it says is never more than a hint.
func (in *Inbox) signal(subject string, v any) error {
	data, err := jsonframe.Marshal(v)
	if err != nil {
		return err
	}
	return in.nc.Publish(subject, data)
}

func (in *Inbox) now() time.Time { return in.o.Now() }
