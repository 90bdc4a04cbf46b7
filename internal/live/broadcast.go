package live

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// Broadcast is a message for all rooms of an app.
type Broadcast struct {
	App uint32
	ID  string // a repetition has the same one
	// Parts are the Message as clients see it, a JSON text, cut wherever it names the
	// room: each room gets its own ID in between.
	Parts []string
}

// SayInAll brings a message to the members of all rooms of an app, at priority High.
// The rooms are not asked whether they have an allowance for it on this gateway: the
// caller bounds how often it is called.
func (r *Rooms) SayInAll(b Broadcast) error {
	data, err := jsonframe.Marshal(b)
	if err != nil {
		return err
	}
	return r.bus.Publish(bus.SubjectAllRooms, data)
}

// heardBroadcast takes a broadcast of any gateway, this one included.
func (r *Rooms) heardBroadcast(data []byte) {
	var b Broadcast
	if err := json.Unmarshal(data, &b); err != nil {
		r.o.Report(fmt.Errorf("live: a broadcast: %w", err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for k, m := range r.rooms {
		if k.App == b.App {
			r.stats.messages.Add(1)
			r.push(m, said{ID: b.ID, Priority: High, Body: b.in(k.ID)})
		}
	}
}

// in returns the message in one room.
func (b Broadcast) in(id string) json.RawMessage {
	quoted, err := jsonframe.Marshal(id)
	if err != nil { // a string, so never
		return nil
	}
	return json.RawMessage(strings.Join(b.Parts, string(quoted[1:len(quoted)-1])))
}
