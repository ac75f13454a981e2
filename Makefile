# Presence. "make help" lists what there is to make.

TAGS    := nomsgpack
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOFLAGS_BUILD := -tags $(TAGS) -trimpath -ldflags '-X main.version=$(VERSION)'

PKG       ?= ./...
ARGS      ?=
BENCHTIME ?= 1s
FUZZTIME  ?= 10s

.DEFAULT_GOAL := help
.PHONY: help run build test bench fuzz check generate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, then start the demo on this machine (ARGS="-dir FOLDER")
	bin/presence demo $(ARGS)

build: ## build bin/presence
	go build $(GOFLAGS_BUILD) -o bin/presence .

test: ## all tests; installs what they need (PKG=./rooms/... ARGS="-run Name -v")
	tools/ci-test.sh $(ARGS) $(PKG)

bench: ## all measures (PKG=./transport/... BENCHTIME=5s)
	go test -tags $(TAGS) -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 30m -p 1 $(ARGS) $(PKG)

fuzz: ## every fuzz target for a short time (FUZZTIME=1m)
	tools/ci-fuzz.sh $(FUZZTIME)

check: ## format, vet, staticcheck, known weaknesses, built files, module files
	tools/ci-check.sh

generate: ## build the web files again
	go generate ./web/...

clean: ## remove what make built
	rm -rf bin
