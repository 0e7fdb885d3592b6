package archtest

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A module is what the laws look at: the files that Git would track, and the
// Go sources among them.
type module struct {
	tree     fs.FS
	name     string // the module path of go.mod
	files    []string
	packages map[string]*pkg // by folder
}

// A pkg is one folder with Go files; its external tests belong to it.
type pkg struct {
	dir     string
	sources []*source
}

type source struct {
	path      string
	test      bool
	generated bool
	lines     int
	fset      *token.FileSet
	syntax    *ast.File
}

var generatedMark = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// readModule reads all that is below tree but what its .gitignore leaves out.
func readModule(tree fs.FS) (*module, error) {
	goMod, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(string(goMod), "module "), "\n")
	ignored, err := readIgnored(tree)
	if err != nil {
		return nil, err
	}
	m := &module{tree: tree, name: name, packages: map[string]*pkg{}}
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" || ignored(name, entry.IsDir()):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		m.files = append(m.files, name)
		if path.Ext(name) == ".go" && !strings.Contains(name, "testdata/") {
			return m.add(name)
		}
		return nil
	})
	return m, err
}

func (m *module) add(name string) error {
	text, err := fs.ReadFile(m.tree, name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if m.packages[dir] == nil {
		m.packages[dir] = &pkg{dir: dir}
	}
	m.packages[dir].sources = append(m.packages[dir].sources, &source{
		path:      name,
		test:      strings.HasSuffix(name, "_test.go"),
		generated: generatedMark.Match(text[:fset.Position(syntax.Package).Offset]),
		lines:     bytes.Count(text, []byte("\n")),
		fset:      fset,
		syntax:    syntax,
	})
	return nil
}

// imports lists what a file imports.
func (s *source) imports() []string {
	paths := make([]string, 0, len(s.syntax.Imports))
	for _, spec := range s.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has accepted it
		}
		paths = append(paths, p)
	}
	return paths
}

// room gives the folder of an import path of this module.
func (m *module) room(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, m.name+"/")
}

// thirdParty tells whether an import path is neither ours nor the standard library's.
func thirdParty(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".")
}

// within tells whether a folder is another one or lies below it.
func within(dir, of string) bool {
	return dir == of || strings.HasPrefix(dir, of+"/")
}

// readIgnored makes a matcher out of .gitignore, which keeps to three forms so
// that the walk here sees what Git sees without asking it.
func readIgnored(tree fs.FS) (func(name string, dir bool) bool, error) {
	text, err := fs.ReadFile(tree, ".gitignore")
	if err != nil {
		return nil, err
	}
	anchored, folders, endings := map[string]bool{}, map[string]bool{}, map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		name, isFolder := strings.CutSuffix(line, "/")
		switch {
		case line == "" || line[0] == '#':
		case strings.ContainsAny(strings.TrimPrefix(line, "*."), "*?[!\\"):
			return nil, fmt.Errorf(".gitignore: %q is none of /path, name/ and *.ending", line)
		case strings.HasPrefix(line, "*."):
			endings[line[1:]] = true
		case strings.HasPrefix(line, "/"):
			anchored[name[1:]] = true
		case isFolder && !strings.Contains(name, "/"):
			folders[name] = true
		default:
			return nil, fmt.Errorf(".gitignore: %q is none of /path, name/ and *.ending", line)
		}
	}
	return func(name string, dir bool) bool {
		return anchored[name] || dir && folders[path.Base(name)] || !dir && endings[path.Ext(name)]
	}, lines.Err()
}
