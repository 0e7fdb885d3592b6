package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"signet/internal/fault"
)

// No body of this API nests; the bound only has to be far from what would hurt.
const maxDepth = 16

// DecodeBody reads the body of a request into v, as DecodeJSON does. It fails
// with fault.RequestNotJSON unless the request says that its body is JSON and
// says of no content coding: fiber would unpack one without a bound. It leaves
// zeros in the place of the body: fasthttp lends that memory to the next request,
// and there may have been a secret in it.
func DecodeBody(c *fiber.Ctx, v any) error {
	h := &c.Request().Header
	kind, parameters, err := mime.ParseMediaType(string(h.ContentType()))
	if err != nil || kind != fiber.MIMEApplicationJSON {
		return fault.New(fault.RequestNotJSON, nil)
	}
	if charset, named := parameters["charset"]; named && !strings.EqualFold(charset, "utf-8") {
		return fault.New(fault.RequestNotJSON, nil)
	}
	if coding := h.Peek(fiber.HeaderContentEncoding); len(coding) > 0 && string(coding) != "identity" {
		return fault.New(fault.RequestNotJSON, nil)
	}
	body := c.Request().Body()
	defer clear(body)
	return DecodeJSON(body, v)
}

// DecodeJSON reads data, one JSON value and no more, into the struct to which v
// points. It fails with fault.RequestInvalid, which points at the place, for
// what is not well formed, for invalid UTF-8, for members that are unknown,
// spelled in another case, or there twice, for values of a wrong type or null,
// for what is nested too deeply, and for members that are missing: those whose
// field has neither "omitempty" nor "omitzero" in its tag, as the generator
// writes it for what the contract calls required. v keeps no part of data.
func DecodeJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return fault.InvalidField("", fault.ReasonUTF8, nil)
	}
	members, err := readShape(data, reflect.TypeOf(v))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return explainJSON(err)
	}
	return checkPresence(reflect.TypeOf(v), members)
}

// readShape goes through data once without a target, and gives the names of the
// outermost members. It refuses what has no place in any body.
func readShape(data []byte, target reflect.Type) (map[string]bool, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data)) // reads there and copies nothing
	members := map[string]bool{}
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, explainJSON(err)
		}
		switch {
		case dec.StackDepth() > maxDepth:
			return nil, fault.InvalidField("", fault.ReasonDepth, nil)
		case token.Kind() == 'n':
			pointer := dec.StackPointer()
			return nil, wrongType(string(pointer), memberType(target, string(pointer)))
		case dec.StackDepth() == 1 && token.Kind() == '"':
			if _, read := dec.StackIndex(1); read%2 == 1 { // a name; its value comes next
				members[token.String()] = true
			}
		case dec.StackDepth() == 0:
			if rest := data[dec.InputOffset():]; len(strings.TrimLeft(string(rest), " \t\r\n")) > 0 {
				return nil, fault.InvalidField("", fault.ReasonSyntax, nil)
			}
			return members, nil
		}
	}
}

// explainJSON turns an error of the JSON package into ours. Its text is dropped,
// because it quotes values, and a value may be a secret.
func explainJSON(err error) error {
	var named *fault.Error
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case errors.As(err, &named):
		return named
	case errors.As(err, &syntax) && errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return fault.InvalidField(string(syntax.JSONPointer), fault.ReasonDuplicate, nil)
	case errors.As(err, &meaning) && errors.Is(meaning.Err, json.ErrUnknownName):
		return fault.InvalidField(string(meaning.JSONPointer), fault.ReasonUnknown, nil)
	case errors.As(err, &meaning):
		return wrongType(string(meaning.JSONPointer), meaning.GoType)
	}
	return fault.InvalidField("", fault.ReasonSyntax, nil)
}

func wrongType(pointer string, want reflect.Type) error {
	return fault.InvalidField(pointer, fault.ReasonType, fault.Args{"want": jsonTypeOf(want)})
}

// jsonTyper is a type of a body that is not what its kind looks like.
type jsonTyper interface{ JSONType() string }

func jsonTypeOf(t reflect.Type) string {
	if t == nil {
		return "value"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if typer, ok := reflect.Zero(t).Interface().(jsonTyper); ok {
		return typer.JSONType()
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "value"
	}
}

// memberType gives the type of the outermost member at pointer, the struct
// itself for "", nil for what is not known.
func memberType(target reflect.Type, pointer string) reflect.Type {
	for target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	if pointer == "" {
		return target
	}
	for name, field := range fieldsOf(target) {
		if pointer == "/"+name {
			return field.Type
		}
	}
	return nil
}

func checkPresence(target reflect.Type, members map[string]bool) error {
	var missing []fault.Field
	for name, field := range fieldsOf(target) {
		_, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		isOptional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if !isOptional && !members[name] {
			missing = append(missing, fault.Field{Pointer: "/" + name, Reason: fault.ReasonMissing})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.RequestInvalid, Fields: missing}
}

// fieldsOf yields the fields of a struct, in order, by their JSON names.
func fieldsOf(t reflect.Type) func(yield func(string, reflect.StructField) bool) {
	return func(yield func(string, reflect.StructField) bool) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if !yield(name, field) {
				return
			}
		}
	}
}

// encodeJSON writes answers: members in the order of the contract, an empty list
// as [], never null.
func encodeJSON(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.EscapeForHTML(true))
}
