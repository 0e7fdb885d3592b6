package archtest

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const maxLines = 600

// hollow names say that something is in a package, not what.
var hollow = regexp.MustCompile(`^(utils?|common|helpers?|models?|services?|managers?|misc|base|shared|types)$`)

// packagesSayWhatTheyAreFor in a doc.go with a comment.
func packagesSayWhatTheyAreFor(h house) (findings []string) {
	for _, p := range h.packages {
		if !slices.ContainsFunc(p.sources, func(s *source) bool { return !s.generated && !s.test && s.syntax.Name.Name != "main" }) {
			continue
		}
		i := slices.IndexFunc(p.sources, func(s *source) bool { return path.Base(s.path) == "doc.go" })
		if i < 0 || !strings.HasPrefix(p.sources[i].syntax.Doc.Text(), "Package "+p.sources[i].syntax.Name.Name+" ") {
			findings = append(findings, p.dir+" has no doc.go that begins with \"Package "+path.Base(p.dir)+" …\"")
		}
	}
	return findings
}

// packageNamesMeanSomething.
func packageNamesMeanSomething(h house) (findings []string) {
	for _, p := range h.packages {
		for _, name := range []string{path.Base(p.dir), strings.TrimSuffix(p.sources[0].syntax.Name.Name, "_test")} {
			if hollow.MatchString(name) {
				findings = append(findings, fmt.Sprintf("%s: a package named %q takes everything in; name what it is for", p.dir, name))
			}
		}
	}
	return findings
}

// filesCanBeRead: a file longer than the limit is two files.
func filesCanBeRead(h house) (findings []string) {
	tooLong := func(name string, lines int) {
		if lines > maxLines {
			findings = append(findings, fmt.Sprintf("%s has %d lines, more than %d", name, lines, maxLines))
		}
	}
	for _, s := range h.all() {
		if !s.generated {
			tooLong(s.path, s.lines)
		}
	}
	for _, name := range h.files {
		if slices.Contains([]string{".ts", ".tsx", ".mjs", ".css", ".sql", ".sh"}, path.Ext(name)) {
			text, err := fs.ReadFile(h.tree, name)
			if err != nil {
				findings = append(findings, err.Error())
			}
			if !generatedMark.Match(text) {
				tooLong(name, strings.Count(string(text), "\n"))
			}
		}
	}
	return findings
}

// nobodySleeps: neither a test, which would be slow or wrong, nor shipped code,
// which could not be stopped.
func nobodySleeps(h house) (findings []string) {
	for _, s := range h.all() {
		findings = append(findings, s.uses("time", "Sleep", "wait for the thing itself, or use a clock that the test holds")...)
	}
	return findings
}

// chanceIsUnpredictable: what ships draws from crypto/rand.
func chanceIsUnpredictable(h house) (findings []string) {
	for _, s := range h.shipped() {
		for _, importPath := range s.imports() {
			if within(importPath, "math/rand") {
				findings = append(findings, fmt.Sprintf("%s imports %s: what ships uses crypto/rand", s.path, importPath))
			}
		}
	}
	return findings
}

// whatIsDangerousHasAPlace: a package with which much can go wrong is imported by those
// who were given it, and one that has no row in the list of dangerous ones by nobody.
func whatIsDangerousHasAPlace(h house) (findings []string) {
	for _, s := range h.shipped() {
		for _, importPath := range s.imports() {
			for _, d := range dangerous {
				if within(importPath, d.importPath) && !slices.ContainsFunc(d.rooms, func(room string) bool { return within(path.Dir(s.path), room) }) {
					findings = append(findings, fmt.Sprintf("%s imports %s: %s", s.path, importPath, d.why))
				}
			}
		}
	}
	return findings
}

// theEnvironmentIsReadOnce, in the rooms listed.
func theEnvironmentIsReadOnce(h house) (findings []string) {
	for _, s := range h.shipped() {
		if environment[path.Dir(s.path)] != "" {
			continue
		}
		for _, name := range []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"} {
			findings = append(findings, s.uses("os", name, "the environment is read by internal/config")...)
			findings = append(findings, s.uses("syscall", name, "the environment is read by internal/config")...)
		}
	}
	return findings
}

// importsHaveNames: a dot import hides from a reader, and from the laws here,
// whose name it is.
func importsHaveNames(h house) (findings []string) {
	for _, s := range h.all() {
		for _, spec := range s.syntax.Imports {
			if spec.Name != nil && spec.Name.Name == "." {
				findings = append(findings, fmt.Sprintf("%s imports %s with a dot", s.path, spec.Path.Value))
			}
		}
	}
	return findings
}

// uses finds every mention of a name of a package, called or not.
func (s *source) uses(importPath, name, mend string) (findings []string) {
	local := s.local(importPath)
	if local == "" {
		return nil
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == name {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == local {
				findings = append(findings, fmt.Sprintf("%s uses %s.%s: %s", s.fset.Position(n.Pos()), importPath, name, mend))
			}
		}
		return true
	})
	return findings
}

// local gives the name by which a file calls a package, "" if it does not import it.
func (s *source) local(importPath string) string {
	for _, spec := range s.syntax.Imports {
		if spec.Path.Value != strconv.Quote(importPath) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}
