package chaos_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/devdb"
)

// procedure is docs/operations/backup.md as it is run: the commands under each
// heading, in order.
type procedure map[string][]string

func readProcedure(t *testing.T) procedure {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations", "backup.md"))
	require.NoError(t, err)
	p, heading, inside := procedure{}, "", false
	var fence []string
	for line := range strings.Lines(string(text)) {
		switch {
		case line == "```sh\n":
			inside, fence = true, nil
		case inside && line == "```\n":
			inside = false
			p[heading] = append(p[heading], strings.Join(fence, ""))
		case inside:
			fence = append(fence, line)
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(strings.TrimPrefix(line, "## "))
		}
	}
	for heading, want := range map[string]int{"The backup role": 1, "Making a backup": 2, "The list of deletions": 1, "Restoring": 6} {
		require.Len(t, p[heading], want, heading)
	}
	return p
}

// The commands of the page.
func (p procedure) role() string      { return p["The backup role"][0] }
func (p procedure) backup() string    { return p["Making a backup"][0] }
func (p procedure) clean() string     { return p["Making a backup"][1] }
func (p procedure) deletions() string { return p["The list of deletions"][0] }
func (p procedure) database() string  { return p["Restoring"][0] }
func (p procedure) data() string      { return p["Restoring"][1] }
func (p procedure) keys() string      { return p["Restoring"][2] }
func (p procedure) schema() string    { return p["Restoring"][3] }
func (p procedure) forget() string    { return p["Restoring"][4] }
func (p procedure) check() string     { return p["Restoring"][5] }

// tools gives an installation of Postgres that has the programs of the page. It skips
// the test where there is none.
func tools(t *testing.T) devdb.Programs {
	t.Helper()
	for _, programs := range devdb.FindAll(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR")) {
		found := 0
		for _, name := range []string{"pg_dump", "pg_restore", "psql"} {
			if _, err := os.Stat(filepath.Join(programs.BinDir, name)); err == nil {
				found++
			}
		}
		if found == 3 {
			return programs
		}
	}
	t.Skip("NOT TESTED: backup and restore, because this machine has no Postgres with its own pg_dump, pg_restore and psql (the npm package has none): install postgresql-client of the server's version, or set SIGNET_POSTGRES_BIN_DIR")
	return devdb.Programs{}
}

// shell runs commands of the page.
type shell struct {
	programs devdb.Programs
	before   string   // a folder that comes first in PATH; "" for none
	watched  string   // the next one, with programs that write down their command lines; "" for none
	env      []string // beside PATH
}

// watchedShell gives a shell in which no program of the page may be given one of the
// passwords on its command line: everybody on the machine sees that.
func watchedShell(t *testing.T, programs devdb.Programs, passwords ...string) shell {
	t.Helper()
	binary, err := builtBinary()
	require.NoError(t, err)
	s := shell{programs: programs, watched: t.TempDir()}
	seen := filepath.Join(s.watched, "command-lines")
	for _, path := range []string{
		filepath.Join(programs.BinDir, "psql"), filepath.Join(programs.BinDir, "pg_dump"), filepath.Join(programs.BinDir, "pg_restore"), binary,
	} {
		watch := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"%s $*\" >> '%s'\nexec '%s' \"$@\"\n", filepath.Base(path), seen, path)
		require.NoError(t, os.WriteFile(filepath.Join(s.watched, filepath.Base(path)), []byte(watch), 0o700))
	}
	t.Cleanup(func() {
		lines, err := os.ReadFile(seen)
		require.NoError(t, err)
		require.Contains(t, string(lines), "psql ", "the programs of the page are those that are watched")
		for _, password := range passwords {
			require.NotEmpty(t, password)
			require.NotContains(t, string(lines), password)
		}
		require.NotRegexp(t, `://[^ ]*:[^ ]*@|password=`, string(lines))
	})
	return s
}

// serviceFile writes the sections of a service file, each for an address.
func serviceFile(t *testing.T, sections map[string]string) (path string) {
	t.Helper()
	var text strings.Builder
	for name, address := range sections {
		u, err := url.Parse(address)
		require.NoError(t, err)
		password, _ := u.User.Password()
		_, _ = fmt.Fprintf(&text, "[%s]\nhost=%s\nport=%s\ndbname=%s\nuser=%s\npassword=%s\nsslmode=disable\n",
			name, u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), password)
	}
	path = filepath.Join(t.TempDir(), "pg_service.conf")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

func passwordOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	password, _ := u.User.Password()
	return password
}

func (s shell) with(env ...string) shell {
	s.env = append(append([]string{}, s.env...), env...)
	return s
}

func (s shell) try(t *testing.T, commands string) (said string, err error) {
	t.Helper()
	binary, err := builtBinary()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	path := strings.Join([]string{s.before, s.watched, s.programs.BinDir, filepath.Dir(binary), os.Getenv("PATH")}, string(os.PathListSeparator))
	cmd.Env = s.with("HOME="+t.TempDir(), "PATH="+path).env // what stands last counts
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s shell) run(t *testing.T, commands string) (said string) {
	t.Helper()
	said, err := s.try(t, commands)
	require.NoError(t, err, "%s\n%s", commands, said)
	return said
}

// dumps is one backup.
type dumps struct {
	data, keys string
	at         time.Time // before which everything is in it
}

// rolePasswords are those of the roles in postgres_test.go.
func rolePasswords() (list []string) {
	for _, password := range roles {
		list = append(list, password.Expose())
	}
	return list
}

const backupPassword = "a backup role of a test"

// back makes a backup of the cluster. between is called when the data are dumped and
// the keys are not yet.
func (c *cluster) back(t *testing.T, s shell, p procedure, between func()) dumps {
	t.Helper()
	d := dumps{data: filepath.Join(t.TempDir(), "data.dump"), keys: filepath.Join(t.TempDir(), "keys.dump"), at: time.Now()}
	services := serviceFile(t, map[string]string{"signet_backup": c.postgres.Cluster.Server.URL("signet_backup", core.NewSecret(backupPassword), databaseName)})
	s, reached, done := s.stoppedAtKeys(t)
	var said string
	var failed error
	var running sync.WaitGroup
	running.Go(func() {
		said, failed = s.with("PGSERVICEFILE="+services, "DATA_DUMP="+d.data, "KEYS_DUMP="+d.keys).try(t, p.backup())
		_ = reached.Close() // where it failed before, nobody waits for it
	})
	if _, err := reached.Read(make([]byte, 1)); err == nil {
		between()
		_, err = done.WriteString("go on\n")
		require.NoError(t, err)
	}
	running.Wait()
	require.NoError(t, failed, said)
	for _, path := range []string{d.data, d.keys} {
		state, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), state.Mode(), path)
		require.NoFileExists(t, path+".part")
	}
	return d
}

// stoppedAtKeys gives a shell in which the dump of the keys says in one pipe that it
// is reached, and waits for a line in the other.
func (s shell) stoppedAtKeys(t *testing.T) (stopped shell, reached, done *os.File) {
	t.Helper()
	s.before = t.TempDir()
	pipe := func(name string) *os.File {
		path := filepath.Join(s.before, name)
		require.NoError(t, syscall.Mkfifo(path, 0o600))
		end, err := os.OpenFile(path, os.O_RDWR, 0) // for both ways, so that neither side waits for the other to open
		require.NoError(t, err)
		t.Cleanup(func() { _ = end.Close() })
		return end
	}
	reached, done = pipe("reached"), pipe("done")
	stop := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *--schema=signet_keys*) echo > '%s'; read -r line < '%s';; esac\nexec '%s' \"$@\"\n",
		reached.Name(), done.Name(), filepath.Join(s.watched, "pg_dump"))
	require.NoError(t, os.WriteFile(filepath.Join(s.before, "pg_dump"), []byte(stop), 0o700))
	return s, reached, done
}

// restoring is a new cluster on its way.
type restoring struct {
	*cluster
	shell
}

// toNewCluster gives a cluster without nodes on a server with nothing in it, in the
// place of c, and the shell whose addresses lead there.
func (c *cluster) toNewCluster(t *testing.T, s shell, list string, d dumps) restoring {
	t.Helper()
	fresh := newServer(t, s.programs)
	next := &cluster{postgres: fresh, weCom: c.weCom, life: c.life, env: c.env, warm: c.warm, cold: c.cold}
	admin := fresh.Cluster.Server.SuperuserURL("postgres")
	services := serviceFile(t, map[string]string{"signet_admin": admin, "signet_owner": fresh.OwnerURL})
	return restoring{next, watchedShell(t, s.programs, append(rolePasswords(), passwordOf(t, admin))...).with(next.direct()...).with(
		"PGSERVICEFILE="+services, "SIGNET_MIGRATE_DATABASE_URL="+fresh.OwnerURL,
		"OWNER_PASSWORD="+roles["signet_owner"].Expose(), "DATA_DUMP="+d.data, "KEYS_DUMP="+d.keys, "DELETIONS="+list)}
}

// serve starts a node on what was restored.
func (r restoring) serve(t *testing.T) *node {
	t.Helper()
	r.addNode(t, len(r.nodes))
	n := r.nodes[len(r.nodes)-1]
	n.start(t)
	return n
}

// requireSigned asks a node for a page of an app, and checks what it was given.
func (r restoring) requireSigned(t *testing.T, n *node, a *app) {
	t.Helper()
	got := r.ask(t.Context(), n, a, a.page)
	require.Equal(t, 200, got.status, "%s: %s", a.page, got.body)
	require.NoError(t, newBook(r.cluster).check(a, a.page, got.body))
}

// secretsOf gives what is sealed for a tenant for good, and its keys, as they lie in
// their rows.
func (c *cluster) secretsOf(t *testing.T, tenant string) []string {
	t.Helper()
	return c.postgres.List(t, `
SELECT to_jsonb(s)::text FROM signet.app_secrets s WHERE tenant_id = $1
UNION ALL SELECT to_jsonb(k)::text FROM signet_keys.tenant_keys k WHERE tenant_id = $1
UNION ALL SELECT corp_id FROM signet.corps WHERE tenant_id = $1
ORDER BY 1`, tenant)
}

// keepChanging adds and deletes trusted domains until stop.
func (c *cluster) keepChanging(t *testing.T, a *app) (stop func() (changes int64)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done atomic.Int64
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			added := c.addDomain(ctx, c.nodes[i%len(c.nodes)], a, fmt.Sprintf("backup-%d.example.com", i))
			if added.status == 201 {
				done.Add(1)
			}
		}
	})
	return func() int64 { cancel(); running.Wait(); return done.Load() }
}

// TestTheBackupOfThePageIsRestored runs the page's own commands: a backup under load,
// a tenant destroyed after it, and a new cluster made of it in three ways: as it should
// be, without the keys, and with the keys of another day.
func TestTheBackupOfThePageIsRestored(t *testing.T) {
	t.Parallel()
	p, programs := readProcedure(t), tools(t)
	offline := filepath.Join(t.TempDir(), "recovery.txt")
	c := startCluster(t, plan{nodes: 2, programs: &programs, cold: 1, recovery: offline})
	admin := c.postgres.Cluster.Server.SuperuserURL("postgres")
	s := watchedShell(t, programs, append(rolePasswords(), passwordOf(t, admin), backupPassword)...).with(c.direct()...)
	s.with("PGSERVICEFILE="+serviceFile(t, map[string]string{"signet_admin": admin}), "BACKUP_PASSWORD="+backupPassword).run(t, p.role())
	yesterday := c.back(t, s, p, func() {})
	delta := c.makeApp(t, c.makeTenant(t, "delta", "ww4444444444444444"), "ww4444444444444444", "1000002", "")
	c.awaitStatus(t, c.nodes[0], delta, 200)

	l := c.startLoad(t)
	l.during("before", 300*time.Millisecond)
	stop := c.keepChanging(t, delta)
	l.phase.Store("backup")
	// Between the two dumps a tenant is made, and a key goes, as the old version of one
	// that is turned does; neither dump may see it.
	today := c.back(t, s, p, func() {
		c.postgres.Exec(t, `CREATE TABLE public.kept AS TABLE signet_keys.tenant_keys`)
		c.postgres.Exec(t, `DELETE FROM signet_keys.tenant_keys WHERE tenant_id = $1`, delta.tenantID)
		c.makeTenant(t, "between", "ww6666666666666666")
	})
	c.postgres.Exec(t, `INSERT INTO signet_keys.tenant_keys SELECT * FROM public.kept WHERE tenant_id = $1`, delta.tenantID)
	l.during("after", 300*time.Millisecond)
	require.Positive(t, stop())
	l.stop(t)
	l.requireNoFailure(t)

	c.makeTenant(t, "late", "ww5555555555555555")
	gone := c.warm[2]
	destroyed := c.console(t.Context(), c.nodes[0], "DELETE", "/tenants/"+gone.tenantID+"?now=true", nil)
	require.Equal(t, 204, destroyed.status, string(destroyed.body))
	list := filepath.Join(t.TempDir(), "deletions.jsonl")
	require.Contains(t, s.with("DELETIONS="+list).run(t, p.deletions()), "tenants destroyed so far: 1")
	everyone := append([]*app{c.warm[0], c.warm[1], c.warm[3], delta}, c.cold...)
	before := map[string][]string{}
	for _, a := range everyone {
		before[a.tenantID] = c.secretsOf(t, a.tenantID)
		require.GreaterOrEqual(t, len(before[a.tenantID]), 3)
	}
	c.requireOnlyTheBackupRoleDumps(t, s)
	for _, n := range c.nodes {
		n.kill()
	}
	paper := []string{"RECOVERY=" + offline, "SHEET=" + c.postgres.List(t, `SELECT epoch || '=' || encode(fingerprint, 'hex') FROM signet_keys.root_keys`)[0]}
	lost := time.Since(today.at)
	c.postgres.stop(t)

	t.Run("with its keys and the list", func(t *testing.T) {
		calls := len(c.weCom.Calls())
		r := c.toNewCluster(t, s, list, today)
		begun := time.Now()
		for _, commands := range []string{p.database(), p.data(), p.keys()} {
			r.run(t, commands)
		}
		require.Regexp(t, "tenant "+gone.tenantID+`, destroyed [-0-9: ]+: would be destroyed here: "`, r.run(t, p.schema()))
		require.NotEmpty(t, r.secretsOf(t, gone.tenantID), "that was only a look")
		said := r.run(t, p.forget())
		for _, a := range everyone {
			require.Equal(t, before[a.tenantID], r.secretsOf(t, a.tenantID), "it is as it was")
		}
		checked := r.with(paper...).run(t, p.check())
		require.Equal(t, 2, strings.Count(checked, "all of it opens: "), "with the identity file, and with the recovery identity alone: %s", checked)
		require.Contains(t, checked, "as on the recovery sheet")
		n := r.serve(t)
		for _, a := range everyone {
			r.requireSigned(t, n, a)
		}
		t.Logf("RPO: what was changed in the %s since the backup is lost. RTO: %s from an empty server to a page signed for each of %d apps",
			lost.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond), len(everyone))
		require.LessOrEqual(t, len(c.weCom.Calls())-calls, 3*len(c.cold), "what was warm is warm")

		require.Contains(t, said, "tenant "+gone.tenantID+", destroyed ")
		require.Regexp(t, ": destroyed here: 1 app, 1 secret, 1 key\n", said)
		require.Regexp(t, "on the list: 1 tenant; destroyed here: 1\nevery secret's key is here\n", said)
		require.Equal(t, "app.unknown", r.ask(t.Context(), n, gone, gone.page).code())
		require.Empty(t, r.secretsOf(t, gone.tenantID), "nothing of it can be opened: its key is gone")
		require.Equal(t, []string{"4 4"}, r.postgres.List(t,
			`SELECT (SELECT count(*) FROM signet.tenants) || ' ' || (SELECT count(*) FROM signet_keys.tenant_keys)`), "those made after the snapshot are lost, with their keys")
		require.Regexp(t, "on the list: 1 tenant; destroyed here: 0\n", r.run(t, p.forget()), "done again it finds nothing")
		require.Contains(t, r.run(t, p.deletions()), "tenants destroyed so far: 1", "and the list goes on")
	})

	t.Run("without the keys", func(t *testing.T) {
		r := c.toNewCluster(t, s, list, today)
		r.run(t, p.database())
		r.run(t, p.data())
		said, err := r.try(t, p.schema())
		require.Error(t, err)
		require.Contains(t, said, "holds Signet's data without its keys: restore the schema signet_keys from its backup (docs/operations/backup.md)")
		said, err = r.try(t, "signet serve")
		require.Error(t, err)
		require.Contains(t, said, "restore the schema signet_keys from its backup")
		r.run(t, p.keys())
		r.run(t, p.schema())
		r.run(t, p.forget())
		r.requireSigned(t, r.serve(t), delta)
	})

	t.Run("with the keys of another day", func(t *testing.T) {
		today.keys = yesterday.keys
		r := c.toNewCluster(t, s, list, today)
		for _, commands := range []string{p.database(), p.data(), p.keys()} {
			r.run(t, commands)
		}
		r.run(t, p.schema())
		said := r.run(t, p.forget())
		require.Regexp(t, "tenant "+delta.tenantID+": a secret is sealed under a key that is not here\nwithout a key .*: 1 tenant;", said)
		named, err := r.with(paper...).try(t, p.check())
		require.Error(t, err)
		require.Contains(t, named, delta.tenantID, "so does the check")
		n := r.serve(t)
		require.Equal(t, "app.not_ready", r.ask(t.Context(), n, delta, delta.page).code())
		require.Eventually(t, func() bool {
			log, err := os.ReadFile(n.logFile)
			return err == nil && strings.Contains(string(log), `"alert":"seal_refused","tenant_id":"`+delta.tenantID)
		}, patience, 20*time.Millisecond, "and the log names the tenant")
		for _, a := range c.warm[:2] {
			r.requireSigned(t, n, a)
		}
	})
}

// requireOnlyTheBackupRoleDumps holds what the page says of the roles: the owner is
// bound by row security, and the server refuses the role that is not.
func (c *cluster) requireOnlyTheBackupRoleDumps(t *testing.T, s shell) {
	t.Helper()
	dump := func(address string) (said string, err error) {
		return s.with("PGSERVICEFILE="+serviceFile(t, map[string]string{"role": address})).try(t, `pg_dump --dbname=service=role --schema=signet`)
	}
	for _, address := range []string{c.postgres.OwnerURL, c.postgres.TenantURL, c.postgres.SystemURL} {
		said, err := dump(address)
		require.Error(t, err)
		require.Regexp(t, "query would be affected by row-level security policy|permission denied", said)
	}
	said, err := dump(c.postgres.OwnerURL)
	require.Error(t, err)
	require.Contains(t, said, "query would be affected by row-level security policy")
	backup := c.postgres.Cluster.Server.URL("signet_backup", core.NewSecret(backupPassword), databaseName)
	said, err = s.with("SIGNET_DATABASE_URL="+backup).try(t, "signet serve")
	require.Error(t, err)
	require.Contains(t, said, "has BYPASSRLS")
}

// TestOldBackupsOfTheKeysAreDeletedOnTheDayThatTheProofNames runs the page's command
// over backups of every day.
func TestOldBackupsOfTheKeysAreDeletedOnTheDayThatTheProofNames(t *testing.T) {
	t.Parallel()
	p, dir := readProcedure(t), t.TempDir()
	if err := exec.CommandContext(t.Context(), "date", "-u", "-d", "6 days ago", "+%F").Run(); err != nil {
		t.Skip("NOT TESTED: the deletion of old backups, because this machine has no GNU date")
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	write := func(name string, at time.Time) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	for days := range 10 {
		write(fmt.Sprintf("%d-last.dump", days), today.AddDate(0, 0, 1-days).Add(-time.Second))
		write(fmt.Sprintf("%d-first.dump", days), today.AddDate(0, 0, -days).Add(time.Second))
	}
	write("another.txt", today.AddDate(-1, 0, 0))
	shell{}.with("KEYS_DIR="+dir).run(t, p.clean())
	if !time.Now().UTC().Truncate(24 * time.Hour).Equal(today) {
		t.Skip("NOT TESTED: midnight has passed meanwhile")
	}
	for days := range 10 {
		for _, end := range []string{"first", "last"} {
			path := filepath.Join(dir, fmt.Sprintf("%d-%s.dump", days, end))
			if days < 7 {
				require.FileExists(t, path)
			} else {
				require.NoFileExists(t, path)
			}
		}
	}
	require.FileExists(t, filepath.Join(dir, "another.txt"))
}
