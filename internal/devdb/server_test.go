package devdb

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestThrowawayServerAnswersAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		s := start(t, Config{Programs: p, Throwaway: true})
		require.True(t, answers(s.Port()))
		version, err := os.ReadFile(filepath.Join(s.Dir(), "PG_VERSION"))
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(p.Version), strings.TrimSpace(string(version)))
		require.FileExists(t, s.LogFile())

		require.NoError(t, s.Stop(deadline(t)))
		require.NoError(t, s.Stop(deadline(t)), "a second Stop gives what the first gave")
		<-s.Done()
		require.False(t, answers(s.Port()))
		require.NoDirExists(t, homeOf(s))
	})
}

func TestServerListensOnLoopbackOnlyAndWantsThePassword(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		s := start(t, Config{Programs: p})
		hba, err := os.ReadFile(filepath.Join(s.Dir(), "pg_hba.conf"))
		require.NoError(t, err)
		for line := range strings.Lines(string(hba)) {
			if fields := strings.Fields(line); len(fields) > 0 && fields[0][0] != '#' {
				require.Equal(t, "scram-sha-256", fields[len(fields)-1], line)
			}
		}
		addresses, err := net.InterfaceAddrs()
		require.NoError(t, err)
		for _, address := range addresses {
			ip := address.(*net.IPNet).IP
			if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
				continue
			}
			conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(s.Port())))
			require.Error(t, err, "%s answers", ip)
			require.Nil(t, conn)
		}

		out, err := query(t, s, "SELECT current_user, current_setting('server_encoding'), current_setting('unix_socket_directories')")
		require.NoError(t, err, out)
		require.Contains(t, out, "postgres|UTF8|")
		out, err = query(t, &Server{port: s.port, password: core.NewSecret("wrong")}, "SELECT 1")
		require.Error(t, err)
		require.Contains(t, out, "password authentication failed")
	})
}

func TestBothVersionsSortTextByBytes(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		s := start(t, Config{Programs: p})
		out, err := query(t, s, "SELECT datcollate, datctype, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template1'")
		require.NoError(t, err, out)
		require.Equal(t, "C|C|UTF8", out)
	})
}

func TestPersistentDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		dir := filepath.Join(t.TempDir(), "postgres")
		first := start(t, Config{Programs: p, Dir: dir})
		control := systemIdentifier(t, first)
		if _, err := exec.LookPath("psql"); err == nil {
			out, err := query(t, first, "CREATE TABLE kept (what text)", "INSERT INTO kept VALUES ('still here')")
			require.NoError(t, err, out)
		}
		require.NoError(t, first.Stop(deadline(t)))
		require.False(t, answers(first.Port()))

		second := start(t, Config{Programs: p, Dir: dir})
		require.Equal(t, control, systemIdentifier(t, second), "it is another cluster")
		out, err := query(t, second, "SELECT what FROM kept")
		require.NoError(t, err, out)
		require.Equal(t, "still here", out)
	})
}

func TestDestroyRemovesTheClusterAndKeepsWhatIsSomebodyElses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, Config{Programs: programs(t), Dir: dir})
	note := filepath.Join(dir, "note.txt")
	require.NoError(t, os.WriteFile(note, []byte("mine"), 0o600))

	require.NoError(t, s.Destroy(deadline(t)))
	require.False(t, answers(s.Port()))
	require.NoDirExists(t, s.Dir())
	require.FileExists(t, note)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, os.Remove(note))
}

func TestDropRemovesAStoppedClusterAndNothingElse(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "postgres")
	require.NoError(t, Drop(deadline(t), dir), "there is nothing to drop")

	s := start(t, Config{Programs: programs(t), Dir: dir})
	require.ErrorIs(t, Drop(deadline(t), dir), ErrInUse)
	require.True(t, answers(s.Port()))
	require.NoError(t, s.Stop(deadline(t)))
	require.NoError(t, Drop(deadline(t), dir))
	require.NoDirExists(t, dir)
	require.NoDirExists(t, homeOf(s))

	foreign := filepath.Join(parent, "foreign")
	require.NoError(t, os.MkdirAll(filepath.Join(foreign, dataName), 0o700))
	require.ErrorIs(t, Drop(deadline(t), foreign), ErrForeign)
	require.DirExists(t, filepath.Join(foreign, dataName))
}

func TestStartTriesAnotherPortWhereOneWasTaken(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		a, err := serverAccount()
		require.NoError(t, err)
		h, err := claimThrowaway(a)
		require.NoError(t, err)

		asked := 0
		s, err := h.start(deadline(t), Config{Programs: p}, func() (int, error) {
			if asked++; asked == 1 {
				return taken.Addr().(*net.TCPAddr).Port, nil
			}
			return freePort()
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Stop(deadline(t))) }()
		require.Equal(t, 2, asked)
		require.True(t, answers(s.Port()))
	})
}

func TestFailedStartSaysWhatPostgresSaidAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	_, err := Start(deadline(t), Config{Programs: programs(t), Settings: map[string]string{"shared_buffers": "rather a lot"}})
	require.ErrorContains(t, err, "shared_buffers")
	require.NotContains(t, err.Error(), "\n")
	_, rest, ok := strings.Cut(err.Error(), "start Postgres in ")
	require.True(t, ok)
	dir, _, _ := strings.Cut(rest, ":")
	require.Contains(t, filepath.Base(dir), throwPrefix)
	require.NoDirExists(t, dir)
}

func TestSettingsOfTheCallerReachTheServerButNotTheFixedOnes(t *testing.T) {
	t.Parallel()
	p := programs(t)
	for _, name := range []string{"listen_addresses", "port", "hba_file", "Listen_Addresses", "listen-addresses"} {
		_, err := Start(deadline(t), Config{Programs: p, Settings: map[string]string{name: "x"}})
		require.ErrorContains(t, err, name)
	}
	_, err := Start(deadline(t), Config{Programs: p, Dir: t.TempDir(), Throwaway: true})
	require.Error(t, err, "a throwaway in a named folder")

	s := start(t, Config{Programs: p, Settings: map[string]string{"max_connections": "23"}})
	out, err := query(t, s, "SHOW max_connections")
	require.NoError(t, err, out)
	require.Equal(t, "23", out)
}

func TestLogHoldsNoValueOfAnyStatement(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		s := start(t, Config{Programs: p})
		const canary = "canary-5d1f0c"
		for _, statement := range []string{
			"SELECT '" + canary + "'::uuid",
			"SELECT '" + canary + "' FROM nowhere",
			"CREATE ROLE r PASSWORD '" + canary + "' NONSENSE",
			"CREATE TABLE t (v text PRIMARY KEY CHECK (length(v) < 20)); INSERT INTO t VALUES ('" + canary + "'), ('" + canary + "')",
			"INSERT INTO t VALUES ('" + canary + canary + "')",
			"DO $$ BEGIN RAISE WARNING '" + canary + "'; END $$",
			"PREPARE q(text) AS SELECT $1::int; EXECUTE q('" + canary + "')",
		} {
			_, _ = query(t, s, statement) // most fail, which is the point
		}
		log, err := os.ReadFile(s.LogFile())
		require.NoError(t, err)
		require.Contains(t, string(log), "ready to accept connections")
		require.NotContains(t, string(log), canary)
	})
}

func TestURLEscapesEveryPart(t *testing.T) {
	t.Parallel()
	s := &Server{port: 5999}
	text := s.URL("signet app", core.NewSecret("p@ss/w:rd?#"), "data base")
	u, err := url.Parse(text)
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.Equal(t, "p@ss/w:rd?#", password)
	require.Equal(t, "signet app", u.User.Username())
	require.Equal(t, "127.0.0.1:5999", u.Host)
	require.Equal(t, "/data base", u.Path)
	require.Equal(t, "sslmode=disable", u.RawQuery)
}
