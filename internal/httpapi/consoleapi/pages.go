package consoleapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"signet/internal/fault"
	"signet/internal/httpapi"
)

const (
	pageName     = "index.html"
	hashedFolder = "assets/" // its files have a hash of their content in their name

	// What the console's pages may load and do: their own files, nothing inline, and
	// no text made into markup or script.
	pagePolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"

	compressFrom = 1 << 10 // bytes; below that it costs more than it saves
)

// contentTypes lists what a console is made of. The system's own table differs
// from machine to machine.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".map":   "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// pages are the console's files, in memory. They do not change.
type pages struct{ files map[string]page }

type page struct {
	content     []byte
	compressed  []byte // nil where it saves nothing
	contentType string
	etag        string
	caching     string
}

// newPages reads all files. It panics if it cannot: they are in the binary.
func newPages(files fs.FS) *pages {
	p := &pages{files: map[string]page{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		p.files[name] = newPage(name, content)
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("read the console's files: %v", err))
	}
	return p
}

func newPage(name string, content []byte) page {
	sum := sha256.Sum256(content)
	f := page{
		content:     content,
		contentType: "application/octet-stream",
		etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		caching:     "no-cache",
	}
	if known, ok := contentTypes[path.Ext(name)]; ok {
		f.contentType = known
	}
	if strings.HasPrefix(name, hashedFolder) {
		f.caching = "public, max-age=31536000, immutable"
	}
	if compressed := compress(content); len(content) >= compressFrom && len(compressed) < len(content)*9/10 {
		f.compressed = compressed
	}
	return f
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid constant
	_, _ = w.Write(content)                               // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// send answers for every path that is no route. A path without an extension is
// one of the console's own screens, which all are the one page.
func (p *pages) send(c *fiber.Ctx) error {
	if method := c.Method(); method != fiber.MethodGet && method != fiber.MethodHead {
		return c.Next() // to fiber's "no such route" or "no such method"
	}
	name := strings.TrimPrefix(c.Path(), "/")
	if name == "api" || strings.HasPrefix(name, "api/") {
		return c.Next()
	}
	httpapi.EventOf(c).Operation = "pages"
	f, found := p.files[name]
	if !found && path.Ext(name) == "" {
		f, found = p.files[pageName]
	}
	if !found {
		return fault.New(fault.RouteUnknown, nil)
	}
	f.write(c)
	return nil
}

func (f page) write(c *fiber.Ctx) {
	h := &c.Response().Header
	h.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
	h.Set(fiber.HeaderCacheControl, f.caching)
	h.Set(fiber.HeaderETag, f.etag)
	h.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	h.SetContentType(f.contentType)
	if matches(string(c.Request().Header.Peek(fiber.HeaderIfNoneMatch)), f.etag) {
		c.Status(fiber.StatusNotModified)
		return
	}
	if f.compressed != nil && c.Request().Header.HasAcceptEncoding("gzip") {
		h.Set(fiber.HeaderContentEncoding, "gzip")
		c.Response().SetBodyRaw(f.compressed)
		return
	}
	c.Response().SetBodyRaw(f.content)
}

// matches reads If-None-Match, for which a weak tag is as good as a strong one
// (RFC 9110 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
