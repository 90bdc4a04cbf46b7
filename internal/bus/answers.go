package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answers brings JetStream's answers to whoever stores something. All come
// through one subscription and so in the order in which a stream has stored:
// its followers here can be given each record the moment it is known to be
// stored, in that order, and need not wait until NATS sends it.
type answers struct {
	mu      sync.Mutex // guards what follows
	prefix  string     // of the subjects that are answered on, before a number; "" before the first
	next    uint64
	waiting map[uint64]*storing
}

// storing is a message that may be stored already.
type storing struct {
	answer chan answer      // has room for the one that comes
	stored func(seq uint64) // nil, or called with the position before the next answer is looked at; must not block
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

// store stores a message. Any error but ErrConflict leaves open whether it was
// stored. stored, where not nil, is called as soon as it is known to be, unless
// it is a repetition; perhaps after store has returned.
func (b *Bus) store(ctx context.Context, m *nats.Msg, stored func(seq uint64)) (ack, error) {
	if err := ctx.Err(); err != nil {
		return ack{}, err
	}
	s := &storing{answer: make(chan answer, 1), stored: stored}
	n, reply, err := b.answers.expect(b.nc, s)
	if err != nil {
		return ack{}, err
	}
	m.Reply = reply
	if err := b.nc.PublishMsg(m); err != nil {
		b.answers.take(n)
		return ack{}, err
	}
	select {
	case a := <-s.answer:
		return a.ack, a.err
	case <-ctx.Done():
		b.answers.take(n)
		return ack{}, ctx.Err()
	}
}

// expect registers a message under a number of its own, and returns the subject
// on which it is to be answered.
func (a *answers) expect(nc *nats.Conn, s *storing) (n uint64, reply string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.prefix == "" {
		prefix := nc.NewRespInbox() + "."
		sub, err := nc.Subscribe(prefix+"*", a.came)
		if err != nil {
			return 0, "", err
		}
		sub.SetClosedHandler(func(string) { a.end() })
		a.prefix, a.waiting = prefix, map[uint64]*storing{}
	}
	a.next++
	a.waiting[a.next] = s
	return a.next, a.prefix + strconv.FormatUint(a.next, 10), nil
}

// take returns who waits under a number, and forgets it; nil if nobody does.
func (a *answers) take(n uint64) *storing {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.waiting[n]
	delete(a.waiting, n)
	return s
}

// came takes an answer; the subscription's goroutine calls it.
func (a *answers) came(m *nats.Msg) {
	n, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 10, 64)
	if err != nil {
		return
	}
	s := a.take(n)
	if s == nil { // nobody waits any more
		return
	}
	got, err := readAck(m)
	s.answer <- answer{got, err}
	if err == nil && !got.Duplicate && s.stored != nil {
		s.stored(got.Seq)
	}
}

// end is called when the connection is closed: nothing will be answered.
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
