# The commands of this project; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
WORKERS ?= auto
PYTHONS ?= python3.11 python3.12 python3.13
CHECKED := $(wildcard cluster_sim env bench main.py inference.py tests) $(if $(wildcard dashboards/*.py),dashboards)

# A stamp is newer than the lock it was installed from, so nothing is installed twice.
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed

# The first of these that exists, is 3.11 to 3.13, and can make virtual environments.
define FIND_PYTHON
for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		2>/dev/null; then python=$$candidate; break; fi; \
done; \
if [ -z "$${python:-}" ]; then \
	echo "No usable Python found: this project needs Python 3.11, 3.12 or 3.13 with the venv module" \
		"(on Debian: apt-get install python3-venv), or name one: make PYTHON=/path/to/python3.12" >&2; \
	exit 1; \
fi
endef

.PHONY: help
help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: run
run: $(RUNTIME) ## Serve the environment on port 7860
	exec $(BIN)/uvicorn main:app --host 0.0.0.0 --port $(PORT)

.PHONY: live
live: $(RUNTIME) ## Serve a live cluster at wall-clock speed beside the environment
	LIVE=1 exec $(BIN)/uvicorn main:app --host 0.0.0.0 --port $(PORT)

.PHONY: test
test: lint ## Lint, check types, run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: lint
lint: $(DEVELOPMENT) ## Lint, check formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CHECKED)

.PHONY: native
native: $(DEVELOPMENT) ## Compile the engine; needs a C compiler and Python's headers
	$(BIN)/python -m cluster_sim.native

.PHONY: format
format: $(DEVELOPMENT) ## Format the code and apply safe lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(RUNTIME) ## Measure speed, memory and start time, of the compiled engine where there is one
	$(BIN)/python -m bench

.PHONY: table
table: $(RUNTIME) ## Print the proof table of the three incidents
	$(BIN)/python -m cluster_sim table

.PHONY: dashboards
dashboards: $(DEVELOPMENT) ## Write the Grafana dashboards and the rule file from the catalogues
	$(BIN)/python -m dashboards build

.PHONY: lock
lock: ## Resolve pyproject.toml anew on each supported Python and write both locks
	$(firstword $(PYTHONS)) .ci/lock $(PYTHONS)

$(VENV)/pyvenv.cfg:
	@$(FIND_PYTHON); "$$python" -m venv $(VENV)

$(RUNTIME): requirements.txt | $(VENV)/pyvenv.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt requirements.txt | $(VENV)/pyvenv.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(RUNTIME) $@
