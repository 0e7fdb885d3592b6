package signapi

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/httpapi"
	"signet/internal/signing"
)

const roomForAnyAnswer = 512

// answerBuffers lends the memory in which an answer is put together.
var answerBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// note adds to the log line what was signed.
func note(event *httpapi.Event, a *signing.Answer) {
	event.Note(slog.String("host", hostOf(a.URL)))
	event.Note(slog.String("corp_id", string(a.CorpID)))
	event.Note(slog.String("agent_id", string(a.AgentID)))
}

// send makes the answer. The response copies it into memory that it lends too.
func send(fctx *fasthttp.RequestCtx, appendTo func([]byte) []byte) {
	buffer := answerBuffers.Get().(*[]byte)
	*buffer = appendTo((*buffer)[:0])
	fctx.Response.Header.SetContentType(fiber.MIMEApplicationJSON)
	fctx.Response.SetBody(*buffer)
	answerBuffers.Put(buffer)
}

// hostOf gives the host of a signed address, which is all of it that is logged.
func hostOf(page string) string {
	_, rest, _ := strings.Cut(page, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// AppendAnswer adds the body of an answer of /v1/signatures to b. It allocates
// only if b has to grow.
func AppendAnswer(b []byte, a *signing.Answer) []byte {
	b = append(b, `{"corpId":`...)
	b = httpapi.AppendJSONString(b, string(a.CorpID))
	b = append(b, `,"agentId":`...)
	b = httpapi.AppendJSONString(b, string(a.AgentID))
	b = append(b, `,"url":`...)
	b = httpapi.AppendJSONString(b, a.URL)
	b = append(b, `,"config":`...)
	b = appendSignature(b, a, &a.Config)
	b = append(b, `,"agentConfig":`...)
	b = appendSignature(b, a, &a.AgentConfig)
	return append(b, '}')
}

// appendSignature needs no escaping: nonce and signature are letters and digits.
func appendSignature(b []byte, a *signing.Answer, signature *[40]byte) []byte {
	b = append(b, `{"timestamp":`...)
	b = strconv.AppendInt(b, a.Timestamp, 10)
	b = append(b, `,"nonceStr":"`...)
	b = append(b, a.Nonce[:]...)
	b = append(b, `","signature":"`...)
	b = append(b, signature[:]...)
	return append(b, `"}`...)
}

func appendLegacyConfig(b []byte, a *signing.Answer) []byte {
	return appendLegacy(b, a, &a.Config)
}

func appendLegacyAgentConfig(b []byte, a *signing.Answer) []byte {
	return appendLegacy(b, a, &a.AgentConfig)
}

// appendLegacy writes the answer of the original program's routes.
func appendLegacy(b []byte, a *signing.Answer, signature *[40]byte) []byte {
	b = append(b, `{"code":"0","data":{"signature":"`...)
	b = append(b, signature[:]...)
	b = append(b, `","timestamp":`...)
	b = strconv.AppendInt(b, a.Timestamp, 10)
	b = append(b, `,"nonceStr":"`...)
	b = append(b, a.Nonce[:]...)
	b = append(b, `","corpid":`...)
	b = httpapi.AppendJSONString(b, string(a.CorpID))
	b = append(b, `,"agentid":`...)
	b = httpapi.AppendJSONString(b, string(a.AgentID))
	return append(b, `},"message":"success"}`...)
}

// writeLegacyProblem keeps the shape of the original program's answers. data is
// an object, as it was there, so that a page which looks into it before it looks
// at code does not stop with an error of its own.
func writeLegacyProblem(r *fasthttp.Response, p httpapi.Problem) {
	p.WriteHeader(r)
	b := append(make([]byte, 0, roomForAnyAnswer), `{"code":`...)
	b = httpapi.AppendJSONString(b, string(p.Fault.Code))
	b = append(b, `,"data":{},"message":`...)
	b = httpapi.AppendJSONString(b, p.Detail())
	r.Header.SetContentType(fiber.MIMEApplicationJSON)
	r.SetBodyRaw(append(b, '}'))
}
