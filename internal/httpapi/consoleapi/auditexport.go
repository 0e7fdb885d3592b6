package consoleapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi"
)

const (
	formatJSONL = "jsonl"
	formatCSV   = "csv"

	typeJSONL = "application/jsonl"
	typeCSV   = "text/csv; charset=utf-8; header=present"
)

// ExportAudit gives a tenant's whole audit out.
func (a *api) ExportAudit(ctx context.Context, r ExportAuditRequestObject) (ExportAuditResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	extract, err := parseExtract(r.Params.Format, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	rows, err := a.admin.ExportAudit(ctx, actorOf(ctx), tenant, extract)
	if err != nil {
		return nil, err
	}
	return a.exported(rows, extract.Format, tenant.String()), nil
}

// ExportPlatformAudit gives the platform's own audit out.
func (a *api) ExportPlatformAudit(ctx context.Context, r ExportPlatformAuditRequestObject) (ExportPlatformAuditResponseObject, error) {
	extract, err := parseExtract(r.Params.Format, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	rows, err := a.admin.ExportPlatformAudit(ctx, actorOf(ctx), extract)
	if err != nil {
		return nil, err
	}
	return a.exported(rows, extract.Format, string(core.PlatformChain)), nil
}

// SignAuditHead gives a signed statement of where a tenant's audit ends.
func (a *api) SignAuditHead(ctx context.Context, r SignAuditHeadRequestObject) (SignAuditHeadResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	text, err := a.admin.SignAuditHead(ctx, actorOf(ctx), tenant)
	if err != nil {
		return nil, err
	}
	return auditHead{text, a.fileName("checkpoint", tenant.String(), formatJSONL)}, nil
}

// fileName is the name of a file in a header: of ids and numbers alone.
func (a *api) fileName(what, whose, format string) string {
	return fmt.Sprintf(`attachment; filename="signet-audit-%s-%s-%s.%s"`, what, whose, a.now().UTC().Format("20060102T150405Z"), format)
}

// auditHead is the statement as it is: nothing may take it apart, or its signature
// fits no longer.
type auditHead struct {
	text []byte
	name string
}

// VisitSignAuditHeadResponse implements SignAuditHeadResponseObject.
func (h auditHead) VisitSignAuditHeadResponse(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentDisposition, h.name)
	c.Set(fiber.HeaderContentType, typeJSONL)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Send(h.text)
}

// exported is an export as an answer.
type exported struct {
	rows   *admin.AuditExport
	format string
	name   string
	log    *slog.Logger
}

func (a *api) exported(rows *admin.AuditExport, format, whose string) exported {
	return exported{rows, format, a.fileName("rows", whose, format), a.log}
}

// VisitExportAuditResponse implements ExportAuditResponseObject.
func (e exported) VisitExportAuditResponse(c *fiber.Ctx) error { return e.send(c) }

// VisitExportPlatformAuditResponse implements ExportPlatformAuditResponseObject.
func (e exported) VisitExportPlatformAuditResponse(c *fiber.Ctx) error { return e.send(c) }

func (e exported) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentDisposition, e.name)
	c.Set(fiber.HeaderCacheControl, "no-store")
	write, head := writeJSONL, []byte(nil)
	c.Set(fiber.HeaderContentType, typeJSONL)
	if e.format == formatCSV {
		c.Set(fiber.HeaderContentType, typeCSV)
		write, head = writeCSV, csvHead(httpapi.LanguageOf(c))
	}
	httpapi.Stream(c, e.log, func(ctx context.Context) ([]byte, error) {
		rows, err := e.rows.Next(ctx)
		if err != nil {
			return nil, err
		}
		var piece bytes.Buffer
		piece.Write(head)
		if len(rows) == 0 && len(head) == 0 {
			return nil, io.EOF
		}
		head = nil
		err = write(&piece, e.rows.Chain, rows)
		return piece.Bytes(), err
	})
	return nil
}

// writeJSONL writes each row as the list has it, with its chain: what its hash is made
// of.
func writeJSONL(w *bytes.Buffer, chain core.AuditChain, rows []core.AuditRow) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, row := range rows {
		line := struct {
			Chain core.AuditChain `json:"chain"`
			AuditRow
		}{chain, auditAnswer(row)}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

var csvHeads = map[fault.Language][]string{
	fault.English: {"chain", "number", "time", "action", "subject kind", "subject", "actor kind", "actor id", "actor", "detail", "request id", "previous hash", "hash", "mac", "mac key"},
	fault.Chinese: {"链", "序号", "时间", "操作", "对象类型", "对象", "操作者类型", "操作者 ID", "操作者", "详情", "请求 ID", "前一条的哈希", "哈希", "MAC", "MAC 密钥"},
}

// csvHead is the heading, led by the mark without which spreadsheets do not read UTF-8.
func csvHead(language fault.Language) []byte {
	var text bytes.Buffer
	text.WriteString("\ufeff")
	w := csv.NewWriter(&text)
	_ = w.Write(csvHeads[language]) // a buffer takes everything
	w.Flush()
	return text.Bytes()
}

func writeCSV(to *bytes.Buffer, chain core.AuditChain, rows []core.AuditRow) error {
	w := csv.NewWriter(to)
	for _, row := range rows {
		r := auditAnswer(row)
		detail, err := json.Marshal(r.Detail)
		if err != nil {
			return err
		}
		cells := []string{string(chain), strconv.FormatInt(r.Seq, 10), r.At.Format(time.RFC3339Nano), r.Action, r.Subject.Kind, r.Subject.ID,
			string(r.Actor.Kind), r.Actor.ID, r.Actor.Name, string(detail), r.RequestID, r.PreviousHash, r.Hash, r.Mac, r.MacKey}
		for i, cell := range cells {
			cells[i] = core.GuardCell(cell)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
