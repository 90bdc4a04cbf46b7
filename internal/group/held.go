package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// maxHeld is how many users may be banned from a live room or muted in it. Each of
// them has a document there, and the owner may name anybody, members or not.
const maxHeld = 2000

// mayHold refuses further bans and mutes in a live room that has as many as it may.
// Documents of bans and mutes that have ended are removed then, in the background, so
// that there is room again.
func (r *Room) mayHold(ctx context.Context, k key, more int) error {
	n, err := r.log.Count(ctx, k.memberPattern(classes))
	if err != nil || n+more <= maxHeld {
		return err
	}
	r.chores.add(func(ctx context.Context) { r.endHeld(ctx, k) })
	return fault.With(fault.GroupTooFrequent, "this live room has "+strconv.Itoa(maxHeld)+" bans and mutes: wait until some have ended")
}

// endHeld removes documents of a live room that ban and mute nobody any longer.
func (r *Room) endHeld(ctx context.Context, k key) {
	values, err := r.under(ctx, k.memberPattern(classes))
	if err != nil {
		r.report("bans that have ended", err)
		return
	}
	var old []bus.Value
	now := r.now().Unix()
	for _, v := range values {
		if m, err := decode[member](v.Data); err == nil && m.Ban <= now && m.Mute <= now {
			old = append(old, v)
		}
	}
	r.remove(ctx, old)
}
