// Package replay keeps the first answer to a call that makes something, so that who
// repeats the call makes nothing again and gets that answer.
//
// It owns the rows of such calls and the seal over their answers, which may hold what
// is shown once. It opens them where a call is repeated, and nowhere else. It refuses
// to know what a call does: whether one was made, its caller says, and where the caller
// died in between, the call is told to be lost and is not made again for a day.
//
// Everything here is safe for concurrent use, on any number of nodes: of equal calls
// at once one is made. Without Postgres no call that is to be made once is made.
//
// Start reading at replay.go.
package replay
