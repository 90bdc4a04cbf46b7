package inbox

import (
	"encoding/json"

	"github.com/tim-wasm/tim/internal/fault"
)

// maxQuoted is how many bytes the ID of a message that is quoted may have.
const maxQuoted = 128

// Quote names the message that another one quotes. Nothing is looked up by it here:
// whoever reads the message looks among those that they may see.
type Quote struct {
	ID       string `json:"msgID"`
	Time     int64  `json:"messageTime"` // Unix seconds
	Sequence uint64 `json:"messageSequence"`
}

// cleanSend checks what a client's message says and quotes, and returns its payload
// as it is stored.
func (in *Inbox) cleanSend(p sendParams) (json.RawMessage, error) {
	if err := p.Quote.check(); err != nil {
		return nil, err
	}
	return in.cleanPayload(p.Type, p.Payload, p.CloudCustomData)
}

// check refuses what cannot name a message; a message that quotes none has no Quote.
func (q *Quote) check() error {
	if q != nil && (q.ID == "" || !validText(q.ID, maxQuoted) || q.Time < 0) {
		return fault.With(fault.BadParameters, "quoteInfo must name a message by its msgID: let createQuoteMessage make it")
	}
	return nil
}
