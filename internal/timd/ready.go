package timd

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const readyUsage = `usage: timd ready [flags of timd serve]
Asks the timd that listens on --listen of this machine whether logins can
succeed, and exits with 0 if they can and 1 if not: a health check for where
there is no curl. Flags, variables and --config are those of that timd; all that
counts are --listen and --tls-cert.
`

// readyWithin is how long a timd may take to answer. What checks health has a
// limit of its own, usually a few seconds.
const readyWithin = 4 * time.Second

// Ready is `timd ready`.
func Ready(args []string, stdout, stderr io.Writer) int {
	var o options
	err := o.read(serveFlags(&o), args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, readyUsage)
		return 0
	}
	where := ""
	if err == nil {
		where, err = o.ownURL()
	}
	if err != nil {
		fmt.Fprintf(stderr, "timd ready: %v\n", err)
		return 2
	}
	text, err := askReady(where)
	if err != nil {
		fmt.Fprintf(stderr, "timd ready: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, text)
	return 0
}

// ownURL is where a timd with these options is reached from its own machine.
func (o *options) ownURL() (string, error) {
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil || port == "0" {
		return "", fmt.Errorf("--listen %q does not say which port it is: give ADDRESS:PORT", o.listen)
	}
	scheme := "http"
	if o.tlsCert != "" {
		scheme = "https"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// askReady returns what /readyz says, or an error if it does not say ok.
func askReady(where string) (string, error) {
	client := http.Client{
		Timeout: readyWithin,
		// The certificate is for the name that clients use. This connection
		// does not leave the machine and carries nothing secret.
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	answer, err := client.Get(where + "/readyz")
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return "", fmt.Errorf("%s does not answer: %w; check that timd runs and listens there", where, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	said := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s broke off its answer: %w", where, err)
	case answer.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s is not ready: %s", where, said)
	}
	return said, nil
}
