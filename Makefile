# Everything on a machine that has python3 (3.11 or newer), pip and make. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
BAR ?=
SEEDS ?= 20
SEED ?=
TARGET ?=
NODES ?=
COMPILED ?=
N ?= 5 30

# `test` and `dev` contain `run`'s lines at the same versions, so each only adds to the environment.
PIP_INSTALL = $(PYTHON) -m pip --python $(PY) --disable-pip-version-check --quiet install --no-input \
	--require-hashes --no-deps --only-binary :all: -r

##@ Use
demo: $(VENV)/.run ## five agents on this machine, in this terminal and in the browser (ARGS="--nodes 3")
	@exec $(VENV)/bin/pycluster demo $(ARGS)

linux: $(VENV)/.run ## leave ./agent, which takes the flags of the Go project's agent
	@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$(readlink -f "$$0")")/$(VENV)/bin/pycluster" agent "$$@"' > agent
	@chmod +x agent
	@echo "./agent is ready: ./agent -config cluster.conf -bind-address 0.0.0.0 -port 7946"

##@ Test
test: $(VENV)/.test ## no root, no other program, under three minutes
	@$(PY) -m pytest -q -m "not root and not slow" tests/unit tests/paper tests/simulation tests/fuzz tests/mutants tests/cluster $(ARGS)

check: $(VENV)/.dev ## lint, format, types, layers, tidiness
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check . || { echo "run $(VENV)/bin/ruff format"; exit 1; }
	@$(VENV)/bin/mypy
	@layers=$$($(VENV)/bin/lint-imports --no-cache) || { echo "$$layers"; exit 1; }
	@$(PY) -m pytest -q tests/tidy

# What waits for real processes most of the time, what speaks with other programs, and what reckons all the time, beside
# each other: three of about the same length.
REAL := tests/cluster
BESIDE := tests/differential tests/browser
# What is compiled is tried by the same tests, but for those that put something else in the place of a part of it.
AS_COMPILED := tests/compiled tests/paper $(addprefix tests/simulation/test_,departures.py election.py seats.py state.py steering.py) \
	tests/unit/consensus tests/unit/store tests/unit/node/test_node.py tests/unit/runtime/test_driver.py \
	$(addprefix tests/cluster/test_,etcd3gw.py memory.py three_agents.py writes.py)
test-all: $(VENV)/.dev peers compiled ## everything; a test that would skip fails (as root on Debian: installs the peers)
	@export PYCLUSTER_NO_SKIP=1; [ -z "$(ARGS)" ] || exec $(PY) -m pytest -q tests $(ARGS); \
	said=$$(mktemp -d); trap 'rm -rf "$$said"' EXIT; failed=0; \
	$(PY) -m pytest -q -p no:cacheprovider $(REAL) >"$$said/real" 2>&1 & real=$$!; \
	$(PY) -m pytest -q -p no:cacheprovider $(BESIDE) >"$$said/peers" 2>&1 & peers=$$!; \
	$(PY) -m pytest -q tests $(addprefix --ignore=,$(REAL) $(BESIDE) tests/compiled) || failed=1; \
	wait $$peers || failed=1; wait $$real || failed=1; cat "$$said/peers" "$$said/real"; \
	COMPILED=1 $(PY) -m pytest -q -p no:cacheprovider $(AS_COMPILED) || failed=1; exit $$failed

simulate: $(VENV)/.test $(if $(COMPILED),compiled) ## SEEDS=n clusters with every fault on a virtual clock, or SEED=s to replay one
	@PYTHONPATH=$(if $(COMPILED),$(BUILT)) $(PY) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(NODES),--nodes $(NODES)) $(ARGS)

##@ Measure
bench: $(VENV)/.test $(if $(COMPILED),compiled) ## side by side with Serf where it is installed (N="5 30 100")
	@COMPILED=$(COMPILED) $(PY) -m benchmarks.peers $(N) $(ARGS)

bench-etcd: $(VENV)/.test compiled ## side by side with etcd under wrk (ARGS="--rounds 5 --connections 64")
	@$(PY) -m benchmarks.etcd $(ARGS)

evidence: $(VENV)/.dev $(if $(filter fuzz,$(BAR)),$(VENV)/.fuzz) $(if $(COMPILED)$(filter etcd,$(BAR)),compiled) ## BAR=name: one of the long proofs, resumable (COMPILED=1: of the wheel's agents)
	@COMPILED=$(COMPILED) PYTHONPATH=$(if $(COMPILED),$(BUILT)) $(PY) -m benchmarks.evidence $(BAR) $(ARGS)

fuzz: $(VENV)/.fuzz ## TARGET=name: one decoder, coverage-guided (ARGS="--seconds 60"; ARGS=--help lists them)
	@$(PY) -m tests.fuzz $(TARGET) $(ARGS)

##@ Set up
PEERS := cc:build-essential python3-config:python3-dev chromium:chromium etcd:etcd-server fc-list:fontconfig haproxy:haproxy ip:iproute2 mkfs.ext4:e2fsprogs nft:nftables \
	nginx:nginx-light openssl:openssl serf:serf strace:strace wrk:wrk
peers: ## the real programs that some tests need
	@missing=; for peer in $(PEERS); do command -v "$${peer%%:*}" >/dev/null || missing+=" $${peer##*:}"; done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "missing:$$missing (Debian's package names); tests that need them will fail"; exit 0; fi; \
	echo "Installing$$missing"; export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq update && apt-get -qq install -y --no-install-recommends $$missing >/dev/null

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; PYTHON=/path/to/python names another one"; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "pip is needed: apt-get install python3-pip"; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV)

# The project is put on the path rather than installed: nothing to build, and an edit is live.
$(VENV)/bin/pycluster: Makefile | $(PY)
	@echo ../../../../src > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pycluster.pth"
	@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$(readlink -f "$$0")")/python" -P -m pycluster "$$@"' > $@
	@chmod +x $@

$(VENV)/.run: locks/run.txt | $(VENV)/bin/pycluster
	@echo "Setting up $(VENV) from $<"
	@$(PIP_INSTALL) $< && touch $@

$(VENV)/.test: locks/test.txt $(VENV)/.run
	@echo "Setting up $(VENV) from $<"
	@$(PIP_INSTALL) $< && touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.test
	@echo "Setting up $(VENV) from $<"
	@$(PIP_INSTALL) $< && touch $@

$(VENV)/.fuzz: locks/fuzz.txt $(VENV)/.test
	@echo "Setting up $(VENV) from $<"
	@$(PIP_INSTALL) $< && touch $@

LOCK = $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)
lock: ## newer versions of everything we depend on: ARGS=--upgrade
	@[ -x $(VENV)-lock/bin/uv ] || { $(PYTHON) -m venv --without-pip $(VENV)-lock && \
		$(PYTHON) -m pip --python $(VENV)-lock/bin/python --quiet install uv; }
	@$(LOCK) pyproject.toml -o locks/run.txt
	@$(LOCK) pyproject.toml --group test -c locks/run.txt -o locks/test.txt
	@$(LOCK) pyproject.toml --group dev -c locks/test.txt -o locks/dev.txt
	@$(LOCK) pyproject.toml --group fuzz -c locks/test.txt -o locks/fuzz.txt

# Needs a C compiler and Python's headers. Kept as long as no source is newer.
BUILT := build/compiled
compiled: $(BUILT)/.done ## build/compiled: the program with what a write passes as machine code
$(BUILT)/.done: hatch_build.py pyproject.toml locks/dev.txt $(shell find src -type f -not -name '*.pyc') | $(VENV)/.dev
	@echo "Compiling: two minutes"
	@rm -rf build/wheel $(BUILT)
	@HATCH_BUILD_HOOKS_ENABLE=1 $(VENV)/bin/hatchling build -t wheel -d build/wheel >/dev/null
	@$(PY) -m zipfile -e build/wheel/*.whl $(BUILT) && touch $@

wheel: ## dist/*.whl: compiled for this Python and machine, and one for every other
	@rm -rf dist $(BUILT) && $(MAKE) compiled
	@$(VENV)/bin/hatchling build -t wheel && cp build/wheel/*.whl dist/

clean: ## remove what make made (evidence/ stays)
	@rm -rf $(VENV) $(VENV)-lock agent build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: demo linux test check test-all simulate bench bench-etcd evidence fuzz peers lock compiled wheel clean help
