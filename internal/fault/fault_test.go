package fault_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/fault"
)

var (
	names   = regexp.MustCompile(`\{[a-z]+\}`)
	chinese = regexp.MustCompile(`\p{Han}`)
	// Chinese sentences take the full-width marks, behind Latin letters too. What
	// is written the same in every language keeps its own: an address, a port, a
	// header, a call, thousands.
	sameEverywhere = regexp.MustCompile(`https?://|:\{port\}|:[0-9]+|[A-Za-z-]+: [a-z]+/[a-z]+|\.[a-z]+\('[^']*'\)|[0-9]{1,3}(,[0-9]{3})+`)
	halfWidth      = regexp.MustCompile(`[,;:?()]|\p{Han}\.`)
)

// declared lists the string constants of one type, from the source itself: a
// list made by hand would lack the one that was forgotten.
func declared(t *testing.T, typeName string) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if named, ok := spec.Type.(*ast.Ident); ok && named.Name == typeName {
				if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
					text, err := strconv.Unquote(value.Value)
					require.NoError(t, err)
					found = append(found, text)
				}
			}
			return true
		})
	}
	return found
}

func checkText(t *testing.T, zh, en string) {
	t.Helper()
	require.NotEmpty(t, zh)
	require.NotEmpty(t, en)
	require.Regexp(t, chinese, zh)
	require.NotRegexp(t, halfWidth, sameEverywhere.ReplaceAllString(zh, " "), zh)
	zhNames, enNames := names.FindAllString(zh, -1), names.FindAllString(en, -1)
	slices.Sort(zhNames)
	slices.Sort(enNames)
	require.Equal(t, zhNames, enNames, "%s / %s", zh, en)
	for _, text := range []string{zh, en} {
		require.NotContains(t, text, "!")
		require.NotContains(t, text, "！")
		require.NotContains(t, text, "操作失败")
	}
}

func TestEveryCodeHasItsRowAndItsTexts(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, code := range fault.Codes() {
		rows = append(rows, string(code))
	}
	require.ElementsMatch(t, declared(t, "Code"), rows)
	for _, code := range fault.Codes() {
		require.Regexp(t, `^[a-z][a-z_]*(\.[a-z][a-z_]*)?$`, string(code))
		e := fault.New(code, nil)
		checkText(t, e.Title(fault.Chinese), e.Title(fault.English))
		checkText(t, e.Detail(fault.Chinese), e.Detail(fault.English))
		require.True(t, strings.HasSuffix(e.Detail(fault.Chinese), "。"), e.Detail(fault.Chinese))
		require.True(t, strings.HasSuffix(e.Detail(fault.English), "."), e.Detail(fault.English))
		require.Equal(t, code == fault.InternalError, code.Kind() == fault.Internal, code)
	}
	require.Equal(t, fault.Internal, fault.Code("never.heard").Kind())
}

func TestEveryReasonHasItsTexts(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, reason := range fault.Reasons() {
		rows = append(rows, string(reason))
		checkText(t, reason.Text(fault.Chinese, nil), reason.Text(fault.English, nil))
	}
	require.ElementsMatch(t, declared(t, "Reason"), rows)
}

func TestHostileValuesStayOneShortPrintableLine(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"a\r\nSet-Cookie: x", "\x1b[31mred", "a\u202eb", "\u200b", "\xff\xfe", "a\x00b", "\u2028", strings.Repeat("x", 10_000)} {
		for _, lang := range []fault.Language{fault.Chinese, fault.English} {
			text := fault.New(fault.URLUntrusted, fault.Args{"host": value}).Detail(lang)
			require.Less(t, len(text), 600)
			require.NotRegexp(t, `[\x00-\x1f\x7f\x{200b}-\x{200f}\x{2028}-\x{202e}\x{feff}\x{fffd}]`, text)
		}
	}
}

func TestAPlainErrorIsInternalAndSaysNothing(t *testing.T) {
	t.Parallel()
	e := fault.Find(errors.New("dial tcp 10.0.0.1: hunter2secret"))
	require.Equal(t, fault.InternalError, e.Code)
	for _, lang := range []fault.Language{fault.Chinese, fault.English} {
		require.NotContains(t, e.Detail(lang), "hunter2secret")
	}
	require.Contains(t, e.Error(), "hunter2secret", "the log has it")
}

func TestFindGivesTheFaultInsideAnError(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.AppUnknown, nil).WithRetryAfter(time.Second).WithErrcode(40001).WithReason(fault.ReasonOther)
	wrapped := fmt.Errorf("sign: %w", inner)
	require.Same(t, inner, fault.Find(wrapped))
	require.True(t, fault.Has(wrapped, fault.AppUnknown))
	require.False(t, fault.Has(wrapped, fault.AppMissing))
	require.ErrorIs(t, wrapped, fault.New(fault.AppUnknown, nil))
	require.NotErrorIs(t, wrapped, fault.New(fault.AppMissing, nil))
	require.False(t, fault.Has(nil, fault.AppUnknown))
	cause := errors.New("cause")
	require.ErrorIs(t, fault.Wrap(cause, fault.StoreUnavailable, nil), cause)
}

func ExampleInvalidField() {
	err := fault.InvalidField("/host", fault.ReasonNoWildcard, nil)
	fmt.Println(err.Code, err.Fields[0].Pointer, err.Fields[0].Reason.Text(fault.English, nil))
	// Output: request.invalid /host A wildcard cannot stand here. Write one whole host.
}
