package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tim-wasm/tim/internal/backup"
	"github.com/tim-wasm/tim/internal/bus"
)

const backupUsage = `usage: timd backup FILE --data DIR
       timd backup FILE --nats URL[,URL]
Writes everything that timd keeps to one file: settings, who is online where,
imported accounts, profiles, messages, files, and the key that farewells are
sealed with. Keys of apps are not in it. Whoever has the file can read the messages.
Stop the timd that uses the store first.

flags:
`

const restoreUsage = `usage: timd restore FILE --data DIR
       timd restore FILE --nats URL[,URL]
Loads a file of timd backup into an embedded store or into a NATS cluster, there
with three copies of everything. Start timd afterwards, not before.

flags:
`

// store is what backup reads and restore writes.
type store struct {
	data, nats, creds, ca string
	force, live           bool
}

func (s *store) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar(&s.data, "data", "", "`DIR` of the embedded store")
	f.StringVar(&s.nats, "nats", "", "`URL[,URL]` of a NATS cluster")
	f.StringVar(&s.creds, "nats-creds", "", "`FILE` with credentials for --nats")
	f.StringVar(&s.ca, "nats-ca", "", "`FILE` with the certificate authority of --nats")
	f.SetOutput(io.Discard)
	return f
}

// Backup is `timd backup`.
func Backup(args []string, stdout, stderr io.Writer) int {
	var s store
	f := s.flags("backup")
	f.BoolVar(&s.force, "force", false, "overwrite FILE")
	f.BoolVar(&s.live, "live", false, "save a cluster while gateways run; each stream is saved at a moment of its own, so changes made meanwhile may be in the file only in part")
	return transfer(f, backupUsage, args, stdout, stderr, s.save)
}

// Restore is `timd restore`.
func Restore(args []string, stdout, stderr io.Writer) int {
	var s store
	f := s.flags("restore")
	f.BoolVar(&s.force, "force", false, "delete what the target holds first")
	return transfer(f, restoreUsage, args, stdout, stderr, s.load)
}

// transfer runs a backup or a restore. It reports each failure with one line on
// stderr and exit code 2, and a backup that lacks unreadable records with exit
// code 1.
func transfer(f *flag.FlagSet, usage string, args []string, stdout, stderr io.Writer, run func(ctx context.Context, file string) (backup.Report, error)) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	file, err := parseTransfer(f, args)
	var report backup.Report
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return 0
	case err == nil:
		report, err = run(ctx, file)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		fmt.Fprintf(stderr, "timd %s: %v\n", f.Name(), err)
		return 2
	}
	fmt.Fprintf(stdout, "%s of %s\n", file, report.Created.Local().Format(time.DateTime))
	for _, s := range report.Streams {
		fmt.Fprintf(stdout, "  %-16s %8d records, %d copies\n", s.Name, s.Messages, s.Replicas)
	}
	code := 0
	for _, s := range report.Streams {
		if s.Damaged > 0 {
			code = 1
			fmt.Fprintf(stderr, "timd %s: %d records of %s are damaged on disk and missing from %s, which holds all others\n", f.Name(), s.Damaged, s.Name, file)
		}
	}
	return code
}

// parseTransfer accepts FILE before and after the flags.
func parseTransfer(f *flag.FlagSet, args []string) (file string, err error) {
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return "", err
		} else if err != nil {
			return "", fmt.Errorf("%w; see timd %s -h", err, f.Name())
		}
		if f.NArg() == 0 {
			break
		}
		if file != "" {
			return "", fmt.Errorf("%q is one argument too many: give one FILE, see timd %s -h", f.Arg(0), f.Name())
		}
		file, args = f.Arg(0), f.Args()[1:]
	}
	if file == "" {
		return "", fmt.Errorf("give a FILE: timd %s FILE --data DIR", f.Name())
	}
	return file, nil
}

// open opens the store; its errors say which flag to check.
func (s *store) open(ctx context.Context) (*bus.Bus, error) {
	switch {
	case (s.data == "") == (s.nats == ""):
		return nil, errors.New("give a store: either --data DIR or --nats URL")
	case s.data == bus.Memory:
		return nil, errors.New("--data memory keeps nothing: give a directory")
	}
	host, _ := os.Hostname()
	return bus.Open(ctx, bus.Options{Data: s.data, URLs: s.nats, Creds: s.creds, CA: s.ca, Name: "timd-backup-" + host, Log: slog.New(slog.DiscardHandler)})
}

func (s *store) save(ctx context.Context, file string) (report backup.Report, err error) {
	if s.data != "" && s.data != bus.Memory {
		// Opening would create it.
		if _, err := os.Stat(filepath.Join(s.data, "jetstream")); err != nil {
			return report, fmt.Errorf("%s holds no store of timd: check --data", s.data)
		}
	}
	if _, err := os.Stat(file); err == nil && !s.force {
		return report, fmt.Errorf("%s exists already: choose another FILE, or overwrite it with --force", file)
	}
	b, err := s.open(ctx)
	if err != nil {
		return report, err
	}
	defer b.Close()
	err = writeSecretFile(file, func(w io.Writer) error {
		report, err = backup.Write(ctx, b, s.live, w)
		return err
	})
	switch {
	case errors.Is(err, backup.ErrRunning):
		return report, fmt.Errorf("%w: stop the gateways first, or save their current state with --live", err)
	case errors.Is(err, backup.ErrUnopened):
		return report, fmt.Errorf("%w: start timd on it once, which recovers what is left, then run the backup again", err)
	case errors.Is(err, backup.ErrEmpty):
		return report, fmt.Errorf("%w here: check --data or --nats", err)
	}
	return report, err
}

func (s *store) load(ctx context.Context, file string) (backup.Report, error) {
	in, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return backup.Report{}, fmt.Errorf("there is no file %s", file)
	}
	if err != nil {
		return backup.Report{}, fmt.Errorf("the file cannot be read: %w", err)
	}
	defer in.Close()
	b, err := s.open(ctx)
	if err != nil {
		return backup.Report{}, err
	}
	defer b.Close()
	report, err := backup.Restore(ctx, b, in, s.force)
	switch {
	case errors.Is(err, backup.ErrRunning):
		return report, fmt.Errorf("%w: stop the gateways first; one that has crashed counts for another 15 s", err)
	case errors.Is(err, backup.ErrNotEmpty):
		return report, fmt.Errorf("%w: choose another, or remove what it holds with --force", err)
	case errors.Is(err, backup.ErrFile):
		return report, fmt.Errorf("%s: %w", file, err)
	}
	return report, err
}
