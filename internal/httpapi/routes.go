package httpapi

import "github.com/gofiber/fiber/v2"

// Routed is an app that can list its routes.
type Routed interface {
	GetRoutes(filterUse ...bool) []fiber.Route
}

// RoutesOf lists what an app answers, "METHOD /path" each in the order in which they
// were added, so that a test can hold a list of its own against the app that runs.
// Parts of a path that are names of ids begin with a colon.
func RoutesOf(app Routed) []string {
	var list []string
	for _, r := range app.GetRoutes(true) {
		list = append(list, r.Method+" "+r.Path)
	}
	return list
}
