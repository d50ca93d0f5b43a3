# Needs Debian's make, python3, python3-venv and git. `make` alone lists the targets.

PYTHON ?= python3
# Plain assignments: a HOST or PORT of the environment opens nothing, `make run HOST=…` does.
HOST = 127.0.0.1
PORT = 8000

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test test-slow test-oldest bench check lint types imports docs format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(READY) ## Create .venv with everything that is needed, as locked

run: $(READY) ## Prepare storage/ and start the service (HOST=127.0.0.1 PORT=8000)
	$(BIN)/shelflife init --config config.yaml
	$(BIN)/python -m api.main --host $(HOST) --port $(PORT)

test: $(READY) ## Run the whole suite (T="…": what to hand to pytest besides)
	$(BIN)/pytest -n auto --dist worksteal $(T)

test-slow: $(READY) ## Run the long versions of the tests, and only them
	$(BIN)/pytest -n auto --dist worksteal -m slow --timeout 1800 $(T)

# Another environment, so that nothing of the usual one is changed; not part of CI, which tests the newest.
test-oldest: $(READY) ## Run the unit and web tests with the oldest packages that pyproject.toml allows
	$(BIN)/uv venv -q --clear build/oldest
	$(BIN)/uv pip compile pyproject.toml --extra all --resolution lowest-direct -q -o build/oldest.txt
	$(BIN)/uv pip install -q --python build/oldest/bin/python -r build/oldest.txt \
	    "pytest>=8" pytest-timeout pytest-xdist hypothesis anyio httpx time-machine
	build/oldest/bin/python -m pytest -n auto -q -W default tests/unit tests/integration/web $(T)

bench: $(READY) ## Measure ours beside its peers (B="--files 1000000": options; B=--help lists them)
	$(BIN)/python -m bench $(B)

check: lint types imports docs ## Format, lint, types, import rules, docs: everything but the tests

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports --no-logo

# -E: a second run must find the warnings again that failed the first one.
docs: $(READY) ## Build the documentation into docs/_build
	$(BIN)/sphinx-build -q -E -W --keep-going -b html docs docs/_build/html

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## Write requirements.lock anew from pyproject.toml (U=--upgrade: newer versions)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --no-header --no-annotate \
	    --generate-hashes --quiet $(U) -o requirements.lock

clean: ## Remove .venv, caches and build output; storage/ is left alone
	rm -rf $(VENV) build dist docs/_build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
	    .schemathesis
	find api shelflife tests -type d -name __pycache__ -prune -exec rm -rf {} +

# Every package by the hash in the lock, then the checkout itself, editable, with nothing fetched for it.
$(READY): pyproject.toml requirements.lock hatch_build.py shelflife/files/native/primitives.c
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "This needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV); this takes about a minute."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
