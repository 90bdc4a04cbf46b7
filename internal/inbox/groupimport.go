package inbox

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// importedHere says how far the messages of another system have been imported into a
// group: it is for groups what imported is for two users. The server API gives the
// messages of a group no numbers, so those of one second are told apart by what they
// say.
type importedHere struct {
	Time int64    `json:"t"` // of the newest, Unix seconds
	Sums []string `json:"d"` // of all with that time
}

// maxSameTime is the most imported messages of one group that have the same time: each
// of its records holds their sums.
const maxSameTime = 50

// with returns what is imported after a message, and nil if the message was imported
// before, or is older than what was.
func (i *importedHere) with(at int64, sum string) (*importedHere, error) {
	switch {
	case i == nil || at > i.Time:
		return &importedHere{at, []string{sum}}, nil
	case at < i.Time || slices.Contains(i.Sums, sum):
		return nil, errRepeated
	case len(i.Sums) == maxSameTime:
		return nil, fault.With(fault.GroupBadParameters, "more than "+strconv.Itoa(maxSameTime)+" imported messages have the same time: give some of them the next second")
	}
	return &importedHere{at, append(slices.Clone(i.Sums), sum)}, nil
}

// ImportToGroup stores a message of another system in a group, with its own time and
// for an administrator of the app. It is history: it counts as unread for nobody, and
// nobody is told of it. stored is false if it was imported before, or is older than
// the newest message that was; nothing changes then.
//
// A group is in the order of time, so once something was said in it here, it takes
// nothing older. Hooks are neither asked nor told. Errors are *fault.Error.
func (in *Inbox) ImportToGroup(ctx context.Context, admin string, m GroupMessage, at time.Time) (sent GroupSent, stored bool, err error) {
	sent, stored, err = in.importToGroup(ctx, admin, m, at)
	if err != nil {
		return GroupSent{}, false, in.failed("import_group_msg", err)
	}
	return sent, stored, nil
}

func (in *Inbox) importToGroup(ctx context.Context, admin string, m GroupMessage, at time.Time) (GroupSent, bool, error) {
	from := place.User{SDKAppID: m.SDKAppID, UserID: m.From}
	if err := in.mustKnow(ctx, m.SDKAppID, m.From); err != nil {
		return GroupSent{}, false, err
	}
	if at.UnixMilli() > in.now().UnixMilli()+frame.MessageIDAhead {
		return GroupSent{}, false, fault.With(fault.GroupBadParameters, "the time of an imported message lies ahead")
	}
	payload, _, err := in.checkGroupMessage(m)
	if err != nil {
		return GroupSent{}, false, err
	}
	as, err := in.standing(ctx, place.User{SDKAppID: m.SDKAppID, UserID: admin}, m.Group)
	switch {
	case err != nil:
	case as.Topics:
		err = fault.New(fault.OnlyInTopics)
	case as.Live:
		err = fault.With(fault.GroupNotPermitted, "groups of type AVChatRoom keep no messages")
	}
	if err != nil {
		return GroupSent{}, false, err
	}
	me, err := read[Profile](ctx, in, from, docProfile)
	if err != nil {
		return GroupSent{}, false, err
	}
	sum := m.digest(from, groupName(m.Group), payload, strconv.FormatInt(at.Unix(), 10))
	c := &content{
		ID: serverID(m.From, at, sum), Type: m.Type, Payload: payload, Cloud: m.CloudCustomData,
		Nick: me.Nick, Avatar: me.Avatar, Random: int64(m.Random), ClientTime: at.Unix(), Quiet: true, Uncounted: true,
	}
	p, short := pairOf(m.SDKAppID, "", groupName(m.Group)), base64.RawURLEncoding.EncodeToString(sum[:9])
	r, again, err := in.append(ctx, p, dedupOf("i", sum), func(prev *record) (*record, error) {
		prev, err := prev.of(as)
		if err != nil {
			return nil, err
		}
		var before *importedHere
		if prev != nil {
			before = prev.ImportedHere
		}
		stands, err := before.with(at.Unix(), short)
		if err != nil {
			return nil, err
		}
		if prev != nil && at.Unix() < prev.At/1000 {
			return nil, fault.With(fault.GroupBadParameters, "the group is newer, or has something newer: import its messages before its members write, with times after its CreateTime")
		}
		r := next(prev, kindMessage, 1, at.UnixMilli())
		if prev == nil {
			r.Epoch = in.now().UnixMilli()
		}
		r.From, r.Born, r.Message, r.ImportedHere = from.UserID, as.Born, c, stands
		r.Seq++
		return r, nil
	})
	switch {
	case errors.Is(err, errRepeated):
		return GroupSent{Time: at.Unix(), ID: c.ID}, false, nil
	case err != nil:
		return GroupSent{}, false, err
	}
	return GroupSent{at.Unix(), r.Seq, r.Message.ID}, !again, nil
}

// floors returns the position from which on each of those who have joined sees the
// log: its end, or the last message before the time at which they joined in another
// system.
func (in *Inbox) floors(ctx context.Context, p pair, head *record, c *GroupChange) ([]uint64, error) {
	out := slices.Repeat([]uint64{head.pos}, len(c.Joined))
	if len(c.Since) == 0 || c.Older {
		return out, nil
	}
	found, first := make([]bool, len(out)), head.pos
	for positions, open := head.positions(), len(out); open > 0; {
		batch, err := in.messagesAt(ctx, p, positions, 0)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 { // they joined before all messages
			for i := range out {
				if !found[i] {
					out[i] = first
				}
			}
			return out, nil
		}
		for n := len(batch) - 1; n >= 0; n-- {
			for i, since := range c.Since {
				if !found[i] && batch[n].At/1000 < since {
					out[i], found[i] = batch[n].pos, true
					open--
				}
			}
		}
		positions, first = batch[0].Last, batch[0].pos-1
	}
	return out, nil
}
