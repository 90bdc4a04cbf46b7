package group

// What clients see. Fields that have their default value are left out, see the
// package comment.

// Group is a group as clients see it.
type Group struct {
	GroupID          string    `json:"groupID"`
	Type             Type      `json:"type"`
	Name             string    `json:"name,omitempty"`
	Avatar           string    `json:"avatar,omitempty"`
	Introduction     string    `json:"introduction,omitempty"`
	Notification     string    `json:"notification,omitempty"`
	OwnerID          string    `json:"ownerID,omitempty"`
	CreateTime       int64     `json:"createTime"`
	InfoSequence     uint64    `json:"infoSequence,omitempty"`
	LastInfoTime     int64     `json:"lastInfoTime,omitempty"`
	NextMessageSeq   int64     `json:"nextMessageSeq"`
	MemberCount      int       `json:"memberCount,omitempty"`
	MaxMemberCount   int       `json:"maxMemberCount"`
	MuteAllMembers   bool      `json:"muteAllMembers,omitempty"`
	JoinOption       Option    `json:"joinOption"`
	InviteOption     Option    `json:"inviteOption"`
	GroupCustomField []Field   `json:"groupCustomField,omitempty"`
	IsSupportTopic   bool      `json:"isSupportTopic,omitempty"`
	SelfInfo         *SelfInfo `json:"selfInfo,omitempty"`
}

// SelfInfo is a member as they see themself.
type SelfInfo struct {
	UserID            string  `json:"userID"`
	Role              string  `json:"role"`
	JoinTime          int64   `json:"joinTime"`
	NameCard          string  `json:"nameCard,omitempty"`
	MuteUntil         int64   `json:"muteUntil,omitempty"`
	MemberCustomField []Field `json:"memberCustomField,omitempty"`
}

// GroupMember is a member as others see them.
type GroupMember struct {
	SelfInfo
	Nick   string `json:"nick,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

// Application is an application or invitation that waits, as clients see it.
type Application struct {
	Applicant       string `json:"applicant"`
	ApplicantNick   string `json:"applicantNick,omitempty"`
	GroupID         string `json:"groupID"`
	GroupName       string `json:"groupName,omitempty"`
	ApplicationType int    `json:"applicationType"` // 0 to join, 2 an invitation
	UserID          string `json:"userID"`          // the user who is to join
	Note            string `json:"note,omitempty"`
	Time            int64  `json:"time"`
	Authentication  string `json:"authentication"`
	MessageKey      string `json:"messageKey"`
}

// firstMessageSeq is the nextMessageSeq that every group shows: this package does
// not count messages.
const firstMessageSeq = 1

// shape returns a group without selfInfo; whole adds what only members see.
func (g group) shape(id string, whole bool) Group {
	s := Group{
		GroupID: id, Type: g.Type, Name: g.Name, Avatar: g.Avatar, Introduction: g.Introduction, OwnerID: g.Owner,
		CreateTime: g.Created, InfoSequence: g.Info, LastInfoTime: g.Changed, NextMessageSeq: firstMessageSeq,
		MemberCount: g.Members, MaxMemberCount: g.Most, MuteAllMembers: g.MuteAll,
		JoinOption: g.Join, InviteOption: g.Invite, IsSupportTopic: g.Topics,
	}
	if whole {
		s.Notification, s.GroupCustomField = g.Notification, g.Custom
	}
	return s
}

// seen returns a group as a user sees it.
func (g group) seen(id, userID string, m member, role Role) Group {
	s := g.shape(id, role > Stranger)
	if m.in(g) {
		s.SelfInfo = m.self(g, userID)
	}
	return s
}

// self returns a member as they see themself.
func (m member) self(g group, userID string) *SelfInfo {
	return &SelfInfo{
		UserID: userID, Role: m.role(g, userID).String(), JoinTime: m.Joined,
		NameCard: m.Card, MuteUntil: m.Mute, MemberCustomField: m.Custom,
	}
}

// Notifications.
type (
	groupNote struct {
		Group Group `json:"group"`
	}
	groupIDNote struct {
		GroupID string `json:"groupID"`
	}
	selfNote struct {
		GroupID  string    `json:"groupID"`
		SelfInfo *SelfInfo `json:"selfInfo"`
	}
	joinedNote struct {
		Group      Group  `json:"group"`
		OperatorID string `json:"operatorID"`
	}
	leftNote struct {
		GroupID    string `json:"groupID"`
		Reason     string `json:"reason"`
		OperatorID string `json:"operatorID,omitempty"`
	}
	handledNote struct {
		GroupID       string `json:"groupID"`
		OperatorID    string `json:"operatorID"`
		HandleAction  string `json:"handleAction"`
		HandleMessage string `json:"handleMessage,omitempty"`
	}
	attributesNote struct {
		GroupID         string            `json:"groupID,omitempty"`
		GroupAttributes map[string]string `json:"groupAttributes"`
	}
	countersNote struct {
		GroupID  string           `json:"groupID,omitempty"`
		Counters map[string]int64 `json:"counters"`
	}
)

// Reasons of groupLeft.
const (
	leftQuit      = "quit"
	leftKicked    = "kicked"
	leftDismissed = "dismissed"
)

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// picked returns the entries of a map that have one of the keys.
func picked[V any](m map[string]V, keys []string) map[string]V {
	out := make(map[string]V, len(keys))
	for _, k := range keys {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}

// fitting returns how many elements of a list fit into a result; at least one.
func fitting[T any](list []T, frame int) int {
	size := 0
	for n, v := range list {
		if size += len(encode(v)) + 1; size > frame && n > 0 {
			return n
		}
	}
	return len(list)
}
