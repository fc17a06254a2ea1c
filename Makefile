# Concord: what people do often, one word each. `make` alone lists the words.
#
# Needs python3 >= 3.11 with venv, and make. Everything else is installed into .venv
# from requirements.lock, by hash.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
STORY ?= days

# Children find the environment's programs (airflow, concord) by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1

COMPILE = pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: help setup demo up down test test-full check bench lock docs format clean

help: ## list these words
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## build the environment in .venv (skipped while the lock is unchanged)

# The stamp is made last: an interrupted setup starts again.
$(READY): requirements.lock pyproject.toml
	@begun=$$SECONDS; \
	$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo "setup: $(PYTHON) must be 3.11 or newer, with venv"; exit 2; }; \
	if [ -f $(READY) ] && [ "$$(cat $(READY))" = "$$(sha256sum < requirements.lock)" ]; then \
	    echo "setup: the lock is unchanged"; \
	else \
	    echo "setup: making .venv with $$($(PYTHON) --version)"; \
	    $(PYTHON) -m venv --clear $(VENV); \
	    echo "setup: installing $$(grep -c '==' requirements.lock) packages by hash (some minutes the first time)"; \
	    $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock; \
	fi; \
	echo "setup: installing concord from include/"; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	sha256sum < requirements.lock > $(READY); \
	echo "setup: done in $$((SECONDS - begun)) s"

demo: setup ## an employer's files through a real Airflow; Ctrl-C ends it (STORY=days, delta, messy, formats or ehr)
	@$(BIN)/python -m concord.sandbox demo --story "$(STORY)"

up: setup ## the same in the background, its state in .concord/
	@$(BIN)/python -m concord.sandbox up --story "$(STORY)"

down: setup ## stop what `make up` started; the data stays
	@$(BIN)/python -m concord.sandbox down

# The tests through a whole Airflow mostly wait for it, so that the others run beside them.
test: setup ## every day's tests, with one start of a whole Airflow
	@begun=$$SECONDS; failed=0; \
	echo "test: starting Airflow for the end-to-end tests, and the others beside it"; \
	$(BIN)/pytest -q -m "e2e and not full" --durations 5 > $(VENV)/e2e.log 2>&1 & airflow=$$!; \
	trap 'kill $$airflow 2>/dev/null || true' EXIT; \
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not full and not e2e and not bench" --durations 10 || failed=1; \
	echo "test: units and integration took $$((SECONDS - begun)) s; waiting for the end-to-end tests"; \
	wait $$airflow || failed=1; \
	cat $(VENV)/e2e.log; \
	echo "test: took $$((SECONDS - begun)) s"; \
	exit $$failed

# The tests that start Airflow mostly wait for it, so that the others run beside them; all of them count into one tally.
test-full: setup ## the tests that take longer or need more; prints what was tried
	@begun=$$SECONDS; failed=0; export CONCORD_TALLY=$(CURDIR)/$(VENV)/tally; : > $$CONCORD_TALLY; \
	echo "test-full: faults through a whole Airflow, and the others beside them"; \
	$(BIN)/pytest -q -m "e2e and full" --durations 5 > $(VENV)/e2e-full.log 2>&1 & airflow=$$!; \
	trap 'kill $$airflow 2>/dev/null || true' EXIT; \
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "full and not e2e and not bench" --durations 10 || failed=1; \
	echo "test-full: the others took $$((SECONDS - begun)) s; waiting for Airflow"; \
	wait $$airflow || failed=1; \
	cat $(VENV)/e2e-full.log; \
	$(BIN)/python -m tests.tally $$CONCORD_TALLY || failed=1; \
	echo "test-full: took $$((SECONDS - begun)) s"; \
	exit $$failed

check: setup ## style, types, imports, generated docs, docker-compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m concord.docs --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml

bench: setup ## measure: rows per second and seconds, for the record
	@$(BIN)/pytest -q -s -m bench --timeout 1800 tests/bench

docs: setup ## write the generated pages of docs/ anew
	@$(BIN)/python -m concord.docs

format: setup ## what a tool can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve the newest versions into the two locks (uv, from a throw-away environment)
	@tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	$(PYTHON) -m venv "$$tool"; "$$tool/bin/pip" install --quiet --disable-pip-version-check uv; \
	"$$tool/bin/uv" $(COMPILE) --upgrade --all-extras --python-version 3.11 -o requirements.lock; \
	"$$tool/bin/uv" $(COMPILE) --upgrade --group cluster --python-version 3.12 -o requirements.image.lock; \
	echo "lock: $$(grep -c '==' requirements.lock) packages, image: $$(grep -c '==' requirements.image.lock)"

.env: .env.example ## make up the secrets of docker-compose.yaml, once
	@if [ -e .env ]; then echo ".env is there already; compare it with .env.example"; touch .env; exit 0; fi; \
	umask 077; $(PYTHON) -c "$$MAKE_UP_SECRETS" < .env.example > .env; echo ".env is made; keep a copy in a safe place"

define MAKE_UP_SECRETS
import base64, secrets, sys
made = {"RANDOM": lambda: secrets.token_hex(32), "KEY": lambda: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "FERNET": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}
for line in sys.stdin.read().splitlines():
    name, equals, value = line.partition("=")
    print(name + equals + (made[value]() if equals and not line.startswith("#") and value in made else value))
endef
export MAKE_UP_SECRETS

clean: ## remove .venv and what tools left; the data in .concord/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build include/*.egg-info
	find dags plugins include tests -name __pycache__ -type d -prune -exec rm -rf {} +
