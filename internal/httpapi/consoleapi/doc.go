// Package consoleapi is the console listener: the API of the console and the
// console's own files.
//
// It owns the HTTP side of the API: who may come in (door.go), where a request
// may come from (origins.go), the refresh cookie (session.go), the form of
// parameters and entity tags (parameters.go, versions.go), and the turning of
// nouns into answers, one file per noun. The contract comes first: the types,
// the routes and the reading of parameters are generated from
// docs/openapi/console.yaml into api.gen.go, bodies are read by the kit, and
// what the contract calls required must be there. It refuses to decide what an
// actor may do and what a value may look like: admin and identity do.
//
// Everything here is safe for concurrent use. The API looks at no cookie but in
// the two routes that renew and end a session. What happens while Postgres or
// WeCom are away, admin and identity say; the console's files need neither.
//
// Start reading at routes.go, then door.go.
package consoleapi
