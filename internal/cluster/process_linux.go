package cluster

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dieWithParent ends a process together with the test that started it, however
// the test ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// cpuTime returns what a process has used by its clock, clock_getcpuclockid(3): /proc
// counts in steps of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	const scheduled = 2
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}
