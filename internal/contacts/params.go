package contacts

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// How much a user may have.
const (
	MaxFriends      = 3000
	MaxApplications = 100 // that came, and as many that were sent
	MaxGroups       = 32
)

// How much a call may say. Texts are counted in bytes.
const (
	maxSource  = len(sourcePrefix) + 8
	maxWording = 256
	maxRemark  = 96
	maxGroup   = 30

	maxDelete = 100  // users of a deletion by the server API
	maxEnded  = 50   // of friend.delete
	maxUsers  = 100  // of friend.get and friend.check
	maxMember = 1000 // of a change of a group
)

const sourcePrefix = "AddSource_Type_"

// The values of types, as the originals have them.
const (
	addSingle    = "Add_Type_Single"
	addBoth      = "Add_Type_Both"
	deleteSingle = "Delete_Type_Single"
	deleteBoth   = "Delete_Type_Both"
	checkSingle  = "CheckResult_Type_Single"
	checkBoth    = "CheckResult_Type_Both"
	agree        = "Response_Action_Agree"
	agreeAndAdd  = "Response_Action_AgreeAndAdd"
	comeIn       = "Pendency_Type_ComeIn"
	sendOut      = "Pendency_Type_SendOut"
	bothWays     = "Pendency_Type_Both"
)

func bad(detail string) error { return fault.With(fault.SNSBadParameters, detail) }

// oneOf checks a type; an empty one becomes the first, the default.
func oneOf(name string, v *string, of ...string) error {
	if *v == "" {
		*v = of[0]
	}
	if !slices.Contains(of, *v) {
		return bad(name + " must be one of " + strings.Join(of, ", "))
	}
	return nil
}

func text(name, v string, most int) error {
	if len(v) > most || !utf8.ValidString(v) {
		return bad(name + " must be UTF-8 of at most " + strconv.Itoa(most) + " bytes")
	}
	return nil
}

// checkNonce checks the nonce of a call, by which its repetition is known.
func checkNonce(nonce string) error {
	if !frame.ValidNonce(nonce) {
		return bad(frame.NonceRule)
	}
	return nil
}

// user checks another user's UserID.
func user(self, id string) error {
	switch {
	case !frame.ValidUserID(id):
		return bad(strconv.Quote(id) + " is not a UserID: 1 to 32 bytes of printable ASCII")
	case id == self:
		return bad("a user cannot be their own friend: name another UserID")
	}
	return nil
}

// users checks a list and returns it without repetitions.
func users(ids []string, most int) ([]string, error) {
	if len(ids) == 0 || len(ids) > most {
		return nil, bad("name 1 to " + strconv.Itoa(most) + " users")
	}
	seen := make(map[string]bool, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !frame.ValidUserID(id) {
			return nil, bad(strconv.Quote(id) + " is not a UserID: 1 to 32 bytes of printable ASCII")
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// Add says whom a user adds as a friend, and how.
type Add struct {
	UserID    string          `json:"userID"`
	Source    string          `json:"source"`
	Wording   string          `json:"wording"`
	Remark    string          `json:"remark"`
	GroupName string          `json:"groupName"`
	Type      string          `json:"type"`
	Nonce     string          `json:"nonce"`
	Force     bool            `json:"-"` // neither a blacklist nor the profile is asked
	Time      int64           `json:"-"` // since when, of an import; 0: now
	Custom    json.RawMessage `json:"-"` // of an import
}

func (p *Add) check(self string) error {
	if err := user(self, p.UserID); err != nil {
		return err
	}
	if p.Source != "" && (!strings.HasPrefix(p.Source, sourcePrefix) || len(p.Source) > maxSource) {
		return bad("source must be " + sourcePrefix + " and up to 8 letters")
	}
	for _, t := range []struct {
		name, value string
		most        int
	}{
		{"source", p.Source, maxSource}, {"wording", p.Wording, maxWording}, {"remark", p.Remark, maxRemark},
		{"groupName", p.GroupName, maxGroup},
	} {
		if err := text(t.name, t.value, t.most); err != nil {
			return err
		}
	}
	if err := checkNonce(p.Nonce); err != nil {
		return err
	}
	return oneOf("type", &p.Type, addBoth, addSingle)
}

// groupName checks the name of a friend group.
func groupName(name string) error {
	if name == "" {
		return bad("a friend group has a name of 1 to " + strconv.Itoa(maxGroup) + " bytes")
	}
	return text("the name of a friend group", name, maxGroup)
}
