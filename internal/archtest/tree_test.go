package archtest

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// floorPlan is the whole list of folders at the top.
var floorPlan = []string{"cmd", "docs", "internal", "migrations", "web-admin"}

// registries are named in no file: which one is used is the machine's matter,
// and a lock that names one breaks on the next machine. Written in two halves,
// because this file is looked at as well.
var registries = []string{
	"registry.npm" + "js.org", "registry.npm" + "mirror.com", "registry.yarn" + "pkg.com", "npm.pkg." + "github.com",
	"proxy.go" + "lang.org", "sum.go" + "lang.org", "goproxy" + ".cn", "goproxy" + ".io", "mirrors.al" + "iyun.com",
	"deb.de" + "bian.org", "py" + "pi.org", "files.python" + "hosted.org", "gcr" + ".io", "registry-1.dock" + "er.io",
}

// someonesMachine matches paths that exist on one machine only.
var someonesMachine = regexp.MustCompile(`(^|[^a-z])/(work|farm|root)/|(^|[\s"'=(:])/(home|Users)/[\w.-]+/`)

// theTopIsTheFloorPlan: these folders at the top and no others.
func theTopIsTheFloorPlan(h house) (findings []string) {
	var top []string
	for _, name := range h.files {
		if dir, _, nested := strings.Cut(name, "/"); nested && dir[0] != '.' && !slices.Contains(top, dir) {
			top = append(top, dir)
		}
	}
	for _, dir := range top {
		if !slices.Contains(floorPlan, dir) {
			findings = append(findings, dir+"/ is no folder of the floor plan")
		}
	}
	for _, dir := range floorPlan {
		if !slices.Contains(top, dir) {
			findings = append(findings, dir+"/ is missing")
		}
	}
	return findings
}

// nothingNamesAMachine: no text says where it was written or fetched.
func nothingNamesAMachine(h house) (findings []string) {
	for _, name := range h.files {
		text, err := fs.ReadFile(h.tree, name)
		if err != nil {
			findings = append(findings, err.Error())
			continue
		}
		if bytes.IndexByte(text, 0) >= 0 {
			continue // not text
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for _, host := range registries {
				if bytes.Contains(line, []byte(host)) {
					findings = append(findings, fmt.Sprintf("%s:%d names the registry %s", name, i+1, host))
				}
			}
			if found := someonesMachine.Find(line); found != nil {
				findings = append(findings, fmt.Sprintf("%s:%d names a path of one machine: %s", name, i+1, found))
			}
		}
	}
	return findings
}
