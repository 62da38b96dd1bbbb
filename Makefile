# make demo: try it.  make test: prove it.  Everything else is for people who change it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
LOCK := $(BIN)/python -m piptools compile --quiet --generate-hashes --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --extra postgres
ARGS ?=

.PHONY: demo test lint bench screenshot lock clean

demo: .venv/run
	@$(BIN)/switchboard demo $(ARGS)

test: .venv/dev
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python -m tests.benchmarks $(ARGS)

screenshot: .venv/dev
	$(BIN)/python -m tests.screenshot

# Only on Python 3.13 or later does the resolver see every conditional dependency.
lock: .venv/dev
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13) and "Run this on Python 3.13 or later: make clean, then make lock PYTHON=python3.13")'
	$(LOCK) --build-deps-for editable --output-file requirements/run.txt pyproject.toml $(ARGS)
	$(LOCK) --build-deps-for editable --extra dev --output-file requirements/dev.txt pyproject.toml $(ARGS)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Switchboard needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv

.venv/run: requirements/run.txt pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements/run.txt
	PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements/dev.txt .venv/run
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf .venv build *.egg-info
