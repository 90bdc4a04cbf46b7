package group

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// The app's own notices to members of a group. Each member gets one for themself, so a
// notice to a whole group costs as much as it has members. In a live room it costs as
// much as a message does there, and is kept as little.

const (
	maxAnnouncement = 4 << 10 // bytes
	maxAnnounced    = 10_000  // members of a group that gets one as a whole
	announcedAtOnce = 200     // members who are told within the call; others later
)

type announceParams struct {
	GroupID string   `json:"groupID"`
	UserIDs []string `json:"userIDs"` // nil: all members
	Content string   `json:"content"`
}

// announce sends members of a group a notice of the app.
func announce(ctx context.Context, r *Room, u place.User, p announceParams) (any, error) {
	if p.Content == "" {
		return nil, fault.With(fault.GroupBadParameters, "Content is missing")
	}
	if err := checkText("Content", &p.Content, maxAnnouncement); err != nil {
		return nil, err
	}
	k := keyOf(u, p.GroupID)
	g, err := r.group(ctx, k)
	switch {
	case err != nil:
	case g.Type == Live:
		return struct{}{}, r.announceInRoom(k, g, u, p)
	case p.UserIDs == nil && g.Members > maxAnnounced:
		err = fault.With(fault.GroupBadParameters, "the group has more than "+strconv.Itoa(maxAnnounced)+" members: name those who are to be told in ToMembers_Account, some at a time")
	}
	if err != nil {
		return nil, err
	}
	to, err := r.announcedTo(ctx, k, g, p.UserIDs)
	if err != nil {
		return nil, err
	}
	n := notice{OperatorID: u.UserID, OperationType: noticeCustom, UserDefinedField: p.Content}
	now, later := to[:min(len(to), announcedAtOnce)], to[min(len(to), announcedAtOnce):]
	if len(later) > 0 && !r.jobs.add(func(ctx context.Context) {
		for some := range slices.Chunk(later, announcedAtOnce) {
			r.notify(ctx, k, g, "", n, some...)
		}
	}) {
		return nil, fault.With(fault.GroupTooFrequent, "many notices to large groups are on their way")
	}
	if len(now) == 0 || r.o.Log == nil {
		return struct{}{}, nil
	}
	return struct{}{}, r.sendNotice(ctx, k, g, "", n, now)
}

// announceInRoom gives a notice to whoever is in a live room.
func (r *Room) announceInRoom(k key, g group, u place.User, p announceParams) error {
	if p.UserIDs != nil {
		return fault.With(fault.GroupBadParameters, "in an AVChatRoom everybody who is there is told: leave out ToMembers_Account")
	}
	id := r.random()
	body := r.untold(k, g, id, r.now().UnixMilli(), notice{OperatorID: u.UserID, OperationType: noticeCustom, UserDefinedField: p.Content})
	if body == nil || r.o.Live == nil {
		return nil
	}
	return r.o.Live.Say(k.room(), live.Message{ID: id, Priority: live.High, From: u.UserID, Body: body}, true)
}

// announcedTo returns which of these users, or of all, are members.
func (r *Room) announcedTo(ctx context.Context, k key, g group, ids []string) (to []string, err error) {
	if ids == nil {
		all, err := r.members(ctx, k, g, 0, classes)
		for _, e := range all {
			to = append(to, e.userID)
		}
		return to, err
	}
	have, err := r.membersNamed(ctx, k, ids)
	for i, m := range have {
		if m.in(g) && !slices.Contains(to, ids[i]) {
			to = append(to, ids[i])
		}
	}
	return to, err
}
