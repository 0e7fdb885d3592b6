package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

type sample struct {
	Name  string   `json:"name"`
	Count *int     `json:"count,omitempty"`
	On    *bool    `json:"on,omitempty"`
	List  []string `json:"list,omitempty"`
	Must  bool     `json:"must"`
}

func TestDecodeJSONSaysWhereAndWhat(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text, pointer string
		reason              fault.Reason
		want                string
	}{
		{"nothing", ``, "", fault.ReasonSyntax, ""},
		{"blanks", " \n", "", fault.ReasonSyntax, ""},
		{"half", `{"name":"a"`, "", fault.ReasonSyntax, ""},
		{"more than one value", `{"name":"a","must":true} {}`, "", fault.ReasonSyntax, ""},
		{"something behind it", `{"name":"a","must":true}x`, "", fault.ReasonSyntax, ""},
		{"NUL behind it", "{\"name\":\"a\",\"must\":true}\x00", "", fault.ReasonSyntax, ""},
		{"a byte order mark", "\ufeff{\"name\":\"a\",\"must\":true}", "", fault.ReasonSyntax, ""},
		{"a comment", `{/**/"name":"a","must":true}`, "", fault.ReasonSyntax, ""},
		{"a comma too many", `{"name":"a","must":true,}`, "", fault.ReasonSyntax, ""},
		{"single quotes", `{'name':'a'}`, "", fault.ReasonSyntax, ""},
		{"a bare control character", "{\"name\":\"a\nb\",\"must\":true}", "", fault.ReasonSyntax, ""},
		{"half a surrogate", `{"name":"\ud800","must":true}`, "", fault.ReasonSyntax, ""},
		{"invalid UTF-8", "{\"name\":\"\xff\",\"must\":true}", "", fault.ReasonUTF8, ""},
		{"invalid UTF-8 in a name", "{\"n\xc0\x80\":1}", "", fault.ReasonUTF8, ""},
		{"an unknown member", `{"name":"a","must":true,"role":"owner"}`, "/role", fault.ReasonUnknown, ""},
		{"another case", `{"Name":"a","must":true}`, "/Name", fault.ReasonUnknown, ""},
		{"a doubled member", `{"name":"a","name":"b","must":true}`, "/name", fault.ReasonDuplicate, ""},
		{"doubled by an escape", `{"name":"a","n\u0061me":"b","must":true}`, "/name", fault.ReasonDuplicate, ""},
		{"doubled where it is unknown", `{"x":1,"x":2}`, "/x", fault.ReasonDuplicate, ""},
		{"a number for a string", `{"name":1,"must":true}`, "/name", fault.ReasonType, "string"},
		{"an object for a string", `{"name":{},"must":true}`, "/name", fault.ReasonType, "string"},
		{"a list for a string", `{"name":["a"],"must":true}`, "/name", fault.ReasonType, "string"},
		{"a string for a number", `{"name":"a","must":true,"count":"1"}`, "/count", fault.ReasonType, "integer"},
		{"a fraction", `{"name":"a","must":true,"count":1.5}`, "/count", fault.ReasonType, "integer"},
		{"a number without end", `{"name":"a","must":true,"count":1e999}`, "/count", fault.ReasonType, "integer"},
		{"a string for a truth", `{"name":"a","must":"true"}`, "/must", fault.ReasonType, "boolean"},
		{"a string for a list", `{"name":"a","must":true,"list":"a"}`, "/list", fault.ReasonType, "array"},
		{"null", `{"name":null,"must":true}`, "/name", fault.ReasonType, "string"},
		{"null for what may be missing", `{"name":"a","must":true,"on":null}`, "/on", fault.ReasonType, "boolean"},
		{"null in a list", `{"name":"a","must":true,"list":[null]}`, "/list/0", fault.ReasonType, "value"},
		{"null as a whole", `null`, "", fault.ReasonType, "object"},
		{"a list as a whole", `[]`, "", fault.ReasonType, "object"},
		{"a list of what it could be", `[{"name":"a","must":true}]`, "", fault.ReasonType, "object"},
		{"a string as a whole", `"name"`, "", fault.ReasonType, "object"},
		{"a missing member", `{"name":"a"}`, "/must", fault.ReasonMissing, ""},
		{"a deep list", `{"list":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "", fault.ReasonDepth, ""},
		{"a deep object", strings.Repeat(`{"a":`, 20_000), "", fault.ReasonDepth, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var v sample
			err := DecodeJSON([]byte(row.text), &v)
			f := fault.Find(err)
			require.Equal(t, fault.RequestInvalid, f.Code, "%v", err)
			require.Len(t, f.Fields, 1)
			require.Equal(t, row.pointer, f.Fields[0].Pointer)
			require.Equal(t, row.reason, f.Fields[0].Reason)
			require.Equal(t, row.want, f.Fields[0].Args["want"])
			require.NoError(t, f.Unwrap(), "a foreign text could get into the log")
		})
	}
}

func TestDecodeJSONTellsOfAllThatIsMissing(t *testing.T) {
	t.Parallel()
	f := fault.Find(DecodeJSON([]byte(`{}`), &sample{}))
	require.Equal(t, []fault.Field{{Pointer: "/name", Reason: fault.ReasonMissing}, {Pointer: "/must", Reason: fault.ReasonMissing}}, f.Fields)
}

func TestDecodeJSONKeepsNoPartOfTheBody(t *testing.T) {
	t.Parallel()
	text := []byte(` {"name":"a\u0000b","must":true,"count":0,"list":["页"]} `)
	var v sample
	require.NoError(t, DecodeJSON(text, &v))
	for i := range text {
		text[i] = 'x'
	}
	require.Equal(t, "a\x00b", v.Name)
	require.Equal(t, []string{"页"}, v.List)
	require.Equal(t, 0, *v.Count)
	require.Nil(t, v.On)
}

func FuzzDecodeJSONEitherReadsOrNamesAPlace(f *testing.F) {
	for _, text := range []string{`{"name":"a","must":true}`, `{"name":1}`, `[`, `{"a":{"b":[1,null]}}`, "{\"\xff\":1}", `{"list":["\ud83d\ude00"]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v sample
		if err := DecodeJSON(text, &v); err != nil {
			require.True(t, fault.Has(err, fault.RequestInvalid))
			require.NotEmpty(t, fault.Find(err).Fields)
		}
	})
}

// The memory of a body goes to the next request, whatever came of this one.
func TestDecodeBodyLeavesZerosInThePlaceOfTheBody(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	for body, good := range map[string]bool{
		`{"name":"a secret that was put"}`:                true,
		`{"name":"a secret that was put"`:                 false,
		`{"name":1,"secret":"a secret that was put"}`:     false,
		"\xff{\"name\":\"a secret that was put\"}":        false,
		`{"name":"a secret","name":"that was put twice"}`: false,
	} {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		c.Request().Header.SetContentType("application/json")
		c.Request().SetBodyString(body)
		lent := c.Request().Body()
		var into struct {
			Name string `json:"name"`
		}
		err := DecodeBody(c, &into)
		require.Equal(t, make([]byte, len(body)), lent, body)
		if good {
			require.NoError(t, err)
			require.Equal(t, "a secret that was put", into.Name)
		} else {
			require.Error(t, err, body)
		}
		app.ReleaseCtx(c)
	}
}
