package timd

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// devApp is the SDKAppID of dev mode.
const devApp = 1400000000

// apps holds the secret keys of each SDKAppID that timd serves.
type apps map[uint32][]string

// keys returns the keys of an app, as usersig.Verify wants them.
func (a apps) keys(app uint32) []string { return a[app] }

func readApps(flags []string, warn func(string)) (apps, error) {
	a := apps{}
	for _, value := range flags {
		id, key, err := readAppKey(value, warn)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(a[id], key) {
			a[id] = append(a[id], key)
		}
	}
	return a, nil
}

// addDev adds the dev app and its key, unless --app did. The key is made at the
// first start and kept in the data directory, so that a UserSig outlives a
// restart; only --dev ever reads it. file is where it is kept, or "".
func (a apps) addDev(data string) (file string, err error) {
	if len(a[devApp]) > 0 {
		return "", nil
	}
	key := newDevKey()
	if data != bus.Memory {
		file = devKeyFile(data)
		if key, err = keepDevKey(file); err != nil {
			return "", err
		}
	}
	a[devApp] = []string{key}
	return file, nil
}

func keepDevKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		if key := strings.TrimSpace(string(text)); key != "" {
			return key, nil
		}
		return "", fmt.Errorf("the dev key %s is empty: delete the file, and timd makes a new key", file)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the dev key cannot be read: %w", err)
	}
	key := newDevKey()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("the dev key cannot be stored: %w; choose another directory with --data", err)
	}
	err = writeSecretFile(file, func(w io.Writer) error {
		_, err := io.WriteString(w, key+"\n")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("the dev key cannot be stored: %w; choose another directory with --data", err)
	}
	return key, nil
}

func newDevKey() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
