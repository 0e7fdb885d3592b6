package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"signet/internal/core"
)

// Config is everything that can be set from outside.
type Config struct {
	DatabaseURL        core.Secret // as the login role of the tenants' work
	SystemDatabaseURL  core.Secret // as the login role of the reads across tenants
	MigrateDatabaseURL core.Secret // as the owner; only `migrate` needs it
	IdentityFile       string
	PassphraseFile     string // of the identity file; "": it is not protected
	RecoveryRecipient  string // "": none
	PublicAddr         string
	ConsoleAddr        string
	MetricsAddr        string
	PublicURL          string
	ConsoleURL         string
	WeComURL           string
	WeComLoginURL      string // WeCom's page for people who sign in
	TrustedProxies     []netip.Prefix
	DrainDelay         time.Duration // how long requests are still taken after the signal to stop
	DeletionGrace      time.Duration // between the deletion of a tenant and its destruction; 0: none
	KeyBackupDays      int           // how many days a backup of the keys is kept
	OIDC               OIDC          // zero: nobody comes in from a provider
	SMTP               SMTP          // zero: no mail is sent
	BreachedPasswords  string        // file of passwords that nobody may choose; "": none
	AuditCheckpointDir string
	LogLevel           slog.Level
	PostgresBinDir     string
	Traces             Traces

	Given []string // the keys that a flag, a variable or a file has set, in the order of the table
}

// Source is where values come from: the flag, else the variable or the file that
// it names, else the default.
type Source struct {
	Environ  []string          // KEY=VALUE, as os.Environ gives it
	Flags    map[string]string // by key; "" where a flag was not given
	Defaults map[string]string // by key, in place of the table's; "" is none
	ReadFile func(string) ([]byte, error)
}

// FromProcess is the environment of this process with the flags given, by key.
// Its files are regular ones (also through symbolic links) of at most 64 KiB.
func FromProcess(flags map[string]string) Source {
	return Source{Environ: os.Environ(), Flags: flags, ReadFile: readFile}
}

// Read reads and checks every key. needed names the keys that the command
// cannot do without. The error is a joined one with a line for each problem, in
// the order of the table, each a FlagError where a flag gave the value; what is
// right is in the Config all the same, so that the caller can look for what else
// is wrong, and a wrong value is its zero.
func Read(from Source, needed ...string) (Config, error) {
	values, problems := gather(from)
	cfg := Config{Traces: readTraces(from.Environ)}
	for _, k := range keys {
		text := values[k.name]
		if text == "" {
			text = from.standard(k)
		} else {
			cfg.Given = append(cfg.Given, k.name)
		}
		if text == "" {
			if slices.Contains(needed, k.name) && !slices.Contains(problems.about, k.name) {
				problems.add(k.name, "is missing: %s", k.mend)
			}
			continue
		}
		if err := k.set(&cfg, text); err != nil {
			problems.add(k.name, "%w", err)
		}
	}
	cfg.refuseCollisions(problems)
	cfg.refuseHalves(problems)
	if !cfg.DatabaseURL.IsZero() && !slices.Contains(cfg.Given, SystemDatabaseURL) && !slices.Contains(problems.about, SystemDatabaseURL) {
		url, err := withSystemRole(cfg.DatabaseURL.Expose())
		if err == nil {
			cfg.SystemDatabaseURL = core.NewSecret(url)
		}
	}
	return cfg, problems.joined()
}

func (s Source) standard(k key) string {
	if text, ok := s.Defaults[k.name]; ok {
		return text
	}
	return k.standard
}

type problems struct {
	list   []error
	about  []string // keys that have a problem already
	byFlag []string // keys whose value a flag gave
}

func (p *problems) add(key, format string, args ...any) {
	err := fmt.Errorf(p.name(key)+" "+format, args...)
	if p.isByFlag(key) {
		err = FlagError{err}
	}
	p.list = append(p.list, err)
	p.about = append(p.about, key)
}

func (p *problems) isByFlag(key string) bool { return slices.Contains(p.byFlag, key) }

// name is what the value of a key was set by.
func (p *problems) name(key string) string {
	if p.isByFlag(key) {
		return flagOf(key)
	}
	return key
}

func (p *problems) joined() error { return errors.Join(p.list...) }

// gather finds the text of each key: the flag, else the variable, else the file
// that KEY_FILE names.
func gather(from Source) (map[string]string, *problems) {
	values := map[string]string{}
	found := &problems{}
	for _, entry := range from.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		key := strings.TrimSuffix(name, fileSuffix)
		switch {
		case value == "" && (known(name) || known(key)): // as if it were not there
		case known(name):
			if values[name] != "" {
				found.add(name, "is given twice, as %s and as %s: keep one", name, name+fileSuffix)
				continue
			}
			values[name] = value
		case key != name && known(key):
			readInto(from, values, found, key, value)
		default:
			found.add(name, "is no key of Signet: check its spelling, the list is in docs/configuration.md%s", nearest(name))
		}
	}
	for name, value := range from.Flags {
		if value != "" {
			values[name] = value
			found.byFlag = append(found.byFlag, name)
		}
	}
	return values, found
}

func known(name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return k.name == name })
}

// nearest suggests the key that was probably meant: one that holds the same
// letters but for one or two.
func nearest(name string) string {
	for _, k := range keys {
		if distance(name, k.name) <= 2 {
			return " (did you mean " + k.name + "?)"
		}
	}
	return ""
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
