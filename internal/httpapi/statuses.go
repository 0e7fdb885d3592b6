package httpapi

import (
	"errors"
	"net"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

// statuses is the one table from the kind of a failure to its HTTP status.
var statuses = map[fault.Kind]int{
	fault.Internal:             fiber.StatusInternalServerError,
	fault.Invalid:              fiber.StatusBadRequest,
	fault.Unauthenticated:      fiber.StatusUnauthorized,
	fault.Forbidden:            fiber.StatusForbidden,
	fault.NotFound:             fiber.StatusNotFound,
	fault.MethodNotAllowed:     fiber.StatusMethodNotAllowed,
	fault.Conflict:             fiber.StatusConflict,
	fault.PreconditionFailed:   fiber.StatusPreconditionFailed,
	fault.TooLarge:             fiber.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:     fiber.StatusUnsupportedMediaType,
	fault.Unprocessable:        fiber.StatusUnprocessableEntity,
	fault.PreconditionRequired: fiber.StatusPreconditionRequired,
	fault.RateLimited:          fiber.StatusTooManyRequests,
	fault.HeaderTooLarge:       fiber.StatusRequestHeaderFieldsTooLarge,
	fault.Unavailable:          fiber.StatusServiceUnavailable,
	fault.TimedOut:             fiber.StatusRequestTimeout,
	fault.Gone:                 fiber.StatusGone,
}

// Status gives the HTTP status of a kind of failure.
func Status(kind fault.Kind) int {
	if status, ok := statuses[kind]; ok {
		return status
	}
	return fiber.StatusInternalServerError
}

// codes names what fiber refuses by itself, by the status it would have given.
var codes = map[int]fault.Code{
	fiber.StatusBadRequest:                  fault.RequestInvalid,
	fiber.StatusNotFound:                    fault.RouteUnknown,
	fiber.StatusMethodNotAllowed:            fault.MethodRefused,
	fiber.StatusRequestTimeout:              fault.RequestTimeout,
	fiber.StatusRequestEntityTooLarge:       fault.RequestTooLarge,
	fiber.StatusUnsupportedMediaType:        fault.RequestNotJSON,
	fiber.StatusUnprocessableEntity:         fault.RequestNotJSON, // its parser met a content type it does not know
	fiber.StatusRequestHeaderFieldsTooLarge: fault.HeaderTooLargeErr,
}

// faultOf names any error of a route. The text of fiber's own errors is dropped:
// it repeats what was sent.
func faultOf(err error) *fault.Error {
	var named *fault.Error
	if errors.As(err, &named) {
		return named
	}
	var own *fiber.Error
	if errors.As(err, &own) {
		if code, ok := codes[own.Code]; ok {
			return fault.New(code, nil)
		}
	}
	return fault.Find(err)
}

// faultOfReading names what fasthttp met while it read a request.
func faultOfReading(err error) *fault.Error {
	var network net.Error
	switch {
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		return fault.New(fault.HeaderTooLargeErr, nil)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return fault.New(fault.RequestTooLarge, nil)
	case errors.As(err, &network) && network.Timeout():
		return fault.New(fault.RequestTimeout, nil)
	}
	return fault.New(fault.RequestInvalid, nil)
}
