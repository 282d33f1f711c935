# Short names for what the scripts do. The scripts are the reference: everything here works without make.

# For make fuzz: how long, and which (all when empty).
SECONDS_EACH ?= 60
FUZZER ?=

.PHONY: help build test run dev install ci format lint docs man kit sanitize fuzz

help: ## Shows this list.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

build: ## Builds everything in release.
	. scripts/setup.sh && setup && build

test: ## Builds and runs all tests.
	./scripts/test.sh

run: ## Runs a server with its keys in ./data.
	./scripts/run.sh

dev: ## Runs a server with its keys in memory.
	./scripts/run.sh --dev

install: ## Builds, and installs the server on this machine.
	./scripts/install.sh

ci: ## All that a change has to pass.
	.ci/run

format: ## Formats the Swift sources.
	swift format --in-place --recursive Sources Plugins Tests Package.swift

lint: ## Checks their format.
	swift format lint --strict --recursive Sources Plugins Tests Package.swift

docs: ## Renders the documentation of KESClient into .build/documentation.
	./scripts/docs.sh

man: ## Writes the manual page anew, from the commands.
	swift build -c release --product kes
	"$$(swift build -c release --show-bin-path)/kes" manual >docs/man/kes.1

kit: ## Packs the plugin kit into .build/plugin-kit.
	./scripts/plugin-kit.sh

sanitize: ## The tests under AddressSanitizer and ThreadSanitizer.
	./scripts/sanitize.sh

fuzz: ## Runs the fuzzers, each for SECONDS_EACH seconds; FUZZER=NAME runs one.
	./scripts/fuzz.sh "$(FUZZER)" $(SECONDS_EACH)

SHELL := /bin/bash
