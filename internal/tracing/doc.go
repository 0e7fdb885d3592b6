// Package tracing marks what a request did and how long each part took, for
// those who have switched traces on.
//
// It owns what may be said of a part: facts.go has a constructor for each fact,
// of typed ids, numbers and names of ours. There is none for free text, so that
// no address, secret, ticket, e-mail or error text can get into a trace. It
// refuses to know where traces go; package app does.
//
// Everything here is safe for concurrent use, waits for nothing and never fails.
// Without a Tracer, or where the sampler has passed a request over, a part costs
// one look into its context and no memory. A Span belongs to who has begun it.
//
// Start reading at spans.go.
package tracing
