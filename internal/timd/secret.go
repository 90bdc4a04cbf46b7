package timd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// openToOthers reports whether a secret is open to more users than its owner
// and those of its group, or whether the group may change it. That the group can
// read it is how a service gets its key: from Kubernetes, from systemd, from the
// group ssl-cert.
func openToOthers(file fs.FileInfo) bool {
	return runtime.GOOS != "windows" && file.Mode().Perm()&0o037 != 0
}

// writeSecretFile writes a file that only its owner may read. Until it is
// complete it has another name, which nobody can foresee: in a directory where
// others may write, whatever they have put there is neither followed nor used.
// Errors of write are returned unchanged.
func writeSecretFile(file string, write func(io.Writer) error) (err error) {
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part") // O_EXCL, 0600
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	defer func() {
		if err != nil {
			_ = part.Close() // perhaps a second time
			_ = os.Remove(part.Name())
		}
	}()
	if err := write(part); err != nil {
		return err
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	if err := os.Rename(part.Name(), file); err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	return nil
}
