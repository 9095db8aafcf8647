# The commands of the project. A new machine needs Python 3.11 to 3.13, git and make; the rest is set up here.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What a user needs is installed first; the developers' tools come into the same environment when a target needs them.
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
# Two workers suit the two cores of the checking machine.
WORKERS ?= 2
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help install setup service-env airflow-env airflow demo test test-fast test-slow test-browser test-nightly check check-deploy fix up down logs containers-test bench docs lock clean

help:  ## what each command does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

install: $(INSTALLED)  ## what a user needs in .venv, from the hash-locked requirements: no tools of developers

$(INSTALLED): requirements/worker.lock requirements/build.lock pyproject.toml scripts/setup scripts/environment.sh scripts/vendor scripts/console/package-lock.json scripts/console/ol.js
	@scripts/setup "$(PYTHON)" "$(VENV)" user
	@touch $@

setup: $(READY)  ## the same, and the tools of developers

$(READY): requirements/dev.lock $(INSTALLED)
	@scripts/setup "$(PYTHON)" "$(VENV)" dev
	@touch $@

service-env: requirements/service.lock  ## the service's own environment in .venv-service, nothing of training in it
	@scripts/service-env "$(PYTHON)"

airflow-env: requirements/airflow.lock  ## Airflow's own environment in .venv-airflow
	@scripts/airflow-env "$(PYTHON)"

airflow: $(INSTALLED) airflow-env  ## Airflow with our DAGs on this machine: http://localhost:8080
	@scripts/airflow standalone

demo: $(INSTALLED)  ## a simulated Brigade, a model of it and the service that answers: http://localhost:8000 in a terminal
	@LONDONPUMP_HOME="$${LONDONPUMP_HOME:-.demo}" $(BIN)/londonpump demo $(ARGS)

# Tests start hundreds of processes: compiled modules are kept, so that not each of them compiles the product anew.
test test-fast test-slow test-nightly: export PYTHONDONTWRITEBYTECODE :=
# One worker runs all tests of a file, so that what they share is made once; folders with the longest files come first.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Branches of the pure rooms, which a run of every test must cover; a run of some tests (ARGS) does not count them.
COVERAGE := $(foreach room,domain cleaning features models evaluation,--cov=londonpump.$(room)) --cov-branch --cov-fail-under=95 --cov-report=

test: $(READY)  ## every test but the slow proofs, and the branches of the pure rooms that they cover
	@$(PYTEST) -m "not slow" $(if $(ARGS),$(ARGS),$(COVERAGE))

test-fast: $(READY)  ## the unit and property tests that take less than seconds
	@$(PYTEST) -m "not slow and not long" tests/unit tests/property $(ARGS)

test-slow: $(READY)  ## the proofs that take minutes, and every example of the property tests
	@EXAMPLES=all $(PYTEST) -m "slow or hypothesis" $(ARGS)

test-browser: $(READY)  ## every test of the console in Chromium, which is installed if that is possible; make test runs a few of them
	@$(PYTEST) tests/browser $(ARGS)

test-nightly: $(READY)  ## the service against its OpenAPI document, 2,000 cases an operation and role: hours
	@CONTRACT_CASES="$${CONTRACT_CASES:-2000}" $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow tests/integration/service/test_contract_openapi.py $(ARGS)

WORKFLOWS := $(wildcard .github/workflows/*.yml)
check: $(READY)  ## format, lint, types, import directions, structure and language; Dockerfile, compose files, workflows
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python scripts/bicep_names.py
	@$(BIN)/lint-imports --no-cache
	@scripts/console/check
	@$(BIN)/python scripts/check_tree.py
	@$(BIN)/python scripts/structure.py
	@$(BIN)/hadolint deploy/images/Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml deploy/compose.yaml
	@$(BIN)/actionlint -shellcheck $(BIN)/shellcheck $(WORKFLOWS)
	@$(BIN)/zizmor --offline --quiet --persona pedantic $(WORKFLOWS)

fix: $(READY)  ## put right what can be put right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check-deploy: requirements/deploy.lock  ## policies of the Bicep files, the Dockerfile and the workflows, by checkov in .venv-deploy: minutes
	@scripts/deploy-env "$(PYTHON)"
	@.venv-deploy/bin/checkov --config-file deploy/checkov.yaml $(foreach folder,$(wildcard deploy/azure deploy/images .github),-d $(folder))

COMPOSE ?= docker compose
up:  ## the stack in containers: builds the images, makes secrets, starts all and waits until it answers
	@sh deploy/make-secrets.sh
	@$(COMPOSE) build
	@$(COMPOSE) up --detach --wait
	@$(COMPOSE) logs --no-log-prefix init
	@$(COMPOSE) rm --force init >/dev/null  # its log holds the password of the first account

down:  ## stops the stack; its data stays (docker compose down --volumes removes it)
	@$(COMPOSE) down

logs:  ## the logs of the stack, as they are written
	@$(COMPOSE) logs --follow --tail 100

containers-test: $(READY)  ## the stack in containers, built, broken under load and removed again; needs root: 10 minutes
	@nice -n 10 $(BIN)/python scripts/containers_test.py $(ARGS)

bench: $(READY)  ## speed and memory, as json in benchmarks/results
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(READY)  ## the pages written from the code, and all of them as a searchable site in site/
	@$(BIN)/python scripts/write_docs.py
	@scripts/docs-env "$(PYTHON)"
	@.venv-docs/bin/zensical build --clean --strict

# pip finds a package that another one wants with an extra only if the lock names that extra (pytest-cov wants coverage[toml]).
lock:  ## the locks anew (needs uv); they hold no address
	uv pip compile --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --all-extras --group dev pyproject.toml -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra service pyproject.toml -o requirements/service.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra all pyproject.toml -o requirements/worker.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/mlflow.in -o requirements/mlflow.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group pyproject.toml:build -o requirements/build.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/images.in -o requirements/images.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/airflow.in -o requirements/airflow.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/clients.in -o requirements/clients.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/deploy.in -o requirements/deploy.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/docs.in -o requirements/docs.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/node.in -o requirements/node.lock

clean:  ## everything made here, the environment too
	rm -rf $(VENV) .venv-service .venv-airflow .venv-deploy .venv-docs site .cache .airflow .demo .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
