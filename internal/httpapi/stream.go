package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/core"
	"signet/internal/fault"
)

// streamTime is the longest that one streamed answer may take. A client that takes
// nothing for writeTimeout is left before.
const streamTime = 30 * time.Minute

// Stream answers with what next gives, piece by piece, until it gives io.EOF: nothing
// but one piece is in memory. What fails on the way cuts the answer off, so that no
// client takes a part for the whole, and is logged.
func Stream(c *fiber.Ctx, log *slog.Logger, next func(context.Context) ([]byte, error)) {
	// The request's own context ends before the first piece is sent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(EventOf(c).Context()), streamTime)
	c.Response().SetBodyStream(&stream{ctx: ctx, cancel: cancel, conn: c.Context().Conn(), log: log, next: next}, -1)
}

// stream is read, and closed, by the goroutine of its connection.
type stream struct {
	ctx    context.Context //nolint:containedctx // fasthttp reads without one
	cancel context.CancelFunc
	conn   net.Conn
	log    *slog.Logger
	next   func(context.Context) ([]byte, error)
	piece  []byte
	err    error
}

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	for len(s.piece) == 0 && s.err == nil {
		s.piece, s.err = s.take()
		if s.err != nil && s.err != io.EOF { //nolint:errorlint // next gives it as it is
			s.log.WarnContext(s.ctx, "a streamed answer was cut off", "error", s.err)
		}
		if s.conn != nil {
			_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // of this piece, no longer of the whole
		}
	}
	if len(s.piece) == 0 {
		return 0, s.err
	}
	n := copy(b, s.piece)
	s.piece = s.piece[n:]
	return n, nil
}

// take asks for the next piece. Nobody above would catch a panic of it.
func (s *stream) take() (piece []byte, err error) {
	defer func() {
		if p := core.Recovered(recover()); p != nil {
			piece, err = nil, p
		}
	}()
	return s.next(s.ctx)
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.cancel()
	return nil
}

// LanguageOf is the language that a request asks for.
func LanguageOf(c *fiber.Ctx) fault.Language {
	return chooseLanguage(c.Request().Header.Peek(fiber.HeaderAcceptLanguage))
}
