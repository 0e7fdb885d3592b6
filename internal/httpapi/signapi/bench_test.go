package signapi

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"signet/internal/httpapi"
	"signet/internal/signing"
)

// constant answers at once.
type constant struct{ answer signing.Answer }

func (s constant) Sign(context.Context, signing.Request) (signing.Answer, error) {
	return s.answer, nil
}

func (s constant) SignConfig(context.Context, signing.Request) (signing.Answer, error) {
	return s.answer, nil
}

func (s constant) SignAgentConfig(context.Context, signing.Request) (signing.Answer, error) {
	return s.answer, nil
}

// BenchmarkSignatures sets what a signature costs in this package, its Signer
// being one that answers at once, beside a route that gives a constant: bare, and
// behind the same edge.
func BenchmarkSignatures(b *testing.B) {
	const answerText = `{"a":"constant"}`
	target := signaturesPath + "?app=" + knownKey + "&url=https%3A%2F%2Fcrm.example.com%2Fsidebar%3Fx%3D1"
	say := func(c *fiber.Ctx) error { return c.SendString(answerText) }
	bare := fiber.New(fiber.Config{Immutable: true, DisableStartupMessage: true})
	bare.Get("/constant", say)
	edged := httpapi.New(httpapi.Config{Name: "bench", Log: slog.New(slog.DiscardHandler), BodyLimit: bodyLimit})
	edged.Get("/constant", say)
	a := signing.Answer{CorpID: "wwexamplecorp00001", AgentID: "1000247", URL: page, Timestamp: 1763787600}
	unlimited := httpapi.Rate{PerSecond: 1e9, Burst: 1e9}
	signatures := New(Config{Signer: constant{a}, Log: slog.New(slog.DiscardHandler), PerAddress: unlimited, PerApp: unlimited})

	for _, app := range []*fiber.App{edged, signatures} {
		app.Handler() // sorts the routes, as listening does
	}

	for _, row := range []struct {
		name, target string
		handler      fasthttp.RequestHandler
	}{
		{"constant/bare", "/constant", bare.Handler()},
		{"constant/edge", "/constant", edged.Server().Handler},
		{"signatures", target, signatures.Server().Handler},
	} {
		b.Run(row.name, func(b *testing.B) {
			var fctx fasthttp.RequestCtx
			raw := []byte("GET " + row.target + " HTTP/1.1\r\nHost: sign.example.com\r\nOrigin: https://crm.example.com\r\nUser-Agent: wxwork/4.1.36\r\nAccept: */*\r\n\r\n")
			source, reader := bytes.NewReader(raw), bufio.NewReaderSize(nil, 4<<10)
			b.ReportAllocs()
			for b.Loop() {
				fctx.Response.Reset()
				fctx.ResetUserValues()
				source.Reset(raw)
				reader.Reset(source)
				if err := fctx.Request.Read(reader); err != nil { // as the server reads it
					b.Fatal(err)
				}
				row.handler(&fctx)
			}
			require.Equal(b, 200, fctx.Response.StatusCode(), "%s", fctx.Response.Body())
		})
	}
}
