package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// beside is the database from which others can be cut off, renamed and copied.
func beside(db storetest.DB) storetest.DB {
	return storetest.DB{Name: "postgres", Cluster: db.Cluster}
}

// cut takes a database away from everybody who works with it.
func cut(t *testing.T, db storetest.DB) {
	t.Helper()
	beside(db).Exec(t, `ALTER DATABASE `+db.Name+` ALLOW_CONNECTIONS false`)
	beside(db).Exec(t, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1`, db.Name)
}

// heal gives it back.
func heal(t *testing.T, db storetest.DB) {
	t.Helper()
	beside(db).Exec(t, `ALTER DATABASE `+db.Name+` ALLOW_CONNECTIONS true`)
}

// copyOf copies a database that is cut off, as a backup does.
func copyOf(t *testing.T, db storetest.DB) storetest.DB {
	t.Helper()
	backup := storetest.DB{Name: db.Name + "_backup", Cluster: db.Cluster}
	beside(db).Exec(t, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, backup.Name, db.Name))
	t.Cleanup(func() { beside(db).Exec(t, fmt.Sprintf(`DROP DATABASE IF EXISTS %s WITH (FORCE)`, backup.Name)) })
	return backup
}

// anotherCluster makes a database say of its server what another server would:
// another number. The server's own function is called by its place and not by
// its text, so that it makes room for a new one.
const anotherCluster = `
ALTER FUNCTION pg_catalog.pg_control_system() RENAME TO pg_control_system_of_this_cluster;
CREATE FUNCTION pg_catalog.pg_control_system(OUT system_identifier bigint) LANGUAGE sql AS 'SELECT 4711::bigint'`

// TestADatabaseThatWasExchangedIsReadAnew puts a backup, restored on another
// server, where the database of a running node was. What happened since the
// backup has not happened there, and no feed tells so.
func TestADatabaseThatWasExchangedIsReadAnew(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	kept := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	other := n.makeApp(t, "北辰物流", "ww2222222222222222", "1000003", "crm.example.org")

	cut(t, n.db)
	backup := copyOf(t, n.db)
	heal(t, n.db)
	var lost madeApp
	n.await(t, func() bool { return n.call(t, http.MethodGet, "/tenants", "").status == http.StatusOK })
	lost = n.makeApp(t, "云帆教育", "ww3333333333333333", "1000004", "crm.example.net")

	// What differs in the backup stands in no log of changes.
	backup.Exec(t, anotherCluster)
	backup.Exec(t, `DELETE FROM signet.change_log`)
	backup.Exec(t, `UPDATE signet.apps SET status = 'suspended' WHERE app_id = $1`, other.id)
	cut(t, n.db)
	beside(n.db).Exec(t, fmt.Sprintf(`ALTER DATABASE %[1]s RENAME TO %[1]s_gone`, n.db.Name))
	t.Cleanup(func() { beside(n.db).Exec(t, fmt.Sprintf(`DROP DATABASE IF EXISTS %s_gone WITH (FORCE)`, n.db.Name)) })
	n.verify(t, lost, "https://crm.example.net/", n.sign(t, lost.key, "https://crm.example.net/"))
	beside(n.db).Exec(t, fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, backup.Name, n.db.Name))

	n.awaitCode(t, lost.key, "https://crm.example.net/", "app.unknown")
	n.awaitCode(t, other.key, "https://crm.example.org/", "app.suspended")
	n.verify(t, kept, crmPage, n.sign(t, kept.key, crmPage))
	// And from there the feed is followed on.
	for i := range 2 {
		host := fmt.Sprintf("new%d.example.com", i)
		made := n.makeApp(t, "新企业", fmt.Sprintf("ww444444444444444%d", i), "1000005", host)
		n.verify(t, made, "https://"+host+"/", n.sign(t, made.key, "https://"+host+"/"))
	}
	require.Equal(t, "1", n.scrape(t)["signet_change_feed_up"])
}
