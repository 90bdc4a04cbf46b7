package rest

import (
	"strings"

	"github.com/tim-wasm/tim/internal/fault"
)

// vendorCommands lists the commands of the vendor's server API, by service,
// whether or not they are built here. A back end that calls one of them has
// made no mistake, so its error differs from that of a misspelling.
var vendorCommands = map[string]string{
	"im_open_login_svc": "account_check account_delete account_import kick multiaccount_import",
	"openim": "admin_getroammsg admin_msgwithdraw admin_set_msg_read batchsendmsg get_c2c_unread_msg_num importmsg " +
		"modify_c2c_msg modify_group_msg query_online_status querystate sendmsg",
	"all_member_push": "im_add_tag im_get_attr im_get_attr_name im_get_tag im_push im_remove_all_tags im_remove_attr " +
		"im_remove_tag im_set_attr im_set_attr_name",
	"profile": "portrait_get portrait_set",
	"sns": "black_list_add black_list_check black_list_delete black_list_get friend_add friend_check friend_delete " +
		"friend_delete_all friend_get friend_get_all friend_get_list friend_import friend_update group_add group_delete group_get",
	"follow": "follow_add follow_check follow_delete follow_get follow_get_info",
	"recentcontact": "create_contact_group del_contact_group delete get_contact_group get_list mark_contact " +
		"search_contact_group update_contact_group",
	"group_open_http_svc": "add_group_member ban_group_member change_group_owner clear_group_attr create_group " +
		"delete_group_attr delete_group_counter delete_group_member delete_group_msg_by_sender destroy_group " +
		"forbid_send_msg get_appid_group_list get_group_ban_member get_group_counter get_group_info " +
		"get_group_member_info get_group_msg_receipt get_group_msg_receipt_detail get_group_muted_account get_group_shutted_uin get_joined_group_list get_online_member_num get_role_in_group " +
		"group_msg_get_simple group_msg_recall import_group import_group_member import_group_msg import_topic modify_group_attr " +
		"modify_group_base_info modify_group_member_info send_broadcast_msg send_group_msg " +
		"send_group_system_notification set_group_attr set_unread_msg_num unban_group_member update_group_counter",
	"group_open_avchatroom_http_svc": "get_admin_list get_members modify_admin modify_user_info",
	"group_open_attr_http_svc":       "get_group_attr",
	"million_group_open_http_svc":    "create_topic destroy_topic get_topic modify_topic",
	"official_account_open_http_svc": "send_official_account_msg",
	"openim_dirty_words":             "add delete get",
	"openconfigsvr":                  "getappinfo getnospeaking setnospeaking",
	"open_msg_svc":                   "get_history",
	"ConfigSvc":                      "GetIPList",
}

// noCommand is the answer to a path that no command has.
func noCommand(path string) error {
	service, command, _ := strings.Cut(path, "/")
	for name := range strings.FieldsSeq(vendorCommands[service]) {
		if name == command {
			return &fault.Error{
				Code:    fault.RESTURL,
				Message: "The vendor's command " + path + " is not built in timd: web/examples/README.md lists those that are.",
			}
		}
	}
	return fault.New(fault.RESTURL)
}
