// Package cluster runs the real thing on loopback for tests and benchmarks:
// NATS servers and timds as processes of their own, which can be stopped,
// killed and started again on the same ports and data.
//
//	process.go   one process
//	nats.go      a NATS cluster
//	gateway.go   timd, and a load balancer in front of several
//
// TIMD names a timd that is built already; TIM_CLUSTER_RACE=1 builds one with the
// race detector instead. -cluster-for 5m (or TIM_CLUSTER_FOR) has TestFaults go on
// with random faults.
//
// Its tests are those of the whole cluster:
//
//	faults_test.go   hundreds of users while gateways and NATS servers come and go
//	rolling_test.go  all gateways restart, ten times over, in make soak
//	held_test.go     10,000 sessions for as long as make soak says, with curves_test.go
//	crowd_test.go    100,000 sessions on several gateways, in make crowd
//	groups_test.go   groups change while gateways and NATS servers come and go, in make soak
//	audit_test.go    the observer who sees every change of a record
//	user_test.go     one user of that, with several instances
//	settings_test.go settings and platforms over two gateways
//	backup_test.go   from the embedded engine to a cluster
//	upgrade_test.go  a store of the last release, and gateways that are killed
//	start_test.go    gateways that start at once
//	outage_test.go   no NATS at all
//	bench_test.go    outages, and the registry on three nodes
//	storm_bench_test.go  all sessions come back after a kill
//	login_bench_test.go  the login path of one timd
//	peers_bench_test.go  timd beside other servers; those of packages in packaged_bench_test.go,
//	                     logins and leaves in peerlogins_bench_test.go
//	room_bench_test.go  a live room of 10,000
//	group_bench_test.go  a login with 500 groups
//	sync_bench_test.go   what it costs that NATS syncs each write
package cluster
