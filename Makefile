# make demo: try it.  make test: prove it.  Everything else is for people who change it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
LOCK := $(BIN)/python -m piptools compile --quiet --generate-hashes --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe --extra postgres
ARGS ?=

.PHONY: demo test lint audit fuzz bench torture soak screenshot lock clean

demo: .venv/run
	@$(BIN)/switchboard demo $(ARGS)

test: .venv/dev
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Error 75 means that nobody could be asked; only then is there nothing to mend here.
audit: .venv/bin/python
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && \
		.venv/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit; } || \
		{ echo "Nothing was audited: pip-audit cannot be installed from here."; exit 75; }
	@$(BIN)/python -m tests.audit .venv/audit/bin/pip-audit requirements/run.txt requirements/dev.txt

fuzz: .venv-fuzz/ready
	@.venv-fuzz/bin/python -m tests.fuzz $(ARGS)

bench: .venv/dev
	$(BIN)/python -m tests.benchmarks $(ARGS)

torture: .venv/dev
	$(BIN)/python -m tests.torture $(ARGS)

soak: .venv/dev
	$(BIN)/python -m tests.torture soak $(ARGS)

screenshot: .venv/dev
	$(BIN)/python -m tests.screenshot $(ARGS)

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

# An environment of its own, since the fuzzer has wheels for a few platforms only.
.venv-fuzz/ready: PIP := $(subst .venv/,.venv-fuzz/,$(PIP))
.venv-fuzz/ready: requirements/run.txt requirements/fuzz.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "The fuzzer runs on Python 3.11 to 3.13; name one with: make fuzz PYTHON=/path/to/python3.13")'
	$(PYTHON) -m venv --clear .venv-fuzz
	$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --require-hashes -r requirements/fuzz.txt || { \
		echo "There is no fuzzer for this machine: atheris has wheels for CPython 3.11 to 3.13 on Linux, x86-64."; \
		echo "make test replays what it found elsewhere (tests/fuzz/corpus), without it."; exit 1; }
	@touch $@

clean:
	rm -rf .venv .venv-fuzz build *.egg-info
