package layout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// Kinds of documents that only the first layout has.
const (
	kindPeers  = "peers"
	kindCursor = "cursor"
)

// made is a document of the second layout.
type made struct {
	stream  string
	subject string
	data    []byte
	log     string // of a conversation: the subject of its messages
}

// ofFirst returns the owner of a document of the first layout, as the two
// tokens <app>.<user>, and its kind; ok is false for documents that both
// layouts have.
func ofFirst(subject string) (owner, kind string, ok bool) {
	rest, ours := strings.CutPrefix(subject, bus.SubjectDocuments)
	dot := strings.LastIndexByte(rest, '.')
	if !ours || dot < 0 || strings.Count(rest, ".") != 2 {
		return "", "", false
	}
	owner, kind = rest[:dot], rest[dot+1:]
	return owner, kind, kind == kindPeers || kind == kindCursor
}

// convert returns the documents of the second layout that replace a document of
// the first one. They depend on that document alone, so it can be repeated.
func convert(subject string, data []byte) ([]made, error) {
	owner, kind, ok := ofFirst(subject)
	if !ok {
		return nil, nil
	}
	if kind == kindCursor {
		var c struct {
			Pos uint64 `json:"p"`
		}
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", subject, err)
		}
		return []made{{stream: bus.StreamCursors, subject: bus.SubjectCursors + owner, data: []byte(cursor(c.Pos))}}, nil
	}
	// The settings of a conversation are the same in both layouts. A
	// conversation without settings has a document, too, because that is what
	// lists it.
	var peers map[string]json.RawMessage
	if err := json.Unmarshal(data, &peers); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", subject, err)
	}
	docs := make([]made, 0, len(peers))
	for peer, settings := range peers {
		docs = append(docs, made{
			stream: bus.StreamConversations, subject: bus.SubjectConversations + owner + "." + bus.ConversationTail(peer),
			data: settings, log: logOf(owner, peer),
		})
	}
	slices.SortFunc(docs, func(a, b made) int { return strings.Compare(a.subject, b.subject) })
	return docs, nil
}

// cursor returns a position of the first layout as a cursor of the second,
// which has seen no settings, whatever the user had seen.
func cursor(pos uint64) string { return "2.0." + strconv.FormatUint(pos, 10) }

// logOf returns the subject of the messages of an owner's conversation, or ""
// if the owner's token is malformed.
func logOf(owner, peer string) string {
	app, token, _ := strings.Cut(owner, ".")
	user, err := bus.UserOfToken(token)
	if err != nil {
		return ""
	}
	return bus.SubjectMessages + app + "." + bus.UserToken(min(user, peer)) + "." + bus.UserToken(max(user, peer))
}
