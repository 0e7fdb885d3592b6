package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/httpapi/httpapitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, httpapitest.Leftovers()...)
}

// newApp makes an app with routes that do what their names say.
func newApp(t testing.TB, change func(*Config)) (*fiber.App, *httpapitest.LogBook) {
	t.Helper()
	book := &httpapitest.LogBook{}
	cfg := Config{Name: "test", Log: book.Logger(), BodyLimit: 4 << 10}
	if change != nil {
		change(&cfg)
	}
	app := New(cfg)
	app.Get("/fine", func(c *fiber.Ctx) error {
		EventOf(c).Operation = "fine"
		return c.SendString("fine")
	})
	app.Post("/echo", func(c *fiber.Ctx) error {
		var body struct {
			Name string `json:"name"`
		}
		if err := DecodeBody(c, &body); err != nil {
			return err
		}
		return c.JSON(body)
	})
	app.Get("/panic", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderETag, `"1"`)
		panic(&url.Error{Op: "Get", URL: "https://wecom.test.example/gettoken?corpsecret=in-an-address", Err: io.EOF})
	})
	app.Get("/client", func(c *fiber.Ctx) error { return c.SendString(EventOf(c).Client.String()) })
	return app, book
}

type problemBody struct {
	Type, Title, Detail, Code string
	Status                    int
	RequestID                 string `json:"request_id"`
	Errors                    []struct{ Pointer, Code, Detail string }
	Upstream                  *struct{ Errcode int }
}

// requireProblem reads an answer that must be a problem with that code.
func requireProblem(t testing.TB, r *http.Response, status int, code string) problemBody {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, status, r.StatusCode, "%s", body)
	require.Equal(t, ProblemType, r.Header.Get("Content-Type"), "%s", body)
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	var p problemBody
	require.NoError(t, json.Unmarshal(body, &p), "%s", body)
	require.Equal(t, code, p.Code)
	require.Equal(t, status, p.Status)
	require.Equal(t, "urn:signet:problem:"+code, p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, r.Header.Get("X-Request-Id"), p.RequestID)
	return p
}

// get asks for a page and lets go of the connection.
func get(t testing.TB, address string) *http.Response {
	t.Helper()
	r, err := httpapitest.Client(t).Get(address)
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}
