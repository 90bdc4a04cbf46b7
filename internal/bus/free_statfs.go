//go:build linux || darwin || freebsd

package bus

import "golang.org/x/sys/unix"

// freeSpace is what this user may still write on the disk of a directory.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(uint64(s.Bavail) * uint64(s.Bsize)), nil
}
