package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
)

// appSecretsAreOpenedForTickets: an Opener of app secrets is made where the
// wiring makes the cache of tickets and the trials, and nowhere else; and what any
// Opener opens can be read where it is made.
func appSecretsAreOpenedForTickets(h house) (findings []string) {
	for _, s := range h.shipped() {
		if path.Dir(s.path) == secretsRoom {
			continue
		}
		allowed := h.openersOfTickets(s)
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if h.isPurpose(s, n) && n.Sel.Name == secretsPurpose && !allowed[n] {
					findings = append(findings, fmt.Sprintf("%s names seal.%s: the cache of tickets and the trials alone open app secrets", s.fset.Position(n.Pos()), secretsPurpose))
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && text == secretsText {
					findings = append(findings, fmt.Sprintf("%s names seal.%s by its text: the cache of tickets and the trials alone open app secrets", s.fset.Position(n.Pos()), secretsPurpose))
				}
			case *ast.CallExpr:
				if !makesOpener(n) {
					return true
				}
				for _, purpose := range n.Args {
					if selector, ok := purpose.(*ast.SelectorExpr); !ok || !h.isPurpose(s, selector) {
						findings = append(findings, fmt.Sprintf("%s opens for what cannot be read here: name the purposes of package seal", s.fset.Position(purpose.Pos())))
					}
				}
			}
			return true
		})
	}
	return findings
}

// openersOfTickets finds the mentions that are allowed: ticket.Config{Opener:
// ring.Opener(…)} in the wiring, and the same of the trials.
func (h house) openersOfTickets(s *source) map[*ast.SelectorExpr]bool {
	allowed := map[*ast.SelectorExpr]bool{}
	if path.Dir(s.path) != secretsWiring {
		return allowed
	}
	users := make([]string, len(secretsUsers))
	for i, room := range secretsUsers {
		users[i] = s.local(h.name + "/" + room)
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		config, ok := n.(*ast.CompositeLit)
		if !ok || !slices.ContainsFunc(users, func(user string) bool { return isName(config.Type, user, "Config") }) {
			return true
		}
		for _, element := range config.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			key, isIdent := pair.Key.(*ast.Ident)
			call, isCall := pair.Value.(*ast.CallExpr)
			if !isIdent || key.Name != "Opener" || !isCall || !makesOpener(call) {
				continue
			}
			for _, purpose := range call.Args {
				if selector, ok := purpose.(*ast.SelectorExpr); ok {
					allowed[selector] = true
				}
			}
		}
		return true
	})
	return allowed
}

// isPurpose tells whether an expression is a name of the room of secrets.
func (h house) isPurpose(s *source, n *ast.SelectorExpr) bool {
	return isName(n, s.local(h.name+"/"+secretsRoom), n.Sel.Name)
}

func makesOpener(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "Opener"
}

// isName tells whether an expression is a name of the package that the file
// calls so.
func isName(n ast.Expr, local, name string) bool {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok || local == "" || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == local
}
