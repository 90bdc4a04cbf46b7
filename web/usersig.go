package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/usersig"
)

const usersigUsage = `usage: timd usersig --app SDKAPPID=KEYFILE --user ID [--expire 24h]
Prints a UserSig for one user, for trying things out. A page gets its UserSig
from a server that knows who its user is; the key stays on that server.

  --app SDKAPPID=KEYFILE  the app, and the file that holds its secret key
  --user ID               the UserID, 1 to 32 bytes of printable ASCII
  --expire DURATION       how long it is good for, for example 30m or 24h (default 4320h, 180 days)
`

// usersigCommand is `timd usersig`: it prints one UserSig and gives the exit
// code. A mistake is one line on stderr and 2.
func usersigCommand(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("usersig", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	app := flags.String("app", "", "SDKAPPID=KEYFILE")
	user := flags.String("user", "", "the UserID")
	var expire time.Duration
	durationVar(flags, &expire, "expire", usersig.DefaultExpire*time.Second, "how long it is good for")
	wrong := func(err error) int {
		fmt.Fprintf(stderr, "timd usersig: %v\n", err)
		return 2
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usersigUsage)
		return 0
	} else if err != nil {
		return wrong(fmt.Errorf("%w: see timd usersig -h", err))
	}
	switch {
	case flags.NArg() > 0:
		return wrong(fmt.Errorf("%q is not expected: all arguments are flags, see timd usersig -h", flags.Arg(0)))
	case *app == "":
		return wrong(errors.New("say which app and key: --app SDKAPPID=KEYFILE"))
	case !usersig.ValidUserID(*user):
		return wrong(errors.New("say for whom: --user ID, 1 to 32 bytes of printable ASCII"))
	case expire < time.Second:
		return wrong(fmt.Errorf("--expire %v is too short: one second or more, for example 24h", expire))
	}
	sdkAppID, key, err := readAppKey(*app)
	if err != nil {
		return wrong(err)
	}
	fmt.Fprintln(stdout, usersig.Sign(sdkAppID, key, *user, time.Now(), expire))
	return 0
}

// readAppKey reads an --app flag, SDKAPPID=KEYFILE, and the secret key in that
// file. A trailing newline is not part of the key. The errors say what to do
// and never hold the key.
func readAppKey(value string) (sdkAppID uint32, key string, err error) {
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
	return uint32(n), key, nil
}
