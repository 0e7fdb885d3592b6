// Package openapi holds the description of Signet's HTTP surface: console.yaml
// for the console listener and public.yaml for the public one, both OpenAPI 3.1.
//
// It owns the two documents, from which the console's server types and the web
// client's types are generated, and their JSON form, which the server gives out.
// It refuses to hold anything that is not in the documents.
// The bytes never change; callers must not change them either.
//
// Start reading at console.yaml.
package openapi
