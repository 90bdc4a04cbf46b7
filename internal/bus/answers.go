package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answers passes JetStream's answers to the callers that store messages. All come
// through one subscription, and so in the order in which a stream has stored the
// messages. The stream's followers in this process can therefore be given each
// record, in that order, as soon as its answer comes: they need not wait until NATS
// sends it.
type answers struct {
	mu      sync.Mutex // guards what follows
	prefix  string     // of the subjects for answers, which end with a number; "" before the first call
	next    uint64
	waiting map[uint64]*storing
	aging   bool // a timer runs that will look for those that wait too long
}

const (
	// answerWithin is how long the answer to a record of a log is waited for at most, so
	// that a leader that dies meanwhile costs its caller only a part of their time. One
	// timer serves all records: some are given up an ageEvery earlier, and one whose
	// caller has gone as much later.
	answerWithin = 2 * time.Second
	ageEvery     = 250 * time.Millisecond
)

// storing is a message that is on its way to a stream.
type storing struct {
	n      uint64           // its number
	answer chan answer      // buffered: the one answer never blocks
	ctx    context.Context  // its caller's
	stored func(seq uint64) // nil unless it is a record of a log; called with the position, before the next answer is handled; must not block
	age    time.Duration    // of a record of a log, guarded by answers.mu
}

type answer struct {
	ack ack
	err error
}

// ack is JetStream's answer to a message that is to be stored.
type ack struct {
	Error     *jetstream.APIError `json:"error"`
	Seq       uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
}

// store stores a message. After any error but ErrConflict the message may or may
// not be stored. stored, which is nil unless the message is a record of a log, is called
// as soon as the message is known to be stored, perhaps after store has returned; it is
// not called for a repetition.
func (b *Bus) store(ctx context.Context, m *nats.Msg, stored func(seq uint64)) (ack, error) {
	if err := ctx.Err(); err != nil {
		return ack{}, err
	}
	s, err := b.send(ctx, m, stored)
	if err != nil {
		return ack{}, err
	}
	return b.await(ctx, s)
}

// send is the first half of store, which does not wait. Whoever has sent awaits.
func (b *Bus) send(ctx context.Context, m *nats.Msg, stored func(seq uint64)) (*storing, error) {
	s := spare.Get().(*storing)
	s.ctx, s.stored, s.age = ctx, stored, 0
	reply, err := b.answers.expect(b.nc, s)
	if err != nil {
		return nil, err
	}
	m.Reply = reply
	if err := b.nc.PublishMsg(m); err != nil {
		b.answers.take(s.n)
		return nil, err
	}
	return s, nil
}

// await is the second half. It gives up when ctx ends, and on a record of a log after
// answerWithin.
func (b *Bus) await(ctx context.Context, s *storing) (ack, error) {
	if s.stored != nil { // grow looks at ctx, too: to wait for it costs each record a timer
		return s.got(<-s.answer)
	}
	select {
	case a := <-s.answer:
		return s.got(a)
	case <-ctx.Done():
		b.answers.take(s.n)
		return ack{}, ctx.Err()
	}
}

// spare are those that have got their answer, after which nobody else has them.
var spare = sync.Pool{New: func() any { return &storing{answer: make(chan answer, 1)} }}

// got returns what the answer says.
func (s *storing) got(a answer) (ack, error) {
	s.ctx, s.stored = nil, nil
	spare.Put(s)
	return a.ack, a.err
}

// expect registers a message under a new number, and returns the subject for its
// answer.
func (a *answers) expect(nc *nats.Conn, s *storing) (reply string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.prefix == "" {
		prefix := nc.NewRespInbox() + "."
		sub, err := nc.Subscribe(prefix+"*", a.came)
		if err != nil {
			return "", err
		}
		sub.SetClosedHandler(func(string) { a.end() })
		a.prefix, a.waiting = prefix, map[uint64]*storing{}
	}
	a.next++
	s.n = a.next
	a.waiting[s.n] = s
	if !a.aging && s.stored != nil {
		a.aging = true
		time.AfterFunc(ageEvery, a.grow)
	}
	return a.prefix + strconv.FormatUint(s.n, 10), nil
}

// take removes the message with a number and returns it, or nil if there is none.
func (a *answers) take(n uint64) *storing {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.waiting[n]
	delete(a.waiting, n)
	return s
}

// came handles an answer; the subscription's goroutine calls it.
func (a *answers) came(m *nats.Msg) {
	n, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 10, 64)
	if err != nil {
		return
	}
	s := a.take(n)
	if s == nil { // its caller has given up
		return
	}
	got, err := readAck(m)
	stored := s.stored
	s.answer <- answer{got, err} // s is its caller's again
	if err == nil && !got.Duplicate && stored != nil {
		stored(got.Seq)
	}
}

// grow makes the records that wait older, and fails those that have waited for too long
// or whose callers have given up.
func (a *answers) grow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.aging = false
	for n, s := range a.waiting {
		if s.stored == nil { // as long as its caller says
			continue
		}
		err := s.ctx.Err()
		if s.age += ageEvery; err == nil && s.age >= answerWithin {
			err = context.DeadlineExceeded
		}
		if err == nil {
			a.aging = true
			continue
		}
		s.answer <- answer{err: err}
		delete(a.waiting, n)
	}
	if a.aging {
		time.AfterFunc(ageEvery, a.grow)
	}
}

// end fails all waiting messages. It is called when the connection is closed, after
// which no answer comes.
func (a *answers) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n, s := range a.waiting {
		s.answer <- answer{err: nats.ErrConnectionClosed}
		delete(a.waiting, n)
	}
}

func readAck(m *nats.Msg) (ack, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == strconv.Itoa(http.StatusServiceUnavailable) {
		return ack{}, nats.ErrNoResponders
	}
	if seq, ok := plainAck(m.Data); ok {
		return ack{Seq: seq}, nil
	}
	var a ack
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return ack{}, fmt.Errorf("the answer of NATS cannot be read: %w", err)
	}
	if a.Error == nil {
		return a, nil
	}
	switch a.Error.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant, errCodeDuplicateInFlight:
		return ack{}, ErrConflict
	}
	if a.Error.Code == http.StatusServiceUnavailable && !NoRoom(a.Error) {
		return ack{}, fmt.Errorf("%w: %w", ErrNoLeader, a.Error)
	}
	return ack{}, a.Error
}

// plainAck reads the answer to a message that was stored and was no repetition, as
// NATS writes it: {"stream":"NAME","seq":7}. It returns false for any other.
func plainAck(data []byte) (seq uint64, ok bool) {
	if !bytes.HasPrefix(data, []byte(`{"stream":"`)) {
		return 0, false
	}
	_, rest, _ := bytes.Cut(data, []byte(`","seq":`))
	number, ok := bytes.CutSuffix(rest, []byte("}"))
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(string(number), 10, 64)
	return seq, err == nil
}
