//go:build !linux

package app_test

import (
	"testing"

	"signet/internal/app/apptest"
	"signet/internal/signing"
)

// overHTTP needs Linux, to hold a server on a core and to count its time.
func overHTTP(t *testing.T, _ *apptest.House, _ []signing.Request) []apptest.Figure {
	t.Helper()
	t.Log("signing over HTTP is measured on Linux alone")
	return nil
}
