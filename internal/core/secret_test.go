package core_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"signet/internal/core"
)

const hidden = "s3cret-Value_in_a_test"

// holder is a struct as others have them, with a secret in each way.
type holder struct {
	Name    string
	Value   core.Secret
	Pointer *core.Secret
	Slice   []core.Secret
	Map     map[string]core.Secret `xml:"-"`
	Any     any
	Nested  struct{ Value core.Secret }
}

func newHolder() holder {
	s := core.NewSecret(hidden)
	h := holder{Name: "name", Value: s, Pointer: &s, Slice: []core.Secret{s}, Map: map[string]core.Secret{"key": s}, Any: s}
	h.Nested.Value = s
	return h
}

// shapes are the ways in which a secret may reach something that prints.
func shapes() map[string]any {
	s, h := core.NewSecret(hidden), newHolder()
	return map[string]any{
		"secret": s, "pointer": &s, "slice": []core.Secret{s}, "array": [1]core.Secret{s},
		"map": map[string]core.Secret{"key": s}, "any": []any{s, &s}, "struct": h, "pointer to struct": &h,
	}
}

// requireHidden looks for the value as it is and as a program may write it.
func requireHidden(t *testing.T, shown string) {
	t.Helper()
	for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden),
		fmt.Sprint([]byte(hidden)), fmt.Sprintf("%#v", []byte(hidden)), hidden[:8]} {
		require.NotContains(t, shown, form)
	}
}

func TestSecretPrintsItselfByNoVerb(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		for verb := 'A'; verb <= 'z'; verb++ {
			if verb == 'p' || verb == 'w' {
				continue // fmt calls no method for these: see the next test
			}
			for _, flags := range []string{"", "+", "#", "-40", "040", "+#", " ", ".3", "*"} {
				args := []any{shape}
				if flags == "*" {
					args = []any{40, shape}
				}
				requireHidden(t, fmt.Sprintf("%"+flags+string(verb), args...))
			}
		}
		requireHidden(t, fmt.Sprint(shape))
		requireHidden(t, fmt.Sprintln(shape))
		requireHidden(t, fmt.Errorf("open %v: %+v", name, shape).Error())
	}
	require.Equal(t, core.Redacted, fmt.Sprintf("%s", core.NewSecret(hidden)))
	require.Equal(t, core.Redacted, core.NewSecret(hidden).String())
	require.Equal(t, core.Redacted, core.NewSecret(hidden).GoString())
}

// fmt calls no method of a value in an unexported field, nor of what stands
// under a verb that does not fit; it reads the memory by reflection. There the
// layout of the type alone has to hide the value.
func TestSecretStaysHiddenWhereFmtCallsNoMethod(t *testing.T) {
	t.Parallel()
	type unexported struct {
		value core.Secret
		list  []core.Secret
		named map[string]core.Secret
	}
	s := core.NewSecret(hidden)
	u := unexported{value: s, list: []core.Secret{s}, named: map[string]core.Secret{"key": s}}
	for _, shape := range []any{u, &u, []unexported{u}, map[string]unexported{"key": u}, struct{ inner any }{u}} {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#"} {
				requireHidden(t, fmt.Sprintf("%"+flags+string(verb), shape))
			}
		}
		var shown bytes.Buffer
		slog.New(slog.NewTextHandler(&shown, nil)).Info("event", "value", shape)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("event", "value", shape)
		requireHidden(t, shown.String())
	}
	for _, shape := range shapes() {
		for _, format := range []string{"%p", "%w", "%!"} {
			requireHidden(t, fmt.Sprintf("now "+format, shape))
			requireHidden(t, fmt.Errorf("now "+format, shape).Error())
		}
	}
}

func TestSecretIsRedactedInLogs(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		var shown bytes.Buffer
		for _, handler := range []slog.Handler{
			slog.NewTextHandler(&shown, nil),
			slog.NewJSONHandler(&shown, nil),
			slog.NewJSONHandler(&shown, nil).WithAttrs([]slog.Attr{slog.Any("bound", shape)}),
			slog.NewTextHandler(&shown, nil).WithGroup("group"),
		} {
			slog.New(handler).Info("event", "value", shape, slog.Group("inner", slog.Any("value", shape)))
		}
		requireHidden(t, shown.String())
		if name == "secret" {
			require.Contains(t, shown.String(), core.Redacted)
		}
	}
}

func TestSecretIsRedactedByEveryEncoder(t *testing.T) {
	t.Parallel()
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"json, indented": func(v any) ([]byte, error) {
			return json.MarshalIndent(v, "", " ")
		},
		"yaml": func(v any) ([]byte, error) { return yaml.Marshal(v) },
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
		"template": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := template.Must(template.New("").Parse(`{{.}} {{printf "%q" .}}`)).Execute(&b, v)
			return b.Bytes(), err
		},
	}
	for name, encode := range encoders {
		for shapeName, shape := range shapes() {
			content, err := encode(shape)
			// An encoder may refuse the type; it may not give the value away.
			requireHidden(t, string(content))
			if err != nil {
				requireHidden(t, err.Error())
			}
			if err == nil && shapeName == "secret" {
				require.Contains(t, string(content), core.Redacted, name)
			}
		}
	}
	type element struct {
		Value core.Secret `xml:"value,attr"`
	}
	attribute, err := xml.Marshal(element{core.NewSecret(hidden)})
	require.NoError(t, err)
	requireHidden(t, string(attribute))
	key, err := json.Marshal(map[string]any{core.NewSecret(hidden).String(): 1})
	require.NoError(t, err)
	requireHidden(t, string(key))
}

func TestSecretGivesItsValueByExposeAlone(t *testing.T) {
	t.Parallel()
	s := core.NewSecret(hidden)
	require.True(t, s.Expose() == hidden)
	require.Equal(t, len(hidden), s.Len())
	require.False(t, s.IsZero())
	for _, empty := range []core.Secret{{}, core.NewSecret("")} {
		require.True(t, empty.IsZero())
		require.Empty(t, empty.Expose())
		require.Zero(t, empty.Len())
	}

	secretType := reflect.TypeFor[core.Secret]()
	require.False(t, secretType.Comparable(), "== would not be constant-time, and a map key would be printed")
	for i := range secretType.NumField() {
		require.False(t, secretType.Field(i).IsExported(), secretType.Field(i).Name)
	}
	var named []string
	for i := range secretType.NumMethod() {
		named = append(named, secretType.Method(i).Name)
	}
	require.Equal(t, "Expose Format GoString IsZero Len LogValue MarshalJSON MarshalText String", strings.Join(named, " "),
		"a new method has its test here first")
}

func TestRedactMisplacedTakesOutWhatDoesNotBelong(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"identity file AGE-SECRET-KEY-1QQQ2WW does not exist":          "identity file [redacted] does not exist",
		`is "postgres://app:hunter2@db/x": write HOST:PORT`:            `is "[redacted]db/x": write HOST:PORT`,
		"unexpected argument postgres://app:p@ss@db/signet":            "unexpected argument [redacted]db/signet",
		"should look like postgres://USER:PASSWORD@HOST:5432/DATABASE": "should look like postgres://USER:PASSWORD@HOST:5432/DATABASE",
		"postgres://USER:PASSWORD@x:hunter2@db/signet":                 "[redacted]db/signet",
		"postgres://user:password@db/signet":                           "[redacted]db/signet",
		`is "postgres://USER:PASSWORD@HOST:hunter 2@db"`:               `is "[redacted]db"`,
		`is "POSTGRES://app:hunter2 \"secret@db/x": write`:             `is "[redacted]db/x": write`,
		"argument POSTGRES://app:hunter2@db/x":                         "argument [redacted]db/x",
		`is "see http://a:b c@d", not http://h`:                        `is "[redacted]d", not http://h`,
		`is "host=db password=hunter2 user=app": write`:                `is "host=db [redacted] user=app": write`,
		`host=db Password = 'hunter 2' user=app`:                       `host=db [redacted] user=app`,
		`"a" listens on http://h:1, "b" of me@test.example`:            `"a" listens on http://h:1, "b" of me@test.example`,
		"set it to postgres://USER@HOST:5432/DATABASE":                 "set it to postgres://USER@HOST:5432/DATABASE",
		"make one with `signet keys init --out FILE`":                  "make one with `signet keys init --out FILE`",
	} {
		require.Equal(t, want, core.RedactMisplaced(line))
	}
}
