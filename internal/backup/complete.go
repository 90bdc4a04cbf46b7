package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// complete makes the documents that list a conversation for its users where a
// file has its messages only. While gateways run the documents are saved first,
// since they name positions of messages; so those of a conversation that began
// in between are missing. Its first message is behind the end that its stream
// had when the backup began.
//
// A document that gave way long ago stays away, unless its conversation has
// gone on meanwhile, which has brought the document back.
func complete(ctx context.Context, b *bus.Bus, streams []streamHeader) error {
	began := map[string]*uint64{}
	for _, s := range streams {
		began[s.Config.Name] = s.Began
	}
	if _, ok := began[bus.StreamConversations]; !ok { // the first layout has others
		return nil
	}
	for n := range bus.MaxPartitions {
		stream, prefix := bus.MessagesPartition(n)
		after := began[stream]
		if after == nil {
			continue
		}
		logs, err := subjectsAfter(ctx, b, stream, *after)
		if err != nil {
			return err
		}
		for subject := range logs {
			for _, document := range documentsOf(strings.TrimPrefix(subject, prefix)) {
				if err := makeMissing(ctx, b, document); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// subjectsAfter returns the subjects of the messages behind a position.
func subjectsAfter(ctx context.Context, b *bus.Bus, stream string, after uint64) (map[string]struct{}, error) {
	const atOnce = 1000
	subjects := map[string]struct{}{}
	for {
		var some []bus.Value
		err := bus.Retry(ctx, func(ctx context.Context) (err error) {
			some, err = b.Batch(ctx, stream, ">", after+1, atOnce)
			return err
		})
		if err != nil || len(some) == 0 {
			return subjects, err
		}
		for _, v := range some {
			subjects[v.Subject] = struct{}{}
		}
		after = some[len(some)-1].Seq
	}
}

// documentsOf returns the subjects of the two documents of a one-to-one
// conversation, <app>.<a>.<b>; none for anything else.
func documentsOf(conversation string) []string {
	tokens := strings.Split(conversation, ".")
	if len(tokens) != 3 {
		return nil
	}
	app, users := tokens[0], tokens[1:]
	one, errOne := bus.UserOfToken(users[0])
	other, errOther := bus.UserOfToken(users[1])
	if errOne != nil || errOther != nil {
		return nil
	}
	prefix := bus.SubjectConversations + app + "."
	return []string{prefix + users[0] + "." + bus.ConversationTail(other), prefix + users[1] + "." + bus.ConversationTail(one)}
}

// makeMissing makes an empty document if there is none.
func makeMissing(ctx context.Context, b *bus.Bus, subject string) error {
	err := bus.Retry(ctx, func(ctx context.Context) error {
		have, err := b.LastAtLeader(ctx, bus.StreamConversations, subject)
		if err != nil && !errors.Is(err, bus.ErrNoValue) || len(have.Data) > 0 {
			return err
		}
		_, err = b.Put(ctx, subject, []byte("{}"), have.Seq, 0)
		if errors.Is(err, bus.ErrConflict) { // an answer was lost: it is there
			err = nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("document %s cannot be made: %w", subject, err)
	}
	return nil
}
