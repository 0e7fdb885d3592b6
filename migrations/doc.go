// Package migrations holds the schema of Signet as files for golang-migrate,
// embedded in the binary.
//
// It owns the SQL of the schema: tables, keys, row security, grants. It
// refuses to run anything; internal/store does. The two role names in the
// files, signet_app and signet_system, are the defaults: store puts the names
// of the configured login roles in their place. Each file is one transaction
// and writes its own row into signet.migration_marks, by which `migrate up`
// can tell whether a file that was cut short has run.
//
// Start reading at 0001_tenants.up.sql.
package migrations

import "embed"

// Files are the migrations, named NNNN_name.up.sql and NNNN_name.down.sql.
//
//go:embed *.sql
var Files embed.FS
