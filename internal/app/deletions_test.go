package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/wecom/wecomtest"
)

// deletions runs `keys deletions` and gives what it prints.
func (n *node) deletions(t *testing.T, path string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := app.KeyDeletions(t.Context(), n.cfg, path, &out)
	return out.String(), err
}

func (n *node) forget(t *testing.T, list string) (string, error) {
	t.Helper()
	return n.forgetList(t, list, false)
}

func (n *node) forgetList(t *testing.T, list string, dryRun bool) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deletions.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(list), 0o600))
	var out bytes.Buffer
	err := app.KeyForget(t.Context(), n.cfg, path, dryRun, &out)
	return out.String(), err
}

func (n *node) tenant(t *testing.T, corp string) string {
	t.Helper()
	made := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"企业","corpId":%q}`, corp))
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	return made.text(t, "id")
}

// tenantsWithKeys lists the tenants that are there, and those with a key.
func (n *node) tenantsWithKeys(t *testing.T) []string {
	t.Helper()
	return n.db.List(t, `SELECT tenant_id || ' there' FROM signet.tenants UNION ALL SELECT tenant_id || ' key' FROM signet_keys.tenant_keys ORDER BY 1`)
}

func TestTheListOfDeletionsIsWrittenAndApplied(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	none, err := n.deletions(t, "")
	require.NoError(t, err)
	require.Empty(t, none)
	gone, stays, leaving := n.tenant(t, "ww1111111111111111"), n.tenant(t, "ww2222222222222222"), n.tenant(t, "ww3333333333333333")
	require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, "/tenants/"+gone+"?now=true", "").status)
	require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, "/tenants/"+leaving, "").status)

	text, err := n.deletions(t, "")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(text, "\n"), text)
	var line map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &line))
	require.Len(t, line, 3, "ids and times, no name")
	require.Equal(t, gone, line["tenantId"])
	at, err := time.Parse(time.RFC3339Nano, line["destroyedAt"])
	require.NoError(t, err)
	require.Equal(t, at.AddDate(0, 0, n.cfg.KeyBackupDays).Format(time.DateOnly), line["unopenableFrom"])

	path := filepath.Join(t.TempDir(), "deletions.jsonl")
	said, err := n.deletions(t, path)
	require.NoError(t, err)
	require.Equal(t, "wrote "+path+": tenants destroyed so far: 1\n", said)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(written))
	state, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), state.Mode())

	// A backup of before the deletion of another tenant: it is here, nothing of it is
	// younger than its destruction, and the list names it.
	list := text + deletionLine(stays, time.Now())
	require.NoError(t, os.WriteFile(path, []byte(list), 0o600))
	_, err = n.deletions(t, path)
	require.EqualError(t, err, path+" names tenant "+stays+", which this database does not know as destroyed; if it was restored from a backup, run `signet keys forget --list "+path+"` first, else write the list elsewhere")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, list, string(kept), "the list never gets shorter")

	before := n.tenantsWithKeys(t)
	said, err = n.forgetList(t, list, true)
	require.NoError(t, err)
	require.Contains(t, said, "tenant "+gone+", destroyed "+at.UTC().Format(time.DateTime)+": nothing of it is here\n")
	require.Regexp(t, "tenant "+stays+`, destroyed [-0-9]+ [:0-9]+: would be destroyed here: "企业", last changed or signed for [-0-9]+ [:0-9]+; apps: 0, secrets: 0, keys: 1\n`, said)
	require.Contains(t, said, "would be destroyed here: 1; nothing was destroyed\n")
	require.Equal(t, before, n.tenantsWithKeys(t))

	said, err = n.forget(t, list)
	require.NoError(t, err)
	require.Contains(t, said, "tenant "+gone+", destroyed "+at.UTC().Format(time.DateTime)+": nothing of it is here\n")
	require.Regexp(t, "tenant "+stays+`, destroyed [-0-9]+ [:0-9]+: destroyed here: 0 apps, 0 secrets, 1 key\n`, said)
	require.Contains(t, said, "on the list: 2 tenants; destroyed here: 1\nevery secret's key is here\n")
	require.Equal(t, []string{leaving + " key", leaving + " there"}, n.tenantsWithKeys(t))
	said, err = n.forget(t, list)
	require.NoError(t, err)
	require.Contains(t, said, "on the list: 2 tenants; destroyed here: 0\n", "done again it finds nothing")
	_, err = n.deletions(t, path)
	require.NoError(t, err, "now the list may be written again")
}

func deletionLine(tenant string, at time.Time) string {
	return fmt.Sprintf(`{"tenantId":%q,"destroyedAt":%q,"unopenableFrom":%q}`+"\n",
		tenant, at.UTC().Format(time.RFC3339Nano), at.UTC().AddDate(0, 0, apptest.KeyBackupDays).Format(time.DateOnly))
}

// A list that names a tenant which lives on is a mistake or a forgery: nobody on it
// is destroyed, in whichever order they stand, and each false line is told.
func TestAListThatNamesALivingTenantDestroysNobody(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	lives, early, restored := n.tenant(t, "ww1111111111111111"), n.tenant(t, "ww2222222222222222"), n.tenant(t, "ww3333333333333333")
	before := n.tenantsWithKeys(t)
	yesterday, tomorrow := time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	list := deletionLine(restored, time.Now()) + deletionLine(lives, yesterday) + deletionLine(early, tomorrow)
	for _, dryRun := range []bool{true, false} {
		said, err := n.forgetList(t, list, dryRun)
		require.ErrorContains(t, err, "nothing was destroyed; lines of the list that cannot be true: 2 of 3\n")
		require.ErrorContains(t, err, "tenant "+lives+": it was not destroyed then: the list says "+yesterday.UTC().Format(time.DateTime)+", and of ")
		require.ErrorContains(t, err, "find out whose it is and take it out, and if this database has served since it was restored, delete the tenant in the console and run this again")
		require.ErrorContains(t, err, "tenant "+early+": it was not destroyed then: the list says "+tomorrow.UTC().Format(time.DateTime)+", and it is ")
		require.NotContains(t, err.Error(), restored)
		require.Equal(t, dryRun, strings.Contains(said, "tenant "+restored), said)
		require.Equal(t, before, n.tenantsWithKeys(t))
	}
	said, err := n.forget(t, deletionLine(restored, time.Now()))
	require.NoError(t, err)
	require.Contains(t, said, "tenant "+restored)
	require.Len(t, n.tenantsWithKeys(t), len(before)-2)
}

func TestAListWithAWrongLineChangesNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	tenant := n.tenant(t, "ww1111111111111111")
	now := time.Now().UTC().Truncate(time.Second)
	good, day := deletionLine(tenant, now), now.AddDate(0, 0, apptest.KeyBackupDays).Format(time.DateOnly)
	before := n.tenantsWithKeys(t)
	for wrong, want := range map[string]string{
		"\n":                            "line 2: it is not JSON of a deletion; it should look like {\"tenantId\":",
		"nonsense\n":                    "line 2: it is not JSON",
		strings.TrimSpace(good) + good:  "line 2: there is more than one deletion in it",
		strings.TrimSuffix(good, "\n"):  "line 2 ends without a newline, so the list was cut short",
		strings.TrimSuffix(good, "}\n"): "line 2 ends without a newline",
		strings.Replace(good, tenant, strings.ToUpper(tenant), 1):       "line 2: tenantId is not a UUID",
		strings.Replace(good, tenant, "%' OR true", 1):                  "line 2: tenantId is not a UUID",
		strings.Replace(good, now.Format("T15:04:05Z"), "", 1):          "line 2: destroyedAt is not a time",
		strings.Replace(good, day, "2026-11-31", 1):                     "line 2: unopenableFrom is not a day",
		strings.Replace(good, `"tenantId"`, `"name":"x","tenantId"`, 1): "line 2: it is not JSON of a deletion",
		strings.Repeat("a", 70000) + "\n":                               "line 2: ",
	} {
		_, err := n.forget(t, good+wrong+good)
		if !strings.HasSuffix(wrong, "\n") {
			_, err = n.forget(t, good+wrong)
		}
		require.ErrorContains(t, err, want, "%.80q", wrong)
		require.Equal(t, before, n.tenantsWithKeys(t), "%.80q", wrong)
	}
	err := app.KeyForget(t.Context(), n.cfg, filepath.Join(t.TempDir(), "absent"), false, &bytes.Buffer{})
	require.ErrorContains(t, err, "read the list of deletions")
	said, err := n.forget(t, "")
	require.NoError(t, err, "nobody was destroyed yet")
	require.Contains(t, said, "on the list: 0 tenants; destroyed here: 0\n")
}
