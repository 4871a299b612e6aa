# What there is to do here; each target says what it is for.
SHELL := /bin/bash
# One set of flags for all that is not instrumented: what one target compiled serves the others.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath $(GOFLAGS)
STRIP := -ldflags "-s -w"
TOOLS := $(CURDIR)/bin/tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint-v2.15.0
GOTESTSUM := $(TOOLS)/gotestsum-v1.13.0

.PHONY: fuzz judge-opensandbox-server help build images container generate check-generated lint-spec check-format vet lint test bench mutants crash demo clean

help: ## Show this.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 28

build: ## Build the three programs, static, into bin/.
	go build $(STRIP) -o bin/ ./reference/cmd/opensandbox-reference ./execd/cmd/execd ./conformance/cmd/opensandbox-conformance

images: ## Build the local sandbox images (needs a Docker engine; nothing is pulled).
	tools/images/build

container: build ## Build the image of the suite, opensandbox/conformance:local (needs a Docker engine).
	tools/container/build

generate: ## Make gen/ from the documents in spec/.
	go run ./tools/generate

check-generated: ## Fail where gen/ is not what the documents make.
	go run ./tools/generate -check

lint-spec: ## Check the two documents.
	go run ./tools/lintspec

check-format: ## Fail where gofmt would change a file.
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$files" ]; then echo "run gofmt on:"; echo "$$files"; exit 1; fi

vet: ## Run go vet.
	go vet ./...

lint: $(GOLANGCI_LINT) ## Run the linters of .golangci.yml.
	$(GOLANGCI_LINT) run

# Without vet, which is a target of its own.
test: $(GOTESTSUM) build ## Run every test with the race detector; what needs Docker is skipped, and said, where there is none.
	@tools/images/if-docker
	CGO_ENABLED=1 $(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg -- -race -vet=off -timeout 40m ./...
	go run ./tools/mutants -quiet -run '^(EX|LC)-'

bench: build ## Measure the daemon and the server beside bare references; BENCH_COUNT=5 for benchstat, TMPDIR chooses the disk.
	set -o pipefail; go test -run '^$$' -bench . -benchtime 1x -count $(or $(BENCH_COUNT),1) -timeout 30m ./tools/bench | tee bin/bench.txt
	@go run ./tools/bench bin/bench.txt

fuzz: ## Run every fuzz target for FUZZ_TIME (3s).
	tools/fuzz $(or $(FUZZ_TIME),3s)

mutants: ## Run every mutant: broken deployments that the suite must catch; writes docs/mutants.md.
	go run ./tools/mutants -markdown docs/mutants.md

crash: build ## Kill the server with -9 again and again and see that nothing is lost, over Docker and over processes; SEED=7 ROUNDS=50.
	go build -o bin/ ./tools/crash
	@bin/crash -seed $(or $(SEED),1) -rounds $(or $(ROUNDS),5) -runtime process & process=$$!; \
	status=0; bin/crash -seed $(or $(SEED),1) -rounds $(or $(ROUNDS),5) || status=1; wait $$process || status=1; exit $$status

judge-opensandbox-server: build ## Install opensandbox-server from PyPI and judge it (Docker, python3 with venv).
	tools/opensandbox-server/judge $(JUDGE_FLAGS)

demo: build ## Start the reference server and judge it.
	tools/demo

clean: ## Remove what was built.
	rm -rf bin .cache

$(GOLANGCI_LINT):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(TOOLS)/golangci-lint $@

$(GOTESTSUM):
	GOBIN=$(TOOLS) go install gotest.tools/gotestsum@v1.13.0
	mv $(TOOLS)/gotestsum $@
