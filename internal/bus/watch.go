package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// WatchBucket watches the keys of a bucket that a pattern matches, until life
// ends. follow calls handle with each value that is there and with each later one,
// and returns when the watch has ended, which some errors bring about, too. ctx
// bounds the look-up of the bucket.
func (b *Bus) WatchBucket(ctx, life context.Context, bucket, pattern string) (follow func(handle func(key string, v Value)), err error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, err
	}
	w, err := kv.Watch(life, pattern)
	if err != nil {
		return nil, err
	}
	return func(handle func(key string, v Value)) {
		defer func() { _ = w.Stop() }()
		for {
			select {
			case <-life.Done():
				return
			case e, ok := <-w.Updates():
				if !ok {
					return
				}
				if e != nil && e.Operation() == jetstream.KeyValuePut {
					handle(e.Key(), Value{Subject: BucketSubject(bucket, e.Key()), Seq: e.Revision(), Data: e.Value(), Time: e.Created()})
				}
			}
		}
	}, nil
}
