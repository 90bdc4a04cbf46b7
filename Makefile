# tim: see README.md. `make run` needs Go and make; `make test` and `make check`
# need Node 20 as well, and install the rest (as root on Debian).

GO     ?= go
NODE   ?= node
NPM    ?= npm
LISTEN ?= 127.0.0.1:8080

# Bytes of tim.wasm after brotli -q 11 -w 24.
BUDGET := 622000

# How long make fuzz runs each target, and make soak all attacks; make soak also
# restarts and kills the gateways of clusters, runs the random tests of inbox longer,
# holds 10,000 sessions as long, has a page log in and out 10,000 times (these two
# alone: make held SOAK=1h), and runs once each Go benchmark that needs neither a browser
# nor another server. make crowd holds CROWD sessions on several gateways.
FUZZTIME ?= 30s
SOAK     ?= 2m
CROWD    ?= 100000

# Linters, pinned; each version has its own file so that a new one is fetched.
STATICCHECK := bin/tools/staticcheck@v0.8.2
EXHAUSTIVE  := bin/tools/exhaustive@v0.17.1

# A server that speaks S3, for make s3.
VERSITYGW := bin/tools/versitygw@v1.8.0

PACKAGES := chromium chromium-headless-shell firefox-esr libwebkit2gtk-4.1-0 webkit2gtk-driver xvfb xauth libjavascriptcoregtk-4.0-bin brotli
PROGRAMS := chromium chromium-headless-shell firefox-esr WebKitWebDriver xvfb-run brotli

# make check vets everything once.
GO_TEST := $(GO) test -vet=off

TIMD_FLAGS := -trimpath -buildvcs=false

# Nothing in these packages runs in several goroutines, which package lint holds the
# core to: the race detector would find nothing in five times the time.
SERIAL := ./internal/fault ./internal/frame/... ./internal/session ./internal/mailbox/... ./internal/signalling \
	./internal/client ./internal/build ./internal/capacity ./internal/docs/... ./internal/gen ./internal/lint ./internal/release ./js/bundle

WASM := GOOS=js GOARCH=wasm
WASM_PACKAGES := ./wasm/...

# Of make sim: how many schedules, and the seed of the first.
SCHEDULES ?= 10000
SEED      ?= 1

.PHONY: run build wasm js docs parts timd test check check-go check-js package release bench deps node-modules tools \
	peer-packages fuzz soak held crowd s3 sim kits check-deploy test-go test-wasm test-js test-e2e

run: build
	bin/timd serve --dev --listen $(LISTEN)

# Order matters: timd embeds js/dist. Meanwhile what timd needs is compiled.
build:
	@$(MAKE) --no-print-directory -j2 timd

wasm:
	$(GO) run ./internal/build $(BUILD_FLAGS)

# The JavaScript around the module, by esbuild as a Go library.
js: wasm
	$(GO) run ./js/bundle

# The documents of /docs/, from Markdown.
docs:
	$(GO) run ./internal/docs/build

timd: js docs parts
	$(GO) build $(TIMD_FLAGS) -ldflags='-s -w' -o bin/timd ./web

parts:
	@$(GO) build $(TIMD_FLAGS) ./internal/...

# Archives of timd for each system, with checksums and bills of materials, in
# bin/release.
release: js docs
	$(GO) run ./internal/release

package: build js/node_modules/.package-lock.json
	cd js && $(NPM) run --silent pack

test: build deps node-modules test-go test-wasm test-js test-e2e

# Three packages at a time on two cores: some of them wait for most of their time.
# Nobody debugs these binaries, and linking them takes a fifth less without DWARF.
# Where the race detector is not in timd, the tests run the one that is built.
test-go: build
	TIMD=$(CURDIR)/bin/timd $(GO_TEST) -race -ldflags=-w -timeout 30m -p 3 \
		$$($(GO) list ./... | grep -v /web/e2e | grep -vxF "$$($(GO) list $(SERIAL) ./internal/sim)")
	$(GO_TEST) $(SERIAL)
	@$(MAKE) --no-print-directory sim

# The clients' machines against a model of the gateway, under virtual time; a
# schedule that breaks is shrunk and told.
sim:
	GOGC=400 $(GO_TEST) ./internal/sim -count=1 -schedules $(SCHEDULES) -seed $(SEED)

test-wasm: node-modules
	$(WASM) $(GO_TEST) -modfile $$($(GO) run ./internal/build -modfile) -exec '$(NODE) $(CURDIR)/web/e2e/lib/gotest.mjs' $(WASM_PACKAGES)

test-js: build node-modules
	cd js && $(NPM) test --silent

test-e2e: build node-modules
	cd web/e2e && $(NPM) test --silent

fuzz: build
	$(GO) run ./internal/fuzz -fuzztime $(FUZZTIME)

soak: build s3 held
	TIM_SOAK=$(SOAK) $(GO) test -v -count 1 -timeout 0 -run '^TestSoak$$' ./internal/attack
	TIMD=$(CURDIR)/bin/timd TIM_SOAK=$(SOAK) $(GO) test -v -count 1 -timeout 0 -run '^(TestRollingRestarts|TestGroupsAndFaults)$$' ./internal/cluster
	TIM_SOAK=$(SOAK) $(GO_TEST) -count 1 -timeout 0 ./internal/inbox
	TIMD=$(CURDIR)/bin/timd $(GO_TEST) -run '^$$' -bench . -benchtime 1x -timeout 0 -p 1 ./...

# The curves go to internal/bench/results/soak.
held: build node-modules
	TIMD=$(CURDIR)/bin/timd TIM_SOAK=$(SOAK) TIM_CURVES=$(CURDIR)/internal/bench/results/soak $(GO) test -v -count 1 -timeout 0 -run '^TestHeld$$' ./internal/cluster
	cd web/e2e && TIM_ROUNDS=10000 $(NODE) --test --test-name-pattern='memory that grows' complaints.test.mjs

# 100,000 sessions on gateways that share one NATS server, in all some 60 calls a second.
# It wants the machine for itself. With SOAK=1h the curves say most.
# As root NATS runs before the rest, as it would on a machine of its own.
crowd: build
	TIMD=$(CURDIR)/bin/timd TIM_CROWD=$(CROWD) TIM_SOAK=$(SOAK) TIM_CURVES=$(CURDIR)/internal/bench/results/crowd $(GO) test -v -count 1 -timeout 0 -run '^TestCrowd$$' ./internal/cluster

# Files in a bucket of a real server; make test has a model of one.
s3: $(VERSITYGW)
	TIM_S3=$(CURDIR)/$(VERSITYGW) $(GO_TEST) -v -count 1 -run '/^server$$' ./internal/bucket ./internal/media

# What systemd, Prometheus, HAProxy and Helm say about web/deploy, and the root
# file system of the image.
check-deploy:
	TIM_DEPLOY=1 $(GO) test -v -count 1 -timeout 30m -run '^TestDeployTools$$' ./internal/timd

# Whole pages of the vendor's kits; make test runs the engine that they are built on.
kits: build node-modules web/e2e/kits/node_modules/.package-lock.json
	cd web/e2e/kits && $(NPM) test --silent

# What tim is compared with is installed for this alone. BENCH=-peers measures only the
# comparisons, and BENCH='-peers -page internal/bench/results' also writes their page.
bench: build node-modules peer-packages web/e2e/peers/node_modules/.package-lock.json bin/peers/centrifuge bin/peers/centrifugo
	TIM_PEERS=$(CURDIR)/bin/peers $(GO) run ./internal/bench -o bin/bench.json $(BENCH)

bin/peers/centrifuge: $(wildcard internal/bench/centrifuge/*)
	$(GO) build -C internal/bench/centrifuge -o $(CURDIR)/$@

bin/peers/centrifugo:
	GOBIN=$(CURDIR)/bin/peers $(GO) install github.com/centrifugal/centrifugo/v6@v6.9.1

# The module is built once, with its budget; the compiler of TypeScript takes one
# core, so that the other goes on with Go.
check: BUILD_FLAGS := -budget $(BUDGET)
check: js node-modules tools
	@$(MAKE) --no-print-directory -j2 check-go check-js

check-go:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(WASM) $(GO) vet $(WASM_PACKAGES)
	$(STATICCHECK) ./...
	$(WASM) $(STATICCHECK) $(WASM_PACKAGES)
	$(EXHAUSTIVE) -d -typeignore '^reflect\.Kind$$' ./internal/session/... ./internal/mailbox/... ./internal/client/...
	$(GO) test ./internal/lint/... ./internal/gen/...

check-js:
	cd js && $(NPM) run --silent check

tools: $(STATICCHECK) $(EXHAUSTIVE)

$(STATICCHECK): FROM := honnef.co/go/tools/cmd/staticcheck
$(EXHAUSTIVE): FROM := github.com/nishanths/exhaustive/cmd/exhaustive
$(VERSITYGW): FROM := github.com/versity/versitygw/cmd/versitygw
bin/tools/%:
	@mkdir -p bin/tools
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(FROM)@$(lastword $(subst @, ,$@))
	mv bin/tools/$(notdir $(FROM)) $@

# Node packages, each folder's only when its lock file has changed.
node-modules: js/node_modules/.package-lock.json web/e2e/node_modules/.package-lock.json

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && PUPPETEER_SKIP_DOWNLOAD=1 $(NPM) ci --no-audit --no-fund --loglevel=error
	touch $@

# Browsers and tools for the tests.
deps:
	@$(call debian,$(PROGRAMS),$(PACKAGES))

# A browser, and of the servers that tim is compared with those that Debian has: where
# they cannot be had, the comparison goes on without them.
peer-packages:
	@$(call debian,chromium chromium-headless-shell,chromium chromium-headless-shell)
	@$(call debian,mosquitto ejabberdctl,mosquitto ejabberd) || true

# Installs packages unless all of some programs are there. RUNLEVEL keeps a server that
# comes with them from being started, except under systemd.
define debian
missing=; for p in $(1); do PATH="$$PATH:/usr/sbin" command -v $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	install="apt-get install -y --no-install-recommends $(2)"; \
	if [ -z "$$missing" ]; then true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "installing what is missing:$$missing"; \
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; apt-get update -q && $$install; \
	else \
		echo "missing:$$missing"; echo "install with: sudo $$install"; false; \
	fi
endef
