# `make demo` shows what crossloom does; `make test` proves it. Either one sets up all it needs in a fresh
# clone, in .venv, and is quick from the second time on.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install --constraint constraints.txt

# Each stamp is written when its step has succeeded, so that an interrupted set-up is done again.
MADE := $(VENV)/made.stamp
TORCH := $(VENV)/torch.stamp
DEMO := $(VENV)/demo.stamp
TEST := $(VENV)/test.stamp

.PHONY: help demo digits test lint format types drift generated mutants bench figures nightly clean

help:
	@echo 'make demo     a WAV file to the words spoken in it, through every stage'
	@echo 'make test     the tests, on $(WORKERS) processes (WORKERS=n changes that)'
	@echo 'make lint     ruff: findings and formatting     make format   repair both'
	@echo 'make types    mypy, strict                      make drift    what is generated against the compiler'
	@echo 'make mutants  which test fails for which fault  make nightly  the tests too long for every run'
	@echo 'make bench    measure against transformers      make figures  the same, written into the documents'
	@echo 'make clean    remove .venv and caches'
	@echo 'make digits   train the digits model anew, into build/digits (ARGS=--resume goes on)'

demo: $(DEMO)
	@$(BIN)/crossloom demo

test: $(TEST)
	$(BIN)/pytest -n $(WORKERS)

lint: $(TEST)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(TEST)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(TEST)
	$(BIN)/mypy

drift: $(DEMO)
	$(BIN)/python -m compiler.emission.examples --check
	$(BIN)/python -m compiler.reports.pairs --check

generated: $(DEMO)
	$(BIN)/python -m compiler.emission.examples
	$(BIN)/python -m compiler.reports.pairs

mutants: $(TEST)
	$(BIN)/python -m tests.mutation

bench: $(TEST)
	$(BIN)/python -m benchmarks

# A side that fails is told, and left out; what the others gave is written all the same.
figures: $(TEST)
	-$(BIN)/python -m benchmarks --json docs/benchmarks.json
	-$(BIN)/python -m benchmarks.growth --json docs/growth.json
	$(BIN)/python -m benchmarks.report

digits: $(TEST)
	$(BIN)/python examples/digits/train.py build/digits $(ARGS)

nightly: $(TEST)
	$(BIN)/pytest -n $(WORKERS) -m nightly

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'crossloom needs Python 3.11 or newer; "$(PYTHON)" is not. Name one: make PYTHON=python3.12 ...' >&2; \
	  exit 1; }
	@echo 'making $(VENV)'
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(TORCH): constraints.txt $(MADE)
	@echo 'installing torch'
	@$(PIP) torch
	@touch $@

$(DEMO): pyproject.toml $(TORCH)
	@echo 'installing crossloom'
	@$(PIP) --editable '.[torch,audio]'
	@touch $@

$(TEST): pyproject.toml $(TORCH)
	@echo 'installing crossloom and what its tests use'
	@$(PIP) --editable '.[test]'
	@touch $@ $(DEMO)
