package archtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// model is a small house that keeps every law.
func model() fstest.MapFS {
	files := map[string]string{
		"go.mod":                                 "module signet\n\ngo 1.26\n",
		".gitignore":                             "# comment\n/bin/\nnode_modules/\n*.prof\n",
		"README.md":                              "# Signet\n",
		"docs/architecture.md":                   "# Rooms\n",
		"web-admin/package.json":                 "{}\n",
		"web-admin/node_modules/x/x.go":          "not even Go, and ignored",
		"bin/signet":                             "\x7fELF",
		"migrations/doc.go":                      pack("migrations"),
		"internal/core/doc.go":                   pack("core"),
		"internal/core/ids.go":                   "package core\n\nimport \"github.com/google/uuid\"\n\nvar _ uuid.UUID\n",
		"internal/wecom/doc.go":                  pack("wecom"),
		"internal/wecom/client.go":               "package wecom\n\ntype (\n\tClient struct{}\n\tGrant struct{}\n)\n",
		"internal/seal/doc.go":                   pack("seal"),
		"internal/seal/seal.go":                  "package seal\n\nimport (\n\t\"crypto/rand\"\n\n\t\"filippo.io/age\"\n\n\t\"signet/internal/core\"\n)\n\nvar _, _, _ = rand.Reader, age.Decrypt, core.ID{}\n",
		"internal/config/doc.go":                 pack("config"),
		"internal/config/read.go":                "package config\n\nimport \"os\"\n\nvar read = os.Getenv\n",
		"internal/store/doc.go":                  pack("store"),
		"internal/store/store.go":                "package store\n\nimport (\n\t\"github.com/jackc/pgx/v5\"\n\n\t\"signet/internal/core\"\n\t\"signet/migrations\"\n)\n",
		"internal/store/store_test.go":           "package store_test\n\nimport (\n\t\"math/rand/v2\"\n\n\t\"github.com/stretchr/testify/require\"\n\n\t\"signet/internal/store/storetest\"\n)\n",
		"internal/store/storetest/doc.go":        pack("storetest"),
		"internal/store/storetest/storetest.go":  "package storetest\n\nimport (\n\t\"os\"\n\n\t\"go.uber.org/goleak\"\n\n\t\"signet/internal/store\"\n)\n\nvar _ = os.Getenv\n",
		"internal/ticket/doc.go":                 pack("ticket"),
		"internal/ticket/cache.go":               "package ticket\n\nimport (\n\t\"signet/internal/seal\"\n\t\"signet/internal/store\"\n\t\"signet/internal/wecom\"\n)\n\nvar _ wecom.Grant\n",
		"internal/signing/doc.go":                pack("signing"),
		"internal/signing/sign.go":               "package signing\n\nimport \"signet/internal/ticket\"\n",
		"internal/httpapi/doc.go":                pack("httpapi"),
		"internal/httpapi/listener.go":           "package httpapi\n\nimport (\n\t\"github.com/gofiber/fiber/v2\"\n\t\"github.com/valyala/fasthttp\"\n\n\t\"signet/internal/core\"\n)\n",
		"internal/httpapi/signapi/doc.go":        pack("signapi"),
		"internal/httpapi/signapi/signatures.go": "package signapi\n\nimport (\n\t\"signet/internal/httpapi\"\n\t\"signet/internal/signing\"\n)\n",
		"internal/app/doc.go":                    pack("app"),
		"internal/app/app.go":                    "package app\n\nimport (\n\t\"signet/internal/httpapi/signapi\"\n\t\"signet/internal/wecom\"\n)\n\nvar _ wecom.Client\n",
		"internal/app/server.go":                 wiring("seal.AppSecret, seal.AgentTicket", ""),
		"cmd/signet/main.go":                     "package main\n\nimport (\n\t\"github.com/alecthomas/kong\"\n\n\t\"signet/internal/app\"\n)\n",
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func pack(name string) string { return "// Package " + name + " is a room.\npackage " + name + "\n" }

// wiring gives a room its Opener, for the purposes named, and adds statements.
func wiring(purposes, more string) string {
	return "package app\n\nimport (\n\t\"signet/internal/seal\"\n\t\"signet/internal/ticket\"\n)\n\n" +
		"func open(ring *seal.Ring) {\n\t_ = ticket.New(ticket.Config{Opener: ring.Opener(" + purposes + ")})\n" + more + "}\n"
}

// modelTable is the real table, cut down to the rooms of the model.
func modelTable(tree fstest.MapFS) []row {
	exists := func(room string) bool {
		return room == everythingBelow || slices.ContainsFunc(slices.Collect(maps.Keys(tree)), func(name string) bool {
			return strings.HasPrefix(name, room+"/") && strings.HasSuffix(name, ".go")
		})
	}
	var rows []row
	for _, r := range table {
		if exists(r.room) {
			r.may = slices.DeleteFunc(slices.Clone(r.may), func(to string) bool { return !exists(to) })
			rows = append(rows, r)
		}
	}
	return rows
}

// modelOwners are the real ones, as far as the model has work for them.
func modelOwners(h house) (rows []owner) {
	for _, o := range owners {
		o.rooms = slices.DeleteFunc(slices.Clone(o.rooms), func(room string) bool { return !h.imported(o.module, room, false) })
		o.tests = slices.DeleteFunc(slices.Clone(o.tests), func(room string) bool { return !h.imported(o.module, room, true) })
		if len(o.rooms)+len(o.tests) > 0 {
			rows = append(rows, o)
		}
	}
	return rows
}

func (h *house) row(room string) *row {
	return &h.table[slices.IndexFunc(h.table, func(r row) bool { return r.room == room })]
}

// A mutant is the model with one thing wrong, and what must be said of it.
type mutant struct {
	law   string
	what  string
	files map[string]string // written over the model; "" takes a file away
	table func(*house)
	says  string
}

var mutants = []mutant{
	{law: "every package has a row", what: "a package nobody decided on", files: map[string]string{"internal/cache/doc.go": pack("cache")}, says: "internal/cache is a package without a row"},
	{law: "every package has a row", what: "a row that outlived its package", files: map[string]string{"internal/seal/doc.go": "", "internal/seal/seal.go": ""}, says: "internal/seal has a row and no package"},
	{law: "every package has a row", what: "a room with two laws", table: func(h *house) { h.table = append(h.table, h.table[0]) }, says: "has two rows"},

	{law: "arrows go down", what: "a row that looks up", table: func(h *house) { h.row("internal/core").may = []string{"internal/store"} }, says: "internal/core allows internal/store, which lies above"},
	{law: "arrows go down", what: "a row that looks sideways", table: func(h *house) { h.row("internal/seal").may = []string{"internal/wecom"} }, says: "internal/seal allows internal/wecom on its own floor"},
	{law: "arrows go down", what: "the listed arrow, turned round", table: func(h *house) { h.row("internal/ticket").may = []string{"internal/signing"} }, says: "not a listed arrow"},
	{law: "arrows go down", what: "a row that ships a kit", table: func(h *house) {
		h.row("internal/ticket").may = append(h.row("internal/ticket").may, "internal/store/storetest")
	}, says: "which is for tests"},
	{law: "arrows go down", what: "a row that names nothing", table: func(h *house) { h.row("internal/ticket").may = []string{"internal/tickets"} }, says: "has no row"},

	{law: "code imports what its row allows", what: "an import upwards", files: map[string]string{"internal/core/apps.go": "package core\n\nimport \"signet/internal/store\"\n"}, says: "internal/core/apps.go imports internal/store"},
	{law: "code imports what its row allows", what: "an import downwards that the row does not have", files: map[string]string{"internal/signing/page.go": "package signing\n\nimport \"signet/internal/seal\"\n"}, says: "internal/signing/page.go imports internal/seal"},
	{law: "code imports what its row allows", what: "an import behind a build tag", files: map[string]string{"internal/core/apps.go": "//go:build never\n\npackage core\n\nimport _ \"signet/internal/store\"\n"}, says: "internal/core/apps.go imports internal/store"},
	{law: "code imports what its row allows", what: "a kit in the wiring", files: map[string]string{"internal/app/dev.go": "package app\n\nimport \"signet/internal/store/storetest\"\n"}, says: "internal/app/dev.go imports internal/store/storetest"},
	{law: "code imports what its row allows", what: "wiring that knows the command", files: map[string]string{"internal/app/dev.go": "package app\n\nimport \"signet/cmd/signet\"\n"}, says: "internal/app/dev.go imports cmd/signet"},
	{law: "code imports what its row allows", what: "a secret in the room that faces the internet", files: map[string]string{"internal/httpapi/signapi/debug.go": "package signapi\n\nimport \"signet/internal/seal\"\n"}, says: "signapi/debug.go imports internal/seal"},

	{law: "tests import nothing above them", what: "a test that looks up", files: map[string]string{"internal/store/apps_test.go": "package store_test\n\nimport \"signet/internal/ticket\"\n"}, says: "apps_test.go imports internal/ticket, which lies above"},

	{law: "the internet reaches no secret", what: "a way round the gate", files: map[string]string{
		"internal/httpapi/listener.go": "package httpapi\n\nimport \"signet/internal/wecom\"\n",
		"internal/wecom/client.go":     "package wecom\n\nimport \"signet/internal/seal\"\n",
	}, says: "internal/httpapi/signapi → internal/httpapi → internal/wecom → internal/seal"},

	{law: "powers stay with their users", what: "a call to WeCom past the ledger", files: map[string]string{"internal/ticket/fetch.go": "package ticket\n\nimport upstream \"signet/internal/wecom\"\n\nvar _ *upstream.Client\n"}, says: "fetch.go:5:8 uses signet/internal/wecom.Client"},

	{law: "app secrets are opened for tickets", what: "an Opener of them for another room", files: map[string]string{"internal/app/server.go": wiring("seal.AppSecret", "\t_ = ring.Opener(seal.SessionKey, seal.AppSecret)\n")}, says: "server.go:10:35 names seal.AppSecret"},
	{law: "app secrets are opened for tickets", what: "an Opener of them under another key of the cache's Config", files: map[string]string{"internal/app/server.go": wiring("seal.AgentTicket", "\t_ = ticket.Config{Log: ring.Opener(seal.AppSecret)}\n")}, says: "server.go:10:37 names seal.AppSecret"},
	{law: "app secrets are opened for tickets", what: "an Opener of them in another room", files: map[string]string{"internal/ticket/open.go": "package ticket\n\nimport locks \"signet/internal/seal\"\n\nvar _ = Config{Opener: ring.Opener(locks.AppSecret)}\n"}, says: "open.go:5:36 names seal.AppSecret"},
	{law: "app secrets are opened for tickets", what: "the purpose under another name", files: map[string]string{"internal/app/open.go": "package app\n\nimport \"signet/internal/seal\"\n\nvar purpose = seal.AppSecret\n"}, says: "open.go:5:15 names seal.AppSecret"},
	{law: "app secrets are opened for tickets", what: "the purpose written out", files: map[string]string{"internal/app/open.go": "package app\n\nvar purpose = \"app_secret\"\n"}, says: "open.go:3:15 names seal.AppSecret"},
	{law: "app secrets are opened for tickets", what: "purposes that cannot be read off", files: map[string]string{"internal/app/server.go": wiring("purposes...", "")}, says: "server.go:9:51 opens for what cannot be read here"},

	{law: "owners are at home", what: "a module that its owner imports no more", files: map[string]string{"cmd/signet/main.go": "package main\n\nimport \"signet/internal/app\"\n"}, says: "the row of github.com/alecthomas/kong is for cmd/signet, where no code imports it"},
	{law: "owners are at home", what: "a module that only tests of its owner import", files: map[string]string{"cmd/signet/main.go": "package main\n", "cmd/signet/main_test.go": "package main\n\nimport \"github.com/alecthomas/kong\"\n"}, says: "is for cmd/signet, where no code imports it"},
	{law: "owners are at home", what: "a module that no test imports any more", files: map[string]string{"internal/store/store_test.go": "package store_test\n"}, says: "the row of github.com/stretchr/testify is for the tests of *, where none imports it"},
	{law: "owners are at home", what: "a row for nobody", table: func(h *house) { h.owners = append(h.owners, owner{module: "example.com/leftpad"}) }, says: "the row of example.com/leftpad is for nobody"},

	{law: "modules have owners", what: "SQL outside the store", files: map[string]string{"internal/signing/sql.go": "package signing\n\nimport \"github.com/jackc/pgx/v5/pgxpool\"\n"}, says: "sql.go imports github.com/jackc/pgx/v5/pgxpool, which is for [internal/store]"},
	{law: "modules have owners", what: "SQL in a test outside the store", files: map[string]string{"internal/signing/sign_test.go": "package signing\n\nimport \"github.com/jackc/pgx/v5\"\n"}, says: "which is for [internal/store]"},
	{law: "modules have owners", what: "fiber below httpapi", files: map[string]string{"internal/signing/http.go": "package signing\n\nimport \"github.com/valyala/fasthttp\"\n"}, says: "which is for [internal/httpapi]"},
	{law: "modules have owners", what: "age outside seal", files: map[string]string{"internal/ticket/open.go": "package ticket\n\nimport \"filippo.io/age/armor\"\n"}, says: "which is for [internal/seal]"},
	{law: "modules have owners", what: "a test library in shipped code", files: map[string]string{"internal/core/apps.go": "package core\n\nimport \"github.com/stretchr/testify/require\"\n"}, says: "apps.go imports github.com/stretchr/testify/require"},
	{law: "modules have owners", what: "a module nobody decided on", files: map[string]string{"internal/core/apps.go": "package core\n\nimport \"example.com/leftpad\"\n"}, says: "example.com/leftpad, a module that has no row"},
	{law: "modules have owners", what: "a module whose name only begins like a known one", files: map[string]string{"internal/core/apps.go": "package core\n\nimport \"github.com/google/uuid2\"\n"}, says: "uuid2, a module that has no row"},

	{law: "packages say what they are for", what: "no doc.go", files: map[string]string{"internal/core/doc.go": ""}, says: "internal/core has no doc.go"},
	{law: "packages say what they are for", what: "a doc.go that says nothing", files: map[string]string{"internal/core/doc.go": "package core\n"}, says: "internal/core has no doc.go"},

	{law: "package names mean something", what: "a hollow folder", files: map[string]string{"internal/util/doc.go": pack("text")}, says: `named "util"`},
	{law: "package names mean something", what: "a hollow package in an honest folder", files: map[string]string{"internal/seal/doc.go": pack("helpers"), "internal/seal/seal.go": ""}, says: `named "helpers"`},

	{law: "files can be read", what: "a long file", files: map[string]string{"internal/core/apps.go": "package core\n" + strings.Repeat("\n", maxLines)}, says: "apps.go has 601 lines"},
	{law: "files can be read", what: "a long test", files: map[string]string{"internal/core/apps_test.go": "package core\n" + strings.Repeat("\n", maxLines)}, says: "apps_test.go has 601 lines"},
	{law: "files can be read", what: "a long component", files: map[string]string{"web-admin/console/src/App.tsx": strings.Repeat("\n", maxLines+1)}, says: "App.tsx has 601 lines"},

	{law: "nobody sleeps", what: "a test that sleeps", files: map[string]string{"internal/core/apps_test.go": "package core\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n"}, says: "apps_test.go:5:12 uses time.Sleep"},
	{law: "nobody sleeps", what: "a sleep by another name", files: map[string]string{"internal/core/apps_test.go": "package core\n\nimport t \"time\"\n\nvar pause = t.Sleep\n"}, says: "apps_test.go:5:13 uses time.Sleep"},

	{law: "chance is unpredictable", what: "a nonce that can be guessed", files: map[string]string{"internal/signing/nonce.go": "package signing\n\nimport \"math/rand/v2\"\n"}, says: "nonce.go imports math/rand/v2"},

	{law: "what is dangerous has a place", what: "a program is run", files: map[string]string{"internal/signing/debug.go": "package signing\n\nimport _ \"os/exec\"\n"}, says: "debug.go imports os/exec"},
	{law: "what is dangerous has a place", what: "a hash that is broken", files: map[string]string{"internal/core/hash.go": "package core\n\nimport _ \"crypto/md5\"\n"}, says: "hash.go imports crypto/md5"},
	{law: "what is dangerous has a place", what: "a hash that is WeCom's, elsewhere", files: map[string]string{"internal/core/hash.go": "package core\n\nimport _ \"crypto/sha1\"\n"}, says: "hash.go imports crypto/sha1"},
	{law: "what is dangerous has a place", what: "a profile on the network", files: map[string]string{"internal/core/debug.go": "package core\n\nimport _ \"net/http/pprof\"\n"}, says: "debug.go imports net/http/pprof"},

	{law: "the environment is read once", what: "a key read in passing", files: map[string]string{"internal/signing/debug.go": "package signing\n\nimport \"os\"\n\nvar debug = os.Getenv(\"SIGNET_DEBUG\")\n"}, says: "debug.go:5:13 uses os.Getenv"},
	{law: "the environment is read once", what: "the whole environment handed on", files: map[string]string{"cmd/signet/dev.go": "package main\n\nimport \"os\"\n\nvar environment = os.Environ\n"}, says: "dev.go:5:19 uses os.Environ"},

	{law: "imports have names", what: "a dot import", files: map[string]string{"internal/core/apps_test.go": "package core\n\nimport . \"time\"\n"}, says: "apps_test.go imports \"time\" with a dot"},

	{law: "the top is the floor plan", what: "one more folder", files: map[string]string{"scripts/release.sh": "#!/bin/sh\n"}, says: "scripts/ is no folder of the floor plan"},
	{law: "the top is the floor plan", what: "one folder less", files: map[string]string{"docs/architecture.md": ""}, says: "docs/ is missing"},

	{law: "nothing names a machine", what: "a registry in a lock", files: map[string]string{"web-admin/package-lock.json": "\"resolved\": \"https://" + registries[0] + "/x\"\n"}, says: "package-lock.json:1 names the registry"},
	{law: "nothing names a machine", what: "a path of whoever wrote it", files: map[string]string{"docs/run.md": "cd /" + "root/signet\n"}, says: "run.md:1 names a path of one machine"},
	{law: "nothing names a machine", what: "a path in somebody's folder", files: map[string]string{"docs/run.md": "\n`x` (/" + "home/li/signet)\n"}, says: "run.md:2 names a path of one machine"},
}

func readModel(t *testing.T, tree fstest.MapFS) house {
	t.Helper()
	m, err := readModule(tree)
	require.NoError(t, err)
	h := house{module: m, table: modelTable(tree)}
	h.owners = modelOwners(h)
	return h
}

func TestTheModelKeepsEveryLaw(t *testing.T) {
	t.Parallel()
	for _, l := range laws {
		require.Empty(t, l.check(readModel(t, model())), l.name)
	}
}

func TestEachLawSeesItsMutants(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		t.Run(m.law+": "+m.what, func(t *testing.T) {
			t.Parallel()
			tree := model()
			h := readModel(t, tree)
			for name, text := range m.files {
				delete(tree, name)
				if text != "" {
					tree[name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
			var err error
			h.module, err = readModule(tree)
			require.NoError(t, err)
			if m.table != nil {
				m.table(&h)
			}
			i := slices.IndexFunc(laws, func(l law) bool { return l.name == m.law })
			require.GreaterOrEqual(t, i, 0, "no such law")
			require.Contains(t, strings.Join(laws[i].check(h), "\n"), m.says)
		})
	}
}

func TestNoLawIsWithoutAMutant(t *testing.T) {
	t.Parallel()
	for _, l := range laws {
		require.True(t, slices.ContainsFunc(mutants, func(m mutant) bool { return m.law == l.name }), l.name)
	}
}

func TestIgnoredFilesAreNamedInFormsThatTheWalkKnows(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"!keep", "a/b", "doc?.md", "**/x/", "src/*.go", "a[bc]/"} {
		tree := model()
		tree[".gitignore"].Data = []byte(line + "\n")
		_, err := readModule(tree)
		require.ErrorContains(t, err, line)
	}
}
