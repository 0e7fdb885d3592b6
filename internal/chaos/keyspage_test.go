package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/devdb"
	"signet/internal/failpoint"
)

const keysPage = "../../docs/operations/keys.md"

// pageBlock is what the page shows in one fence: commands, and what each prints.
type pageBlock struct {
	heading  string
	commands []pageCommand
}

type pageCommand struct {
	line  string // as it is typed
	shown []string
}

// readKeysPage gives the fences of the page that show commands, in its order.
func readKeysPage(t *testing.T) (blocks []pageBlock) {
	t.Helper()
	text, err := os.ReadFile(keysPage)
	require.NoError(t, err)
	var heading string
	var block *pageBlock
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case block == nil && strings.HasPrefix(line, "```"):
			block = &pageBlock{heading: heading}
		case line == "```":
			if len(block.commands) > 0 {
				blocks = append(blocks, *block)
			}
			block = nil
		case block != nil && strings.HasPrefix(line, "$ "):
			block.commands = append(block.commands, pageCommand{line: strings.TrimPrefix(line, "$ ")})
		case block != nil:
			require.NotEmpty(t, block.commands, "%s: %q is printed by no command", heading, line)
			last := &block.commands[len(block.commands)-1]
			last.shown = append(last.shown, line)
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	require.Equal(t, len(regexp.MustCompile(`(?m)^\s*\$ `).FindAllString(string(text), -1)), countCommands(blocks), "every command of the page stands in a fence, at the beginning of its line")
	return blocks
}

func countCommands(blocks []pageBlock) (n int) {
	for _, b := range blocks {
		n += len(b.commands)
	}
	return n
}

// What differs from one platform to the next in what a command prints. Of a recipient
// the page shows the beginning.
var (
	differs     = regexp.MustCompile(`…|age1[a-z0-9]+…?|(?:[0-9a-f]{4} ){7}[0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}|[0-9]+(?: (?:root key|key|value|tenant|app|secret|session)s?\b)?`)
	counted     = regexp.MustCompile(`^[0-9]+ (root key|key|value|tenant|app|secret|session)s?$`)
	fingerprint = regexp.MustCompile(`(?:[0-9a-f]{4} ){7}[0-9a-f]{4}`)
)

// pattern makes the expression that what is printed must match. A line with … alone
// stands for any lines.
func (c pageCommand) pattern() *regexp.Regexp {
	var p strings.Builder
	p.WriteString(`^`)
	for _, line := range c.shown {
		if line == "…" {
			p.WriteString(`(?:.*\n)*?`)
			continue
		}
		from := 0
		for _, at := range differs.FindAllStringIndex(line, -1) {
			p.WriteString(regexp.QuoteMeta(line[from:at[0]]) + likeOf(line[at[0]:at[1]]))
			from = at[1]
		}
		p.WriteString(regexp.QuoteMeta(line[from:]) + `\n`)
	}
	p.WriteString(`$`)
	return regexp.MustCompile(p.String())
}

func likeOf(text string) string {
	switch {
	case text == "…":
		return `.*`
	case strings.HasPrefix(text, "age1"):
		return `age1[a-z0-9]+…?`
	case fingerprint.MatchString(text):
		return fingerprint.String()
	case counted.MatchString(text):
		return `[0-9]+ ` + counted.FindStringSubmatch(text)[1] + `s?`
	case strings.Trim(text, "0123456789") == "":
		return `[0-9]+`
	}
	return differs.String() // an id or a time
}

// keysWalk is a cluster on which the page is done.
type keysWalk struct {
	*vault
	blocks []pageBlock
	shell  shell
	stick  string // folder
	first  string // fingerprint on the page that stands for the first root key
	oldest string // what that key's fingerprint is here
	ran    int
}

// TestTheKeysPageIsRunAsItStands runs every signet command of docs/operations/keys.md
// in the order of the page, and holds what it prints against what the page shows. Two
// nodes sign all the while, and no signature fails.
func TestTheKeysPageIsRunAsItStands(t *testing.T) {
	t.Parallel()
	w := newKeysWalk(t)
	l := w.startLoad(t)
	l.during("before", 300*time.Millisecond)
	for i, b := range w.blocks {
		l.phase.Store(b.heading)
		isFirst := i == 0 || w.blocks[i-1].heading != b.heading
		isLast := i == len(w.blocks)-1 || w.blocks[i+1].heading != b.heading
		if scene := scenes[b.heading]; scene.before != nil && isFirst {
			scene.before(t, w)
		}
		w.do(t, b)
		if scene := scenes[b.heading]; scene.after != nil && isLast {
			scene.after(t, w)
		}
	}
	require.Equal(t, countCommands(w.blocks), w.ran, "a command of the page was not run")
	for heading := range scenes {
		require.Contains(t, headings(w.blocks), heading, "the page has this heading no more")
	}
	l.during("after", 300*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
	w.checked(t)
}

func headings(blocks []pageBlock) (list []string) {
	for _, b := range blocks {
		list = append(list, b.heading)
	}
	return list
}

func newKeysWalk(t *testing.T) *keysWalk {
	t.Helper()
	w := &keysWalk{blocks: readKeysPage(t), stick: t.TempDir()}
	for name, text := range map[string]string{
		"recovery.txt": apptest.MarkedOffline.Text, "recovery.age": apptest.MarkedOffline.Locked,
		"passphrase.txt": apptest.MarkedOffline.Passphrase, "wrong.txt": apptest.MarkedMaster.Passphrase,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(w.stick, name), []byte(text+"\n"), 0o600))
	}
	c := prepareCluster(t, plan{nodes: 2})
	w.vault = &vault{cluster: c}
	w.identity, _ = strings.CutPrefix(c.env[2], "SIGNET_IDENTITY_FILE=")
	w.setEnv("SIGNET_RECOVERY_RECIPIENT", apptest.MarkedOffline.Recipient)
	w.setEnv("SIGNET_DRAIN_DELAY", "1s") // many times what the balancer needs
	for _, n := range c.nodes {
		n.start(t)
	}
	c.settle(t, 0)
	w.shell = shell{programs: devdb.Programs{BinDir: c.postgres.Cluster.Programs.BinDir}}
	w.oldest = w.newest(t)
	for _, b := range w.blocks {
		for _, command := range b.commands {
			if w.first == "" {
				w.first = fingerprint.FindString(strings.Join(command.shown, "\n"))
			}
		}
	}
	return w
}

// setEnv sets a variable for the commands, and for the nodes when they are started
// next.
func (w *keysWalk) setEnv(name, value string) {
	w.env = append(w.env, name+"="+value) // what stands last counts
	for _, n := range w.nodes {
		n.env = append(n.env, name+"="+value)
	}
}

// newest gives what the sheet says of the newest root key.
func (w *keysWalk) newest(t *testing.T) string {
	t.Helper()
	found := w.postgres.List(t, `SELECT epoch || '=' || encode(fingerprint, 'hex') FROM signet_keys.root_keys ORDER BY epoch DESC LIMIT 1`)[0]
	epoch, hex, _ := strings.Cut(found, "=")
	return epoch + "=" + strings.TrimSpace(regexp.MustCompile(`.{4}`).ReplaceAllString(hex, "$0 "))
}

// here puts in the place of what the page names what there is here: the stick, the
// tenant, and of a sheet the newest root key's, unless the page means a fingerprint
// that it was not printed with.
func (w *keysWalk) here(t *testing.T, line string) string {
	t.Helper()
	line = strings.ReplaceAll(line, "/media/stick", w.stick)
	line = regexp.MustCompile(`--tenant \S+`).ReplaceAllString(line, "--tenant "+w.warm[0].tenantID)
	return regexp.MustCompile(`"[0-9]+=[0-9a-f ]+"`).ReplaceAllStringFunc(line, func(sheet string) string {
		newest := w.newest(t)
		epoch, _, _ := strings.Cut(newest, "=")
		if _, oldest, _ := strings.Cut(w.oldest, "="); strings.Contains(sheet, w.first) {
			return `"` + epoch + "=" + oldest + `"`
		}
		return `"` + newest + `"`
	})
}

// do runs the commands of a block. Where the page tells of a turning that was killed,
// one is, and again where a node was quicker than the commands.
func (w *keysWalk) do(t *testing.T, b pageBlock) {
	t.Helper()
	killed, at := b.turningThatWasKilled()
	for tries := 5; ; tries-- {
		if killed != nil {
			w.killed(t, at, killed...)
		}
		what, err := w.tryBlock(t, b)
		if err == nil {
			break
		}
		quicker := killed != nil && !strings.Contains(what, "is being turned") && !strings.Contains(what, "was begun before")
		if !quicker || tries == 1 {
			require.NoError(t, err, "%s: %s", b.heading, what)
		}
	}
	w.ran += len(b.commands)
}

// turningThatWasKilled gives the arguments of the command that was killed before what
// the block shows, and where; nil if it shows no such thing.
func (b pageBlock) turningThatWasKilled() (args []string, at failpoint.Name) {
	shown := strings.Join(b.commands[0].shown, "\n")
	switch {
	case strings.Contains(shown, "the root key is being turned"):
		return []string{"keys", "rotate"}, failpoint.RootStored
	case strings.Contains(shown, "the platform's own key is being turned"):
		return []string{"keys", "rotate", "--platform"}, failpoint.PlatformKeyStored
	}
	return nil, ""
}

func (w *keysWalk) tryBlock(t *testing.T, b pageBlock) (what string, err error) {
	t.Helper()
	for _, command := range b.commands {
		if strings.HasPrefix(command.line, "age -p ") {
			continue // it asks at a terminal; what it writes lies on the stick
		}
		require.True(t, strings.HasPrefix(command.line, "signet "), "who runs %q of %q?", command.line, b.heading)
		line := w.here(t, command.line)
		said, failed := w.shell.with(w.direct()...).try(t, line)
		said = strings.ReplaceAll(said, w.stick, "/media/stick")
		what = fmt.Sprintf("%s\n%s", line, said)
		if refused := strings.HasPrefix(strings.Join(command.shown, "\n"), "signet: "); refused != (failed != nil) {
			return what, fmt.Errorf("the page shows that it is refused: %t; it ended with %w", refused, failed)
		}
		if p := command.pattern(); !p.MatchString(said) {
			return what, fmt.Errorf("it prints something else than the page shows:\n%s", strings.Join(command.shown, "\n"))
		}
	}
	return "", nil
}

// scene is what the page says in words before or behind the fences of a heading.
type scene struct{ before, after func(*testing.T, *keysWalk) }

var scenes = map[string]scene{
	"Turning the master identity": {
		before: func(t *testing.T, w *keysWalk) {
			old, err := os.ReadFile(w.identity)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(w.identity, append(w.newIdentity(t), old...), 0o600))
			w.restartEach(t)
		},
		after: func(t *testing.T, w *keysWalk) {
			both, err := os.ReadFile(w.identity)
			require.NoError(t, err)
			lines := regexp.MustCompile(`(?m)^AGE-SECRET-KEY-.*\n`).FindAll(both, -1)
			require.Len(t, lines, 2)
			require.NoError(t, os.WriteFile(w.identity, lines[0], 0o600))
			w.restartEach(t)
		},
	},
	"The identity file is lost": {
		before: func(t *testing.T, w *keysWalk) {
			next := filepath.Join(t.TempDir(), "identity.txt")
			require.NoError(t, os.WriteFile(next, w.newIdentity(t), 0o600))
			w.setEnv("SIGNET_IDENTITY_FILE", next)
		},
		after: func(t *testing.T, w *keysWalk) { w.restartEach(t) },
	},
}

// restartEach starts the nodes again, one after the other.
func (w *keysWalk) restartEach(t *testing.T) {
	t.Helper()
	for _, n := range w.nodes {
		require.Zero(t, n.stop(t, drainTime*slack), "exit status after SIGTERM")
		n.start(t)
		for _, a := range w.warm {
			w.awaitStatus(t, n, a, 200)
		}
	}
}
