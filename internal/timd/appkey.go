package timd

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
)

// appFlags select the app that a command is for: one with its key file, or
// that of timd serve --dev.
type appFlags struct {
	app, data string
	dev       bool
}

func (a *appFlags) declare(f *flag.FlagSet) {
	f.StringVar(&a.app, "app", "", "`SDKAPPID=KEYFILE` of the app")
	f.BoolVar(&a.dev, "dev", false, "the app of timd serve --dev, with the key that it keeps")
	f.StringVar(&a.data, "data", "", "`DIR` with the data of that timd (default TIM_DATA, else "+defaultData()+")")
}

func (a *appFlags) check() error {
	switch {
	case a.app == "" && !a.dev:
		return errors.New("give an app and its key: --app SDKAPPID=KEYFILE, or --dev for those of timd serve --dev")
	case a.app != "" && a.dev:
		return errors.New("--dev and --app name different apps: leave one out")
	case a.data != "" && !a.dev:
		return errors.New("--data works only with --dev: give both, or neither")
	}
	return nil
}

// read returns the app and its key, whichever flag names them.
func (a *appFlags) read(warn func(string)) (sdkAppID uint32, key string, err error) {
	if !a.dev {
		return readAppKey(a.app, warn)
	}
	data := cmp.Or(a.data, os.Getenv("TIM_DATA"), defaultData())
	if data == bus.Memory {
		return 0, "", errors.New("a timd with --data memory stores no key: start it with --data DIR")
	}
	file := devKeyFile(data)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return 0, "", fmt.Errorf("there is no dev key in %s: start timd serve --dev once, or name its data directory with --data", data)
	}
	return readAppKey(fmt.Sprintf("%d=%s", devApp, file), warn)
}

// devKeyFile is where timd serve --dev keeps its key.
func devKeyFile(data string) string { return filepath.Join(data, "dev.key") }

// minKey is the length in bytes below which a secret key is taken for a word
// that somebody has typed.
const minKey = 16

// readAppKey reads an --app flag, SDKAPPID=KEYFILE, and the secret key in that
// file. A trailing newline is not part of the key. The errors say what to do
// and never contain the key. warn receives what is unsafe about the file and
// how to fix it, one line each.
func readAppKey(value string, warn func(string)) (sdkAppID uint32, key string, err error) {
	id, file, ok := strings.Cut(value, "=")
	n, parseErr := strconv.ParseUint(id, 10, 32)
	if !ok || parseErr != nil || n == 0 || file == "" {
		return 0, "", fmt.Errorf("--app %q is not SDKAPPID=KEYFILE, for example 1400000000=app.key", value)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, "", fmt.Errorf("--app: the key file cannot be read: %w", err)
	}
	key = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return 0, "", fmt.Errorf("--app: the key file %s must hold the secret key on one line", file)
	}
	if info, err := os.Stat(file); err == nil && openToOthers(info) {
		warn(fmt.Sprintf("other users of this machine can access the key file %s, mode %04o: make it private with chmod 600 %[1]s", file, info.Mode().Perm()))
	}
	if len(key) < minKey {
		warn(fmt.Sprintf("the key in %s has %d bytes and can be guessed from one UserSig: use a random one, as openssl rand -hex 32 makes", file, len(key)))
	}
	return uint32(n), key, nil
}
