package cluster

import (
	"fmt"
	"os"
	"strconv"
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

// prefer has a process run before others, if it may: all its threads, from which later
// ones take that over.
func prefer(pid int) error {
	const niceness = -10
	done := map[string]bool{}
	for news := true; news; { // a thread may have made another one meanwhile
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return err
		}
		news = false
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil || done[thread.Name()] {
				continue
			}
			if err := unix.Setpriority(unix.PRIO_PROCESS, id, niceness); err != nil {
				return err
			}
			news, done[thread.Name()] = true, true
		}
	}
	return nil
}
