package core

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Panic is what a piece of work came to that panicked, as an error. It says of what
// type the value was and where it came from. The value itself it does not say, nor
// the arguments on the stack: either may hold a secret, and what it is nobody can
// tell. Go's own errors, such as an index out of range, are said: they hold numbers
// and types.
type Panic struct {
	what   string
	places []string // innermost first
}

// Recovered makes an error of what recover gave, nil of nil. It is for the deferred
// function itself, which stands on the stack of the panic:
//
//	defer func() { p := core.Recovered(recover()) … }()
func Recovered(value any) *Panic {
	if value == nil {
		return nil
	}
	p := &Panic{what: fmt.Sprintf("a %T", value)}
	if own, ok := value.(runtime.Error); ok {
		p.what = own.Error()
	}
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(2, counters[:])])
	panicked := false
	for {
		frame, more := frames.Next()
		if panicked && !strings.HasPrefix(frame.Function, "runtime.") {
			p.places = append(p.places, fmt.Sprintf("%s (%s:%d)", frame.Function, path.Base(frame.File), frame.Line))
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
		if !more {
			return p
		}
	}
}

// What is Go's own words, or the type of the value.
func (p *Panic) What() string { return p.what }

// Stack is the functions on the stack, innermost first, a line for each.
func (p *Panic) Stack() string { return strings.Join(p.places, "\n") }

// Error implements error.
func (p *Panic) Error() string {
	if len(p.places) == 0 {
		return "panic: " + p.what
	}
	return "panic: " + p.what + ", in " + p.places[0]
}
