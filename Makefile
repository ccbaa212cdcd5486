# `make` lists the targets. GO, FUZZTIME and TESTTIME can be set: FUZZTIME=5m make fuzz.
GO ?= go
FUZZTIME ?= 10s
# How long the whole of `go test` may take, building included.
TESTTIME ?= 14m
CHAOSTIME ?= 9m
DIFFTIME ?= 5m
SEED ?= 0

# A newer node, where `make deps` had to fetch one.
export PATH := $(CURDIR)/.node/node_modules/.bin:$(PATH)

TAGS := nobadger,nomysql,nopgx
# Tests and the linter compile as ./xcaddy.sh and `make build` do, so that all of them share what is compiled.
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -trimpath -tags=$(TAGS))
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint
LINT_PATH := $(GO) tool -modfile=tools/go.mod -n golangci-lint
VULN := $(GO) tool -modfile=tools/go.mod govulncheck
BIN := latchkey

.PHONY: help deps build test chaos differential mutate lint vulncheck fmt fuzz bench caches providers apps monitoring demo pictures site clean
.PHONY: release release-check packages-test image image-test compose-test manifests

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

deps: ## installs what the tests need (Debian and Ubuntu; elsewhere says what is missing)
	@./.ci/deps

build: ## the binary ./latchkey
	$(GO) build -ldflags '-w -s' -o $(BIN) ./cmd/latchkey

# Everything is compiled with the race detector, for the linter as well, so that Caddy is compiled once. Only
# session/filestore is tested without it as well: see flipped_test.go there.
# test/differential alone and first: it keeps all cores busy. Six tests at a time: those of test/ wait more than they compute.
# -vet=off: `make lint` runs all of vet's analyzers. `go vet` would run them on Caddy and all that it needs as well, for minutes.
# GORACE: each test binary would wait a second at its end, for reports of races that are on their way.
test: deps ## all tests with the race detector
	$(GO) test -vet=off ./session/filestore
	$(GO) test -vet=off -race -v -timeout 8m -run '^TestDifferential$$' ./test/differential
	GORACE=atexit_sleep_ms=100 $(GO) test -vet=off -race -p 2 -parallel 6 -timeout $(TESTTIME) $$($(GO) list ./... | grep -v /test/differential)

# SEED=n repeats a run: what is done, in which order and to whom.
chaos: deps ## ten minutes of faults around two gateways (SEED=n repeats a run, CHAOSTIME=2m shortens it, FAULTS='master stopped' injects that alone)
	$(GO) test -race -count=1 -v -timeout 15m -run '^TestChaos$$' ./test -args -chaos $(CHAOSTIME) -seed $(SEED) -faults '$(FAULTS)'

# SEED=n repeats a run, CASE=n one request of it.
differential: deps ## what the guard decides on against what six servers behind it read (SEED=n repeats a run, CASE=n one request of it, DIFFTIME=1h)
	$(GO) test -count=1 -v -timeout 24h -run '^TestDifferential$$' ./test/differential -args -differential $(DIFFTIME) -seed $(SEED) -case $(or $(CASE),-1)

# RULE='A23' breaks the guards of that rule alone.
mutate: ## breaks 266 guards, one after another; a test must notice each (an hour; RULE='A23' breaks the guards of that rule alone)
	$(GO) run ./test/mutate -only '$(RULE)'

# The linter reads what the tests have compiled, which is with the race detector; it runs without one itself.
lint: ## golangci-lint, shellcheck, govulncheck
	linter=$$($(LINT_PATH)) && GOFLAGS='$(GOFLAGS) -race' $$linter run
	@if command -v shellcheck >/dev/null; then shellcheck xcaddy.sh .ci/* findings/*.sh packaging/release packaging/image packaging/version packaging/debian packaging/scripts/* packaging/kubernetes/redis/*.sh; else echo 'lint: shellcheck is not installed, scripts not checked'; fi
	@$(MAKE) --no-print-directory vulncheck

# A finding fails; a database that cannot be reached does not, for the code has not changed.
vulncheck: ## govulncheck, where its database can be reached
	@$(VULN) ./... >.vulncheck.log 2>&1; status=$$?; \
	if [ $$status -ne 0 ] && grep -qE 'fetching vulnerabilities|vuln\.go\.dev' .vulncheck.log && ! grep -q '^Vulnerability #' .vulncheck.log; then \
		echo 'vulncheck: the vulnerability database (vuln.go.dev) cannot be reached from here; not checked'; status=0; \
	else cat .vulncheck.log; fi; rm -f .vulncheck.log; exit $$status

fmt: build ## formats Go files and Caddyfile.example
	$(LINT) fmt
	./$(BIN) fmt --overwrite Caddyfile.example

fuzz: ## every fuzz target for FUZZTIME each
	@set -e; $(GO) list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package dir; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$dir"/*_test.go 2>/dev/null); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
		done; \
	done

# It builds oauth2-proxy as well, which takes minutes the first time: BENCHFLAGS='-oauth2-proxy=' leaves that out.
bench: build ## what it costs, beside plain Caddy and oauth2-proxy; writes docs/images/performance.svg
	$(GO) run ./bench -latchkey ./$(BIN) -oauth2-proxy build -chart docs/images/performance.svg $(BENCHFLAGS)

# The product's module does not know otter: a copy of go.mod does, and an overlay adds the file that uses it.
caches: ## our cache of sessions beside libraries, and beside what forgets no session
	@mkdir -p bin && cp go.mod bin/caches.mod && cp go.sum bin/caches.sum
	$(GO) get -modfile=bin/caches.mod github.com/maypok86/otter/v2@v2.4.0
	$(GO) test -modfile=bin/caches.mod -overlay=session/testdata/caches/overlay.json -run '^$$' -bench Caches -benchtime 200000x ./session

# The providers stay in .providers. Some flags: PROVIDERFLAGS='-only hydra -v', which leaves the document alone.
providers: deps build ## tries real providers and writes the table in docs/providers.md; minutes, and much longer the first time
	LATCHKEY_BINARY=$(CURDIR)/$(BIN) $(GO) run ./test/providers -cache .providers -docs docs/providers.md $(PROVIDERFLAGS)

# The module in monitoring/check has a go.mod of its own. promtool is in Debian's package prometheus.
monitoring: ## parses dashboard and alerts with Prometheus' and Grafana's own parsers, and runs the tests of the alerts
	cd monitoring/check && $(GO) test -vet=off .
	@command -v promtool >/dev/null || { echo 'monitoring: promtool is not installed (Debian: prometheus)' >&2; exit 1; }
	promtool check rules monitoring/prometheus/latchkey.rules.yml
	promtool test rules monitoring/prometheus/latchkey.test.yml

# The apps stay in .apps. Some flags: APPFLAGS='-only Gitea -v', which leaves the document alone.
apps: deps build ## tries real apps behind the Caddyfiles of their pages and writes the table in docs/apps.md; minutes, and much longer the first time
	LATCHKEY_BINARY=$(CURDIR)/$(BIN) $(GO) run ./test/apps/run -cache .apps -docs docs/apps.md $(APPFLAGS)

demo: ## the demo, on http://localhost
	$(GO) run ./cmd/latchkey demo

# The same pictures from the same pages: in one font, at fixed sizes.
pictures: ## the pictures of pages in docs/images; needs chromium, pngquant and fonts-noto-core
	$(GO) run ./test/pictures

# The pages are the Markdown files themselves, in the order of docs/README.md. SITE_BASE=/docs/ for a site below a folder.
# `latchkey file-server --root website/.vitepress/dist --listen localhost:8090` shows it.
site: website/node_modules/.package-lock.json ## the documentation as a static site, in website/.vitepress/dist; checks every link and anchor
	cd website && npm run --silent build

website/node_modules/.package-lock.json: website/package-lock.json
	cd website && npm ci --no-audit --no-fund --loglevel=error </dev/null
	touch $@

# The tools of packages, images and manifests have modules of their own below packaging/tools: they would bind the linter to their
# dependencies.
release: ## binaries, bills of materials, deb and rpm of this commit in dist/ (PLATFORMS='linux/amd64' for those alone)
	packaging/release $(PLATFORMS)

# A cache of its own, in another folder: what the first build has compiled is no proof.
release-check: ## builds a release twice, in two folders and with an empty cache, and compares the bytes; long
	packaging/release $(PLATFORMS)
	@set -e; work=$$(mktemp -d); trap 'chmod -R u+w "$$work"; rm -rf "$$work"' EXIT; \
	git clone -q --no-local . "$$work/clone"; \
	GOCACHE="$$work/cache" "$$work/clone/packaging/release" --out "$$work/dist" $(PLATFORMS); \
	diff dist/SHA256SUMS "$$work/dist/SHA256SUMS"; echo 'release-check: the same bytes twice'

# As root, with mmdebstrap, systemd-nspawn and lintian. The namespace keeps the service's ports apart from this machine's.
packages-test: deps ## tries deb and rpm of `make release` in a clean Debian that boots: install, sign-in, crash, upgrade, removal; minutes, as root
	lintian --fail-on error,warning dist/*.deb
	packaging/debian .packages-test/debian.tar
	packaging/debian .packages-test/rpm.tar rpm
	$(GO) test -c -vet=off -tags $(TAGS),packages -o .packages-test/packages.test ./test/packages
	cd test/packages && unshare --net sh -c 'ip link set lo up && exec "$$@"' - $(CURDIR)/.packages-test/packages.test -test.v \
		-deb $$(echo $(CURDIR)/dist/*_amd64.deb) -base $(CURDIR)/.packages-test/debian.tar \
		-rpm $$(echo $(CURDIR)/dist/*.x86_64.rpm) -rpm-base $(CURDIR)/.packages-test/rpm.tar \
		-nfpm $$(cd $(CURDIR) && GOFLAGS='' $(GO) tool -modfile=packaging/tools/go.mod -n nfpm) -test.skip '^TestCompose$$'

image: ## container images of what `make release` has put into dist/, without a base image
	packaging/image

image-test: ## runs the image of `make image`: another user, a read-only root, no privileges; as root
	packaging/image-test

# As root, with podman, runc, its plugin dnsname and docker-compose; in a network of its own, too. No image is downloaded: Debian's
# Redis, Dex from its Go module and a server of texts stand in for those of the file.
compose-test: deps build ## runs the compose file with the image of `make image`: sign-in, crash, restart of Redis, another container; as root
	LATCHKEY_BINARY=$(CURDIR)/$(BIN) $(GO) run ./test/providers -cache .providers -only Dex -install
	$(GO) test -c -vet=off -tags $(TAGS),packages -o .packages-test/packages.test ./test/packages
	cd test/packages && unshare --net --mount sh -c 'ip link set lo up && exec "$$@"' - $(CURDIR)/.packages-test/packages.test -test.v -test.run '^TestCompose$$' \
		-image $$(echo $(CURDIR)/dist/latchkey_*_linux_$$($(GO) env GOHOSTARCH).image.tar.gz) -dex $$(ls -t $(CURDIR)/.providers/dex-*/dex | head -n 1)

# The schemas come from the modules of kustomize; nothing is asked on the network.
manifests: ## kustomize, kubeconform and actionlint on what is shipped
	packaging/manifests

clean:
	rm -rf website/node_modules website/.vitepress/cache website/.vitepress/dist dist .packages-test $(BIN) .node test/node_modules test/artifacts
