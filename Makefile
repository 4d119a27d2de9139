# `make run` and `make test` need Python 3.11 or later and make; they set up .venv from the lock file by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
.PHONY: run test check bench bench-clean bench-judge train train-judge faults soak lock clean

run: $(INSTALLED)
	@$(BIN)/copydesk up

test: $(INSTALLED)
	@$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/python -m pytest $(ARGS)

bench: $(INSTALLED)
	@$(BIN)/python -m tests.bench $(ARGS)

# The cleaner beside its peers, on ../shared/corpus/pages.
bench-clean: $(VENV)/.peers
	@$(BIN)/python -m tests.bench.clean $(ARGS)

# What tells copies and links apart, beside its peers, on ../shared/corpus/judge.
bench-judge: $(VENV)/.peers
	@$(BIN)/python -m tests.bench.judge $(ARGS)

# The cleaner's model from ../shared/corpus/pages (see tests/train/__main__.py for ARGS), and the judge's from .../judge.
train: $(VENV)/.peers
	@$(BIN)/python -m tests.train $(ARGS)

train-judge: $(VENV)/.peers
	@$(BIN)/python -m tests.train.judge

$(VENV)/.peers: $(INSTALLED) requirements-train.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-train.lock
	@touch $@

# Planted bugs, power cuts, and seeded runs; see tests/faults/__main__.py for ARGS.
faults: $(INSTALLED)
	@$(BIN)/python -m pytest -m faults tests/faults
	@$(BIN)/python -m tests.faults $(ARGS)

# Hours of steady work with faults; see tests/faults/soak.py for ARGS.
soak: $(INSTALLED)
	@$(BIN)/python -m tests.faults.soak $(ARGS)

# Every package at the version and with the hashes that copydesk was tested with.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "copydesk needs Python 3.11 or later; this is %d.%d. Set PYTHON=..." % sys.version_info[:2])'
	@echo "Setting up $(VENV) from requirements.lock ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# For maintainers: resolve anew, for all platforms (needs `uv`).
lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --group train -c requirements.lock -o requirements-train.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache
