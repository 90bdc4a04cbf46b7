package timd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/usersig"
)

const usersigUsage = `usage: timd usersig --app SDKAPPID=KEYFILE --user ID [--expire 24h]
       timd usersig --dev --user ID
Prints a UserSig for one user, for trying things out. A page gets its UserSig
from a server that knows who its user is; the key stays on that server.

  --app SDKAPPID=KEYFILE  the app, and the file that holds its secret key
  --dev                   the app of timd serve --dev, with the key that it keeps
  --data DIR              the data directory of that timd (default TIM_DATA, else its default)
  --user ID               the UserID, 1 to 32 bytes of printable ASCII
  --expire DURATION       how long it is good for, for example 30m or 24h (default 1h)
`

// UserSig is `timd usersig`: it prints one UserSig and returns the exit code.
// A mistake is one line on stderr and exit code 2.
func UserSig(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("usersig", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var app appFlags
	app.declare(flags)
	user := flags.String("user", "", "the UserID")
	var expire time.Duration
	durationVar(flags, &expire, "expire", time.Hour, "how long it is good for")
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
		return wrong(fmt.Errorf("%q is not a flag: timd usersig -h lists the flags", flags.Arg(0)))
	case app.check() != nil:
		return wrong(app.check())
	case !frame.ValidUserID(*user):
		return wrong(errors.New("give the user: --user ID, 1 to 32 bytes of printable ASCII"))
	case expire < time.Second:
		return wrong(fmt.Errorf("--expire %v is too short: give one second or more, for example 24h", expire))
	}
	sdkAppID, key, err := app.read(func(text string) { fmt.Fprintf(stderr, "timd usersig: %s\n", text) })
	if err != nil {
		return wrong(err)
	}
	fmt.Fprintln(stdout, usersig.Sign(sdkAppID, key, *user, time.Now(), expire))
	return 0
}
