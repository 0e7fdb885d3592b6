package httpapitest

import "github.com/gofiber/fiber/v2"

// Constant makes fiber as it comes, with one route that gives a constant: what
// a listener is measured against.
func Constant(path, body string) *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get(path, func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.SendString(body)
	})
	return app
}
