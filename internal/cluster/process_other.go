//go:build !linux

package cluster

import (
	"errors"
	"syscall"
	"time"
)

func dieWithParent() *syscall.SysProcAttr { return nil }

func cpuTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func prefer(int) error { return errors.ErrUnsupported }
