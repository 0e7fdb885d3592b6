// Package apptest puts the rooms together for tests: real Postgres, real age,
// the real client, the fake WeCom, and the actions of an administrator, without
// the listeners.
//
// A House belongs to one test and is safe for concurrent use. What a test does
// with it goes the ways that production goes.
//
// Start reading at house.go.
package apptest
