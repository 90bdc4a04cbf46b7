package inbox

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// mergerPayload is that of a message which holds other ones. Those that do not
// fit the body are in a file, which the sender has uploaded before and which
// DownloadKey names; then MessageList is empty. The gateway never reads that
// file: what is in it is between the two users, as in a file that one sends.
type mergerPayload struct {
	Title          string   `json:"title"`
	AbstractList   []string `json:"abstractList"`
	CompatibleText string   `json:"compatibleText"`
	Version        int      `json:"version"`
	MessageList    []merged `json:"messageList"`
	DownloadKey    string   `json:"downloadKey"`
	// The originals have these, too. Here they are never set.
	PbDownloadKey   string `json:"pbDownloadKey"`
	LayersOverLimit bool   `json:"layersOverLimit"`
	// Files are those that the merged messages name: they last as long as this
	// message does.
	Files []string `json:"files,omitempty"`
}

// merged is one of the messages that a merger holds, as its sender says.
type merged struct {
	ID              string          `json:"ID"`
	From            string          `json:"from"`
	Time            int64           `json:"time"`
	Nick            string          `json:"nick"`
	Avatar          string          `json:"avatar"`
	CloudCustomData string          `json:"cloudCustomData,omitempty"`
	ReceiverUserID  string          `json:"receiverUserID,omitempty"`
	ReceiverGroupID string          `json:"receiverGroupID,omitempty"`
	MessageBody     []mergedElement `json:"messageBody"`
}

type mergedElement struct {
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

const (
	maxMerged      = 512 << 10 // bytes of the file of a merger
	maxMergedFiles = 100       // that its messages name
	refBytes       = 1 << 10   // what it costs to enter one of these, as stored
)

// clean puts a payload into the form in which it is stored.
func (p *mergerPayload) clean() error {
	p.PbDownloadKey, p.LayersOverLimit = "", false
	if p.DownloadKey != "" {
		p.MessageList = nil
	} else if len(p.MessageList) == 0 {
		return fault.With(fault.BodyMalformed, "payload.messageList is empty")
	}
	if len(p.Files) > maxMergedFiles {
		return fault.With(fault.MergerTooLarge, "its messages name too many files")
	}
	for i := range p.MessageList {
		m := &p.MessageList[i]
		if len(m.MessageBody) == 0 {
			return fault.With(fault.BodyMalformed, "a merged message has no messageBody")
		}
		for _, e := range m.MessageBody {
			if len(e.Payload) == 0 || e.Payload[0] != '{' {
				return fault.With(fault.BodyMalformed, "a merged message has no payload")
			}
		}
	}
	if p.MessageList == nil { // readers expect lists
		p.MessageList = []merged{}
	}
	if p.AbstractList == nil {
		p.AbstractList = []string{}
	}
	return nil
}

// fileNames lists the files that a merger names: its own one, if it has one,
// first.
func (p *mergerPayload) fileNames() []string {
	var names []string
	if p.DownloadKey != "" {
		names = append(names, nameOf(p.DownloadKey))
	}
	for _, uuid := range p.Files {
		names = append(names, nameOf(uuid))
	}
	return distinct(names)
}

// attach enters that a merger names its files. Of those that the merged
// messages name some may have gone with these; the others are kept.
func (p *mergerPayload) attach(ctx context.Context, in *Inbox, u place.User, message string) error {
	names := p.fileNames()
	var own []string
	if p.DownloadKey != "" {
		own, names = names[:1], names[1:]
		files, err := in.refer(ctx, u, message, own)
		if err != nil {
			return err
		}
		if files[0].Kind != kinds[typeFile] || files[0].Size > maxMerged {
			return fault.With(fault.MergerTooLarge, "the limit is "+bus.Size(maxMerged).String())
		}
		p.DownloadKey = uuidOf(u.SDKAppID, own[0])
	}
	p.Files = nil
	for _, name := range names {
		stored(ctx, refBytes)
		if _, err := in.refer(ctx, u, message, []string{name}); errors.Is(err, fault.New(fault.FileGone)) {
			continue
		} else if err != nil {
			return err
		}
		p.Files = append(p.Files, uuidOf(u.SDKAppID, name))
	}
	return nil
}
