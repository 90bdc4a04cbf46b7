package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/accounts"
	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// Sessions is what the API needs from the registry.
type Sessions interface {
	Get(ctx context.Context, u place.User) (registry.View, error)
	List(ctx context.Context, app uint32, cursor string, limit int) ([]registry.View, string, error)
	KickUser(ctx context.Context, u place.User) error
	KickInstance(ctx context.Context, u place.User, instance string) (bool, error)
	Ban(ctx context.Context, u place.User, b registry.Ban) (registry.Ban, error)
	Unban(ctx context.Context, u place.User) (bool, error)
	Banned(ctx context.Context, app uint32, cursor string, limit int) ([]registry.View, string, error)
	// History returns a user's newest logins and their ends, the newest first; kept is
	// false when this timd keeps none.
	History(ctx context.Context, u place.User) (events []registry.Event, kept bool, err error)
	Watch(ctx context.Context, app uint32) (<-chan registry.Event, error)
	Settings(app uint32) registry.Settings
	SetSettings(ctx context.Context, app uint32, p registry.Patch) (registry.Settings, error)
}

// Options of an API. Sessions, Accounts and Keys are required.
type Options struct {
	Sessions Sessions
	Accounts *accounts.Accounts
	// Keys returns the secret keys of an app, nil when it is not served here.
	Keys func(sdkAppID uint32) []string
	// Send stores and delivers a message; nil when messages are off.
	Send func(ctx context.Context, m inbox.ServerMessage) (inbox.Sent, error)
	// Import stores a message of another system with its own time, and reports
	// whether it was not there yet; nil when messages are off.
	Import func(ctx context.Context, m inbox.ServerMessage, at time.Time, unread bool) (inbox.Sent, bool, error)
	// PeerMessages are the conversations between two users; nil when messages are off.
	PeerMessages PeerMessages
	// Groups carries out calls about groups; nil when there are none.
	Groups Groups
	// LiveRooms are live rooms; nil when there are none.
	LiveRooms LiveRooms
	// GroupMessages are those of groups; nil when messages are off.
	GroupMessages GroupMessages
	// Moderation reads and revokes messages; nil when messages are off.
	Moderation Moderation
	// People are profiles and blacklists, Contacts friends; nil when messages are
	// off.
	People   People
	Contacts Contacts
	// Quotas shows and changes what users may use; nil when messages are off.
	Quotas Quotas
	// Cluster returns what is known of the gateways and of NATS; it may be nil.
	Cluster func(ctx context.Context) (Cluster, error)
	// Stats has the statistics of apps; nil when none are kept.
	Stats Stats
	// Sign returns a UserSig of an app's user, signed with the app's first key; nil:
	// this timd signs none.
	Sign func(app uint32, userID string, expire time.Duration) string
	// Audit records what was done; nil: nothing is recorded.
	Audit Audit
	// Profile receives the nick and face of an import, nil for those that were
	// not given. It may be nil.
	Profile func(ctx context.Context, u place.User, nick, face *string) error
	// Forget is called for an account before it is deleted, and again when
	// none of its instances is left: the next owner of the same UserID is
	// another person. It may be nil.
	Forget func(ctx context.Context, u place.User) error
	// Rate is how many calls a second an app may make of one command, on this
	// gateway; 200 when 0. All its commands together get five times as many.
	Rate int
	// Observe, if given, receives each call that reached a command, or
	// "unknown".
	Observe func(command string, code fault.Code, took time.Duration)
	// Addr returns the address of a request's sender; nil: that of its
	// connection.
	Addr func(r *http.Request) string
	// Log is slog.Default when nil.
	Log *slog.Logger
	// Now is time.Now when nil.
	Now func() time.Time
}

// API serves /v4/. It is safe for concurrent use.
type API struct {
	o      Options
	rates  rates
	counts counter

	watchers watchers
	stop     context.Context // ends streams
	halt     context.CancelFunc
}

// New returns an API that serves as soon as ServeHTTP is called.
func New(o Options) (*API, error) {
	if o.Sessions == nil || o.Accounts == nil || o.Keys == nil {
		return nil, errors.New("rest: Sessions, Accounts and Keys are needed")
	}
	if o.Rate <= 0 {
		o.Rate = 200
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, fault.Code, time.Duration) {}
	}
	if o.Addr == nil {
		o.Addr = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	a := &API{o: o}
	a.rates.perCommand = o.Rate
	a.stop, a.halt = context.WithCancel(context.Background())
	return a, nil
}

// Close ends the streams, so that the HTTP server can end.
func (a *API) Close() { a.halt() }

// call is one request that was admitted.
type call struct {
	app          uint32
	admin        string // UserID of the administrator
	signed, ends int64  // of its UserSig, Unix seconds
	body         object
	w            http.ResponseWriter
}

// user names an account of the call's app.
func (c *call) user(id string) place.User { return place.User{SDKAppID: c.app, UserID: id} }

// reply holds the fields of an answer besides the common ones.
type reply map[string]any

// errStreamed means that a command has written its own answer.
var errStreamed = errors.New("rest: answered by a stream")

// commands maps service/command to its function.
var commands = map[string]func(*API, context.Context, *call) (reply, error){
	"im_open_login_svc/kick":                       (*API).kick,
	"im_open_login_svc/account_import":             (*API).accountImport,
	"im_open_login_svc/multiaccount_import":        (*API).accountImportMany,
	"im_open_login_svc/account_check":              (*API).accountCheck,
	"im_open_login_svc/account_delete":             (*API).accountDelete,
	"openim/query_online_status":                   (*API).onlineStatus,
	"openim/querystate":                            (*API).onlineState,
	"openim/sendmsg":                               (*API).sendMessage,
	"openim/batchsendmsg":                          (*API).sendMany,
	"openim/importmsg":                             (*API).importMessage,
	"openim/admin_msgwithdraw":                     (*API).withdraw,
	"recentcontact/get_list":                       (*API).recentList,
	"recentcontact/delete":                         (*API).recentDelete,
	"openim/admin_getroammsg":                      (*API).roam,
	"openim/admin_set_msg_read":                    (*API).setRead,
	"openim/get_c2c_unread_msg_num":                (*API).unreadOfPeers,
	"openim/modify_c2c_msg":                        (*API).modifyPeerMessage,
	"openim/modify_group_msg":                      (*API).modifyGroupMessage,
	"group_open_http_svc/create_group":             (*API).createGroup,
	"group_open_http_svc/destroy_group":            (*API).destroyGroup,
	"group_open_http_svc/modify_group_base_info":   (*API).modifyGroup,
	"group_open_http_svc/change_group_owner":       (*API).changeOwner,
	"group_open_http_svc/add_group_member":         (*API).addMembers,
	"group_open_http_svc/delete_group_member":      (*API).deleteMembers,
	"group_open_http_svc/forbid_send_msg":          (*API).muteMembers,
	"group_open_http_svc/get_group_info":           (*API).getGroups,
	"group_open_http_svc/get_group_member_info":    (*API).getMembers,
	"group_open_http_svc/get_role_in_group":        (*API).getRoles,
	"group_open_http_svc/get_joined_group_list":    (*API).getJoined,
	"group_open_http_svc/get_online_member_num":    (*API).getOnline,
	"group_open_http_svc/get_group_shutted_uin":    (*API).getMuted,
	"group_open_http_svc/get_group_muted_account":  (*API).getMutedAccounts,
	"group_open_http_svc/modify_group_member_info": (*API).modifyMember,
	"group_open_http_svc/send_broadcast_msg":       (*API).broadcast,
	"group_open_http_svc/ban_group_member":         (*API).banMembers,
	"group_open_http_svc/unban_group_member":       (*API).unbanMembers,
	"group_open_http_svc/get_group_ban_member":     (*API).getBans,
	"group_open_http_svc/send_group_msg":           (*API).sendGroupMessage,
	"group_open_http_svc/group_msg_recall":         (*API).recallGroupMessages,
	"group_open_http_svc/set_unread_msg_num":       (*API).setUnread,
	"group_open_http_svc/import_group":             (*API).importGroup,
	"group_open_http_svc/import_group_member":      (*API).importMembers,
	"group_open_http_svc/import_group_msg":         (*API).importGroupMessages,
	"group_open_http_svc/import_topic":             (*API).importTopic,
	"group_open_avchatroom_http_svc/get_members":   (*API).getRoomMembers,
	"group_open_attr_http_svc/get_group_attr":      (*API).getAttributes,
	"group_open_http_svc/set_group_attr":           (*API).setAttributes,
	"group_open_http_svc/modify_group_attr":        (*API).modifyAttributes,
	"group_open_http_svc/delete_group_attr":        (*API).deleteAttributes,
	"group_open_http_svc/clear_group_attr":         (*API).clearAttributes,
	"group_open_http_svc/get_group_counter":        (*API).getCounters,
	"group_open_http_svc/update_group_counter":     (*API).updateCounters,
	"group_open_http_svc/delete_group_counter":     (*API).deleteCounters,
	"profile/portrait_get":                         (*API).portraitGet,
	"profile/portrait_set":                         (*API).portraitSet,
	"sns/black_list_add":                           (*API).blackListAdd,
	"sns/black_list_delete":                        (*API).blackListDelete,
	"sns/black_list_get":                           (*API).blackListGet,
	"sns/friend_add":                               (*API).friendAdd,
	"sns/friend_check":                             (*API).friendCheck,
	"sns/friend_delete":                            (*API).friendDelete,
	"sns/friend_get":                               (*API).friendGet,
	"sns/friend_import":                            (*API).friendImport,
	"timd_account/ban":                             (*API).accountBan,
	"timd_account/unban":                           (*API).accountUnban,
	"timd_account/get":                             (*API).accountGet,
	"timd_account/list":                            (*API).accountList,
	"timd_audit/list":                              (*API).auditList,
	"timd_cluster/get":                             (*API).clusterGet,
	"timd_config/get":                              (*API).configGet,
	"timd_config/set":                              (*API).configSet,
	"timd_group/list":                              (*API).groupList,
	"timd_message/list":                            (*API).messageList,
	"timd_message/revoke":                          (*API).messageRevoke,
	"timd_quota/get":                               (*API).quotaGet,
	"timd_quota/set":                               (*API).quotaSet,
	"timd_session/list":                            (*API).sessionList,
	"timd_session/kick":                            (*API).sessionKick,
	"timd_session/watch":                           (*API).sessionWatch,
	"timd_stats/get":                               (*API).statsGet,
	"timd_usersig/sign":                            (*API).signUserSig,

	"group_open_http_svc/delete_group_msg_by_sender":     (*API).recallOfSender,
	"group_open_http_svc/get_appid_group_list":           (*API).groupIDs,
	"group_open_http_svc/send_group_system_notification": (*API).notifyMembers,
	"group_open_http_svc/group_msg_get_simple":           (*API).readGroupMessages,
	"million_group_open_http_svc/create_topic":           (*API).createTopic,
	"million_group_open_http_svc/destroy_topic":          (*API).destroyTopics,
	"million_group_open_http_svc/get_topic":              (*API).getTopics,
	"million_group_open_http_svc/modify_topic":           (*API).modifyTopic,
}

// maxBody is the longest request body: 100 accounts with long nicks and faces
// are some 110 KB.
const maxBody = 256 << 10

// bodyTimeout is how long a body may take to arrive.
const bodyTimeout = 15 * time.Second

// callTimeout limits a command; the registry gives up earlier, and kick waits
// for the end of a second.
const callTimeout = 20 * time.Second

// ServeHTTP answers one call.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := a.o.Now()
	name := strings.TrimPrefix(r.URL.Path, "/v4/")
	run := commands[name]
	if run == nil && name != openAPIName {
		name = "unknown"
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name == openAPIName {
		serveOpenAPI(w, r)
		return
	}
	answer, err := a.serve(w, r, name, run)
	code := fault.Code(0)
	switch {
	case err == nil:
		succeed(w, answer)
	case !errors.Is(err, errStreamed):
		code = a.fail(w, name, err)
	}
	a.o.Observe(name, code, a.o.Now().Sub(began))
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, name string, run func(*API, context.Context, *call) (reply, error)) (reply, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // only a test's writer has no deadlines
	c, err := a.admit(r, name, run != nil)
	if err != nil {
		return nil, err
	}
	c.w = w
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, fault.With(fault.RESTJSON, "the body is longer than 256 KB")
		}
		return nil, fault.With(fault.RESTJSON, "the body did not arrive whole: send it again")
	}
	_ = control.SetReadDeadline(time.Time{}) // a stream notices by itself when its reader goes
	if c.body, err = parseObject(data); err != nil {
		return nil, err
	}
	ctx := withAdmin(r.Context(), c.admin, a.o.Addr(r))
	if name != "timd_session/watch" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	answer, err := run(a, ctx, c)
	a.record(ctx, name, c, a.o.Addr(r), err)
	return answer, err
}

func succeed(w http.ResponseWriter, fields reply) {
	all := reply{"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}
	for k, v := range fields {
		all[k] = v
	}
	write(w, all)
}

// fail answers with what a caller may know about an error, and returns its
// code.
func (a *API) fail(w http.ResponseWriter, name string, err error) fault.Code {
	f := asFault(err)
	if f.Code == fault.Internal {
		a.o.Log.Error("a server API call failed", "command", name, "error", err)
	}
	write(w, reply{"ActionStatus": "FAIL", "ErrorInfo": f.Message, "ErrorCode": f.Code})
	return f.Code
}

func asFault(err error) *fault.Error { return bus.Fault(err) }

func write(w http.ResponseWriter, v reply) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	e := json.NewEncoder(w)
	// HTML in a nick stays harmless even where a browser would guess the type.
	e.SetEscapeHTML(true)
	_ = e.Encode(v) // the caller is gone
}
