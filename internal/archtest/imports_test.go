package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// find gives the row of a room.
func (h house) find(room string) (row, bool) {
	i := slices.IndexFunc(h.table, func(r row) bool { return r.room == room })
	if i < 0 {
		return row{}, false
	}
	return h.table[i], true
}

// everyPackageHasARow and every row a package.
func everyPackageHasARow(h house) (findings []string) {
	rows := map[string]int{}
	for _, r := range h.table {
		rows[r.room]++
		if rows[r.room] > 1 {
			findings = append(findings, r.room+" has two rows")
		}
		if h.packages[r.room] == nil {
			findings = append(findings, r.room+" has a row and no package: take the row out")
		}
	}
	for dir := range h.packages {
		if rows[dir] == 0 {
			findings = append(findings, dir+" is a package without a row: say in the table what it may import")
		}
	}
	return findings
}

// arrowsGoDown: the table itself allows no arrow upwards, and sideways only the listed ones.
func arrowsGoDown(h house) (findings []string) {
	for _, r := range h.table {
		for _, to := range r.may {
			target, known := h.find(to)
			switch {
			case to == everythingBelow:
			case !known:
				findings = append(findings, fmt.Sprintf("the row of %s names %s, which has no row", r.room, to))
			case target.floor < r.floor, within(r.room, to):
			case target.floor > r.floor:
				findings = append(findings, fmt.Sprintf("the row of %s allows %s, which lies above it", r.room, to))
			case sideways[[2]string{r.room, to}] == "":
				findings = append(findings, fmt.Sprintf("the row of %s allows %s on its own floor, which is not a listed arrow", r.room, to))
			}
			if target.kit && !r.kit {
				findings = append(findings, fmt.Sprintf("the row of %s allows %s, which is for tests", r.room, to))
			}
		}
	}
	return findings
}

// codeImportsWhatItsRowAllows and nothing else of this module.
func codeImportsWhatItsRowAllows(h house) (findings []string) {
	for _, s := range h.all() {
		if s.test {
			continue
		}
		r, _ := h.find(path.Dir(s.path))
		for _, importPath := range s.imports() {
			to, ours := h.room(importPath)
			if !ours || slices.Contains(r.may, to) {
				continue
			}
			target, known := h.find(to)
			if slices.Contains(r.may, everythingBelow) && known && target.floor < r.floor && !target.kit {
				continue
			}
			findings = append(findings, fmt.Sprintf("%s imports %s: the row of %s does not allow it", s.path, to, r.room))
		}
	}
	return findings
}

// testsImportNothingAboveThem: a test may use any room of its floor or below and
// every kit, so that it can bring the real thing to work.
func testsImportNothingAboveThem(h house) (findings []string) {
	for _, s := range h.all() {
		if !s.test {
			continue
		}
		r, _ := h.find(path.Dir(s.path))
		for _, importPath := range s.imports() {
			to, ours := h.room(importPath)
			if target, known := h.find(to); ours && (!known || target.floor > r.floor && !target.kit) {
				findings = append(findings, fmt.Sprintf("%s imports %s, which lies above it", s.path, to))
			}
		}
	}
	return findings
}

// powersStayWithTheirUsers: of some rooms the types are for many and the deeds for few.
func powersStayWithTheirUsers(h house) (findings []string) {
	for _, s := range h.shipped() {
		dir := path.Dir(s.path)
		for _, p := range powers {
			if dir != p.room && !slices.Contains(p.users, dir) {
				findings = append(findings, s.uses(h.name+"/"+p.room, p.name, p.why)...)
			}
		}
	}
	return findings
}

// theInternetReachesNoSecret: from the exposed room no chain of imports leads
// to a guarded one but through the gate.
func theInternetReachesNoSecret(h house) (findings []string) {
	arrows := map[string]map[string]bool{}
	for _, s := range h.shipped() {
		from := path.Dir(s.path)
		for _, importPath := range s.imports() {
			if to, ours := h.room(importPath); ours {
				if arrows[from] == nil {
					arrows[from] = map[string]bool{}
				}
				arrows[from][to] = true
			}
		}
	}
	seen := map[string]bool{gate: true}
	var walk func(room string, way []string)
	walk = func(room string, way []string) {
		if seen[room] {
			return
		}
		seen[room] = true
		way = append(way, room)
		if slices.Contains(guarded, room) {
			findings = append(findings, "the internet reaches a secret: "+strings.Join(way, " → "))
			return
		}
		for _, to := range slices.Sorted(maps.Keys(arrows[room])) {
			walk(to, slices.Clone(way))
		}
	}
	walk(exposed, nil)
	return findings
}

// modulesHaveOwners: a module that is not ours is imported by those its row names.
func modulesHaveOwners(h house) (findings []string) {
	for _, s := range h.all() {
		dir := path.Dir(s.path)
		r, _ := h.find(dir)
		for _, importPath := range s.imports() {
			if !thirdParty(importPath) {
				continue
			}
			i := slices.IndexFunc(h.owners, func(o owner) bool { return within(importPath, o.module) })
			if i < 0 {
				findings = append(findings, fmt.Sprintf("%s imports %s, a module that has no row: decide who may, and why", s.path, importPath))
				continue
			}
			if o := h.owners[i]; !o.allows(dir, s.test || r.kit) {
				findings = append(findings, fmt.Sprintf("%s imports %s, which is for %v: %s", s.path, importPath, o.rooms, o.why))
			}
		}
	}
	return findings
}

// ownersAreAtHome: a row says who imports a module, not who might some day.
func ownersAreAtHome(h house) (findings []string) {
	for _, o := range h.owners {
		if len(o.rooms)+len(o.tests) == 0 {
			findings = append(findings, fmt.Sprintf("the row of %s is for nobody: take it out", o.module))
		}
		for _, room := range o.rooms {
			if !h.imported(o.module, room, false) {
				findings = append(findings, fmt.Sprintf("the row of %s is for %s, where no code imports it", o.module, room))
			}
		}
		for _, room := range o.tests {
			if !h.imported(o.module, room, true) {
				findings = append(findings, fmt.Sprintf("the row of %s is for the tests of %s, where none imports it", o.module, room))
			}
		}
	}
	return findings
}

// imported tells whether code that ships, or a test, imports a module anywhere in
// a room.
func (h house) imported(module, room string, test bool) bool {
	return slices.ContainsFunc(h.all(), func(s *source) bool {
		dir := path.Dir(s.path)
		r, _ := h.find(dir)
		return (s.test || r.kit) == test && (room == everyone || within(dir, room)) &&
			slices.ContainsFunc(s.imports(), func(importPath string) bool { return within(importPath, module) })
	})
}

func (o owner) allows(dir string, test bool) bool {
	in := func(rooms []string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool { return room == everyone || within(dir, room) })
	}
	return in(o.rooms) || test && in(o.tests)
}
