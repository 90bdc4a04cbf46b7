package cluster

import "syscall"

// dieWithParent ends a process together with the test that started it, however
// the test ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
