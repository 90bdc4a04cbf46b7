package mailbox

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// watch and unwatch change the set of watched users when the answer comes:
// answers come in the order of the calls, and a reconnect subscribes to whoever
// is in the set then.
func (m *Machine) watch(in Watch) {
	m.ask(frame.StatusWatch, users(in.IDs), 0, func(result frame.Body, err *fault.Error) {
		if err == nil {
			for _, id := range in.IDs {
				m.watched = m.watched.with(id)
			}
		}
		m.settle(Settle{Call: in.Call, Result: result, Err: err})
	})
}

func (m *Machine) unwatch(in Unwatch) {
	m.ask(frame.StatusUnwatch, users(in.IDs), 0, func(result frame.Body, err *fault.Error) {
		if err == nil {
			for _, id := range in.IDs {
				m.watched = m.watched.without(id)
			}
			if len(in.IDs) == 0 {
				m.watched = nil
			}
		}
		m.settle(Settle{Call: in.Call, Result: result, Err: err})
	})
}

func users(ids []string) frame.Fields { return texts("userIDs", ids) }

// userSet is a set of users, in order.
type userSet []string

// place returns where a user is in the set, or where they belong.
func (s userSet) place(id string) (at int, there bool) {
	low, high := 0, len(s)
	for low < high {
		if mid := (low + high) / 2; s[mid] < id {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(s) && s[low] == id
}

func (s userSet) with(id string) userSet {
	at, there := s.place(id)
	if there {
		return s
	}
	s = append(s, "")
	copy(s[at+1:], s[at:])
	s[at] = id
	return s
}

func (s userSet) without(id string) userSet {
	at, there := s.place(id)
	if !there {
		return s
	}
	return append(s[:at], s[at+1:]...)
}
