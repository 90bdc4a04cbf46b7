// Package rest is timd's server API, POST /v4/{service}/{command}: what a back
// end and the console call. It also sends the webhooks.
//
//	api.go           the API: from a request to a command and its reply
//	admit.go         who may call: URL parameters, UserSig, Origin, rates
//	vendor.go        the vendor's commands, and the answer when one is not built
//	openapi.go       /v4/openapi.json, from the examples of commands.json
//	body.go          reading JSON bodies, whose names are case-sensitive
//	account.go       im_open_login_svc: kick, import, check, delete
//	online.go        openim/query_online_status and querystate
//	message.go       openim/sendmsg, batchsendmsg, importmsg
//	c2c.go           openim: what is unread, reading and revoking for users
//	contacted.go     recentcontact: the conversations of a user's list
//	group.go         group_open_http_svc: groups are made and changed
//	groupinfo.go     group_open_http_svc: groups and their members are read
//	groupmessage.go  group_open_http_svc: messages of groups, and what is set of members
//	modify.go        openim: messages are edited
//	groupsender.go   group_open_http_svc: what one sender has said, what a member has not read
//	grouphistory.go  group_open_http_svc: messages of groups are read
//	groupimport.go   group_open_http_svc: groups of another system
//	groupattributes.go  group_open_http_svc: attributes and counters of groups
//	groupdirectory.go  timd_group/list: all groups of an app
//	moderation.go    timd_message: list and revoke stored messages
//	grouptopic.go    million_group_open_http_svc: topics of communities
//	liveroom.go      group_open_http_svc: bans of live rooms, messages to all rooms
//	profile.go       profile: portrait_get, portrait_set
//	sns.go           sns: friends
//	blacklist.go     sns: black_list_add, black_list_delete, black_list_get
//	audit.go         timd_audit/list, and what is recorded of each command
//	ban.go           timd_account: ban, unban, list
//	user.go          timd_account/get: all that is known of a user
//	cluster.go       timd_cluster/get: gateways, NATS, what waits for the webhook
//	config.go        timd_config: get, set
//	quota.go         timd_quota: get, set
//	session.go       timd_session: list, kick
//	stats.go         timd_stats/get: what happened by day and hour
//	usersig.go       timd_usersig/sign, in dev mode only
//	watch.go         timd_session/watch, a stream of events
//	counts.go        how many users and instances an app has online
//	elements.go      MsgBody, and the payloads that clients have
//	hooks.go         webhooks: which callbacks there are, and on whose behalf
//	ask.go           webhooks: asking before something happens
//	turnstile.go     webhooks: how many ask at once, and when asking pauses
//	notice.go        webhooks: queueing notices, which are sent afterwards
//	webhook.go       webhooks: sending what is queued, and its retries
//	userqueue.go     which event goes out next: users do not wait for each other
//	callback.go      one request of a webhook and its signature
//	client.go        calls the API of a running timd, for timd config and tests
//
// Every reply has HTTP status 200 and is {"ActionStatus", "ErrorInfo",
// "ErrorCode", …}. There are no cookies: only the administrator's UserSig in its
// URL proves who sent a request. A browser adds nothing by itself that another
// site's page could make use of.
package rest
