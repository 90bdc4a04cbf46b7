package group

import (
	"context"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Limits of numbers. A call with a longer list is refused before it does anything.
const (
	maxGroupFields   = 10
	maxMemberFields  = 5
	maxAttributeKeys = 16
	maxCounters      = 20
	maxInvited       = 500  // users of group.invite, and members of a new group
	maxKicked        = 100  // users of group.kick
	maxMoved         = 10   // of both, in one frame of a client
	maxProfiles      = 50   // users of group.member.get
	maxGroups        = 50   // groups of group.get
	maxMembersPage   = 100  // members of a page
	membersPage      = 15   // the default of a page
	maxJoined        = 1000 // groups of one user
	maxWaiting       = 100  // applications that wait for one group
)

// checkText checks an optional text of a call.
func checkText(name string, text *string, most int) error {
	switch {
	case text == nil:
		return nil
	case len(*text) > most:
		return fault.With(fault.GroupBadParameters, name+" is over "+strconv.Itoa(most)+" bytes")
	}
	return nil
}

// mostOf bounds a list by which users come or go. What a frame of a client costs is
// bounded, so its SDK makes several of a long list; a call of the server API has
// all in one.
func mostOf(ctx context.Context, most int) int {
	if ctx.Value(serverCall{}) != nil {
		return most
	}
	return min(most, maxMoved)
}

// checkUsers checks a list of users of a call, and returns it without repetitions.
func checkUsers(ids []string, most int) ([]string, error) {
	if len(ids) == 0 || len(ids) > most {
		return nil, fault.With(fault.GroupBadParameters, "name 1 to "+strconv.Itoa(most)+" users")
	}
	seen := make(map[string]struct{}, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !frame.ValidUserID(id) {
			return nil, fault.With(fault.GroupBadParameters, "no UserID: "+strconv.Quote(id))
		}
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			out = append(out, id)
		}
	}
	return out, nil
}

// checkNonce checks the nonce that identifies the repetition of a call.
func checkNonce(nonce string) error {
	if !frame.ValidNonce(nonce) {
		return fault.With(fault.GroupBadParameters, frame.NonceRule)
	}
	return nil
}
