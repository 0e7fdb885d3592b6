package consoleapi

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"signet/docs/openapi"
)

// GetDocument gives the contract of this API.
func (a *api) GetDocument(context.Context, GetDocumentRequestObject) (GetDocumentResponseObject, error) {
	return document{}, nil
}

// document is the answer as it is, in place of the generated one, which would
// take it apart.
type document struct{}

// VisitGetDocumentResponse implements GetDocumentResponseObject.
func (document) VisitGetDocumentResponse(c *fiber.Ctx) error {
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(openapi.Console())
	return nil
}
