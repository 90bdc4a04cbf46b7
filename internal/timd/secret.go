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

// openToOthers reports whether others than a secret's owner and its group can
// read it, or whether the group can change it. A group that can read it is how
// Kubernetes, systemd and the group ssl-cert pass a key to a service.
func openToOthers(file fs.FileInfo) bool {
	return runtime.GOOS != "windows" && file.Mode().Perm()&0o037 != 0
}

// writeSecretFile writes a file that only its owner may read. Until the file is
// complete it has another name, which nobody can foresee: in a directory where
// others may write, nothing that they have put there is followed or used. It
// returns errors of write unchanged.
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
