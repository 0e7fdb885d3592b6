package app_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"expvar"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	jsonx "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/httpapi/consoleapi"
	"signet/internal/identity"
	"signet/internal/outbound"
	"signet/internal/replay"
	"signet/internal/store"
	"signet/internal/ticket"
	"signet/internal/wecom"
)

// holders are the exported types of the shipped code with a field of core.Secret,
// each filled with a canary.
func holders() map[string]any {
	s := core.NewSecret(canarySecret)
	return map[string]any{
		"admin.KeptSecret":      admin.KeptSecret{Secret: s},
		"admin.NewApp":          admin.NewApp{Secret: s},
		"admin.NewSecret":       admin.NewSecret{Secret: s},
		"config.Config":         config.Config{DatabaseURL: s, SystemDatabaseURL: s, MigrateDatabaseURL: s},
		"config.OIDC":           config.OIDC{ClientSecret: s},
		"config.SMTP":           config.SMTP{Password: s},
		"identity.Leaving":      identity.Leaving{Token: s},
		"identity.OIDC":         identity.OIDC{ClientSecret: s},
		"identity.Returned":     identity.Returned{Token: s, Code: s},
		"outbound.MailConfig":   outbound.MailConfig{Password: s},
		"consoleapi.SecretText": consoleapi.SecretText{Secret: s},
		"identity.Session":      identity.Session{AccessToken: s, Refresh: s, Device: s},
		"identity.NewTOTP":      identity.NewTOTP{Seed: s, URI: s},
		"identity.WeComRound":   identity.WeComRound{Browser: s},
		"identity.WeComReturn":  identity.WeComReturn{Factor: s},
		"identity.Visit":        identity.Visit{Device: s},
		"identity.Waiting":      identity.Waiting{Token: s},
		"identity.Answer":       identity.Answer{Code: s, RecoveryCode: s},
		"replay.Answer":         replay.Answer{Body: s},
		"store.LoginRole":       store.LoginRole{Password: s},
		"store.MemberRow":       store.MemberRow{PasswordHash: s},
		"ticket.Pair":           ticket.Pair{Corp: s, Agent: s},
		"wecom.Grant":           wecom.Grant{Value: s},
	}
}

// printings are the ways in which a program writes a value out.
func printings(v any) []byte {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%w", "%!"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	fmt.Fprintln(&b, fmt.Errorf("wrapped: %w: %+v", errors.New("inner"), v), errors.Join(fmt.Errorf("%#v", v), errors.New("other")))
	func() {
		defer func() { p := core.Recovered(recover()); fmt.Fprintf(&b, "%v %+v %s", p, p, p.Stack()) }()
		panic(v)
	}()
	for _, encode := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, func(v any) ([]byte, error) { return jsonx.Marshal(v) }} {
		text, err := encode(v)
		fmt.Fprintln(&b, string(text), err)
	}
	fmt.Fprintln(&b, gob.NewEncoder(&b).Encode(v))
	fmt.Fprintln(&b, expvar.Func(func() any { return v }).String())
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil), slog.NewJSONHandler(&b, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Any("bound", v)})} {
		slog.New(h).Error("event", "value", v, slog.Group("inner", "value", v), "list", []any{v, &v}, "error", fmt.Errorf("%+v", v))
	}
	reflected(&b, reflect.ValueOf(v), 0)
	return b.Bytes()
}

// reflected writes what reflection reaches, unexported fields among it, as the
// printers of other people's debuggers do.
func reflected(b *bytes.Buffer, v reflect.Value, depth int) {
	switch {
	case depth > 8:
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			reflected(b, v.Field(i), depth+1)
		}
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if !v.IsNil() {
			reflected(b, v.Elem(), depth+1)
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		for i := range v.Len() {
			reflected(b, v.Index(i), depth+1)
		}
	default:
		fmt.Fprintf(b, "%v %s\n", v, v.String())
	}
}

// T-LOG-2: no type that holds a secret shows it, by whatever it is printed.
func TestNoTypeThatHoldsASecretPrintsIt(t *testing.T) {
	t.Parallel()
	for name, holder := range holders() {
		type unexported struct{ inner any }
		for _, shape := range []any{holder, []any{holder}, map[string]any{"key": holder}, struct{ Held any }{holder}, unexported{holder}} {
			require.Empty(t, search(name, printings(shape), map[string]string{"a secret": canarySecret}))
		}
	}
	type plain struct{ Secret string }
	require.NotEmpty(t, search("a string", printings(plain{canarySecret}), map[string]string{"a secret": canarySecret}), "the search itself can find")
}

// Who adds a type that holds a secret adds it to the table above.
func TestEveryTypeThatHoldsASecretIsTried(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	root := filepath.Join("..", "..", "internal")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() || strings.HasSuffix(file.Name.Name, "test") {
				return true // fmt reads unexported fields by reflection: core's own tests have those
			}
			if fields, ok := spec.Type.(*ast.StructType); ok && slices.ContainsFunc(fields.Fields.List, holdsSecret) {
				found[file.Name.Name+"."+spec.Name.Name] = true
			}
			return true
		})
		return nil
	}))
	require.ElementsMatch(t, slices.Collect(maps.Keys(holders())), slices.Collect(maps.Keys(found)))
}

// holdsSecret tells whether an exported field is of core.Secret.
func holdsSecret(f *ast.Field) bool {
	selector, ok := f.Type.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Secret" {
		return false
	}
	room, ok := selector.X.(*ast.Ident)
	return ok && room.Name == "core" && (len(f.Names) == 0 || slices.ContainsFunc(f.Names, (*ast.Ident).IsExported))
}
