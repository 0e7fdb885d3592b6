// Command signet issues WeCom JS-SDK signatures for the pages of many
// enterprises. `signet --help` lists what it does; what programs may rely on
// stands in docs/configuration.md (keys and exit statuses) and docs/openapi (the
// HTTP surface).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/fault"
)

// Exit statuses, part of the contract.
const (
	exitDone     = 0
	exitFailed   = 1
	exitWrongUse = 2
)

func main() {
	if err := errors.Join(overwriteFreed(), keepCrashesQuiet()); err != nil { // worth a word, not worth a node
		report(os.Stderr, err, exitFailed)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// commands is every command with its flags.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run a node: signing, console, metrics."`
	Dev       devCommand       `cmd:"" help:"Run the whole product on this machine, with its own Postgres and a fake WeCom."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database schema up, take it down, or tell where it stands."`
	Keys      keysCommand      `cmd:"" help:"Make and inspect the keys above the secrets."`
	Audit     auditCommand     `cmd:"" help:"Prove that nobody has changed the audit, and sign how far it goes."`
	Admin     adminCommand     `cmd:"" help:"Make members from the command line."`
	FakeWeCom fakeWeComCommand `cmd:"" name:"fakewecom" help:"Run the fake WeCom by itself."`
	Health    healthCommand    `cmd:"" help:"Ask the node on this machine whether it is ready; for health checks of containers."`
	Version   versionCommand   `cmd:"" help:"Print version, commit and Go version."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// logger writes one JSON object a line to standard error.
func (t *terminal) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: level}))
}

// run is main without the process: arguments in, exit status out.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	status, helped := exitDone, false
	var cmds commands
	parser, err := kong.New(&cmds,
		kong.Name("signet"),
		kong.Description("One seal that signs, for each enterprise, only the pages it should."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { status, helped = code, true }), // kong ends the program after --help
		kong.UsageOnError(),
	)
	if err != nil {
		return report(errOut, err, exitFailed)
	}
	parsed, err := parser.Parse(args)
	if helped {
		return status
	}
	if err != nil {
		return report(errOut, fmt.Errorf("%w; `signet --help` lists the commands", err), exitWrongUse)
	}
	if err := refuseEmpty(parsed); err != nil {
		return report(errOut, err, exitWrongUse)
	}
	ctx, stop := untilTold(context.Background())
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&terminal{in: in, out: out, err: errOut})
	if ctx.Err() != nil {
		err = afterSignal(ctx, parsed.Command(), err)
	}
	if err != nil {
		return report(errOut, err, exitOf(err))
	}
	return exitDone
}

// refuseEmpty refuses every option that was given and is empty, as a variable of a
// script is that nobody has set. Taken as not given, `keys rotate --tenant ""` would
// turn another key than was meant.
func refuseEmpty(parsed *kong.Context) error {
	var problems []error
	told := map[*kong.Flag]bool{} // one that is given twice is told once
	for _, part := range parsed.Path {
		if part.Flag == nil || told[part.Flag] || !isEmpty(reflect.ValueOf(parsed.FlagValue(part.Flag))) {
			continue
		}
		told[part.Flag] = true
		mend := "give it a value, or leave it out"
		if part.Flag.Required {
			mend = "give it a value"
		}
		problems = append(problems, fmt.Errorf("--%s is empty: %s", part.Flag.Name, mend))
	}
	return errors.Join(problems...)
}

// isEmpty tells whether a value is an empty text, or a list with one in it.
func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if isEmpty(v.Index(i)) {
				return true
			}
		}
		return false
	}
	return v.Kind() == reflect.String && v.Len() == 0
}

// staying are the commands that run until a signal ends them.
var staying = []string{"serve", "dev", "fakewecom"}

// afterSignal is how a command has ended that returned err after SIGINT or
// SIGTERM. For one that stays the signal is the end of its work, also while it
// starts. Any other has not done its work, and what it met on the way, such as a
// database that was not waited for, says only that.
func afterSignal(ctx context.Context, command string, err error) error {
	switch {
	case err == nil:
		return nil
	case !slices.Contains(staying, command):
		return fmt.Errorf("%s was stopped before it was done (%w): run it again", command, context.Cause(ctx))
	case errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// wrongUse marks an error of the command line, not of the work.
type wrongUse struct{ error }

func exitOf(err error) int {
	if errors.As(err, new(wrongUse)) || errors.As(err, new(config.FlagError)) {
		return exitWrongUse
	}
	return exitFailed
}

// report prints an error, one line for each problem.
func report(errOut io.Writer, err error, status int) int {
	for line := range strings.SplitSeq(sentence(err), "\n") {
		_, _ = fmt.Fprintln(errOut, "signet: "+core.RedactMisplaced(line))
	}
	return status
}

// sentence says an error in words for a person at a terminal, a line for each
// problem that was joined. A fault knows its words; of any other error its text
// is made for that.
func sentence(err error) string {
	if lines := joined(err); lines != nil {
		return strings.Join(lines, "\n")
	}
	var named *fault.Error
	if !errors.As(err, &named) {
		return err.Error()
	}
	if len(named.Fields) == 0 {
		return named.Detail(fault.English)
	}
	lines := make([]string, len(named.Fields))
	for i, f := range named.Fields {
		lines[i] = strings.TrimPrefix(f.Pointer, "/") + ": " + f.Reason.Text(fault.English, f.Args)
	}
	return strings.Join(lines, "\n")
}

// joined gives the sentences of the parts that errors.Join has put together, nil
// for any other error. One that wraps several inside a text of its own is not
// taken apart, or that text would be lost.
func joined(err error) []string {
	several, ok := err.(interface{ Unwrap() []error }) // this error itself, none that it wraps
	if !ok {
		return nil
	}
	var lines, texts []string
	for _, part := range several.Unwrap() {
		lines, texts = append(lines, sentence(part)), append(texts, part.Error())
	}
	if strings.Join(texts, "\n") != err.Error() {
		return nil
	}
	return lines
}
