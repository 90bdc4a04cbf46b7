package inbox

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/turns"
)

// Inbox keeps the messages of one gateway's users. Its methods may be called
// from any goroutine.
type Inbox struct {
	o          Options
	bus        Bus
	store      *store
	docs       *docs // profiles, blacklists, statuses
	peers      *docs // of conversations
	rooms      *rooms
	convs      *conversations
	recent     recents
	crowds     crowds
	groupRates groupRates
	marking    turns.ByKey[string] // one writer of this gateway to a document beside a message
	rates      *rates

	messages                 followers
	documents, conversations bus.Follower
	unsubscribe              []func()
	work                     work
	delivery                 *delivery
	waiting                  waiting
	idle                     idle
	followed                 followed
	unsaved                  unsaved
	syncTurns                chan struct{} // holds a token for each sync that is at work

	mu     sync.Mutex // guards what follows
	closed bool
	users  map[place.User]*user // who has a session here
	watch  map[place.User]*watched
	dueNow []place.User // those of watch whose status is looked up next

	dueSignal chan struct{} // holds a token while dueNow may hold somebody
}

// Open creates missing streams and begins to follow all of them. The caller
// still owns the bus.
func Open(ctx context.Context, b Bus, o Options) (*Inbox, error) {
	o = o.withDefaults()
	st, err := openStore(ctx, b, o)
	if err != nil {
		return nil, err
	}
	in := &Inbox{
		o: o, bus: b, store: st,
		docs: newDocs(st.documents, maxCached), peers: newDocs(st.conversations, maxCachedPeers), rooms: &rooms{left: map[roomKey]int{}},
		convs: newConversations(), recent: newRecents(o.Partitions), crowds: newCrowds(),
		groupRates: groupRates{most: o.GroupRate, all: map[pair]*rate.Limiter{}},
		rates:      newRates(o),
		users:      map[place.User]*user{}, unsaved: unsaved{all: map[place.User]positions{}},
		watch: map[place.User]*watched{}, dueSignal: make(chan struct{}, 1),
		waiting:   waiting{at: map[*catchingUp]*list.Element{}},
		idle:      idle{at: map[place.User]*list.Element{}},
		syncTurns: make(chan struct{}, syncsAtOnce),
	}
	in.work.after = o.AfterFunc
	in.work.ctx, in.work.end = context.WithCancel(context.Background())
	in.delivery = newDelivery(in)
	in.messages = st.messages.followers(in.reporting(in.delivery.sawRecord), in.report)
	in.documents = st.documents.Follower(in.reporting(in.sawDoc), in.report)
	in.conversations = st.conversations.Follower(in.reporting(in.sawConversation), in.report)
	for subject, handle := range map[string]func(data []byte){bus.SubjectOnline: in.sawLive, bus.SubjectStatus: in.sawStatus, bus.SubjectNoted: in.sawNoted} {
		stop, err := b.Subscribe(subject, func(data []byte) { in.work.during(func() { handle(data) }) })
		if err != nil {
			in.stop()
			return nil, err
		}
		in.unsubscribe = append(in.unsubscribe, stop)
	}
	for _, f := range []interface{ Start(context.Context) error }{in.messages, in.documents, in.conversations} {
		if err := f.Start(ctx); err != nil {
			in.stop()
			return nil, fmt.Errorf("inbox: %w", err)
		}
	}
	in.work.goes(func() {
		in.work.every(sweepEvery, func() {
			in.sweep()
			in.rates.dropWhole(in.now())
			in.idle.dropSince(in.now().Add(-idleFor))
		})
	})
	in.work.goes(in.lookUpDue)
	return in, nil
}

// Close ends what Open began: sessions get nothing any more, and what they
// acknowledged is stored. When it returns, nothing of the inbox runs but calls
// that were under way, which belong to their callers.
func (in *Inbox) Close() {
	in.mu.Lock()
	in.closed = true
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
	in.stop()
}

// stop ends everything but the sessions.
func (in *Inbox) stop() {
	for _, stop := range in.unsubscribe {
		stop()
	}
	in.messages.Close()
	in.documents.Close()
	in.conversations.Close()
	in.work.close()
	in.idle.clear()
}

// report passes an error of work in the background to Options.Report, unless the
// work ended because the inbox is closing or because a client hung up.
func (in *Inbox) report(err error) {
	if in.work.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		in.o.Report(fmt.Errorf("inbox: %w", err))
	}
}

// reporting returns a handler of a follower's records that reports errors.
func (in *Inbox) reporting(handle func(bus.Value) error) func(bus.Value) {
	return func(v bus.Value) {
		if err := handle(v); err != nil {
			in.report(fmt.Errorf("record %d of %s: %w", v.Seq, v.Subject, err))
		}
	}
}

// local returns a user who has a session here; nil if they have none.
func (in *Inbox) local(u place.User) *user {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.users[u]
}

func (in *Inbox) sawDoc(v bus.Value) error {
	u, kind, err := parseDoc(v.Subject)
	if err != nil || kind == docCursor {
		return nil
	}
	in.docs.saw(v.Subject, v.Seq, v.Data)
	if l := in.local(u); l != nil {
		l.documentChanged(kind, v.Seq, v.Data)
	}
	return nil
}

// sawConversation takes a document that its user has changed, or somebody who
// wrote to them.
func (in *Inbox) sawConversation(v bus.Value) error {
	u, other, err := parseConv(v.Subject)
	if err != nil {
		return nil
	}
	in.peers.saw(v.Subject, v.Seq, v.Data)
	l := in.known(u)
	if l == nil {
		return nil
	}
	p, err := decodePeer(v.Seq, v.Data)
	if err == nil {
		l.documentCame(other, p)
	}
	return err
}

// signal sends a hint to every gateway; it may be lost.
func (in *Inbox) signal(subject string, v any) error {
	data, err := jsonframe.Marshal(v)
	if err != nil {
		return err
	}
	return in.bus.Publish(subject, data)
}

func (in *Inbox) now() time.Time { return in.o.Now() }
