// Package sealed is what the rooms that open or write sealed rows have in common:
// the key of a tenant as it is wanted for that, and the alerts about rows that do
// not open or were put back.
//
// It owns the memory of a node of what was told already, so that one damaged row is
// one alert, whoever meets it: a page, a trial or an administrator. It opens nothing,
// reads no row, and refuses to decide what becomes of one.
//
// Alerts are safe for concurrent use, wait for nothing and need neither Postgres nor
// WeCom. What was told is forgotten with the process.
//
// Start reading at alerts.go.
package sealed
