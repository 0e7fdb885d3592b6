package failpoint_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/failpoint"
)

// Each name is a place in the program, each place has a name of the list, and none
// is passed in two places: a test that is killed at a name is killed there.
func TestEachNameIsOnePlace(t *testing.T) {
	t.Parallel()
	top := filepath.Join("..", "..")
	places := map[string]int{}
	for _, root := range []string{"internal", "cmd"} {
		require.NoError(t, fs.WalkDir(os.DirFS(filepath.Join(top, root)), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, root, name), nil, 0)
			if err == nil {
				countPlaces(file, places)
			}
			return err
		}))
	}
	var listed []string
	for constant := range constants(t) {
		listed = append(listed, constant)
	}
	require.Len(t, failpoint.Names, len(listed))
	unique := map[failpoint.Name]bool{}
	for _, name := range failpoint.Names {
		unique[name] = true
	}
	require.Len(t, unique, len(listed))
	for _, constant := range listed {
		require.Equal(t, 1, places[constant], constant)
		delete(places, constant)
	}
	require.Empty(t, places)
}

// countPlaces counts failpoint.At(failpoint.X); of any other call of At the count
// is of its text, which no constant has.
func countPlaces(file *ast.File, places map[string]int) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isSelector(call.Fun, "At") {
			return true
		}
		name := "something else than a name"
		if len(call.Args) == 1 {
			if argument, ok := call.Args[0].(*ast.SelectorExpr); ok && isSelector(argument, argument.Sel.Name) {
				name = argument.Sel.Name
			}
		}
		places[name]++
		return true
	})
}

func isSelector(n ast.Expr, name string) bool {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == "failpoint"
}

// constants gives the names of the constants of names.go.
func constants(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	require.NoError(t, err)
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Name" {
				found[spec.Names[0].Name] = true
			}
		}
		return true
	})
	return found
}
