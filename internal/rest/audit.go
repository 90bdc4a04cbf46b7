package rest

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/tim-wasm/tim/internal/audit"
	"github.com/tim-wasm/tim/internal/fault"
)

// Audit is what the API needs of the audit log.
type Audit interface {
	Add(ctx context.Context, app uint32, k audit.Kind, e audit.Entry) error
	List(ctx context.Context, app uint32, k audit.Kind, cursor string, limit int) ([]audit.Entry, string, error)
}

// reading lists the commands that change nothing and show no message. Whatever
// is not named here is recorded, so a new command is recorded by itself.
var reading = words("im_open_login_svc/account_check openim/query_online_status openim/querystate " +
	"openim/get_c2c_unread_msg_num group_open_http_svc/get_appid_group_list group_open_http_svc/get_group_info " +
	"group_open_http_svc/get_group_member_info group_open_http_svc/get_role_in_group " +
	"group_open_http_svc/get_joined_group_list group_open_http_svc/get_online_member_num " +
	"group_open_http_svc/get_group_shutted_uin group_open_http_svc/get_group_muted_account " +
	"group_open_http_svc/get_group_ban_member group_open_avchatroom_http_svc/get_members " +
	"group_open_http_svc/get_group_counter group_open_attr_http_svc/get_group_attr " +
	"million_group_open_http_svc/get_topic profile/portrait_get " +
	"sns/black_list_check sns/black_list_get sns/friend_check sns/friend_get sns/friend_get_list sns/group_get " +
	"recentcontact/get_list recentcontact/get_contact_group recentcontact/search_contact_group " +
	"timd_account/get timd_account/list timd_audit/list timd_cluster/get timd_config/get timd_group/list timd_quota/get timd_session/list timd_session/watch timd_stats/get")

// messaging lists the commands that send or import messages, which a back end
// may call all day.
var messaging = words("openim/sendmsg openim/batchsendmsg openim/importmsg group_open_http_svc/send_group_msg " +
	"group_open_http_svc/send_group_system_notification group_open_http_svc/send_broadcast_msg " +
	"group_open_http_svc/import_group_msg")

func words(s string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(s) {
		all[word] = true
	}
	return all
}

// record enters a command in the audit log. What has been done stays done if
// that fails: the entry is in the process's log then.
func (a *API) record(ctx context.Context, command string, c *call, addr string, err error) {
	if a.o.Audit == nil || reading[command] {
		return
	}
	e := audit.Entry{Time: a.o.Now().UnixMilli(), Admin: c.admin, Addr: addr, Command: command, On: fieldsNamed(c.body)}
	if err != nil {
		e.Code = asFault(err).Code
	}
	kind := audit.Acts
	if messaging[command] {
		kind = audit.Messages
	}
	// The caller may have hung up, or the command may have used up its time.
	if err := a.o.Audit.Add(context.WithoutCancel(ctx), c.app, kind, e); err != nil {
		a.o.Log.Error("an entry of the audit log could not be stored", "sdkAppID", c.app, "admin", e.Admin,
			"address", e.Addr, "command", e.Command, "code", int(e.Code), "on", e.On, "error", err)
	}
}

// recorded are the fields of a command that say what it was about. Texts are
// not among them: they may be private.
var recorded = strings.Fields("UserID Identifier InstanceID From_Account To_Account Owner_Account NewOwner_Account " +
	"Report_Account Peer_Account Sender_Account ToMembers_Account Member_Account Members_Account MemberToDel_Account User_Account DeleteItem AccountList Accounts MemberList AddFriendItem " +
	"GroupId TopicId TopicIdList Type Role ShutUpTime Duration ShutUpAllMember MsgKey MsgSeq MsgSeqList UnreadMsgNum Position Until WebInstances LoginMode Bytes Conversations Reset Expire")

// Bounds of what is recorded of one field.
const (
	maxValues = 10
	maxValue  = 64 // bytes
)

func fieldsNamed(body object) (all []audit.Field) {
	for _, name := range recorded {
		if !body.has(name) {
			continue
		}
		values := []json.RawMessage{body[name]}
		if len(body[name]) > 0 && body[name][0] == '[' && json.Unmarshal(body[name], &values) != nil {
			continue
		}
		f := audit.Field{Name: name, Values: []string{}, More: max(0, len(values)-maxValues)}
		for _, raw := range values[:len(values)-f.More] {
			if text, ok := valueOf(raw); ok {
				f.Values = append(f.Values, text)
			}
		}
		all = append(all, f)
	}
	return all
}

// valueOf returns a value as text; of an object, the first of the recorded fields
// that it has.
func valueOf(raw json.RawMessage) (string, bool) {
	var o object
	if json.Unmarshal(raw, &o) == nil && o != nil {
		for _, name := range recorded {
			if o.has(name) && o[name][0] != '{' && o[name][0] != '[' {
				return valueOf(o[name])
			}
		}
		return "", false
	}
	text := plain(raw)
	if len(text) > maxValue {
		text = strings.ToValidUTF8(text[:maxValue], "") + "…"
	}
	return text, true
}

// entry is an entry of timd_audit/list.
type entry struct {
	Time      int64 // Unix ms
	Admin     string
	Address   string
	Command   string
	ErrorCode fault.Code // 0: it was carried out
	On        []field
}

// field is what a command was given: More values are left out.
type field struct {
	Name   string
	Values []string
	More   int
}

// auditList: {"Limit"?: 1–200, "Next"?, "Messages"?} returns {"EntryList",
// "Next"}, the newest entry first: of commands that sent or imported messages
// with Messages true, otherwise of all others. Next is "" at the end.
func (a *API) auditList(ctx context.Context, c *call) (reply, error) {
	if a.o.Audit == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd keeps no audit log")
	}
	limit, cursor, err := c.body.page()
	if err != nil {
		return nil, err
	}
	messages, err := c.body.truth("Messages")
	if err != nil {
		return nil, err
	}
	kind := audit.Acts
	if messages {
		kind = audit.Messages
	}
	page, next, err := a.o.Audit.List(ctx, c.app, kind, cursor, limit)
	list := make([]entry, len(page))
	for i, e := range page {
		list[i] = entry{Time: e.Time, Admin: e.Admin, Address: e.Addr, Command: e.Command, ErrorCode: e.Code, On: make([]field, len(e.On))}
		for j, f := range e.On {
			list[i].On[j] = field{Name: f.Name, Values: f.Values, More: f.More}
		}
	}
	return reply{"EntryList": list, "Next": next}, err
}
