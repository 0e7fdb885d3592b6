// Package core holds Signet's nouns and their rules: typed ids, corps, apps,
// trusted domains, members, roles, actors, and the type of a secret value.
//
// It owns what a value of each noun may look like and who may do what.
// It refuses to do any I/O and imports no other room but fault.
// Everything here is safe for concurrent use, because nothing here changes
// after it was made.
//
// Start reading at ids.go, then apps.go and domains.go.
package core
