//go:build !linux && !darwin && !freebsd && !windows

package bus

import "errors"

func freeSpace(string) (int64, error) {
	return 0, errors.New("it cannot be read on this system")
}
