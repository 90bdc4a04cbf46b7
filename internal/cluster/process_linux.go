package cluster

import "syscall"

// dieWithParent ends a process with the test that started it, however that
// ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
