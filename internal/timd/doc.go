// Package timd is the server behind the command of that name: it reads the
// options, opens the rooms below in order, serves them on one HTTP server and
// drains at the end. Tests start one in process.
//
//	serve.go     Serve: starts everything, drains at SIGTERM
//	starting.go  what answers until it is ready
//	upgrade.go   the store's layout, before anything reads it
//	options.go   the flags of serve, each also an environment variable
//	configfile.go  the same from a file
//	logging.go   the log's format and level
//	history.go   how long logins are kept
//	certificate.go  the TLS certificate, read again when it is renewed
//	parts.go     the parts that a running timd is made of, with their URLs
//	messages.go  the part that opens the inbox, and the flags of messages
//	media.go     /media, media.ticket, and which message names which file
//	bucket.go    the bucket that files are kept in: flags, start, doctor
//	tracing.go   traces of logins and messages: flags, start, doctor
//	contacts.go  the part that opens contacts
//	instances.go users list and end their own instances
//	groups.go    the part that opens groups
//	attach.go    attaches sessions of the gateway to the inbox
//	cluster.go   what the server API says of gateways and NATS
//	api.go       the parts of /v4/ and /console/
//	hooks.go     webhooks: their flags, and what messages ask and report
//	grouphooks.go  what groups ask and report
//	page.go      the pages, their headers and their policy
//	docs.go      /docs/: what package docs has made
//	links.go     which of page, documents and console link to which
//	static.go    files that are part of the program, compressed
//	sdk.go       /sdk/
//	dev.go       /dev/usersig
//	health.go    /healthz and /readyz
//	metrics.go   /metrics
//	origin.go    who may call: Origin, Host in dev mode, trusted proxies
//	stats.go     counts for the statistics of apps
//	collector.go how much garbage may gather: under load, and in calm
//	connlimit.go closes connections that are not WebSockets when there are too many
//	httplog.go   which lines of the HTTP server's own log are kept
//	apps.go      SDKAppIDs, their keys, the dev key
//	appkey.go    the flags that name an app and its key
//	secret.go    files that only their owner may read
//	usersig.go   timd usersig
//	config.go    timd config
//	checkconfig.go  timd config check
//	ready.go     timd ready
//	doctor.go    timd doctor: its lines, the configuration, the certificate
//	doctorchecks.go  what it asks of addresses, machine, store and NATS
//	backup.go    timd backup and restore
package timd
