# Two commands on a fresh machine: `make demo` and `make test`. Both set everything up first.
# Needs Python 3.11 or newer with venv and pip; nothing else has to be there.

PYTHON ?= $(firstword $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p; done))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
QUERY ?= find all python files modified in the last 2 days

.DEFAULT_GOAL := help
.PHONY: help demo test lint secrets unit exhaustive safety bench load quality lock schemas cards reference site \
	stages train-smoke train-test lmeval-test clean

help:
	@echo "make demo    set up and answer a real query with the real model"
	@echo "make test    set up and run everything: lint, types, layers, tests, safety benchmark"
	@echo "make lint    lint, types and layers only"
	@echo "make unit    the tests that need no model"
	@echo "make secrets look for secrets in what is tracked"
	@echo "make exhaustive   the tests that take minutes: all tasks, all pairs"
	@echo "make safety  the guard's benchmark: both error rates"
	@echo "make bench   measure latency on this machine"
	@echo "make quality measure again what the documents' tables show (docs/QUALITY.md)"
	@echo "make site    build the documentation into site/"
	@echo "make schemas, make reference   renew docs/schemas and docs/CLI.md"
	@echo "make load    ten minutes of load on the service, and what must not hurt it; on a quiet machine"
	@echo "make stages  what the stages need: their packages, PyTorch in .venv-train, the 0.5B (docs/WALKTHROUGH.md)"
	@echo "make train-smoke  train the 0.5B for some minutes, load the result, ask it"
	@echo "make train-test   the tests of training that need PyTorch"
	@echo "make lmeval-test  the tests of general benchmarks, which need lm-eval"
	@echo "make cards   renew the shipped adapters' cards in docs/models"
	@echo "make lock    renew uv.lock and requirements/"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The program and what it needs to run, each file checked against the lock's hash.
$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run
	$(BIN)/cli-tuner setup
	@echo
	@echo '$$ cli-tuner generate "$(QUERY)"'
	@$(BIN)/cli-tuner generate "$(QUERY)"
	@echo
	@echo 'Yours now: $(BIN)/cli-tuner generate "what you want"     (cli-tuner stop ends the engine)'

test: lint secrets $(VENV)/.dev
	$(BIN)/cli-tuner setup --model fast
	$(BIN)/cli-tuner setup --model balanced
	$(BIN)/python -m pytest
	@$(BIN)/cli-tuner stop

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Status 3 only says that known lines moved; the baseline was brought up to date.
secrets: $(VENV)/.dev
	$(BIN)/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files) \
		|| test $$? = 3

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not model and not slow and not exhaustive"

# What `make test` does for some: every task of the execution benchmark, every pair for the judge.
exhaustive: $(VENV)/.dev
	$(BIN)/python -m pytest -m exhaustive

safety: $(VENV)/.run
	$(BIN)/python benchmarks/safety/run.py

bench: $(VENV)/.run
	$(BIN)/cli-tuner setup --model fast
	$(BIN)/cli-tuner setup --model balanced
	$(BIN)/python benchmarks/latency.py

# All of it is most of a day; GROUPS="documents guard" are minutes.
quality: $(VENV)/.dev
	$(BIN)/cli-tuner setup --model fast
	$(BIN)/python benchmarks/quality.py $(GROUPS)

load: $(VENV)/.dev
	$(BIN)/cli-tuner setup --model fast
	$(BIN)/python benchmarks/service_load.py all --minutes 10 --out benchmarks/results/service.json
	$(BIN)/python benchmarks/scaling.py --write

lock: $(VENV)/.dev
	$(BIN)/uv lock
	$(BIN)/uv export --frozen --quiet --no-header --no-annotate --no-emit-project \
		--no-default-groups --group build -o requirements/run.txt
	$(BIN)/uv export --frozen --quiet --no-header --no-annotate --no-emit-project \
		--extra data --extra evaluate --extra serve --extra otel --extra mcp --extra release --extra watch --extra quantize --group build --group dev -o requirements/dev.txt
	$(BIN)/uv export --frozen --quiet --no-header --no-annotate --no-emit-project \
		--only-group docs -o requirements/docs.txt

# PyTorch lives apart, so that `make test` stays small.
TRAIN := .venv-train
$(TRAIN)/.ready: requirements/train.in requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/run.txt
	$(TRAIN)/bin/python -m pip --disable-pip-version-check --quiet install --no-build-isolation \
		--editable '.[train]' -r requirements/train.in pytest pytest-timeout hypothesis pyarrow
	@touch $@

# Everything between a checkout and a model of one's own (docs/WALKTHROUGH.md).
stages: $(VENV)/.dev $(TRAIN)/.ready
	$(BIN)/cli-tuner setup --model fast

train-smoke: $(TRAIN)/.ready
	$(TRAIN)/bin/cli-tuner setup --model fast
	$(TRAIN)/bin/python benchmarks/train_smoke.py

# lm-evaluation-harness brings some fifty packages of its own, one of them without a wheel: it is built
# without isolation, with the setuptools that are here.
LMEVAL := .venv-lmeval
$(LMEVAL)/.ready: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(LMEVAL)
	$(LMEVAL)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/run.txt
	$(LMEVAL)/bin/python -m pip --disable-pip-version-check --quiet install setuptools wheel
	$(LMEVAL)/bin/python -m pip --disable-pip-version-check --quiet install --no-build-isolation \
		--editable '.[evaluate,lmeval]' pytest pytest-timeout hypothesis
	@touch $@

lmeval-test: $(LMEVAL)/.ready
	$(LMEVAL)/bin/cli-tuner setup --model fast
	$(LMEVAL)/bin/python -m pytest tests/evaluate/general

train-test: $(TRAIN)/.ready
	$(TRAIN)/bin/python -m pytest tests/train

# The site needs nothing of the program: docstrings are read, not imported.
DOCS := .venv-docs
$(DOCS)/.ready: requirements/docs.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/docs.txt
	@touch $@

site: $(DOCS)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

reference: $(VENV)/.run
	$(BIN)/python -m cli_tuner.cli.reference docs/CLI.md

# docs/models: the card of each shipped adapter, from the record beside it.
cards: $(VENV)/.run
	$(BIN)/python -m cli_tuner.publish.shipped cards docs/models

schemas: $(VENV)/.run
	$(BIN)/python -m cli_tuner.records.schemas docs/schemas

clean:
	rm -rf $(VENV) $(TRAIN) $(LMEVAL) $(DOCS) site .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
