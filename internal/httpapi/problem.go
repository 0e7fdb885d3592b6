package httpapi

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

// ProblemType is the content type of a failure (RFC 9457).
const ProblemType = "application/problem+json"

// A URN, because a program compares it and nobody has to fetch it.
const problemTypePrefix = "urn:signet:problem:"

const (
	maxProblemFields  = 20
	maxPointerLength  = 128
	languageTagOfZH   = "zh-CN"
	languageTagOfEN   = "en"
	roomForAnyProblem = 512
)

// Problem is a failure as one request is told of it.
type Problem struct {
	Fault     *fault.Error
	Status    int
	Language  fault.Language
	RequestID string
}

// Write makes r the answer that tells of the failure, as problem+json.
func (p Problem) Write(r *fasthttp.Response) {
	p.WriteHeader(r)
	r.Header.SetContentType(ProblemType)
	r.SetBodyRaw(p.appendJSON(make([]byte, 0, roomForAnyProblem)))
}

// WriteHeader sets the status and the headers that go with the failure in
// whatever form its body is told.
func (p Problem) WriteHeader(r *fasthttp.Response) {
	r.ResetBody()
	r.SetStatusCode(p.Status)
	r.Header.Add(fiber.HeaderVary, fiber.HeaderAcceptLanguage)
	r.Header.Set(fiber.HeaderContentLanguage, languageTag(p.Language))
	if p.Fault.RetryAfter > 0 {
		r.Header.Set(fiber.HeaderRetryAfter, strconv.FormatInt(wholeSeconds(p.Fault.RetryAfter), 10))
	}
	if p.Status == fiber.StatusUnauthorized {
		r.Header.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
}

// Detail is the public sentence in the language that was asked for.
func (p Problem) Detail() string { return p.Fault.Detail(p.Language) }

func (p Problem) appendJSON(b []byte) []byte {
	f := p.Fault
	b = append(b, `{"type":`...)
	b = AppendJSONString(b, problemTypePrefix+string(f.Code))
	b = append(b, `,"title":`...)
	b = AppendJSONString(b, f.Title(p.Language))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	b = append(b, `,"detail":`...)
	b = AppendJSONString(b, p.Detail())
	b = append(b, `,"code":`...)
	b = AppendJSONString(b, string(f.Code))
	b = append(b, `,"request_id":`...)
	b = AppendJSONString(b, p.RequestID)
	if len(f.Fields) > 0 {
		b = append(b, `,"errors":[`...)
		b = p.appendFields(b, f.Fields[:min(len(f.Fields), maxProblemFields)])
		b = append(b, ']')
	}
	if f.Errcode != 0 {
		b = append(b, `,"upstream":{"errcode":`...)
		b = strconv.AppendInt(b, int64(f.Errcode), 10)
		b = append(b, '}')
	}
	return append(b, '}')
}

func (p Problem) appendFields(b []byte, fields []fault.Field) []byte {
	for i, field := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"pointer":`...)
		b = AppendJSONString(b, field.Pointer[:min(len(field.Pointer), maxPointerLength)])
		b = append(b, `,"code":`...)
		b = AppendJSONString(b, string(field.Reason))
		b = append(b, `,"detail":`...)
		b = AppendJSONString(b, field.Reason.Text(p.Language, field.Args))
		b = append(b, '}')
	}
	return b
}

func wholeSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

func languageTag(lang fault.Language) string {
	if lang == fault.English {
		return languageTagOfEN
	}
	return languageTagOfZH
}
