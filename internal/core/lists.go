package core

// Page asks for a part of a list.
type Page struct {
	Cursor string // NextCursor of the page before, "" for the first
	Limit  int    // 1 to MaxPageLimit
}

// The number of items on a page: the most that may be asked for, and what is
// given when nothing was asked for.
const (
	MaxPageLimit     = 200
	DefaultPageLimit = 50
)

// List is one page of a list. NextCursor is "" on the last.
type List[T any] struct {
	Items      []T
	NextCursor string
}
