# What is done here, and how. `make help` lists it, `make check` before a commit.
#
# Needed: Go 1.26 and Node.js 20.19, or newer. All else is fetched into bin/ and
# web-admin/node_modules; as root on Debian also what the system lacks.

GO   ?= go
NPM  ?= npm
ARGS ?=

# The long runs: how many addresses, how many values to open, how long for each
# fuzz target.
N        ?= 30000000
OPENS    ?= 10000000
FUZZTIME ?= 30s
FUZZ     ?= .

# `make check` has vetted already, so the tests need not do it again.
GOTESTFLAGS ?= -race -shuffle=on -vet=off -timeout 20m

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := bin/tools/$(GOLANGCI_LINT_VERSION)/golangci-lint

GO_FOLDERS := cmd docs internal migrations web-admin/console
WEB := web-admin

# These stand for what they are made of: they are made again when that changes.
NODE_MODULES := $(WEB)/node_modules/.installed
CONSOLE      := $(WEB)/console/dist/index.html
CONSOLE_SOURCES := $(wildcard $(WEB)/tsconfig.base.json $(WEB)/console/*.json $(WEB)/console/*.ts $(WEB)/console/index.html) \
	$(shell find $(WEB)/console/src $(WEB)/console/public -type f ! -name '*.test.*')

# What `signet version` says, as far as Git can tell it.
STAMP   := $(shell git rev-parse --verify --quiet HEAD >/dev/null 2>&1 && echo true || echo false)
VERSION := $(shell git describe --tags --dirty 2>/dev/null || echo dev)

# $(call say,TEXT) ends a recipe with what went wrong and what to do.
say = { echo "make: $(1)" >&2; exit 1; }

# $(call apt,PACKAGES,MEND) installs on Debian as root; elsewhere it says the mend.
apt = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null \
	|| $(call say,apt-get could not install $(1): see its words above); \
	else $(call say,$(2)); fi

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

##@ Every day

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## the whole product on this machine: bin/signet dev (ARGS=--fresh drops its data)
	@exec bin/signet dev $(ARGS)

.PHONY: check
check: check-format check-vet check-lint check-generated check-law check-web ## before a commit: format, vet, lint, generated files, import law

.PHONY: test
test: check test-go test-web test-browser ## the whole suite: check, Go with -race, TypeScript, browser

.PHONY: build
build: $(CONSOLE) ## bin/signet, the console embedded
	@$(GO) build -trimpath -buildvcs=$(STAMP) -tags console -ldflags "-X signet/internal/app.version=$(VERSION)" -o bin/signet ./cmd/signet

.PHONY: fmt
fmt: $(GOLANGCI_LINT) $(NODE_MODULES) ## puts every file into its form
	@$(GOLANGCI_LINT) fmt
	@cd $(WEB) && $(NPM) run --silent fmt

.PHONY: lint
lint: check-lint check-web ## the linters alone

.PHONY: generate
generate: ## makes the generated files anew
	@$(GO) generate ./...

##@ Long runs

.PHONY: bench
bench: ## the figures, as ratios within one run (WRITE=1 writes docs/benchmarks.md)
	@$(GO) test -p 1 ./internal/app ./internal/identity ./internal/ticket ./internal/custody ./internal/chaos -count=1 -run='^(TestFigures|TestFiguresOf[A-Za-z]*|TestNoisyNeighbour|TestRotationsUnderLoad)$$' -figures -v -timeout 20m \
		$(if $(WRITE),-write-figures=$(CURDIR)/docs/benchmarks.md)

.PHONY: bench-million
bench-million: ## one node with a million tenants; some minutes, some GB (WRITE=1 as above)
	@$(GO) test ./internal/app -count=1 -run='^TestMillion$$' -million -v -timeout 60m \
		$(if $(WRITE),-write-figures=$(CURDIR)/docs/benchmarks.md)

.PHONY: bench-all
bench-all: ## every benchmark of every package, in plain numbers
	@$(GO) test -run='^$$' -bench=. -benchmem ./...

.PHONY: fuzz-urls
fuzz-urls: ## N mutated addresses (30 million) against the rule of pages: 0 may be signed wrongly
	@$(GO) test ./internal/signing -count=1 -run 'TestMutatedAddresses|TestHonestAddresses' -urls=$(N) -honest=1000000 -timeout 60m -v

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s, or 10000x for so many runs), or those named by FUZZ
	@grep -rn --include='*_test.go' '^func Fuzz' $(GO_FOLDERS) | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | grep -E ' .*$(FUZZ)' | \
	while read -r folder target; do \
		echo "$$folder $$target"; \
		$(GO) test "./$$folder" -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) || exit 1; \
	done

.PHONY: fuzz-open
fuzz-open: ## FuzzOpen OPENS times (10 million; 12 to 19 minutes on two cores)
	@$(MAKE) --no-print-directory fuzz FUZZ='FuzzOpen$$' FUZZTIME=$(OPENS)x

.PHONY: walls
walls: ## what keeps tenants apart: every route, role and id; 10,000 random operations of three tenants; 2,000 slow sockets
	@$(GO) test ./internal/admin -count=1 -v -timeout 20m -run='^TestThreeTenantsAndThreeModels$$' -model-steps=10000
	@$(GO) test ./internal/app -count=1 -v -timeout 20m -slow-sockets=2000 \
		-run='^(TestEveryRouteHasARowInTheWalls|TestWalls|TestWallsAreSeenToFall|TestPublicRoutesTellAppsThatAreGoneFromNone|TestSlowClientsTakeNothingFromOthers)$$'

.PHONY: chaos
chaos: compiler ## seeded faults on a cluster of NODES (3) for TIME (10m), SEED to repeat one, and strangers who guess and time; LONG=1 stops Postgres for ten minutes
ifdef LONG
	@$(GO) test ./internal/chaos -count=1 -race -v -timeout 24h -run='^TestPostgresStopped$$' -long
else
	@$(GO) test ./internal/chaos -count=1 -race -v -timeout 24h -run='^(TestChaos|TestGuessesOverThreeNodes)$$' \
		-chaos=$(or $(TIME),10m) -seed=$(or $(SEED),0) -nodes=$(or $(NODES),3) -guesses=10000
	@$(GO) test ./internal/chaos -count=1 -v -timeout 60m -run='^TestKnownAndUnknownTakeAsLong$$' -alike $(if $(WRITE),-write-figures=$(CURDIR)/docs/benchmarks.md)
endif

##@ Around

.PHONY: browser
browser: node ## a Chromium for the browser tests, installed only if none is found
	@found=$$(node $(WEB)/e2e/src/browser.mjs 2>&1) && echo "browser: $$found" || { \
		if [ -n "$${CHROMIUM:-}" ]; then $(call say,$$found); fi; \
		$(call apt,chromium fonts-noto-cjk,no Chromium found: install Chromium or Google Chrome$(,) or set CHROMIUM to the path of one); }

.PHONY: clean
clean: ## takes away what was built and fetched; the data of signet dev stays
	@rm -rf bin $(WEB)/node_modules $(WEB)/console/dist $(WEB)/e2e/screenshots

# The steps of check.

.PHONY: check-format
check-format:
	@found=$$(gofmt -l $(GO_FOLDERS)) && [ -z "$$found" ] || $(call say,not in the form of gofmt: $$found: run make fmt)

.PHONY: check-vet
check-vet:
	@$(GO) mod verify >/dev/null || $(call say,a module is not what go.sum says: run go clean -modcache)
	@$(GO) vet ./...

.PHONY: check-lint
check-lint: $(GOLANGCI_LINT)
	@$(GOLANGCI_LINT) run ./... || $(call say,golangci-lint has findings: mend them$(,) or silence one where it stands with //nolint:name // reason)

# Compared before and after, so that it holds for work not yet committed too.
GENERATED = { grep -rlE --include='*.go' --include='*.ts' '^// Code generated .* DO NOT EDIT\.$$' $(GO_FOLDERS); ls docs/openapi/*.json; } \
	| sort | xargs cksum

.PHONY: check-generated
check-generated:
	@mkdir -p bin && $(GENERATED) >bin/generated.before && $(GO) generate ./... && $(GENERATED) >bin/generated.after
	@diff bin/generated.before bin/generated.after || $(call say,generated files were out of date; they are fresh now: look at them and commit them)

# Never from the cache: the law reads files that the test does not import.
.PHONY: check-law
check-law:
	@$(GO) test -count=1 ./internal/archtest || $(call say,the house breaks one of its laws: internal/archtest/table_test.go says which and why)

.PHONY: check-web
check-web: $(NODE_MODULES)
	@cd $(WEB) && $(NPM) run --silent check || $(call say,types or lint of web-admin: run make fmt$(,) then mend the rest)

# The steps of test.

.PHONY: test-go
test-go: node compiler
	CGO_ENABLED=1 $(GO) test $(GOTESTFLAGS) ./...
	$(GO) test -vet=off -count=1 -timeout 12m -run='^Test(Walls$$|NoColumn|NoOtherSite)' ./internal/app

.PHONY: test-web
test-web: $(CONSOLE)
	$(GO) test -tags console ./web-admin/console
	cd $(WEB) && $(NPM) test --silent

.PHONY: test-browser
test-browser: browser build
	cd $(WEB) && $(NPM) run --silent e2e

.PHONY: screenshots
screenshots: browser build ## every page in a browser: both languages, desktop and phone, light and dark (web-admin/e2e/screenshots)
	cd $(WEB) && E2E=all $(NPM) run --silent e2e

# What they stand on.

, := ,

.PHONY: node
node:
	@command -v node >/dev/null && command -v $(NPM) >/dev/null || $(call say,Node.js is missing: install 20.19 or newer)
	@node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' \
		|| $(call say,Node.js $$(node --version) is too old: install 20.19 or newer)

# The race detector is linked by the C compiler.
.PHONY: compiler
compiler:
	@command -v $$($(GO) env CC) >/dev/null || $(call apt,gcc libc6-dev,the race detector needs a C compiler: install gcc or clang)

$(NODE_MODULES): $(wildcard $(WEB)/package-lock.json $(WEB)/.npmrc $(WEB)/package.json $(WEB)/*/package.json) | node
	@cd $(WEB) && $(NPM) ci --silent || $(call say,npm ci failed: is this machine online$(,) and is web-admin/package-lock.json committed?)
	@touch $@

$(CONSOLE): $(CONSOLE_SOURCES) $(NODE_MODULES)
	@cd $(WEB) && $(NPM) run --silent build
	@touch $@

$(GOLANGCI_LINT):
	@echo "golangci-lint $(GOLANGCI_LINT_VERSION) is built once, into bin/tools"
	@GOBIN=$(abspath $(dir $@)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
