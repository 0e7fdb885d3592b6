package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

func TestEveryKindOfFailureHasAStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[int]fault.Kind{}
	for kind := fault.Internal; kind <= fault.Gone; kind++ {
		status, ok := statuses[kind]
		require.True(t, ok, "kind %d has no row", kind)
		require.NotContains(t, seen, status)
		seen[status] = kind
	}
	require.Len(t, statuses, len(seen), "a row for a kind that does not exist")
	for _, code := range fault.Codes() {
		require.Contains(t, statuses, code.Kind(), code)
	}
}

func TestEveryCodeMakesAProblemInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		for _, lang := range []fault.Language{fault.Chinese, fault.English} {
			f := fault.New(code, nil).WithErrcode(40001)
			f.Fields = []fault.Field{{Pointer: "/a", Reason: fault.ReasonMissing}, {Pointer: "?b", Reason: fault.ReasonLimit}}
			var p problemBody
			require.NoError(t, json.Unmarshal(Problem{Fault: f, Status: Status(f.Kind()), Language: lang, RequestID: "r"}.appendJSON(nil), &p))
			require.Equal(t, string(code), p.Code)
			require.Equal(t, f.Title(lang), p.Title)
			require.Equal(t, f.Detail(lang), p.Detail)
			require.Equal(t, 40001, p.Upstream.Errcode)
			require.Len(t, p.Errors, 2)
			require.Equal(t, "/a", p.Errors[0].Pointer)
			require.Equal(t, "missing", p.Errors[0].Code)
			require.Equal(t, fault.ReasonMissing.Text(lang, nil), p.Errors[0].Detail)
		}
	}
}

func TestAProblemRepeatsLittleOfWhatWasSent(t *testing.T) {
	t.Parallel()
	f := &fault.Error{Code: fault.RequestInvalid}
	for range 1000 {
		f.Fields = append(f.Fields, fault.Field{Pointer: "/" + strings.Repeat("页", 1<<16), Reason: fault.ReasonUnknown})
	}
	text := Problem{Fault: f, Status: 400}.appendJSON(nil)
	require.Less(t, len(text), 16<<10)
	require.True(t, json.Valid(text))
	require.True(t, utf8.Valid(text))
}

func TestRetryAfterIsThereWheneverItIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {-1, ""}, {1, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {time.Hour, "3600"}} {
		var r fasthttp.Response
		Problem{Fault: fault.New(fault.WeComQuota, nil).WithRetryAfter(row.after), Status: 503}.Write(&r)
		require.Equal(t, row.want, string(r.Header.Peek("Retry-After")))
	}
}

func TestTheLanguageIsChineseUnlessEnglishIsPreferred(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]fault.Language{
		"":                                fault.Chinese,
		"en":                              fault.English,
		"EN-us":                           fault.English,
		"zh-CN,zh;q=0.9,en;q=0.8":         fault.Chinese,
		"en-US,en;q=0.9,zh-CN;q=0.8":      fault.English,
		"zh-TW;q=0.3, en ; q=0.4":         fault.English,
		"en;q=0.5,zh;q=0.5":               fault.Chinese,
		"fr,de;q=0.9":                     fault.Chinese,
		"fr,en;q=0.1":                     fault.English,
		"en;q=0":                          fault.Chinese,
		"*":                               fault.Chinese,
		"en,*;q=0.5":                      fault.English,
		"zh;q=0.1,*":                      fault.English,
		"zh;q=0,en;q=0.001":               fault.English,
		"en;q=abc":                        fault.Chinese,
		"en;q=2":                          fault.Chinese,
		"en;q=NaN":                        fault.Chinese,
		"english":                         fault.Chinese,
		",,;;==,en":                       fault.English,
		strings.Repeat("zh;q=0.1,", 1000): fault.Chinese,
	} {
		require.Equal(t, want, chooseLanguage([]byte(header)), header)
	}
}

func FuzzAJSONStringMeansWhatTheStandardLibraryReads(f *testing.F) {
	for _, text := range []string{"", "plain", `"\<>&`, "\x00\x1f\x7f", "页\u2028\u2029\u2030", "\xff\xc0\x80", "a\xed\xa0\x80b", "\ufffd", "😀"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		written := AppendJSONString([]byte("x"), text)[1:]
		require.True(t, utf8.Valid(written))
		var read string
		require.NoError(t, json.Unmarshal(written, &read), "%q", written)
		var want string // the standard library's own way with what is not UTF-8
		standard, err := json.Marshal(text)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(standard, &want))
		require.Equal(t, want, read)
		require.NotContains(t, string(written), "<")
	})
}
