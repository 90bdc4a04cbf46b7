package bus

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lock takes the data directory for this process, or returns ErrInUse: the file
// is opened so that nobody else may open it.
func lock(dir string) (unlock func(), err error) {
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, "timd.lock"))
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return nil, ErrInUse
		}
		return nil, err
	}
	return func() { _ = windows.CloseHandle(h) }, nil
}
