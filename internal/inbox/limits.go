package inbox

import (
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Limits of the lists that one call may name. A longer list is refused at once
// with 70402, whose message names the limit. The SDK divides longer lists into
// several calls, or takes the first elements as the original SDK does.
const (
	maxDelete        = 30        // messages of message.delete
	maxReceipts      = 30        // messages of message.receipt and message.receipts
	maxConversations = 100       // conversations that one call changes
	maxUsers         = 100       // users of profile.get, status.get and status.watch
	maxBlacklist     = 1000      // users of blacklist.add and blacklist.remove, and on a blacklist
	maxTexts         = 512 << 10 // bytes of a user's drafts, custom data and conversation groups
	maxWatches       = 200       // users of status.unwatch and session.sync, and those whom one session watches
)

// bounded checks the length of a list that a call names.
func bounded[T any](list []T, most int, of string) error {
	if len(list) == 0 || len(list) > most {
		return fault.With(fault.BadParameters, "name 1 to "+strconv.Itoa(most)+" "+of)
	}
	return nil
}

// distinct returns a list without repetitions; the first of equal elements
// stays.
func distinct[T comparable](list []T) []T {
	seen := make(map[T]struct{}, min(len(list), maxBlacklist))
	out := make([]T, 0, min(len(list), maxBlacklist))
	for _, v := range list {
		if _, again := seen[v]; !again {
			seen[v] = struct{}{}
			out = append(out, v)
		}
	}
	return out
}

// checkUsers checks a list of users, which the answer follows in its order and
// with its repetitions.
func checkUsers(ids []string, most int) error {
	if err := bounded(ids, most, "users"); err != nil {
		return err
	}
	for _, id := range ids {
		if !frame.ValidUserID(id) {
			return fault.With(fault.BadParameters, "no UserID: "+strconv.Quote(id))
		}
	}
	return nil
}

// distinctUsers is checkUsers for a call that does something with each user.
func distinctUsers(ids []string, most int) ([]string, error) {
	ids = distinct(ids)
	return ids, checkUsers(ids, most)
}

// peersIn returns the peers of a list of conversations, each once.
func peersIn(conversationIDs []string) ([]string, error) {
	ids := distinct(conversationIDs)
	if err := bounded(ids, maxConversations, "conversations"); err != nil {
		return nil, err
	}
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		peer, ok := peerOf(id)
		if !ok {
			return nil, fault.With(fault.NoConversation, strconv.Quote(id))
		}
		out = append(out, peer)
	}
	return out, nil
}

// growing are the methods that add to what is stored.
var growing = map[string]bool{
	frame.MessageSend: true, frame.MessageModify: true, frame.MessageRead: true, frame.MessageReadAll: true,
	frame.MessageReact: true, frame.MessageReceipt: true, frame.MessageExtend: true, frame.MessagePin: true,
	frame.ConversationPin: true, frame.ConversationDraft: true, frame.ConversationCustom: true, frame.ConversationMark: true,
	frame.ConversationRemind: true, frame.ConversationGroupCreate: true, frame.ConversationGroupRename: true, frame.ConversationGroupAdd: true,
	frame.ConversationEnter: true, frame.RemindAllSet: true,
	frame.ProfileSet: true, frame.BlacklistAdd: true,
}

// Grows reports whether a method adds to what is stored. While the store is
// full the gateway refuses its calls; logins, reading, revoking and deleting
// still work.
func Grows(method string) bool { return growing[method] }
