package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
)

const (
	chunkSize = 128 << 10
	// answerWithin limits one step of a transfer. NATS itself gives up a
	// transfer that stands still for 5 s.
	answerWithin  = 20 * time.Second
	listensWithin = 4 * time.Second
	placedWithin  = 30 * time.Second
)

// apiError is the error in an answer of NATS.
type apiError struct {
	Error *jetstream.APIError `json:"error"`
}

func call(ctx context.Context, nc *nats.Conn, subject string, body, reply any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	m, err := request(ctx, nc, subject, data)
	if err != nil {
		return err
	}
	return decode(m.Data, reply)
}

// request asks until somebody listens: in a cluster, the news of who listens
// where may arrive later than the answer that names the subject. A request
// without listeners has reached nobody, so it may be repeated.
func request(ctx context.Context, nc *nats.Conn, subject string, data []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for end := time.Now().Add(listensWithin); ; {
		m, err := nc.RequestWithContext(ctx, subject, data)
		if !errors.Is(err, nats.ErrNoResponders) || time.Now().After(end) {
			return m, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func decode(data []byte, reply any) error {
	var failed apiError
	if err := json.Unmarshal(data, &failed); err != nil {
		return fmt.Errorf("the answer of NATS cannot be read: %w", err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	return json.Unmarshal(data, reply)
}

// save writes one stream to a file; began is where it ended when the backup
// began. It saves named consumers as well, so that events which a webhook's
// receiver has accepted are not sent again.
func save(ctx context.Context, nc *nats.Conn, name string, consumers bool, began uint64, w *writer) error {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the window limits it
		return err
	}
	var head streamHeader
	err = call(ctx, nc, "$JS.API.STREAM.SNAPSHOT."+name, map[string]any{
		"deliver_subject": inbox, "no_consumers": !consumers, "chunk_size": chunkSize, "window_size": 32 * chunkSize,
		"jsck": true, // older servers do not save what is damaged; newer ones skip it, see count
	}, &head)
	if err != nil {
		return err
	}
	head.Began = &began
	if err := w.frameJSON(frameStream, head); err != nil {
		return err
	}
	for {
		next, cancel := context.WithTimeout(ctx, answerWithin)
		m, err := sub.NextMsgWithContext(next)
		cancel()
		if err != nil {
			return err
		}
		if len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return fmt.Errorf("NATS broke it off: %s %s", status, m.Header.Get("Description"))
			}
			return w.frame(frameEnd, nil)
		}
		if err := w.frame(frameChunk, m.Data); err != nil {
			return err
		}
		if m.Reply == "" { // the last piece
			continue
		}
		if err := m.Respond(nil); err != nil {
			return err
		}
	}
}

// noPeers is the code of "no suitable peers for placement".
const noPeers = 10005

// begin has NATS take a stream's data. Its servers need a while until all of them have
// heard of each other, after a start or a restart of one, and until then there is no
// place for three copies: NATS is asked again for placedWithin.
func begin(ctx context.Context, nc *nats.Conn, head streamHeader, reply any) error {
	for end := time.Now().Add(placedWithin); ; {
		err := call(ctx, nc, "$JS.API.STREAM.RESTORE."+head.Config.Name, head, reply)
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != noPeers || time.Now().After(end) || bus.Sleep(ctx, 200*time.Millisecond) != nil {
			return err
		}
	}
}

// load creates a stream from what r returns, which is just behind its
// frameStream.
func load(ctx context.Context, nc *nats.Conn, head streamHeader, r *reader) error {
	var where struct {
		Deliver string `json:"deliver_subject"`
	}
	head.Began = nil // NATS refuses a field that it does not know
	if err := begin(ctx, nc, head, &where); err != nil {
		return err
	}
	for {
		kind, payload, err := r.next()
		if err != nil {
			return err
		}
		if kind == frameEnd {
			payload = nil // NATS learns of the error, too
		}
		m, err := request(ctx, nc, where.Deliver, payload)
		if err != nil {
			return err
		}
		if len(m.Data) > 0 {
			var made struct{}
			if err := decode(m.Data, &made); err != nil {
				return err
			}
		}
		if kind == frameEnd {
			if len(m.Data) == 0 {
				return errors.New("NATS did not confirm that the stream was created")
			}
			return nil
		}
	}
}
