package consoleapi

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"signet/docs/openapi"
	"signet/internal/fault"
	"signet/internal/httpapi"
)

// generalCode is a code as the introduction of a document names it: with its status.
var generalCode = regexp.MustCompile("`([a-z_]+(?:\\.[a-z_]+)?)`\\s+\\((\\d{3})")

// onNoAnswer lists the codes that no request can meet.
var onNoAnswer = map[fault.Code]string{}

// What the kit refuses by itself, whatever is behind it.
var ofTheKit = []fault.Code{
	fault.RequestInvalid, fault.RequestTimeout, fault.RequestTooLarge, fault.RequestNotJSON, fault.HeaderTooLargeErr,
	fault.RouteUnknown, fault.MethodRefused, fault.InternalError,
}

func TestEveryCodeStandsInTheDocumentOfTheListenerThatAnswersWithIt(t *testing.T) {
	t.Parallel()
	listed := map[fault.Code]bool{}
	for _, text := range [][]byte{openapi.Console(), openapi.Public()} {
		doc := contract(t, text)
		general := map[fault.Code]bool{}
		for _, match := range generalCode.FindAllStringSubmatch(doc.Info.Description, -1) {
			code := fault.Code(match[1])
			require.Contains(t, fault.Codes(), code, doc.Info.Title)
			require.Equal(t, match[2], strconv.Itoa(httpapi.Status(code.Kind())), "%s: %s", doc.Info.Title, code)
			general[code], listed[code] = true, true
		}
		for _, code := range ofTheKit {
			require.True(t, general[code], "%s is a general code of the %s", code, doc.Info.Title)
		}
		for _, code := range codesOf(doc) {
			listed[code] = true
		}
	}
	for _, code := range fault.Codes() {
		_, never := onNoAnswer[code]
		require.NotEqual(t, never, listed[code], "%s: in a document, or on no answer", code)
	}
}

// codesOf gives the codes that a document's operations name, with repetitions.
func codesOf(doc *openapi3.T) []fault.Code {
	var list []fault.Code
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			codes, _ := op.Extensions["x-problem-codes"].([]any)
			for _, code := range codes {
				list = append(list, fault.Code(code.(string)))
			}
		}
	}
	return list
}

// An operation that takes If-Match can meet another version, and no other can.
func TestIfMatchIsTakenWhereItsCodesAreNamed(t *testing.T) {
	t.Parallel()
	for _, o := range operationsOf(t) {
		takes := o.Parameters.GetByInAndName("header", "If-Match") != nil
		codes, _ := o.Extensions["x-problem-codes"].([]any)
		require.Equal(t, takes, slices.Contains(codes, any(string(fault.IfMatchConflict))), o.OperationID)
		require.Equal(t, o.method == "PATCH", slices.Contains(codes, any(string(fault.IfMatchMissing))), o.OperationID)
	}
}

// The one example of a problem is what the server says in that case.
func TestTheExampleOfAProblemIsOneThatIsGiven(t *testing.T) {
	t.Parallel()
	example := contract(t, openapi.Console()).Components.Responses["Problem"].Value.Content["application/problem+json"].Example.(map[string]any)
	given := fault.InvalidField("/name", fault.ReasonMissing, nil)
	require.Equal(t, string(given.Code), example["code"])
	require.Equal(t, given.Title(fault.Chinese), example["title"])
	require.Equal(t, given.Detail(fault.Chinese), example["detail"])
	place := example["errors"].([]any)[0].(map[string]any)
	require.Equal(t, given.Fields[0].Pointer, place["pointer"])
	require.Equal(t, string(given.Fields[0].Reason), place["code"])
	require.Equal(t, given.Fields[0].Reason.Text(fault.Chinese, nil), place["detail"])
}
