package timd

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// readConfigFile sets flags from the lines of a file, "name = value", unless an
// argument or a variable has set them. set is called with where each comes
// from, in words that fit behind "it comes from".
//
// The names are those of the flags, so that there is one list of options and
// one text about each. A flag that can be repeated has a line for each value.
func readConfigFile(f *flag.FlagSet, file string, given map[string]bool, set map[string]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("--config: the file cannot be read: %w", err)
	}
	seen := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("--config %s, line %d: %w", file, i+1, fmt.Errorf(format, args...))
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(strings.TrimLeft(name, "-")), strings.TrimSpace(value)
		if !ok {
			return wrong("%q is not NAME = VALUE, for example listen = 127.0.0.1:8443", name)
		}
		fl := f.Lookup(name)
		switch {
		case fl == nil || name == "config":
			return wrong("there is no setting %q: use a flag's name, timd serve -h lists them", name)
		case strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "'"):
			return wrong("write the value of %s without quotes", name)
		case given[name] || set[name] != "" && seen[name] == 0:
			continue
		}
		if _, many := fl.Value.(*list); seen[name] > 0 && !many {
			return wrong("%s is already set in line %d: leave one out", name, seen[name])
		}
		if err := fl.Value.Set(value); err != nil {
			return wrong("%q is not a value for %s: %w", value, name, valueError(fl, err))
		}
		seen[name] = i + 1
		set[name] = fmt.Sprintf("line %d of %s", i+1, file)
	}
	return nil
}

// openSecrets returns what is wrong with a configuration file that holds a
// password and that other users can read, or "".
func (o *options) openSecrets() string {
	if !strings.HasPrefix(o.set["nats"], "line ") || !strings.Contains(o.nats, "@") {
		return ""
	}
	info, err := os.Stat(o.config)
	if err != nil || !openToOthers(info) {
		return ""
	}
	return fmt.Sprintf("other users of this machine can read the password of NATS in %s, mode %04o: make it private with chmod 600 %[1]s", o.config, info.Mode().Perm())
}
