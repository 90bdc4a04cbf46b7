package timd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

const checkUsage = `usage: timd config check [flags of timd serve]
Reads arguments, environment and --config as timd serve does, with the key files
and the certificate that they name, and says what is set and by what, or what is
wrong. It opens no store and no port; timd doctor looks at those.
`

// checkConfig is `timd config check`.
func checkConfig(args []string, stdout, stderr io.Writer) int {
	var o options
	f := serveFlags(&o)
	err := o.parse(f, args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, checkUsage)
		return 0
	}
	say := func(text string) { fmt.Fprintf(stderr, "timd config check: %s\n", text) }
	if err == nil {
		_, err = readApps(o.apps, say)
	}
	if err == nil {
		_, err = readCertificate(o, slog.New(slog.NewTextHandler(stderr, nil)))
	}
	if err == nil {
		_, err = o.bucket.open(nil, say)
	}
	if err != nil {
		say(o.blame(err).Error())
		return 2
	}
	if text := o.openSecrets(); text != "" {
		say(text)
	}
	where := map[string]string{}
	f.Visit(func(fl *flag.Flag) { where[fl.Name] = "argument" })
	for name, from := range o.set {
		where[name] = from
	}
	f.VisitAll(func(fl *flag.Flag) {
		if from := where[fl.Name]; from != "" {
			fmt.Fprintf(stdout, "%s = %s  # %s\n", fl.Name, shown(fl), from)
		}
	})
	fmt.Fprintln(stdout, "# all else has its default: timd serve -h")
	return 0
}

// shown returns a flag's value without what may be a password.
func shown(f *flag.Flag) string {
	if f.Name == "nats" || f.Name == "webhook" {
		return "(not shown)"
	}
	return f.Value.String()
}
