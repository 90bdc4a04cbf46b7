// Package backup writes everything that timd keeps in NATS to one file, and
// puts such a file into another NATS: the way from the embedded engine to a
// cluster, and back. It moves whole streams by NATS' own snapshots, so that
// sequence numbers stay what they were: messages, cursors and revisions refer
// to each other by them.
//
//	file.go      the file: frames and a checksum
//	snapshot.go  a stream out of NATS and into it
//	complete.go  conversations that began while they were saved
//	backup.go    Write and Restore
package backup
