package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// Check stores a few bytes under a key that nothing else has, reads a range of them,
// and removes them. Its error says which of this failed.
func (b *Bucket) Check(ctx context.Context) error {
	key := "check-" + rand.Text()
	const text = "written by timd to see whether it can; to be removed"
	if err := b.Put(ctx, key, bytes.NewReader([]byte(text)), int64(len(text))); err != nil {
		return fmt.Errorf("nothing can be stored: %w", err)
	}
	if err := b.checkRange(ctx, key, text[8:12]); err != nil {
		_ = b.Free(ctx, key)
		return fmt.Errorf("what was stored cannot be read: %w", err)
	}
	if err := b.Free(ctx, key); err != nil {
		return fmt.Errorf("what was stored cannot be removed, %s%s is still there: %w", b.o.Prefix, key, err)
	}
	if r, err := b.Get(ctx, key, 0, 1); err == nil {
		_ = r.Close()
		return fmt.Errorf("what was removed, %s%s, can still be read", b.o.Prefix, key)
	} else if !errors.Is(err, ErrNoObject) {
		return fmt.Errorf("whether something is missing cannot be seen: %w", err)
	}
	return nil
}

func (b *Bucket) checkRange(ctx context.Context, key, want string) error {
	r, err := b.Get(ctx, key, 8, int64(len(want)))
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(io.LimitReader(r, 1<<10))
	if err == nil && string(got) != want {
		err = errors.New("a range was asked for and something else came")
	}
	return err
}
