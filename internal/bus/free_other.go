//go:build !linux && !darwin && !freebsd && !windows

package bus

import "errors"

func freeSpace(string) (int64, error) {
	return 0, errors.New("not known on this system")
}
