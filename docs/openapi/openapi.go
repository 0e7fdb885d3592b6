package openapi

import _ "embed" // for the two documents

//go:generate go run tojson.go

//go:embed console.json
var console []byte

//go:embed public.json
var public []byte

// Console gives the description of the console's API as JSON.
func Console() []byte { return console }

// Public gives the description of the public listener as JSON.
func Public() []byte { return public }
