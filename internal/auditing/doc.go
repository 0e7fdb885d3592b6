// Package auditing vouches for the audit: with a key that is not in the database it
// makes the mac of each row, signs how far the chains go, and proves afterwards that
// nobody has changed, deleted, inserted or reordered a row.
//
// It owns the audit keys, the form of a checkpoint, and what makes a row a bad one. It
// refuses to hand a key out, to trust a public half that stands in a row, and to call a
// chain fine that it could not read to its end.
//
// Keys are safe for concurrent use and never change. What is proved is proved against
// who can write to the database and has this code; who has the master identity too can
// write an audit of their own, and only a checkpoint that was kept elsewhere finds that.
//
// Start reading at keys.go, then checkpoint.go, then verify.go.
package auditing
