// Package opsapi is the metrics listener: /livez, /readyz and /metrics.
//
// It owns the three routes. It refuses to find out how the process is: whoever
// starts it hands that in. It is safe for concurrent use and waits for nothing,
// so that it answers while Postgres and WeCom are away.
//
// Start reading at routes.go.
package opsapi
