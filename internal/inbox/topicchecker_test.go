package inbox

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// visitor is a user of TestGroupChecker who joins a community, enters its topics and
// leaves it again.
type visitor struct {
	*ear
	away map[string][]absence // by topic
}

// absence is a part of a log in which its user was no member for sure: what lies behind
// from, up to to; 0: up to the end.
type absence struct{ from, to uint64 }

// ends returns where the logs of the topics stand.
func (v *visitor) ends(in *Inbox) map[string]uint64 {
	out := map[string]uint64{}
	for _, id := range []string{tea, cake} {
		head, err := in.load(context.Background(), pairOf(app, "", groupName(id)))
		if err != nil {
			v.t.Error(err)
			continue
		}
		out[id] = head.pos
	}
	return out
}

func (v *visitor) comes(in *Inbox, groups *modelGroups) {
	for id, end := range v.ends(in) {
		if n := len(v.away[id]); n > 0 {
			v.away[id][n-1].to = end
		}
	}
	if err := groups.change(in, forum, []string{v.userID}, nil); err != nil {
		v.t.Error(err)
	}
	p := conversationParams{ConversationIDs: []string{groupKind + tea, groupKind + cake}}
	var r enteredResult
	if f := v.call(frame.ConversationEnter, p, &r); f != nil || len(r.Conversations) != 2 {
		v.t.Errorf("%s enters: %v %v", v.userID, f, r.Failures)
	}
}

func (v *visitor) goes(in *Inbox, groups *modelGroups) error {
	err := groups.leaveForum(in, v.userID)
	for id, end := range v.ends(in) {
		v.away[id] = append(v.away[id], absence{from: end})
	}
	return err
}

// check checks that the visitor has heard each topic in order, and nothing of it that
// was said while they were away.
func (v *visitor) check() {
	before := map[string]uint64{}
	for _, m := range v.messages {
		require.Greater(v.t, m.Position, before[m.To], "in order, once")
		before[m.To] = m.Position
		require.False(v.t, slices.ContainsFunc(v.away[m.To], func(s absence) bool {
			return m.Position > s.from && (s.to == 0 || m.Position <= s.to)
		}), "%s heard %q while away", v.userID, textOf(m))
	}
	p := conversationParams{ConversationID: groupKind + tea, Count: 1}
	require.Equal(v.t, fault.GroupNotPermitted, code(v.call(frame.MessageList, p, nil)))
}
